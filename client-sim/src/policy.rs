//! How long to wait before a retry: the reconnect policies, as formulas.
//!
//! A delay depends on the policy, the attempt, the delay before it and one
//! random number, and on nothing else; it is always inside
//! [`Policy::bounds`], for any attempt. Used by the session machine through
//! [`Backoff`](crate::Backoff), and held to `fixtures/backoff.json`, which any
//! other client of ours (the browser page) is held to as well.

use std::time::Duration;

use environment::Draw;

/// The formula of a [`Policy`]. With n = 0 for the first retry, u uniform in
/// [0, 1) and ceiling(n) = min(cap, base × factorⁿ):
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// `base`, every time. In step with everybody else's.
    Fixed,
    /// ceiling(n). Grows, and is in step with everybody else's.
    Exponential,
    /// ceiling(n) ÷ 2 × (1 + u): half fixed, half random ("Equal Jitter", AWS
    /// 2015).
    EqualJitter,
    /// ceiling(n) × u ("Full Jitter", AWS 2015).
    FullJitter,
    /// min(cap, base + u × (`factor` × previous − base)), where previous is the
    /// delay before, `base` at first ("Decorrelated Jitter", AWS 2015, whose
    /// factor is 3).
    DecorrelatedJitter,
    /// base × u at first, then ceiling(n): RFC 6455 §7.2.3 asks for a random
    /// first delay (0 to 5 s is called reasonable, and is the default base) and
    /// for longer ones after it, by truncated binary exponential back-off. The
    /// randomness of the first keeps the later ones out of step.
    Rfc6455,
}

impl Shape {
    /// Every shape with its word in files and flags.
    pub const ALL: [(&'static str, Self); 6] = [
        ("fixed", Self::Fixed),
        ("exponential", Self::Exponential),
        ("equal_jitter", Self::EqualJitter),
        ("full_jitter", Self::FullJitter),
        ("decorrelated_jitter", Self::DecorrelatedJitter),
        ("rfc6455", Self::Rfc6455),
    ];

    /// The word of files and flags.
    pub fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, shape)| *shape == self);
        found.map_or("", |(word, _)| word)
    }

    /// The usual `base`: 1 s, and 5 s for [`Shape::Rfc6455`].
    pub(crate) const fn default_base(self) -> Duration {
        match self {
            Self::Rfc6455 => Duration::from_secs(5),
            _ => Duration::from_secs(1),
        }
    }

    /// The usual `factor`: 2, and 3 for [`Shape::DecorrelatedJitter`].
    pub(crate) const fn default_factor(self) -> f64 {
        match self {
            Self::DecorrelatedJitter => 3.0,
            _ => 2.0,
        }
    }
}

/// The usual longest delay, for every shape.
pub const DEFAULT_CAP: Duration = Duration::from_secs(30);

/// A reconnect policy: `reconnect = { full_jitter = { base, cap, factor } }`.
///
/// A `cap` below `base` counts as the base too, and a `factor` below 1 as 1;
/// files and flags refuse both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The formula.
    pub shape: Shape,
    /// The first ceiling.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
    /// How fast the ceiling grows.
    pub factor: f64,
}

impl Default for Policy {
    /// Full jitter from 1 s up to 30 s.
    fn default() -> Self {
        Self::new(Shape::FullJitter)
    }
}

impl Policy {
    /// This shape with its usual numbers.
    pub const fn new(shape: Shape) -> Self {
        Self {
            shape,
            base: shape.default_base(),
            cap: DEFAULT_CAP,
            factor: shape.default_factor(),
        }
    }

    /// The delay before retry number `attempt` (from 0), where `previous` was
    /// the delay before the last one (`None` for the first retry). Takes one
    /// [`Draw::unit`].
    pub fn delay(&self, attempt: u32, previous: Option<Duration>, draw: &mut Draw) -> Duration {
        self.delay_at(attempt, previous, draw.unit())
    }

    /// [`Policy::delay`] for a given `unit` in [0, 1]; 1 gives the upper bound.
    /// The result is rounded to whole microseconds, the unit of journals.
    pub fn delay_at(&self, attempt: u32, previous: Option<Duration>, unit: f64) -> Duration {
        let (low, high) = self.bounds(attempt, previous);
        let span = micros(high) - micros(low);
        from_micros(micros(low) + span * unit).clamp(low, high)
    }

    /// The shortest and the longest delay that [`Policy::delay`] can give.
    pub fn bounds(&self, attempt: u32, previous: Option<Duration>) -> (Duration, Duration) {
        let base = self.base.min(self.cap);
        let ceiling = self.ceiling(attempt);
        match self.shape {
            Shape::Fixed => (base, base),
            Shape::Exponential => (ceiling, ceiling),
            Shape::EqualJitter => (ceiling / 2, ceiling),
            Shape::FullJitter => (Duration::ZERO, ceiling),
            Shape::DecorrelatedJitter => {
                let previous = micros(previous.unwrap_or(base).max(base));
                let high = from_micros(previous * self.growth());
                (base, high.clamp(base, self.cap))
            }
            Shape::Rfc6455 if attempt == 0 => (Duration::ZERO, ceiling),
            Shape::Rfc6455 => (ceiling, ceiling),
        }
    }

