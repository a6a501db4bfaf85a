//! What must happen within a time limit after each of several events: what each
//! came to, and which was the worst.
//!
//! What never came is worse than what came late, and has its own measure of how
//! far the limit was passed: a machine that once was slow explains the one
//! sooner than the other. Used by the checks whose names end in `_within`.

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::measure::{Measure, counted, span};
use super::result::Excess;
use crate::definitions::{Notice, Outage};

/// What one event came to under a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// It took so long, which is within the limit.
    Within(Duration),
    /// It took longer than that.
    Beyond(Beyond),
    /// It was not watched long enough to say.
    Open,
    /// The client was told to stop before its time was over.
    Excused,
}

/// How a limit was passed; in order of how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beyond {
    /// It took so long.
    Late(Duration),
    /// It never came, though it was waited for so long.
    Never(Duration),
}

impl Beyond {
    /// How long it took, if it came.
    pub(super) fn taken(self) -> Option<Duration> {
        match self {
            Self::Late(taken) => Some(taken),
            Self::Never(_) => None,
        }
    }

    pub(super) fn excess(self, limit: Duration) -> Excess {
        match self {
            Self::Late(taken) => Excess::Late(taken.saturating_sub(limit)),
            Self::Never(watched) => Excess::Never(watched.saturating_sub(limit)),
        }
    }
}

impl Judged {
    /// Of an event after which it took so long, if it came while it was watched.
    pub(super) fn of(
        taken: Option<Duration>,
        watched: Duration,
        limit: Duration,
        is_stopped: bool,
    ) -> Self {
        match taken {
            Some(taken) if taken <= limit => Self::Within(taken),
            Some(taken) => Self::Beyond(Beyond::Late(taken)),
            None if watched >= limit => Self::Beyond(Beyond::Never(watched)),
            None if is_stopped => Self::Excused,
            None => Self::Open,
        }
    }
}

/// Something after which a client must react in time.
pub(super) trait Event {
    /// Whose reaction.
    fn client(&self) -> &Arc<str>;
    /// What made it.
    fn rules(&self) -> Vec<&String>;
}

impl Event for Notice {
    fn client(&self) -> &Arc<str> {
        &self.client
    }

    fn rules(&self) -> Vec<&String> {
        vec![&self.rule]
    }
}

impl Event for Outage {
    fn client(&self) -> &Arc<str> {
        &self.client
    }

    fn rules(&self) -> Vec<&String> {
        self.rules.iter().collect()
    }
}

/// What a check calls its events and the reactions to them.
pub(super) struct Words<T> {
    /// One event.
    pub(super) event: &'static str,
    /// What was done to each in time.
    pub(super) reacted: &'static str,
    /// What a client did too late, or never, up to what was expected.
    pub(super) too_late: fn(&Evidence<'_>, &T, Beyond) -> String,
    /// Why nothing can be told if no event was reacted to and none is beyond.
    pub(super) nothing: fn(&Evidence<'_>, &Deadlines<'_, T>, Duration) -> String,
}

/// "`a` and `b`".
pub(super) fn named<T: Event>(event: &T) -> String {
    let rules = event.rules().into_iter().map(|rule| format!("`{rule}`"));
    rules.collect::<Vec<_>>().join(" and ")
}

/// Of something to be noticed: what its client did at `reacted`. Done when it was
/// over is not done while it lasted.
pub(super) fn during(
    evidence: &Evidence<'_>,
    notice: &Notice,
    reacted: Option<Moment>,
    limit: Duration,
) -> Judged {
    let (watched, is_stopped) = evidence.watched_until(&notice.client);
    let until = notice.until.map_or(watched, |until| until.min(watched));
    let reacted = reacted.filter(|at| *at <= until);
    let taken = reacted.map(|at| at.since(notice.from));
    let is_stopped = is_stopped && until == watched;
    Judged::of(taken, until.since(notice.from), limit, is_stopped)
}

/// All events with what each came to.
#[derive(Debug)]
pub(super) struct Deadlines<'a, T>(Vec<(&'a T, Judged)>);

