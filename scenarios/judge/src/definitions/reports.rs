//! What the clients told about themselves. A client that tells nothing leaves
//! everything here empty, and what needs it is not measured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use client_sim::{CloseReason, EventKind};
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

/// The end of a connection that its client did not want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// When the client told.
    pub at: Moment,
    /// The close code that it saw; 1005 for a close frame without one, 1006 for
    /// an end without a close frame.
    pub code: u16,
}

/// One dial of a client's, by its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dial {
    from: Moment,
    is_open: bool,
    until: Option<Moment>,
    end: Option<End>,
}

/// What one client told.
#[derive(Debug, Default)]
struct Report {
    dials: BTreeMap<u64, Dial>,
    closes: Vec<Moment>,
    /// When its application got a message.
    messages: Vec<Moment>,
    /// From when on what it shows was live, or not.
    freshness: Vec<(Moment, bool)>,
    intended: Vec<(Moment, bool)>,
    /// Was told to stop, and did.
    stopped: Option<Moment>,
    /// Will not reconnect by itself.
    gave_up: Option<Moment>,
}

/// All reports of a run.
#[derive(Debug, Default)]
pub struct Reports {
    by_client: BTreeMap<Arc<str>, Report>,
    sessions: Vec<Session>,
}

impl Reports {
    pub(super) fn fold(&mut self, entry: &Entry) {
        let Body::Client { client, what } = &entry.body else {
            return;
        };
        let at = entry.at;
        if let EventKind::Welcomed { dial, session, .. } = what {
            self.sessions.push(Session {
                at,
                client: Arc::clone(client),
                dial: *dial,
                session: session.clone(),
            });
        }
        let report = self.by_client.entry(Arc::clone(client)).or_default();
        report.fold(what, at);
    }

    /// Everybody who told anything.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_client.keys()
    }

    /// The dials of a client by its own count: when each began, and when the
    /// client was done with it.
    pub fn dials(&self, client: &str) -> impl Iterator<Item = (Moment, Option<Moment>)> {
        let report = self.by_client.get(client);
        let dials = report.into_iter().flat_map(|report| report.dials.values());
        dials.map(|dial| (dial.from, dial.until))
    }

    /// The first dial, close or giving up that the client told after `from`.
    pub(crate) fn noticed(&self, client: &str, from: Moment) -> Option<Moment> {
        let report = self.by_client.get(client)?;
        let dials = report.dials.values().map(|dial| dial.from);
        let told = dials
            .chain(report.closes.iter().copied())
            .chain(report.gave_up);
        told.filter(|at| *at > from).min()
    }

    /// Whether the client says that it had the connection open that was accepted then.
    pub(crate) fn told_open(&self, client: &str, accepted: Moment) -> bool {
        let own = self.by_client.get(client);
        let dial = own.and_then(|own| own.dial_of(accepted));
        dial.is_some_and(|dial| dial.is_open)
    }

    /// How the connection ended that was accepted then, if it was open and the
    /// client told of an end that it did not want.
    pub fn end(&self, client: &str, accepted: Moment) -> Option<End> {
        let dial = self.by_client.get(client)?.dial_of(accepted)?;
        dial.end.filter(|_| dial.is_open)
    }

    /// Whether any client told of a message.
    pub(crate) fn has_messages(&self) -> bool {
        let mut reports = self.by_client.values();
        reports.any(|report| !report.messages.is_empty())
    }

    /// The client's first message from then on.
    pub(crate) fn message_after(&self, client: &str, from: Moment) -> Option<Moment> {
        let messages = &self.by_client.get(client)?.messages;
        let first = messages.partition_point(|at| *at < from);
        messages.get(first).copied()
    }

    /// Whether the client tells whether what it shows is live.
    pub(crate) fn tells_freshness(&self, client: &str) -> bool {
        let report = self.by_client.get(client);
        let mut told = report.into_iter().flat_map(|report| &report.freshness);
        told.any(|(_, is_live)| *is_live)
    }

    /// The first moment from then on at which the client showed nothing as live.
    pub(crate) fn not_live_from(&self, client: &str, from: Moment) -> Option<Moment> {
        let freshness = &self.by_client.get(client)?.freshness;
        let before = freshness.iter().take_while(|(at, _)| *at <= from).last();
        if before.is_none_or(|(_, is_live)| !is_live) {
            return Some(from);
        }
        let mut ends = freshness.iter().filter(|(_, is_live)| !is_live);
        ends.find(|(at, _)| *at > from).map(|(at, _)| *at)
    }

    /// How many dials or connections the clients had, as far as they knew.
    pub(crate) fn in_use(&self, at: Moment) -> usize {
        let dials = self
            .by_client
            .values()
            .flat_map(|report| report.dials.values());
        let is_in_use = |dial: &&Dial| dial.from <= at && dial.until.is_none_or(|end| end > at);
        dials.filter(is_in_use).count()
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
    pub(crate) fn attached(&self, client: &str, at: Moment) -> Option<&str> {
        let welcomes = self.sessions.iter().rev();
        let mut own = welcomes.filter(|s| &*s.client == client && s.at <= at);
        let last = own.next()?;
        let dial = self.by_client.get(client)?.dials.get(&last.dial);
        let gone = dial
            .and_then(|dial| dial.until)
            .is_some_and(|end| end <= at);
        (!gone).then_some(last.session.as_str())
    }

    /// The pause state that the user wants then.
    pub(crate) fn intended(&self, client: &str, at: Moment) -> bool {
        let report = self.by_client.get(client);
        let intended = report.into_iter().flat_map(|report| &report.intended);
        let last = intended.take_while(|(when, _)| *when <= at).last();
        last.is_some_and(|(_, paused)| *paused)
    }

    /// When the client was told to stop and did.
    pub fn stopped(&self, client: &str) -> Option<Moment> {
        self.by_client.get(client)?.stopped
    }

    /// When the client said that it will not reconnect by itself.
    pub fn gave_up(&self, client: &str) -> Option<Moment> {
        self.by_client.get(client)?.gave_up
    }

    /// Whether the client may still dial then.
    pub(crate) fn is_alive(&self, client: &str, at: Moment) -> bool {
        let report = self.by_client.get(client);
        let ends = report.map(|report| [report.stopped, report.gave_up]);
        ends.into_iter().flatten().flatten().all(|end| end > at)
    }

    /// Everybody who told anything about sessions.
    pub fn welcomed(&self) -> BTreeSet<&str> {
        self.sessions.iter().map(|s| &*s.client).collect()
    }
}

