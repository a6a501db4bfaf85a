//! How many runs there are at a time: fewer, once the machine has no time for so
//! many.
//!
//! Pure. Invariant: never more than at the beginning, never more again than
//! before, and at least one.

use std::time::Duration;

use environment::Moment;

/// Looked at together: a single hitch says nothing about the machine.
const WINDOW: Duration = Duration::from_secs(1);

/// So much lateness in one [`WINDOW`] is too much: a tenth, from which on the judge
/// excuses what clients do late.
const TOO_LATE: Duration = Duration::from_millis(100);

/// After each step, until some of those that run have ended.
const PAUSE: Duration = Duration::from_secs(5);

/// How many runs there may be at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    /// The most; at least 1.
    pub most: usize,
    /// Whether it becomes fewer on a busy machine; not if somebody has stated it.
    pub adapts: bool,
}

impl Jobs {
    /// So many, whatever the machine says.
    pub fn stated(most: usize) -> Self {
        let adapts = false;
        Self { most, adapts }
    }
}

/// How many there are, as the harness's own timers come late.
#[derive(Debug)]
pub(super) struct Pace {
    at_a_time: usize,
    window: Moment,
    late: Duration,
    next_step: Moment,
}

impl Pace {
    pub(super) fn new(most: usize) -> Self {
        Self {
            at_a_time: most.max(1),
            window: Moment::ORIGIN,
            late: Duration::ZERO,
            next_step: Moment::ORIGIN,
        }
    }

    pub(super) fn at_a_time(&self) -> usize {
        self.at_a_time
    }

    /// A timer came so late; how many there are from now on, if those are fewer.
    pub(super) fn see(&mut self, late: Duration, now: Moment) -> Option<usize> {
        if now > self.window + WINDOW {
            (self.window, self.late) = (now, Duration::ZERO);
        }
        self.late += late;
        let is_step = self.late >= TOO_LATE && now >= self.next_step && self.at_a_time > 1;
        is_step.then(|| {
            // Three quarters: a few steps find what the machine bears.
            self.at_a_time = (self.at_a_time * 3 / 4).max(1);
            self.next_step = now + PAUSE;
            self.at_a_time
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::ms;

    /// How many there are after each of these, lateness and moment in milliseconds.
    fn steps(most: usize, lates: &[(u64, u64)]) -> Vec<Option<usize>> {
        let mut pace = Pace::new(most);
        let lates = lates.iter();
        lates
            .map(|(late, at)| pace.see(Duration::from_millis(*late), ms(*at)))
            .collect()
    }

    #[test]
    fn a_hitch_changes_nothing_and_lateness_that_sums_up_does() {
        assert_eq!(steps(12, &[(99, 2000)]), [None]);
        assert_eq!(steps(12, &[(60, 2000), (60, 3001)]), [None, None]);
        assert_eq!(steps(12, &[(60, 2000), (60, 3000)]), [None, Some(9)]);
        assert_eq!(steps(12, &[(100, 2000)]), [Some(9)]);
    }

    #[test]
    fn after_a_step_the_others_may_first_end() {
        let lates = [(100, 10), (900, 5009), (900, 5010), (900, 10_010)];
        assert_eq!(steps(12, &lates), [Some(9), None, Some(6), Some(4)]);
    }

    #[test]
    fn one_is_always_left() {
        let lates: Vec<(u64, u64)> = (0..9).map(|step| (1000, step * 5000)).collect();
        let told: Vec<usize> = steps(6, &lates).into_iter().flatten().collect();
        assert_eq!(told, [4, 3, 2, 1]);
        assert_eq!(Pace::new(0).at_a_time(), 1);
    }
}
