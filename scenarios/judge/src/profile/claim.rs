//! What a client declares of itself, held against what was measured.
//!
//! Every declaration is an upper bound: it is true of a client that was never
//! slower, within the tolerance.

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
}

impl Claim {
    /// Whether what was measured refutes it.
    pub fn is_untrue(&self) -> bool {
        let Some(declared) = self.declared else {
            return false;
        };
        let most = declared.mul_f64(1.0 + TOLERANCE_SHARE) + TOLERANCE_TIME;
        let is_exceeded = self.measured.times.is_some_and(|times| times.max() > most);
        self.measured.never > 0 || is_exceeded
    }
}

/// Every figure that can be declared, with its measure.
pub fn claims(profile: &Profile, declared: &Traits) -> [Claim; 4] {
    let claim = |key, declared, measured| Claim {
        key,
        declared,
        measured,
    };
    // Who does not come back at all has no delay that could be untrue.
    let delays = |figure: Figure| Figure { never: 0, ..figure };
    [
        claim("liveness", declared.liveness(), profile.liveness),
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