impl Report {
    /// The dial that the connection came of that was accepted then.
    fn dial_of(&self, accepted: Moment) -> Option<&Dial> {
        let mut dials = self.dials.values().rev();
        dials.find(|dial| dial.from <= accepted)
    }

    fn fold(&mut self, what: &EventKind, at: Moment) {
        if is_message(what) {
            self.messages.push(at);
        }
        match what {
            EventKind::Dialled { dial } => {
                let dialled = Dial {
                    from: at,
                    is_open: false,
                    until: None,
                    end: None,
                };
                self.dials.insert(*dial, dialled);
            }
            EventKind::Opened { dial } => {
                if let Some(dial) = self.dials.get_mut(dial) {
                    dial.is_open = true;
                }
            }
            EventKind::Welcomed { .. } | EventKind::Received { .. } | EventKind::Revived { .. } => {
                self.shows(at, true);
            }
            EventKind::Stale { .. } => self.shows(at, false),
            EventKind::Closed { dial, why, code } => {
                self.closes.push(at);
                // The late end of an old connection changes nothing of the new.
                if self
                    .dials
                    .last_key_value()
                    .is_none_or(|(last, _)| last <= dial)
                {
                    self.shows(at, false);
                }
                if let Some(dial) = self.dials.get_mut(dial) {
                    dial.until.get_or_insert(at);
                    dial.end = dial.end.or(end(at, *why, *code));
                }
            }
            EventKind::Intended { paused } => self.intended.push((at, *paused)),
            EventKind::Stopped => {
                self.stopped.get_or_insert(at);
            }
            EventKind::GaveUp => {
                self.gave_up.get_or_insert(at);
            }
            _ => {}
        }
    }

    /// Changes only are kept: there may be many messages.
    fn shows(&mut self, at: Moment, is_live: bool) {
        if self.freshness.last().is_none_or(|(_, was)| *was != is_live) {
            self.freshness.push((at, is_live));
        }
    }
}

/// Whether it tells of a message of the server.
fn is_message(what: &EventKind) -> bool {
    matches!(
        what,
        EventKind::Welcomed { .. }
            | EventKind::Applied { .. }
            | EventKind::Repeated { .. }
            | EventKind::Received { .. }
            | EventKind::Revived { .. }
            | EventKind::PauseChanged { .. }
            | EventKind::Acknowledged { .. }
    )
}

/// As browsers tell it (RFC 6455 §7.1.5).
fn end(at: Moment, why: CloseReason, code: Option<u16>) -> Option<End> {
    let code = match why {
        CloseReason::Wanted => return None,
        CloseReason::CloseFrame => code.unwrap_or(1005),
        // It has the code as browsers tell it, or says nothing.
        CloseReason::Unknown => code?,
        _ => code.unwrap_or(1006),
    };
    Some(End { at, code })
}
