//! What proxy, server and client say of the same thing, kept side by side; and where
//! they contradict each other.
//!
//! Only what a witness claims to have seen can contradict another: what it does not
//! tell of it may not have seen. Invariant: a witness that tells of nothing of a
//! kind in the whole run contradicts nobody, and what may have come late by as much
//! as the machine withheld is no contradiction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{EventKind as Proxy, Fault, Plan};
use client_sim::EventKind as Client;
use environment::Moment;
use ticker_server::EventKind as Server;

use super::Observations;
use super::connection::Connection;
use super::sequences::Sequences;
use crate::journal::{Body, Entry, Mark};

/// What may lie between a thing and a witness' word of it, besides what the machine
/// withheld: a message waits in a client, a line in a pipe.
const SLACK: Duration = Duration::from_secs(2);

/// Something that more than one witness speaks of, and that checks hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// What passed between proxy and client, and when.
    Passage,
    /// When clients dialled.
    Dials,
    /// The server's sockets.
    Sockets,
    /// The ticks of sessions.
    Ticks,
}

/// Two witnesses say what cannot both be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// A client told of messages, and the proxy let none pass to it then.
    Messages {
        /// Which.
        client: Arc<str>,
        /// How many.
        count: usize,
        /// When the first came, after t = 0.
        first: Duration,
    },
    /// A client told that a connection was open which the proxy never saw answered.
    Opened {
        /// Which.
        client: Arc<str>,
        /// How many it had told of then.
        told: usize,
        /// How many the proxy had seen answered.
        seen: usize,
        /// When, after t = 0.
        at: Duration,
    },
    /// The server had more sockets than the proxy had made connections to it.
    Sockets {
        /// How many it had had then.
        server: usize,
        /// How many connections the proxy had made.
        proxy: usize,
        /// When, after t = 0.
        at: Duration,
    },
    /// A client was welcomed to a session that the server never gave.
    Session {
        /// Which.
        client: Arc<str>,
        /// The session's tag.
        session: String,
        /// When, after t = 0.
        at: Duration,
    },
    /// A client applied a tick that the server never made.
    Tick {
        /// Which.
        client: Arc<str>,
        /// The session's tag.
        session: String,
        /// Its number.
        seq: u64,
        /// When, after t = 0.
        at: Duration,
    },
}

impl Contradiction {
    /// What counts for nothing because of it.
    pub fn facts(&self) -> &'static [Fact] {
        match self {
            Self::Messages { .. } => &[Fact::Passage],
            Self::Opened { .. } => &[Fact::Passage, Fact::Dials],
            // Whoever has it may have dialled it, and been fed by it.
            Self::Sockets { .. } => &[Fact::Passage, Fact::Dials, Fact::Sockets],
            Self::Session { .. } | Self::Tick { .. } => &[Fact::Ticks],
        }
    }
}

/// A message that a client told of: when, and since when it can have been on its
/// way.
type Message = (Moment, Moment);

/// What was told of things of which another witness speaks, too.
#[derive(Debug, Default)]
pub struct Testimony {
    messages: BTreeMap<Arc<str>, Vec<Message>>,
    opened: BTreeMap<Arc<str>, Vec<Moment>>,
    /// The first answer on each connection, whoever gave it.
    answered: BTreeMap<Arc<str>, BTreeMap<u64, Moment>>,
    upstream_connected: Vec<Moment>,
    sockets: Vec<Moment>,
    sessions: BTreeSet<String>,
    welcomed: Vec<(Moment, Arc<str>, String)>,
    /// Since when each client was frozen, asleep or left, and until when if that is
    /// over: what it had got before, it tells of when it is back.
    dormant: BTreeMap<Arc<str>, (Moment, Option<Moment>)>,
    /// Of each client the first tick that was not made when it was applied.
    unmade: BTreeMap<Arc<str>, (Moment, String, u64)>,
}

impl Testimony {
    /// Takes an entry in; `sequences` has all that came before it.
    pub(super) fn fold(&mut self, entry: &Entry, sequences: &Sequences) {
        let at = entry.at;
        match &entry.body {
            Body::Proxy {
                client,
                attempt,
                what,
            } => self.of_proxy(at, client, *attempt, what),
            Body::Client { client, what } => self.of_client(at, client, what, sequences),
            Body::Server(Server::SocketOpened { session, .. }) => {
                self.sockets.push(at);
                self.sessions.insert(session.clone());
            }
            Body::Harness(Mark::Action { action, targets }) => {
                for client in targets {
                    self.of_action(at, client, action);
                }
            }
            Body::Server(_) | Body::Harness(_) => {}
        }
    }

