//! A fault that holds a connection.

use environment::{Direction, Moment};

use super::in_force::ActiveRules;
use super::snapshot::{CutBy, Snapshot};
use super::strikes::Strike;
use crate::fault::{Cut, Expiry, Fault, How, Place};

/// A rule that holds a connection.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// How it took hold, or takes effect when it does at last.
    pub(super) strike: Strike,
    /// It has taken effect: those that wait for a frame have not at once.
    pub(super) has_struck: bool,
    /// It was told that it can do nothing here.
    pub(super) is_powerless: bool,
    /// From when its times count; `None`: its first bytes are awaited.
    since: Option<Moment>,
    /// From which offsets of the streams upstream and downstream.
    offsets: (u64, u64),
}

impl Held {
    pub(super) fn new(strike: Strike, at: &Snapshot) -> Self {
        Self {
            has_struck: !strike.rule.fault.waits(),
            strike,
            is_powerless: false,
            since: Some(at.now),
            offsets: (at.upstream.admitted, at.downstream.admitted),
        }
    }

    /// It takes hold of a connection that is just accepted, and what awaits its
    /// first bytes does so.
    pub(super) fn from_accept(strike: Strike, at: &Snapshot) -> Self {
        let held = Self::new(strike, at);
        let awaits_bytes = matches!(held.fault(), Fault::Expiry(it) if it.awaits_bytes);
        Self {
            since: held.since.filter(|_| !awaits_bytes),
            ..held
        }
    }

    pub(super) fn awaits_bytes(&self) -> bool {
        self.since.is_none()
    }

    /// Its time begins if the bytes have come that it awaits, or their end.
    pub(super) fn notice_bytes(&mut self, at: &Snapshot) {
        let Fault::Expiry(Expiry {
            swallows: Some(way),
            ..
        }) = self.fault()
        else {
            return;
        };
        let has_come = |direction| {
            let flow = at.flow(direction);
            flow.has_ended || flow.admitted > self.offset(direction)
        };
        let mut ways = [Direction::Upstream, Direction::Downstream].into_iter();
        if self.awaits_bytes() && ways.any(|to| way.covers(to) && has_come(to)) {
            self.since = Some(at.now);
        }
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.strike.rule.fault
    }

    pub(super) fn is_over(&self, in_force: &ActiveRules, now: Moment) -> bool {
        let Strike { rule, lifetime, .. } = &self.strike;
        lifetime.is_over(rule, in_force, now)
    }

    /// Whether this is the same time of the same rule.
    pub(super) fn is_by(&self, strike: &Strike) -> bool {
        self.strike.id() == strike.id()
    }

    /// When the peers will have been silent for too long.
    pub(super) fn idle_end(&self, heard_at: Moment) -> Option<(Moment, How)> {
        match self.fault() {
            Fault::IdleTimeout(idle) => Some((heard_at.max(self.since?) + idle.delay, idle.how)),
            _ => None,
        }
    }

    /// When it ends the connection, whatever flows.
    pub(super) fn expiry(&self) -> Option<(Moment, How)> {
        match self.fault() {
            Fault::Expiry(Expiry {
                delay: Some(delay),
                how,
                ..
            }) => Some((self.since? + *delay, *how)),
            _ => None,
        }
    }

    /// The cut that it makes in this direction.
    pub(super) fn cut(&self, direction: Direction) -> Option<&Cut> {
        match self.fault() {
            Fault::Cut(cut) if cut.way.covers(direction) => Some(cut),
            _ => None,
        }
    }

    /// Where its cut behind bytes lets nothing more in.
    pub(super) fn cut_offset(&self, direction: Direction) -> Option<u64> {
        let Place::Bytes(bytes) = self.cut(direction)?.place else {
            return None;
        };
        Some(self.offset(direction).saturating_add(bytes))
    }

    fn offset(&self, direction: Direction) -> u64 {
        let (upstream, downstream) = self.offsets;
        match direction {
            Direction::Upstream => upstream,
            Direction::Downstream => downstream,
        }
    }

    /// Whether its cut has let the last byte in, so that it will be carried out.
    pub(super) fn has_cut(&self, at: &Snapshot) -> bool {
        [Direction::Downstream, Direction::Upstream]
            .into_iter()
            .filter_map(|direction| Some((self.cut(direction)?, at.flow(direction).cut)))
            .any(|(cut, made)| {
                made == Some(match cut.place {
                    Place::Frame(_) => CutBy::Frame(self.strike.id()),
                    Place::Bytes(_) => CutBy::Bytes,
                })
            })
    }

    pub(super) fn ends_when_healed(&self) -> bool {
        matches!(self.fault(), Fault::Expiry(expiry) if expiry.ends_when_healed)
    }
}
