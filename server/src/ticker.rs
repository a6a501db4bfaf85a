//! What a tick is worth, and when the next one is due.
//!
//! Pure. A value follows from (seed, session, seq) and nothing else, so it is
//! never stored: a client can check every number, and a replayed tick is the
//! same as the first time. Used by [`crate::session`].

use std::time::Duration;

use environment::{Key, Moment, Realm, Seed};

/// The value of a session's tick: 1 to 10, the same whenever it is asked for.
///
/// The draw's key is (server, "value", rule = the session's id, index = `seq`).
pub fn value(seed: Seed, session: &str, seq: u64) -> u8 {
    let key = Key::new(Realm::Server, "value", session).index(seq);
    let drawn = 1 + seed.draw(&key).below(10);
    u8::try_from(drawn).unwrap_or(u8::MAX)
}

/// When a session ticks: on a grid of moments, or not at all while paused.
///
/// Invariant: pausing keeps the rest of the current interval, so that no
/// sequence of pauses makes ticks come sooner or starves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The next tick is due then.
    Running { due: Moment },
    /// The next tick is due that long after the pause ends.
    Paused { left: Duration },
}

impl Pace {
    /// Running; the first tick is due one interval after `now`.
    pub(crate) fn start(now: Moment, tick: Duration) -> Self {
        Self::Running { due: now + tick }
    }

    pub(crate) fn is_paused(self) -> bool {
        matches!(self, Self::Paused { .. })
    }

    /// When the next tick is due; never while paused.
    pub(crate) fn due(self) -> Option<Moment> {
        match self {
            Self::Running { due } => Some(due),
            Self::Paused { .. } => None,
        }
    }

    /// The pace after the tick that was due has been made at `now`.
    ///
    /// The grid is kept. Moments of it that have passed already are left out
    /// and not made up for: a machine that was stopped for a while must not
    /// answer with a burst.
    pub(crate) fn ticked(self, now: Moment, tick: Duration) -> Self {
        let Self::Running { due } = self else {
            return self;
        };
        let late = now.since(due).as_nanos();
        let missed = late / tick.as_nanos().max(1);
        let skip = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
        Self::Running {
            due: due + tick.saturating_mul(skip),
        }
    }

    pub(crate) fn pause(self, now: Moment) -> Self {
        match self {
            Self::Running { due } => Self::Paused {
                left: due.since(now),
            },
            Self::Paused { .. } => self,
        }
    }

    pub(crate) fn resume(self, now: Moment) -> Self {
        match self {
            Self::Paused { left } => Self::Running { due: now + left },
            Self::Running { .. } => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Moment {
        Moment::after_origin(Duration::from_millis(millis))
    }

    #[test]
    fn values_are_one_to_ten_and_all_of_them_occur() {
        let values: std::collections::BTreeSet<u8> =
            (1..=200).map(|seq| value(Seed(1), "s", seq)).collect();
        assert_eq!(values, (1..=10).collect());
    }

    #[test]
    fn values_follow_from_seed_session_and_seq() {
        let run = |seed, session| -> Vec<u8> {
            (1..=40)
                .map(|seq| value(Seed(seed), session, seq))
                .collect()
        };
        assert_eq!(run(1, "a"), run(1, "a"));
        assert_ne!(run(1, "a"), run(2, "a"));
        assert_ne!(run(1, "a"), run(1, "b"));
    }

    /// Pins the key: whoever checks the server's numbers computes them so.
    #[test]
    fn golden_values() {
        let values: Vec<u8> = (1..=8).map(|seq| value(Seed(1), "golden", seq)).collect();
        assert_eq!(values, GOLDEN);
    }

    const GOLDEN: [u8; 8] = [3, 2, 1, 5, 5, 5, 8, 6];

    #[test]
    fn the_grid_is_kept_however_late_a_tick_is_made() {
        let pace = Pace::start(at(0), TICK);
        assert_eq!(pace.ticked(at(1_300), TICK).due(), Some(at(2_000)));
    }

    #[test]
    fn moments_missed_while_the_machine_slept_are_not_made_up_for() {
        let pace = Pace::start(at(0), TICK).ticked(at(7_500), TICK);
        assert_eq!(pace.due(), Some(at(8_000)));
    }

    #[test]
    fn a_pause_keeps_the_rest_of_the_interval() {
        let paused = Pace::start(at(0), TICK).pause(at(400));
        assert_eq!(paused.due(), None);
        assert_eq!(paused.pause(at(500)), paused);
        assert_eq!(paused.resume(at(9_000)).due(), Some(at(9_600)));
    }
}
