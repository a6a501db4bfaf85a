//! What rules have kept from a link's sink for so long that it could be felt.
//!
//! Each byte waits from when it came until the rules let it go; what it then
//! waits for a sink that takes nothing is not theirs. Stretches of such bytes
//! that follow one another without a gap are one.

use std::time::Duration;

use environment::Moment;

/// What waits no longer than this is not withheld: it is what a network may take.
pub(crate) const UNFELT: Duration = Duration::from_millis(250);

/// Bytes that rules kept waiting for longer than [`UNFELT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Withheld {
    /// When the first of them came.
    pub since: Moment,
    /// When the first of them left; `None`: none ever did.
    pub first: Option<Moment>,
    /// When the last of them left.
    pub until: Option<Moment>,
    /// How many left.
    pub bytes: u64,
    /// The longest time in which nothing left while some of them waited, until
    /// something did.
    pub silence: Option<(Moment, Moment)>,
    /// Since when nothing leaves any more, if some of them never do.
    pub silent_since: Option<Moment>,
}

impl Withheld {
    /// Nothing left from then until then.
    fn note_silence(&mut self, from: Moment, until: Moment) {
        let is_longer = |(begun, ended): (Moment, Moment)| until.since(from) > ended.since(begun);
        if self.silence.is_none_or(is_longer) {
            self.silence = Some((from, until));
        }
    }
}

/// What a link's rules make its bytes wait for. Most links have none.
#[derive(Debug, Default)]
pub(super) struct Withholding {
    /// When what is in front came, while a rule keeps it there.
    waits: Option<Moment>,
    /// Whether the wait is for a heal, and not for a due time.
    is_stalled: bool,
    /// When rules last let something go that had waited.
    let_go: Moment,
    /// When anything last left.
    left: Moment,
    run: Option<Withheld>,
    /// The run before this one, until it is asked for.
    over: Option<Withheld>,
}

impl Withholding {
    /// What came then is kept in front by a rule.
    pub(super) fn hold(&mut self, came: Moment, is_stalled: bool) {
        self.waits.get_or_insert(came);
        self.is_stalled |= is_stalled;
    }

    /// What is kept in front may go sooner than it was to: by a heal, and not by its
    /// due time.
    pub(super) fn heal(&mut self) {
        self.is_stalled |= self.waits.is_some();
    }

    /// What is in front may go at `now`; its own time was `due`.
    pub(super) fn let_go(&mut self, now: Moment, due: Moment) {
        if self.waits.take().is_some() {
            self.let_go = if self.is_stalled { now } else { due.min(now) };
        }
        self.is_stalled = false;
    }

    /// So many bytes left at `now` that came to the link then, kept since `since`.
    pub(super) fn wrote(&mut self, since: Moment, came: Moment, now: Moment, bytes: u64) {
        let last = std::mem::replace(&mut self.left, now);
        if self.let_go.max(came).since(since) <= UNFELT {
            self.over = self.run.take().or(self.over);
            return;
        }
        match &mut self.run {
            Some(run) if run.until.is_none_or(|until| since <= until) => {
                run.until = Some(now);
                run.bytes += bytes;
                run.note_silence(last, now);
            }
            _ => {
                self.over = self.run.replace(Withheld {
                    since,
                    first: Some(now),
                    until: Some(now),
                    bytes,
                    silence: Some((last.max(since), now)),
                    silent_since: None,
                });
            }
        }
    }

    /// A run that is over, if one has been since this was asked last.
    pub(super) fn take(&mut self) -> Option<Withheld> {
        self.over.take()
    }

