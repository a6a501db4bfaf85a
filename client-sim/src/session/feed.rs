//! Which session a client belongs to and how far it has come in it.
//!
//! The one invariant: the highest applied number only grows within one run of a
//! session's numbers, and what is at or below it is a duplicate. Used by the
//! session machine.

use crate::message::Welcome;

/// What to ask the server for on a new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The session's id.
    pub session: String,
    /// The highest tick applied; 0 before the first.
    pub last_seq: u64,
}

/// A client's place in its session.
#[derive(Debug, Default)]
pub(super) struct Feed {
    session: String,
    tag: String,
    last_seq: u64,
}

impl Feed {
    /// The server has said which session this is.
    ///
    /// Not resumed means numbers from the start, whatever the id: a seeded
    /// server gives the same ids again after a restart.
    pub(super) fn welcome(&mut self, welcome: &Welcome) {
        if welcome.resumed && welcome.session == self.session {
            return;
        }
        self.session.clone_from(&welcome.session);
        self.tag = environment::tag(&welcome.session);
        self.last_seq = welcome.next_seq.saturating_sub(1);
    }

    /// Whether this tick is new; if so, it counts as applied from now on.
    pub(super) fn advance(&mut self, seq: u64) -> bool {
        let is_new = seq > self.last_seq;
        self.last_seq = self.last_seq.max(seq);
        is_new
    }

    /// The number of the tick that comes next.
    pub(super) fn next(&self) -> u64 {
        self.last_seq.saturating_add(1)
    }

    /// What journals call the session.
    pub(super) fn tag(&self) -> String {
        self.tag.clone()
    }

    /// How to go on from here; `None` without a session.
    pub(super) fn resume(&self) -> Option<Resume> {
        (!self.session.is_empty()).then(|| Resume {
            session: self.session.clone(),
            last_seq: self.last_seq,
        })
    }
}
