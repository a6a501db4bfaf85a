//! All sessions of the server, bounded in number, and which is due next.
//!
//! Pure: `now` is an argument. Invariant: `due` holds each session once, at its
//! deadline, so waiting for the first entry misses nothing. Used by
//! [`crate::hub`], which holds it under one lock.

use std::collections::{BTreeMap, BTreeSet};

use environment::Moment;

use crate::resume::Resume;
use crate::session::{BeyondHead, Happened, Replay, Rules, Session, SessionId, SocketId};

/// Every session has a socket attached, so none can make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Why a session could not be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotResumed {
    /// There is no such session, or no longer.
    Unknown,
    /// There is, but it has never made that tick.
    Beyond {
        /// What the client claimed.
        last_seq: u64,
        /// The latest tick.
        head: u64,
    },
    /// `last_seq` is no number.
    Malformed(String),
}

#[derive(Debug)]
pub(crate) struct Registry {
    rules: Rules,
    max_sessions: usize,
    sessions: BTreeMap<SessionId, Session>,
    due: BTreeSet<(Moment, SessionId)>,
}

impl Registry {
    pub(crate) fn new(rules: Rules, max_sessions: usize) -> Self {
        Self {
            rules,
            max_sessions,
            sessions: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// When [`Registry::poll`] has something to do next.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.due.first().map(|(moment, _)| *moment)
    }

    /// Does what is due, one thing of one session a call, in the order of
    /// deadlines; `None` when nothing more is.
    pub(crate) fn poll(&mut self, now: Moment) -> Option<(SessionId, Happened)> {
        let (_, id) = self.due.first().filter(|(due, _)| *due <= now)?.clone();
        let happened = self.change(&id, |session| session.poll(now))??;
        if happened == Happened::Ended {
            self.remove(&id);
        }
        Some((id, happened))
    }

    /// Attaches a socket to the session that it asks for.
    pub(crate) fn resume(
        &mut self,
        now: Moment,
        socket: SocketId,
        asked: &Resume,
    ) -> Result<(SessionId, Replay), NotResumed> {
        let known = self.sessions.get_key_value(asked.session.as_str());
        let (id, session) = known.ok_or(NotResumed::Unknown)?;
        let last_seq = match &asked.last_seq {
            Ok(last_seq) => *last_seq,
            Err(text) => return Err(NotResumed::Malformed(text.clone())),
        };
        let beyond = |BeyondHead { head }| NotResumed::Beyond { last_seq, head };
        let replay = session.replay(last_seq).map_err(beyond)?;
        let id = id.clone();
        self.change(&id, |session| session.attach(now, socket));
        Ok((id, replay))
    }

    /// Starts a session with a socket attached. At the limit, the session that
    /// has been without a socket for longest is dropped, and returned.
    pub(crate) fn create(
        &mut self,
        now: Moment,
        socket: SocketId,
        id: SessionId,
    ) -> Result<Option<SessionId>, Full> {
        let dropped = self.make_room()?;
        let mut session = Session::start(now, self.rules);
        session.attach(now, socket);
        self.due.insert((session.deadline(), id.clone()));
        let before = self.sessions.insert(id, session);
        debug_assert!(before.is_none(), "session ids do not repeat");
        Ok(dropped)
    }

    /// Detaches a socket; nothing happens if session or socket is gone.
    pub(crate) fn detach(&mut self, now: Moment, socket: SocketId, id: &SessionId) {
        self.change(id, |session| session.detach(now, socket));
    }

    /// Pauses or resumes a session; whether that changed anything.
    pub(crate) fn set_paused(&mut self, now: Moment, id: &SessionId, paused: bool) -> bool {
        self.change(id, |session| session.set_paused(now, paused))
            .unwrap_or(false)
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    fn make_room(&mut self) -> Result<Option<SessionId>, Full> {
        if self.sessions.len() < self.max_sessions {
            return Ok(None);
        }
        let away = self
            .sessions
            .iter()
            .filter_map(|(id, session)| session.away_since().map(|since| (since, id)));
        let (_, longest) = away.min().ok_or(Full)?;
        let longest = longest.clone();
        self.remove(&longest);
        Ok(Some(longest))
    }

    fn remove(&mut self, id: &SessionId) {
        if let Some(session) = self.sessions.remove(id) {
            self.due.remove(&(session.deadline(), id.clone()));
        }
    }

    /// The only way to a session that may move its deadline.
    fn change<R>(&mut self, id: &SessionId, act: impl FnOnce(&mut Session) -> R) -> Option<R> {
        let session = self.sessions.get_mut(id)?;
        let before = session.deadline();
        let result = act(session);
        let after = session.deadline();
        if before != after {
            self.due.remove(&(before, id.clone()));
            self.due.insert((after, id.clone()));
        }
        Some(result)
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