    /// What is left at the end of the link, at `now`: what was let go, and what
    /// never will be.
    pub(super) fn finish(&mut self, now: Moment) -> [Option<Withheld>; 2] {
        let run = self.run.take();
        let waits = self.waits.filter(|since| now.since(*since) > UNFELT);
        let never = waits.map(|since| Withheld {
            since,
            first: None,
            until: None,
            bytes: 0,
            silence: None,
            silent_since: Some(self.left.max(since)),
        });
        match (run, never) {
            (Some(run), Some(never)) if run.until.is_some_and(|until| never.since <= until) => {
                let run = Withheld {
                    until: None,
                    silent_since: never.silent_since,
                    ..run
                };
                [Some(run), None]
            }
            (run, never) => [run, never],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Moment {
        Moment::after_origin(Duration::from_millis(millis))
    }

    fn run(since: u64, first: u64, until: Option<u64>, bytes: u64) -> Withheld {
        Withheld {
            since: ms(since),
            first: Some(ms(first)),
            until: until.map(ms),
            bytes,
            silence: Some((ms(since), ms(first))),
            silent_since: None,
        }
    }

    #[test]
    fn what_waits_no_longer_than_a_network_may_take_is_not_withheld() {
        let mut link = Withholding::default();
        link.hold(ms(100), true);
        link.let_go(ms(350), ms(100));
        link.wrote(ms(100), ms(100), ms(350), 5);
        assert_eq!(link.finish(ms(400)), [None, None]);
    }

    #[test]
    fn a_sink_that_takes_nothing_is_nobodys_rule() {
        let mut link = Withholding::default();
        link.hold(ms(100), false);
        link.let_go(ms(200), ms(200));
        link.wrote(ms(100), ms(100), ms(9000), 5);
        assert_eq!(link.finish(ms(9000)), [None, None]);
    }

    #[test]
    fn a_timer_that_is_late_is_nobodys_rule() {
        let mut link = Withholding::default();
        link.hold(ms(100), false);
        link.let_go(ms(900), ms(300));
        link.wrote(ms(100), ms(100), ms(900), 5);
        assert_eq!(link.finish(ms(900)), [None, None]);
    }

    #[test]
    fn what_a_heal_lets_go_has_waited_until_then() {
        let mut link = Withholding::default();
        link.hold(ms(100), false);
        link.heal();
        link.let_go(ms(900), ms(100));
        link.wrote(ms(100), ms(100), ms(900), 5);
        link.wrote(ms(500), ms(500), ms(900), 5);
        assert_eq!(
            link.finish(ms(900)),
            [Some(run(100, 900, Some(900), 10)), None]
        );
    }

    #[test]
    fn what_was_kept_before_it_came_here_has_waited_there() {
        let mut link = Withholding::default();
        link.wrote(ms(100), ms(600), ms(600), 5);
        link.wrote(ms(500), ms(600), ms(600), 5);
        assert_eq!(link.take(), Some(run(100, 600, Some(600), 5)));
    }

    #[test]
    fn stretches_without_a_gap_are_one() {
        let mut link = Withholding::default();
        link.hold(ms(100), false);
        link.let_go(ms(400), ms(400));
        link.wrote(ms(100), ms(100), ms(400), 5);
        link.hold(ms(300), false);
        link.let_go(ms(600), ms(600));
        link.wrote(ms(300), ms(300), ms(600), 5);
        assert_eq!(link.take(), None);
        link.hold(ms(700), false);
        link.let_go(ms(1000), ms(1000));
        link.wrote(ms(700), ms(700), ms(1000), 1);
        assert_eq!(link.take(), Some(run(100, 400, Some(600), 10)));
        let last = run(700, 1000, Some(1000), 1);
        assert_eq!(link.finish(ms(1000)), [Some(last), None]);
    }

    #[test]
    fn a_stretch_is_over_with_the_first_that_did_not_wait() {
        let mut link = Withholding::default();
        link.hold(ms(100), true);
        link.let_go(ms(500), ms(100));
        link.wrote(ms(100), ms(100), ms(500), 5);
        assert_eq!(link.take(), None);
        link.wrote(ms(500), ms(500), ms(500), 1);
        assert_eq!(link.take(), Some(run(100, 500, Some(500), 5)));
    }

    #[test]
    fn what_never_leaves_is_withheld_to_the_end() {
        let mut link = Withholding::default();
        link.hold(ms(100), true);
        let never = Withheld {
            first: None,
            silence: None,
            silent_since: Some(ms(100)),
            ..run(100, 0, None, 0)
        };
        assert_eq!(link.finish(ms(400)), [None, Some(never)]);
        let mut link = Withholding::default();
        link.hold(ms(100), false);
        link.let_go(ms(400), ms(400));
        link.wrote(ms(100), ms(100), ms(400), 5);
        link.hold(ms(300), true);
        let on = Withheld {
            silent_since: Some(ms(400)),
            ..run(100, 400, None, 5)
        };
        assert_eq!(link.finish(ms(900)), [Some(on), None], "it goes on");
    }
}
