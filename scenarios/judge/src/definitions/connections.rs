//! Connections and strikes as the proxy saw them.
//!
//! Invariant: a connection that was never accepted does not exist here; what
//! is told about one (with a broken journal) is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{EventKind, Peer, Plan, Side};
use environment::Moment;

use super::connection::Connection;
use super::frames::OwnMessage;
use crate::journal::{Body, Entry, Mark};

/// A fault took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// When.
    pub at: Moment,
    /// On whom.
    pub client: Arc<str>,
    /// On which connection of it; 0: its listener.
    pub attempt: u64,
    /// The rule's name.
    pub rule: String,
    /// Which time of the rule, from 1.
    pub occurrence: u64,
    /// When a timed rule planned it, after t = 0.
    pub planned: Option<Duration>,
    /// When it was done, after t = 0.
    pub actual: Duration,
    /// When the fault let go of this connection or listener, if that was told.
    pub healed: Option<Moment>,
}

/// All connections and strikes of a run.
#[derive(Debug, Default)]
pub struct Connections {
    by_client: BTreeMap<Arc<str>, BTreeMap<u64, Connection>>,
    strikes: Vec<Strike>,
    /// The last strike of each connection by each time of each rule, for the heal.
    struck: BTreeMap<(Arc<str>, u64, String, u64), usize>,
    upstream_failure: Option<String>,
    powerless: Vec<Powerless>,
    server: Server,
}

/// A rule that could do nothing to a connection that it struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Powerless {
    /// Whose connection.
    pub client: Arc<str>,
    /// Which.
    pub attempt: u64,
    /// The rule's name.
    pub rule: String,
    /// Why, as the proxy says it.
    pub reason: String,
}

/// Whether dials to the server can succeed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// It was there all the time.
    #[default]
    There,
    /// An event of the file keeps it away.
    Away,
    /// It was back then.
    Back(Moment),
}

impl Server {
    /// A dial of before may end a little after the server is back.
    const GRACE: Duration = Duration::from_millis(250);

    fn is_reachable(self, at: Moment) -> bool {
        match self {
            Self::There => true,
            Self::Away => false,
            Self::Back(since) => at > since + Self::GRACE,
        }
    }
}

