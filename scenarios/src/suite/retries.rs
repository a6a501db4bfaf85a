//! Which of the runs that the machine has spoiled are run again.
//!
//! Pure. Invariant: those with the lowest places, in whatever order they end, and
//! at most [`MOST`]: of a machine that spoils more, another try says no more.

use std::collections::BTreeMap;

use crate::results::ScenarioResult;

/// The most runs that are run again.
pub(crate) const MOST: usize = 10;

/// Runs that wait for another try, by their places among all.
#[derive(Debug)]
pub(super) struct Retries<T> {
    /// How often each is tried again.
    each: u32,
    waiting: BTreeMap<usize, T>,
}

impl<T> Retries<T> {
    pub(super) fn new(each: u32) -> Self {
        let waiting = BTreeMap::new();
        Self { each, waiting }
    }

    /// Whether a run that came to this is to be tried again.
    pub(super) fn are_due(&self, result: &ScenarioResult) -> bool {
        result.is_spoiled() && result.retried < self.each
    }

    /// Has this one wait; whoever is left out for it, if there are too many.
    pub(super) fn keep(&mut self, place: usize, run: T) -> Option<(usize, T)> {
        self.waiting.insert(place, run);
        let are_too_many = self.waiting.len() > MOST;
        are_too_many.then(|| self.waiting.pop_last()).flatten()
    }

    /// The next one to be tried.
    pub(super) fn next(&mut self) -> Option<(usize, T)> {
        self.waiting.pop_first()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::records::sample;
    use crate::verdict::{Missing, Reason, Verdict};

    fn spoiled() -> ScenarioResult {
        ScenarioResult {
            reasons: vec![
                Reason::Late {
                    rule: "reset".into(),
                    by: Duration::from_secs(1),
                },
                Reason::NothingHeld,
            ],
            ..sample::scenario("R01", Verdict::Inconclusive)
        }
    }

    fn are_due(each: u32, result: &ScenarioResult) -> bool {
        Retries::<()>::new(each).are_due(result)
    }

    #[test]
    fn what_the_machine_spoiled_is_tried_again_as_often_as_was_said() {
        assert!(are_due(1, &spoiled()));
        assert!(!are_due(0, &spoiled()));
        let retried = ScenarioResult {
            retried: 1,
            ..spoiled()
        };
        assert!(!are_due(1, &retried));
        assert!(are_due(2, &retried));
    }

    #[test]
    fn in_virtual_time_nothing_is_tried_again() {
        let result = ScenarioResult {
            time: "virtual".into(),
            ..spoiled()
        };
        assert!(!are_due(9, &result));
    }

    #[test]
    fn what_failed_or_is_the_clients_or_the_set_ups_doing_is_not() {
        for verdict in [Verdict::Passed, Verdict::Failed, Verdict::NotApplicable] {
            let result = ScenarioResult {
                verdict,
                ..spoiled()
            };
            assert!(!are_due(9, &result), "{verdict:?}");
        }
        let ended = Reason::ProcessEnded {
            client: "c1".into(),
            at: Duration::ZERO,
            how: "exit status: 1".into(),
        };
        let powerless = Missing::Powerless {
            rule: "cut".into(),
            client: "c1".into(),
            attempt: 1,
            reason: "it is no WebSocket".into(),
        };
        for reason in [
            ended,
            Reason::Missing(powerless),
            Reason::Interrupted,
            Reason::NoServer("refused".into()),
            Reason::Told("the disk is full".into()),
        ] {
            let mut result = spoiled();
            result.reasons.push(reason.clone());
            assert!(!are_due(9, &result), "{reason:?}");
        }
    }

    #[test]
    fn without_a_busy_machine_another_try_would_say_the_same() {
        let result = ScenarioResult {
            reasons: vec![Reason::NoEffect, Reason::NothingHeld],
            ..spoiled()
        };
        assert!(!are_due(9, &result));
    }

    #[test]
    fn the_first_ten_are_tried_again_whoever_ends_first() {
        let mut retries = Retries::new(1);
        let left_out = (0..12).rev().filter_map(|place| retries.keep(place, ()));
        assert_eq!(
            left_out.map(|(place, ())| place).collect::<Vec<_>>(),
            [11, 10]
        );
        let tried = std::iter::from_fn(|| retries.next()).map(|(place, ())| place);
        assert!(tried.eq(0..10));
    }
}