impl<'a, T: Event> Deadlines<'a, T> {
    /// What it comes to in all.
    pub(super) fn found(
        &self,
        evidence: &Evidence<'_>,
        limit: Duration,
        words: &Words<T>,
    ) -> Found {
        let beyond = self.beyond();
        match beyond.first() {
            Some((event, worst)) => Found {
                rules: Some(
                    beyond
                        .iter()
                        .flat_map(|(event, _)| event.rules().into_iter().cloned())
                        .collect(),
                ),
                excess: Some(worst.excess(limit)),
                ..Found::failed(
                    Measure::seen(worst.taken()),
                    format!(
                        "{}; expected within {}{}",
                        (words.too_late)(evidence, event, *worst),
                        span(limit),
                        and_more(beyond.len())
                    ),
                    beyond.iter().map(|(event, _)| event.client()),
                )
            },
            None => self.in_time(evidence, limit, words),
        }
    }

    fn in_time(&self, evidence: &Evidence<'_>, limit: Duration, words: &Words<T>) -> Found {
        let Some((count, longest, event)) = self.within() else {
            return Found::nothing((words.nothing)(evidence, self, limit));
        };
        let why = format!(
            "{}, each {} within {}; {} took longest, {} after {}",
            counted(count, words.event),
            words.reacted,
            span(limit),
            event.client(),
            span(longest),
            named(event)
        );
        Found::ok(Measure::seen(Some(longest)), why)
    }
}

impl<'a, T> Deadlines<'a, T> {
    /// Judges each of the events.
    pub(super) fn of(
        events: impl IntoIterator<Item = &'a T>,
        judge: impl Fn(&'a T) -> Judged,
    ) -> Self {
        let events = events.into_iter();
        Self(events.map(|event| (event, judge(event))).collect())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The events beyond the limit, the worst first; of equals the first first.
    pub(super) fn beyond(&self) -> Vec<(&'a T, Beyond)> {
        let judged = self.0.iter();
        let mut beyond: Vec<_> = judged
            .filter_map(|(event, judged)| match judged {
                Judged::Beyond(beyond) => Some((*event, *beyond)),
                Judged::Within(_) | Judged::Open | Judged::Excused => None,
            })
            .collect();
        beyond.sort_by_key(|(_, beyond)| std::cmp::Reverse(*beyond));
        beyond
    }

    /// How many were within the limit, and which of them took longest.
    pub(super) fn within(&self) -> Option<(usize, Duration, &'a T)> {
        let judged = self.0.iter();
        let within = judged.filter_map(|(event, judged)| match judged {
            Judged::Within(taken) => Some((*taken, *event)),
            Judged::Beyond(_) | Judged::Open | Judged::Excused => None,
        });
        let count = within.clone().count();
        let (taken, event) = within.max_by_key(|(taken, _)| *taken)?;
        Some((count, taken, event))
    }

    /// The first that was not watched long enough.
    pub(super) fn open(&self) -> Option<&'a T> {
        let mut judged = self.0.iter();
        let (event, _) = judged.find(|(_, judged)| *judged == Judged::Open)?;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(taken: Option<u64>, watched: u64, is_stopped: bool) -> Judged {
        let ms = Duration::from_millis;
        Judged::of(taken.map(ms), ms(watched), ms(100), is_stopped)
    }

    #[test]
    fn what_was_not_waited_for_is_not_beyond() {
        let ms = Duration::from_millis;
        assert_eq!(judged(Some(100), 500, false), Judged::Within(ms(100)));
        let late = Beyond::Late(ms(101));
        assert_eq!(judged(Some(101), 500, true), Judged::Beyond(late));
        let never = Beyond::Never(ms(100));
        assert_eq!(judged(None, 100, true), Judged::Beyond(never));
        assert_eq!(judged(None, 99, true), Judged::Excused);
        assert_eq!(judged(None, 99, false), Judged::Open);
    }

    #[test]
    fn the_worst_is_first_and_never_is_worse_than_late() {
        let events = [(Some(900), 0), (None, 200), (Some(50), 0), (None, 300)];
        let deadlines = Deadlines::of(&events, |(taken, watched)| judged(*taken, *watched, false));
        let order: Vec<_> = deadlines
            .beyond()
            .iter()
            .map(|(event, _)| **event)
            .collect();
        assert_eq!(order, [(None, 300), (None, 200), (Some(900), 0)]);
        let (count, taken, _) = deadlines.within().unwrap();
        assert_eq!((count, taken), (1, Duration::from_millis(50)));
        assert_eq!((deadlines.count(), deadlines.open()), (4, None));
    }
}