impl Connections {
    /// The clients that had any, in order.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_client.keys()
    }

    /// One client's connections, in accept order.
    pub fn of(&self, client: &str) -> impl Iterator<Item = &Connection> {
        let connections = self.by_client.get(client);
        connections.into_iter().flat_map(BTreeMap::values)
    }

    /// One connection.
    pub fn get(&self, client: &str, attempt: u64) -> Option<&Connection> {
        self.by_client.get(client)?.get(&attempt)
    }

    /// All strikes, in order of time.
    pub fn strikes(&self) -> &[Strike] {
        &self.strikes
    }

    /// Where this rule could do nothing, if there is such a connection.
    pub(crate) fn powerless(&self, rule: &str) -> Option<&Powerless> {
        let mut powerless = self.powerless.iter();
        powerless.find(|powerless| powerless.rule == rule)
    }

    /// The first error of a dial to the server while it should have been there,
    /// if there was any. No fault makes one: then the harness has failed.
    pub(crate) fn upstream_failure(&self) -> Option<&str> {
        self.upstream_failure.as_deref()
    }

    /// Notes which strikes ended one side of their connection alone, as far as the
    /// proxy does not tell of it: it may still hold the other.
    pub(super) fn note_ends(&mut self, plan: &Plan) {
        for strike in &self.strikes {
            let mut rules = plan.rules().iter();
            let rule = rules.find(|rule| rule.name == strike.rule);
            let connections = self.by_client.get_mut(&strike.client);
            let connection = connections.and_then(|all| all.get_mut(&strike.attempt));
            let Some((rule, connection)) = rule.zip(connection) else {
                continue;
            };
            if rule.fault.resets_client() {
                connection.reset.get_or_insert(strike.at);
            }
            if rule.fault.ends() == Some(Side::Server) {
                let severed = connection.severed_by(&rule.fault, strike.at);
                connection.severed = connection.severed.or(severed);
            }
        }
    }

    /// Notes a message that a rule made.
    pub(super) fn note_own(&mut self, own: &OwnMessage) {
        let connections = self.by_client.get_mut(&own.client);
        if let Some(connection) = connections.and_then(|all| all.get_mut(&own.attempt)) {
            connection.told.push(own.at);
        }
    }

    /// A connection whose answer a rule damaged on its way was open only if its client
    /// says so: of one that refuses the answer, nothing of it was data.
    pub(super) fn doubt_openings(&mut self, is_told_open: impl Fn(&str, Moment) -> bool) {
        for (client, connections) in &mut self.by_client {
            for connection in connections.values_mut() {
                let is_damaged = connection
                    .opened
                    .is_some_and(|at| connection.is_damaged(at));
                if is_damaged && !is_told_open(client, connection.accepted) {
                    connection.never_open();
                }
            }
        }
    }

    /// When each live connection of a client began and ended.
    pub fn live(&self, client: &str, end: Moment) -> Vec<(Moment, Moment)> {
        self.of(client).filter_map(|c| c.live(end)).collect()
    }

    /// How many connections the clients had then, and had not left.
    pub fn held(&self, at: Moment) -> usize {
        let all = self.by_client.values().flat_map(BTreeMap::values);
        all.filter(|connection| connection.spans(at, at)).count()
    }

    pub(super) fn fold(&mut self, entry: &Entry) {
        let Body::Proxy {
            client,
            attempt,
            what,
        } = &entry.body
        else {
            return self.note_server(entry);
        };
        match what {
            EventKind::Accepted => self.accept(client, *attempt, entry.at),
            EventKind::Struck {
                rule,
                occurrence,
                planned_us,
                actual_us,
                ..
            } => self.strike(Strike {
                at: entry.at,
                client: Arc::clone(client),
                attempt: *attempt,
                rule: rule.clone(),
                occurrence: *occurrence,
                planned: planned_us.map(Duration::from_micros),
                actual: Duration::from_micros(*actual_us),
                healed: None,
            }),
            EventKind::UpstreamFailed { error } => {
                // On a busy machine a dial to a server that was away may fail long after
                // that is back.
                let dialled = self.get(client, *attempt).map(|own| own.accepted);
                if self.server.is_reachable(dialled.unwrap_or(entry.at)) {
                    self.upstream_failure.get_or_insert_with(|| error.clone());
                }
            }
            EventKind::Powerless { rule, reason } => self.powerless.push(Powerless {
                client: Arc::clone(client),
                attempt: *attempt,
                rule: rule.clone(),
                reason: reason.clone(),
            }),
            EventKind::Healed { rule, occurrence } => {
                self.heal(client, *attempt, rule, *occurrence, entry.at);
            }
            other => self.change(client, *attempt, other, entry.at),
        }
    }

    fn note_server(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Harness(Mark::ServerDown { .. }) => self.server = Server::Away,
            Body::Harness(Mark::ServerUp { .. }) => self.server = Server::Back(entry.at),
            _ => {}
        }
    }

    fn accept(&mut self, client: &Arc<str>, attempt: u64, at: Moment) {
        let connections = self.by_client.entry(Arc::clone(client)).or_default();
        connections.insert(attempt, Connection::new(attempt, at));
    }

    fn strike(&mut self, strike: Strike) {
        let client = Arc::clone(&strike.client);
        let key = (
            client,
            strike.attempt,
            strike.rule.clone(),
            strike.occurrence,
        );
        self.struck.insert(key, self.strikes.len());
        self.strikes.push(strike);
    }

    fn heal(&mut self, client: &Arc<str>, attempt: u64, rule: &str, occurrence: u64, at: Moment) {
        let key = (Arc::clone(client), attempt, rule.to_owned(), occurrence);
        if let Some(index) = self.struck.get(&key) {
            self.strikes[*index].healed = Some(at);
        }
    }

    fn change(&mut self, client: &str, attempt: u64, what: &EventKind, at: Moment) {
        let connections = self.by_client.get_mut(client);
        let Some(connection) = connections.and_then(|all| all.get_mut(&attempt)) else {
            return;
        };
        match what {
            EventKind::TlsEstablished {
                peer: Peer::Client, ..
            } => {
                connection.secured.get_or_insert(at);
            }
            EventKind::FirstData => {
                connection.first_data.get_or_insert(at);
            }
            EventKind::Resumed => connection.resumed.push(at),
            EventKind::AnswerComplete => connection.answers.push(at),
            EventKind::Upgraded { status: 101 } => {
                connection.opened.get_or_insert(at);
            }
            EventKind::Withheld { .. } | EventKind::Destroyed { .. } => {
                connection.losses.note(what);
            }
            EventKind::Ended { .. } => {
                connection.ended.get_or_insert(at);
            }
            EventKind::PeerEnded { peer, .. } => {
                let ended = match peer {
                    Peer::Client => &mut connection.left,
                    Peer::Server => &mut connection.server_left,
                };
                ended.get_or_insert(at);
            }
            EventKind::Closed { .. } => {
                connection.closed.get_or_insert(at);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::Observations;
    use crate::journal::builder::{JournalBuilder, ms};

    #[test]
    fn only_a_server_that_should_be_there_is_missed() {
        let failed = |(accepted, at)| {
            let what = EventKind::UpstreamFailed {
                error: "refused".into(),
            };
            let story = JournalBuilder::new()
                .server_down("kill", 100)
                .server_up("kill", 500)
                .accepted("c1", 1, accepted)
                .proxy("c1", 1, what, at);
            let observed = Observations::of(&story.entries());
            observed.connections.upstream_failure().is_some()
        };
        let while_there = [(0, 99), (751, 751), (751, 3000)];
        assert_eq!(while_there.map(failed), [true; 3]);
        let while_away = [(0, 101), (200, 499), (750, 750), (750, 3000)];
        assert_eq!(while_away.map(failed), [false; 4]);
    }

    #[test]
    fn a_heal_belongs_to_its_own_strike() {
        let story = JournalBuilder::new()
            .connected("c1", 1, 0, 10)
            .struck("c1", 1, "a", 100)
            .struck("c1", 1, "b", 100)
            .healed("c1", 1, "a", 400);
        let observed = Observations::of(&story.entries());
        let healed = observed.connections.strikes().iter().map(|s| s.healed);
        assert!(healed.eq([Some(ms(400)), None]));
    }
}
