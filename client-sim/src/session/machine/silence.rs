//! How long a connection may be silent: when the client flags what it shows as
//! stale, when it asks whether anybody is there, and when it gives up.
//!
//! The one invariant: whatever arrives begins the silence anew, and nothing
//! else does. Stale comes before given up, by the page's rule
//! (`frontend/src/core/reconnecting-socket.ts`). Part of the [machine](super).

use environment::Moment;

use super::{GOING_AWAY, Open, Session, State};
use crate::session::{Ending, Output};
use crate::{CloseReason, EventKind, Flaw};

/// The present silence of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    /// When anything last arrived.
    pub(super) since: Moment,
    /// A ping is out since then.
    pub(super) is_pinged: bool,
    /// It has been told since then that what is shown is stale.
    is_stale: bool,
}

impl Silence {
    /// Something has just arrived.
    pub(super) const fn since(now: Moment) -> Self {
        Self {
            since: now,
            is_pinged: false,
            is_stale: false,
        }
    }
}

impl Session {
    /// Something has arrived.
    pub(super) fn heard(&mut self, now: Moment, is_message: bool) {
        let counts = is_message || !self.has(Flaw::LivenessByMessages);
        if let State::Open(open) = &mut self.state
            && counts
        {
            let was = std::mem::replace(&mut open.silence, Silence::since(now));
            if was.is_stale {
                let dial = self.dial;
                self.tell(EventKind::Revived { dial });
            }
        }
    }

    /// When the silence is to be judged again; `None`: never.
    pub(super) fn next_look(&self, open: &Open) -> Option<Moment> {
        if open.is_closing || self.has(Flaw::NoLiveness) {
            return None;
        }
        let dead = Some(self.dead_at(open));
        let moments = [dead, self.stale_at(open), self.ping_at(open)];
        moments.into_iter().flatten().min()
    }

    /// Judges the silence of the open connection.
    pub(super) fn look(&mut self, now: Moment, open: &Open) {
        let is_due = |moment: Option<Moment>| moment.is_some_and(|due| due <= now);
        if is_due(Some(self.dead_at(open))) {
            return self.silent(now);
        }
        if is_due(self.stale_at(open)) {
            self.stale();
        }
        if is_due(self.ping_at(open)) {
            self.ping(now);
        }
    }

    fn dead_at(&self, open: &Open) -> Moment {
        let silent = open.silence.since + self.behaviour.liveness;
        open.pong_due.map_or(silent, |due| due.min(silent))
    }

    fn stale_at(&self, open: &Open) -> Option<Moment> {
        let flags = !open.silence.is_stale && !self.has(Flaw::NeverStale);
        flags.then(|| open.silence.since + self.behaviour.stale_after)
    }

    fn ping_at(&self, open: &Open) -> Option<Moment> {
        (!open.silence.is_pinged).then(|| open.silence.since + self.behaviour.liveness / 2)
    }

    fn stale(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.silence.is_stale = true;
            let dial = self.dial;
            self.tell(EventKind::Stale { dial });
        }
    }

    /// Half the window has passed in silence: asks whether anybody is there.
    /// A server that has nothing to say is thereby told from a dead one.
    fn ping(&mut self, now: Moment) {
        let by_sends = self.has(Flaw::LivenessBySends);
        if let State::Open(open) = &mut self.state {
            open.silence.is_pinged = !by_sends;
            if by_sends {
                open.silence.since = now;
            }
            self.outputs.push_back(Output::Ping { dial: self.dial });
        }
    }

    fn silent(&mut self, now: Moment) {
        if !self.has(Flaw::WaitsForCloseReply) {
            self.abandon();
            return self.lost(now, Ending::of(CloseReason::Silent));
        }
        if let State::Open(open) = &mut self.state {
            open.is_closing = true;
            self.close(GOING_AWAY, None);
        }
    }
}