    fn of_action(&mut self, at: Moment, client: &str, action: &str) {
        match action {
            "freeze" | "sleep" | "leave" => {
                self.dormant.insert(client.into(), (at, None));
            }
            "thaw" | "wake" | "back" => {
                if let Some((_, until)) = self.dormant.get_mut(client) {
                    *until = Some(at);
                }
            }
            _ => {}
        }
    }

    /// Since when a message can have been on its way of which a client tells now.
    fn on_its_way_since(&self, client: &str, at: Moment, since: Moment) -> Moment {
        match self.dormant.get(client) {
            Some((from, until)) if until.is_none_or(|until| at <= until + SLACK) => {
                since.min(*from - SLACK)
            }
            _ => since,
        }
    }

    fn of_proxy(&mut self, at: Moment, client: &Arc<str>, attempt: u64, what: &Proxy) {
        let is_answer = match what {
            Proxy::UpstreamConnected => {
                self.upstream_connected.push(at);
                false
            }
            Proxy::Upgraded { .. } | Proxy::FirstData => true,
            // It answers in the server's stead.
            Proxy::Struck { fault, .. } => fault == "upgrade_reply",
            _ => false,
        };
        if is_answer {
            let answered = self.answered.entry(Arc::clone(client)).or_default();
            answered.entry(attempt).or_insert(at);
        }
    }

    fn of_client(&mut self, at: Moment, client: &Arc<str>, what: &Client, known: &Sequences) {
        let since = match what {
            Client::Opened { .. } => {
                let opened = self.opened.entry(Arc::clone(client)).or_default();
                return opened.push(at);
            }
            Client::Welcomed { session, .. } => {
                let welcomed = (at, Arc::clone(client), session.clone());
                self.welcomed.push(welcomed);
                at - SLACK
            }
            Client::Applied { session, seq, .. } | Client::Repeated { session, seq, .. } => {
                let made = known.made_at(session, *seq);
                if made.is_none() {
                    let first = || (at, session.clone(), *seq);
                    self.unmade.entry(Arc::clone(client)).or_insert_with(first);
                }
                made.unwrap_or(at - SLACK)
            }
            Client::Received { .. } => at - SLACK,
            _ => return,
        };
        let since = self.on_its_way_since(client, at, since);
        let messages = self.messages.entry(Arc::clone(client)).or_default();
        messages.push((at, since));
    }
}

/// Everything in which two witnesses contradict each other, by kind, then by client.
/// Of what is no WebSocket anything may come as soon as it is accepted.
pub fn contradictions(
    observed: &Observations,
    plan: &Plan,
    is_websocket: bool,
) -> Vec<Contradiction> {
    let judge = CrossExamination {
        observed,
        told: &observed.testimony,
        slack: SLACK + observed.marks.withheld(),
        is_websocket,
    };
    let may_garble = |fault: &Fault| matches!(fault, Fault::Corrupt(_));
    let is_garbled = plan.rules().iter().any(|rule| may_garble(&rule.fault));
    let of_ticks = judge.sessions().into_iter().chain(judge.ticks());
    let messages = judge.messages().into_iter().chain(judge.opened());
    messages
        .chain(judge.sockets())
        // A garbled message says anything.
        .chain(of_ticks.filter(|_| !is_garbled))
        .collect()
}

struct CrossExamination<'a> {
    observed: &'a Observations,
    told: &'a Testimony,
    slack: Duration,
    is_websocket: bool,
}