    /// A delay near the cap, for when the server has said that coming back
    /// soon is unwelcome: the cap ÷ 2 × (1 + `unit`).
    pub fn late(&self, unit: f64) -> Duration {
        let cap = self.cap;
        from_micros(micros(cap) / 2.0 * (1.0 + unit)).clamp(cap / 2, cap)
    }

    /// min(cap, base × factorⁿ), without overflow for any n.
    fn ceiling(&self, attempt: u32) -> Duration {
        let base = self.base.min(self.cap);
        if base.is_zero() {
            return base; // 0 × ∞ is not a number
        }
        // libm, because std's powers differ between platforms.
        let grown = micros(base) * libm::pow(self.growth(), f64::from(attempt));
        if grown < micros(self.cap) {
            from_micros(grown).clamp(base, self.cap)
        } else {
            self.cap
        }
    }

    fn growth(&self) -> f64 {
        self.factor.max(1.0) // also what f64::max makes of NaN
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}

/// Whole microseconds; what is too much saturates.
#[expect(
    clippy::cast_possible_truncation,
    reason = "float to integer saturates, which is what a delay wants"
)]
fn from_micros(micros: f64) -> Duration {
    Duration::from_micros(libm::round(micros) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(shape: Shape) -> Policy {
        Policy {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(5),
            ..Policy::new(shape)
        }
    }

    #[test]
    fn shapes_follow_their_formulas() {
        let ms = Duration::from_millis;
        let check = |shape, attempt, previous: Option<u64>, unit, expected| {
            let delay = policy(shape).delay_at(attempt, previous.map(ms), unit);
            assert_eq!(
                delay,
                ms(expected),
                "{shape:?} {attempt} {previous:?} {unit}"
            );
        };
        check(Shape::Fixed, 9, Some(100), 0.7, 100);
        check(Shape::Exponential, 0, None, 0.7, 100);
        check(Shape::Exponential, 3, Some(400), 0.7, 800);
        check(Shape::Exponential, 6, None, 0.0, 5000);
        check(Shape::EqualJitter, 2, None, 0.5, 300);
        check(Shape::FullJitter, 2, None, 0.25, 100);
        check(Shape::FullJitter, 2, None, 0.0, 0);
        check(Shape::DecorrelatedJitter, 0, None, 0.5, 200);
        check(Shape::DecorrelatedJitter, 1, Some(200), 1.0, 600);
        check(Shape::DecorrelatedJitter, 7, Some(4000), 1.0, 5000);
        check(Shape::Rfc6455, 0, None, 0.25, 25);
        check(Shape::Rfc6455, 1, Some(25), 0.25, 200);
        check(Shape::Rfc6455, 40, None, 0.25, 5000);
    }

    #[test]
    fn the_last_attempt_there_is_gives_the_cap() {
        for (_, shape) in Shape::ALL {
            let delay = policy(shape).delay_at(u32::MAX, Some(Duration::MAX), 1.0);
            let expected = match shape {
                Shape::Fixed => Duration::from_millis(100),
                _ => Duration::from_secs(5),
            };
            assert_eq!(delay, expected, "{shape:?}");
        }
    }

    #[test]
    fn late_is_the_upper_half_of_the_cap() {
        let policy = policy(Shape::FullJitter);
        assert_eq!(policy.late(0.0), Duration::from_millis(2500));
        assert_eq!(policy.late(1.0), Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn delays_stay_in_bounds_for_any_attempt(
            shape in 0_usize..6,
            base: u64, cap: u64, huge: bool,
            factor in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), 0.0_f64..100.0],
            attempt in prop_oneof![any::<u32>(), 0_u32..20, Just(u32::MAX)],
            previous in prop::option::of(any::<u64>()),
            unit in 0.0_f64..=1.0,
        ) {
            let policy = Policy {
                shape: Shape::ALL[shape].1,
                base: Duration::from_nanos(base),
                cap: if huge { Duration::MAX } else { Duration::from_nanos(cap) },
                factor,
            };
            let previous = previous.map(Duration::from_nanos);
            let (low, high) = policy.bounds(attempt, previous);
            let delay = policy.delay_at(attempt, previous, unit);
            prop_assert!(low <= delay && delay <= high, "{low:?} {delay:?} {high:?}");
            prop_assert!(high <= policy.cap);
            let late = policy.late(unit);
            prop_assert!(policy.cap / 2 <= late && late <= policy.cap);
        }

        #[test]
        fn ceilings_never_shrink(shape in 0_usize..6, base in 1_u64..10_000, attempt in 0_u32..100) {
            let policy = Policy {
                shape: Shape::ALL[shape].1,
                base: Duration::from_millis(base),
                cap: Duration::from_secs(60),
                ..Policy::new(Shape::ALL[shape].1)
            };
            let previous = Some(Duration::from_millis(base));
            let (_, now) = policy.bounds(attempt, previous);
            let (_, next) = policy.bounds(attempt + 1, previous);
            prop_assert!(now <= next);
        }
    }
}
