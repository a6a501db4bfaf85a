//! What the clients told about themselves. A client that tells nothing leaves
//! everything here empty, and what needs it is not observable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use client_sim::What;
use environment::Moment;

use crate::journal::{Body, Entry};

/// A session that a client was welcomed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// When the welcome came.
    pub at: Moment,
    /// Whose.
    pub client: Arc<str>,
    /// On which of its dials.
    pub dial: u64,
    /// The session's tag.
    pub session: String,
}

/// One dial of a client's, by its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dial {
    from: Moment,
    until: Option<Moment>,
}

/// All reports of a run.
#[derive(Debug, Default)]
pub struct Reports {
    dials: BTreeMap<(Arc<str>, u64), Dial>,
    closes: Vec<(Arc<str>, Moment)>,
    sessions: Vec<Session>,
    intended: BTreeMap<Arc<str>, Vec<(Moment, bool)>>,
    /// Who will never dial again, and since when: stopped.
    stopped: BTreeMap<Arc<str>, Moment>,
    /// The same: gave up by itself.
    gave_up: BTreeMap<Arc<str>, Moment>,
}

impl Reports {
    pub(super) fn fold(&mut self, entry: &Entry) {
        let Body::Client { client, what } = &entry.body else {
            return;
        };
        let (at, owner) = (entry.at, || Arc::clone(client));
        match what {
            What::Dialled { dial } => {
                let dialled = Dial {
                    from: at,
                    until: None,
                };
                self.dials.insert((owner(), *dial), dialled);
            }
            What::Welcomed { dial, session, .. } => self.sessions.push(Session {
                at,
                client: owner(),
                dial: *dial,
                session: session.clone(),
            }),
            What::Closed { dial, .. } => {
                self.closes.push((owner(), at));
                if let Some(dial) = self.dials.get_mut(&(owner(), *dial)) {
                    dial.until.get_or_insert(at);
                }
            }
            What::Intended { paused } => {
                let intended = self.intended.entry(owner()).or_default();
                intended.push((at, *paused));
            }
            What::Stopped => {
                self.stopped.entry(owner()).or_insert(at);
            }
            What::GaveUp => {
                self.gave_up.entry(owner()).or_insert(at);
            }
            _ => {}
        }
    }

    /// The first dial or close that the client told after `from`.
    pub fn noticed(&self, client: &str, from: Moment) -> Option<Moment> {
        let dials = self.dials.iter();
        let dials = dials.map(|((whose, _), dial)| (whose, dial.from));
        let closes = self.closes.iter().map(|(whose, at)| (whose, *at));
        let own = dials.chain(closes).filter(|(whose, _)| &***whose == client);
        own.map(|(_, at)| at).filter(|at| *at > from).min()
    }

    /// How many dials or connections the clients had, as far as they knew.
    pub fn in_use(&self, at: Moment) -> usize {
        let is_in_use = |dial: &&Dial| dial.from <= at && dial.until.is_none_or(|end| end > at);
        self.dials.values().filter(is_in_use).count()
    }

    /// Every welcome, in order of time.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// Whose each session is; a session that no client has heard of is nobody's.
    pub fn owners(&self) -> BTreeMap<&str, &str> {
        let owned = self.sessions.iter();
        owned.map(|s| (s.session.as_str(), &*s.client)).collect()
    }

    /// The session of the connection that the client has then, if it has one.
    pub fn attached(&self, client: &str, at: Moment) -> Option<&str> {
        let welcomes = self.sessions.iter().rev();
        let mut own = welcomes.filter(|s| &*s.client == client && s.at <= at);
        let last = own.next()?;
        let dial = self.dials.get(&(Arc::clone(&last.client), last.dial));
        let gone = dial
            .and_then(|dial| dial.until)
            .is_some_and(|end| end <= at);
        (!gone).then_some(last.session.as_str())
    }

    /// The pause state that the person at the client wants then.
    pub fn intended(&self, client: &str, at: Moment) -> bool {
        let intended = self.intended.get(client).into_iter().flatten();
        let last = intended.take_while(|(when, _)| *when <= at).last();
        last.is_some_and(|(_, paused)| *paused)
    }

    /// When the client was told to stop and did.
    pub fn stopped(&self, client: &str) -> Option<Moment> {
        self.stopped.get(client).copied()
    }

    /// Whether the client may still dial then.
    pub fn is_alive(&self, client: &str, at: Moment) -> bool {
        let ends = [&self.stopped, &self.gave_up];
        let mut ends = ends.into_iter().filter_map(|ends| ends.get(client));
        ends.all(|end| *end > at)
    }

    /// Everybody who told anything about sessions.
    pub fn welcomed(&self) -> BTreeSet<&str> {
        self.sessions.iter().map(|s| &*s.client).collect()
    }
}
