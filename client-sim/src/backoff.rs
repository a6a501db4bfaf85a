//! Where a client stands in its policy: which retry comes next.
//!
//! The one invariant: only a connection that stayed up for the minimum uptime
//! takes it back to the start. A server that accepts and then drops is not
//! stable, however often it does so. (The other rule seen in the field, reset on
//! the first data, is not offered: a server that greets and drops passes it.)
//! Used by the session machine.

use std::time::Duration;

use environment::Draw;

use crate::Policy;

/// The retry counter of one client.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: Policy,
    min_uptime: Duration,
    /// Delays given since the last stable connection.
    retries: u32,
    /// Dials since then that did not lead to a stable connection.
    failures: u32,
    previous: Option<Duration>,
}

impl Backoff {
    /// At the start of `policy`.
    pub const fn new(policy: Policy, min_uptime: Duration) -> Self {
        Self {
            policy,
            min_uptime,
            retries: 0,
            failures: 0,
            previous: None,
        }
    }

    /// A dial's connection is over. `uptime` is how long it was open *and*
    /// heard of, or `None` if it never opened.
    pub fn ended(&mut self, uptime: Option<Duration>) {
        if uptime.is_some_and(|uptime| uptime >= self.min_uptime) {
            self.restart();
        } else {
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Dials in a row that did not lead to a stable connection.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The delay before the next dial.
    pub fn next(&mut self, draw: &mut Draw) -> Duration {
        self.next_at(draw.unit())
    }

    /// [`Backoff::next`] for a given unit.
    pub(crate) fn next_at(&mut self, unit: f64) -> Duration {
        let delay = self.policy.delay_at(self.retries, self.previous, unit);
        self.retries = self.retries.saturating_add(1);
        self.previous = Some(delay);
        delay
    }

    /// The policy that it follows.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Back to the start.
    pub fn restart(&mut self) {
        *self = Self::new(self.policy, self.min_uptime);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;
    use proptest::prelude::*;

    const MIN_UPTIME: Duration = Duration::from_secs(5);

    fn backoff() -> Backoff {
        Backoff::new(Policy::new(Shape::Exponential), MIN_UPTIME)
    }

    proptest! {
        /// Against the definition: the exponent is the number of delays since
        /// the last stable connection.
        #[test]
        fn resets_only_by_min_uptime(uptimes in prop::collection::vec(prop::option::of(0_u64..10_000), 0..60)) {
            let mut backoff = backoff();
            let (mut expected, mut failures) = (0, 0);
            for uptime in uptimes.into_iter().map(|ms| ms.map(Duration::from_millis)) {
                backoff.ended(uptime);
                if uptime.is_some_and(|uptime| uptime >= MIN_UPTIME) {
                    (expected, failures) = (0, 0);
                } else {
                    failures += 1;
                }
                prop_assert_eq!(backoff.failures(), failures);
                let delay = backoff.next_at(0.5);
                prop_assert_eq!(delay, Policy::new(Shape::Exponential).delay_at(expected, None, 0.5));
                expected += 1;
            }
        }
    }

    #[test]
    fn a_flapping_server_never_brings_the_delay_down() {
        let mut backoff = backoff();
        let delays: Vec<_> = (0..4)
            .map(|_| {
                backoff.ended(Some(Duration::from_millis(50)));
                backoff.next_at(0.0).as_secs()
            })
            .collect();
        assert_eq!(delays, [1, 2, 4, 8]);
    }
}
