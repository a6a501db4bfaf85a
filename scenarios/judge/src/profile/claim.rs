//! What a client declares of itself, held against what was measured.
//!
//! Every declaration is an upper bound: it is true of a client that was never
//! slower, within the tolerance, and by no more than the machine may have made it.

use std::time::Duration;

use super::report::{Figure, Profile};
use crate::subject::Traits;

/// By so much a measured time may exceed a declared one: this share of it …
pub const TOLERANCE_SHARE: f64 = 0.1;
/// … and this.
pub const TOLERANCE_TIME: Duration = Duration::from_millis(250);

/// One declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// Its key in `client.toml`.
    pub key: &'static str,
    /// What is declared, if it is.
    pub declared: Option<Duration>,
    /// What was measured.
    pub measured: Figure,
    /// By so much the machine may have made it longer.
    pub held_up: Duration,
}

impl Claim {
    /// Whether what was measured refutes it.
    pub fn is_untrue(&self) -> bool {
        let Some(declared) = self.declared else {
            return false;
        };
        let most = declared.mul_f64(1.0 + TOLERANCE_SHARE) + TOLERANCE_TIME + self.held_up;
        let is_exceeded = self.measured.times.is_some_and(|times| times.max() > most);
        self.measured.never > 0 || is_exceeded
    }
}

/// Every figure that can be declared, with its measure.
pub fn claims(profile: &Profile, declared: &Traits) -> [Claim; 5] {
    let claim = |key, declared, measured| Claim {
        key,
        declared,
        measured,
        held_up: Duration::from_micros(profile.held_up_us),
    };
    // Who does not come back at all has no delay that could be untrue.
    let delays = |figure: Figure| Figure { never: 0, ..figure };
    [
        claim("liveness", declared.liveness(), profile.liveness),
        claim(
            "upstream_liveness",
            declared.upstream_liveness(),
            profile.upstream_liveness,
        ),
        claim("dial_bound", declared.dial_bound(), profile.dial_bound),
        claim(
            "first_delay",
            declared.first_delay(),
            delays(profile.first_delay),
        ),
        claim(
            "longest_delay",
            declared.longest_delay(),
            delays(profile.delays),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Spread;

    fn claim(declared: u64, measured: &[u64], never: u64) -> Claim {
        let times = measured.iter().copied().map(Duration::from_millis);
        Claim {
            key: "liveness",
            declared: Some(Duration::from_millis(declared)),
            measured: Figure {
                times: Spread::of(times),
                gave_up: 0,
                never,
            },
            held_up: Duration::ZERO,
        }
    }

    #[test]
    fn a_declaration_holds_up_to_its_tolerance_and_not_beyond() {
        assert!(!claim(10_000, &[3_000, 11_250], 0).is_untrue());
        assert!(claim(10_000, &[3_000, 11_251], 0).is_untrue());
        assert!(claim(10_000, &[3_000], 1).is_untrue());
        assert!(!claim(0, &[250], 0).is_untrue());
        let busy = |held_up| Claim {
            held_up: Duration::from_millis(held_up),
            ..claim(1000, &[1602], 0)
        };
        assert!(busy(251).is_untrue());
        assert!(!busy(252).is_untrue(), "the machine may have made it so");
        let undeclared = Claim {
            declared: None,
            ..claim(1, &[9_000], 3)
        };
        assert!(!undeclared.is_untrue());
    }
}