impl CrossExamination<'_> {
    fn after_zero(&self, at: Moment) -> Duration {
        self.observed.marks.since_zero(at)
    }

    fn messages(&self) -> Vec<Contradiction> {
        let messages = self.told.messages.iter();
        let unseen = messages.filter_map(|(client, messages)| {
            let passages = self.passages(client)?;
            let mut unseen = messages
                .iter()
                .filter(|(at, since)| !overlaps(&passages, *since, *at + self.slack));
            let first = unseen.next()?.0;
            Some(Contradiction::Messages {
                client: Arc::clone(client),
                count: 1 + unseen.count(),
                first: self.after_zero(first),
            })
        });
        unseen.collect()
    }

    /// When anything can have passed to the client, in order and apart; `None` if the
    /// proxy tells of no connection of its.
    fn passages(&self, client: &str) -> Option<Vec<(Moment, Moment)>> {
        let mut connections = self.observed.connections.of(client).peekable();
        connections.peek()?;
        let spells = connections.filter_map(|connection| {
            let opening = self.opening(client, connection)?;
            Some(self.spells(connection, opening))
        });
        let mut spells: Vec<(Moment, Moment)> = spells.flatten().collect();
        spells.sort_unstable();
        Some(merged(spells))
    }

    /// From when on the connection can have been open for the client.
    fn opening(&self, client: &str, connection: &Connection) -> Option<Moment> {
        if !self.is_websocket {
            return Some(connection.accepted);
        }
        let answered = self.told.answered.get(client)?;
        answered.get(&connection.attempt).copied()
    }

    /// From its opening until nothing can come any more, without its silences. A client
    /// that has said goodbye may go on reading.
    fn spells(&self, connection: &Connection, opening: Moment) -> Vec<(Moment, Moment)> {
        let ends = [connection.ended, connection.reset, connection.closed];
        let end = ends.into_iter().flatten().min();
        let end = end.unwrap_or(self.observed.last);
        let losses = connection.losses.downstream.iter();
        let silences = losses.flat_map(|loss| loss.silences.into_iter().flatten());
        let mut silences: Vec<(Moment, Option<Moment>)> = silences.collect();
        silences.sort_unstable();
        let (mut from, mut spells) = (opening, Vec::new());
        for (silent, until) in silences {
            spells.push((from, silent.min(end)));
            from = from.max(until.unwrap_or(end));
        }
        spells.push((from, end));
        spells.retain(|(from, until)| from <= until);
        spells
    }

    fn opened(&self) -> Vec<Contradiction> {
        let opened = self.told.opened.iter();
        let past = opened.filter_map(|(client, told)| {
            let seen = self.openings(client)?;
            let (told, seen, at) = self.one_too_many(told, seen)?;
            Some(Contradiction::Opened {
                client: Arc::clone(client),
                told,
                seen,
                at: self.after_zero(at),
            })
        });
        past.collect()
    }

    /// When connections of the client can have opened; `None` if the proxy tells of
    /// none of its.
    fn openings(&self, client: &str) -> Option<Vec<Moment>> {
        let mut connections = self.observed.connections.of(client).peekable();
        connections.peek()?;
        let openings = connections.filter_map(|connection| self.opening(client, connection));
        Some(openings.collect())
    }

    fn sockets(&self) -> Option<Contradiction> {
        let seen = self.told.upstream_connected.clone();
        if seen.is_empty() {
            return None;
        }
        let (server, proxy, at) = self.one_too_many(&self.told.sockets, seen)?;
        let at = self.after_zero(at);
        Some(Contradiction::Sockets { server, proxy, at })
    }

    /// The first time at which one witness had told of more than another had seen:
    /// how many each, and when.
    fn one_too_many(
        &self,
        told: &[Moment],
        mut seen: Vec<Moment>,
    ) -> Option<(usize, usize, Moment)> {
        seen.sort_unstable();
        let mut told = told.to_vec();
        told.sort_unstable();
        let numbered = told.iter().enumerate();
        let mut excess = numbered.filter(|(number, at)| {
            let counterpart = seen.get(*number);
            counterpart.is_none_or(|seen| *seen > **at + self.slack)
        });
        let (number, at) = excess.next()?;
        Some((number + 1, number, *at))
    }

    /// Of each client the first session that nobody gave it.
    fn sessions(&self) -> Vec<Contradiction> {
        let mut told: BTreeMap<&Arc<str>, (Moment, &String)> = BTreeMap::new();
        let given = &self.told.sessions;
        let welcomed = self.told.welcomed.iter();
        for (at, client, session) in welcomed.filter(|(.., session)| !given.contains(session)) {
            told.entry(client).or_insert((*at, session));
        }
        let told = told.into_iter().filter(|_| !given.is_empty());
        told.map(|(client, (at, session))| Contradiction::Session {
            client: Arc::clone(client),
            session: session.clone(),
            at: self.after_zero(at),
        })
        .collect()
    }

    fn ticks(&self) -> Vec<Contradiction> {
        let sequences = &self.observed.sequences;
        let unmade = self.told.unmade.iter();
        let never_made = unmade.filter(|(_, (_, session, seq))| {
            // Of a session of which the server tells nothing it is another matter, and so
            // it is of one that went with its server, which had no time to tell.
            let is_whole = sequences.is_told(session) && !sequences.is_gone(session);
            is_whole && sequences.made_at(session, *seq).is_none()
        });
        never_made
            .map(|(client, (at, session, seq))| Contradiction::Tick {
                client: Arc::clone(client),
                session: session.clone(),
                seq: *seq,
                at: self.after_zero(*at),
            })
            .collect()
    }
}

/// Those that touch made one.
fn merged(sorted: Vec<(Moment, Moment)>) -> Vec<(Moment, Moment)> {
    let mut merged: Vec<(Moment, Moment)> = Vec::new();
    for (from, until) in sorted {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    merged
}

/// Whether one of these, which are in order and apart, meets the time from `from` to
/// `until`.
fn overlaps(spells: &[(Moment, Moment)], from: Moment, until: Moment) -> bool {
    let next = spells.partition_point(|(_, end)| *end < from);
    spells.get(next).is_some_and(|(begin, _)| *begin <= until)
}

#[cfg(test)]
#[path = "testimony_tests.rs"]
mod tests;
