//! Connections and strikes as the proxy saw them.
//!
//! Invariant: a connection that was never accepted does not exist here; what
//! is told about one (with a broken journal) is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{EventKind, Fault, Peer, Plan, Side};
use environment::Moment;

use super::frames::OwnMessage;
use super::losses::{Loss, Losses, UNFELT};

use crate::journal::{Body, Entry, Mark};

/// One accepted connection of a client's own listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its number for this client, from 1 in accept order.
    pub attempt: u64,
    /// When it was accepted.
    pub accepted: Moment,
    /// When its client had come to the end of the handshake of TLS.
    pub secured: Option<Moment>,
    /// When the first data of the server was delivered to the client.
    pub first_data: Option<Moment>,
    /// When the server's answer 101 was delivered.
    pub opened: Option<Moment>,
    /// When data was first delivered after a fault had let go, each time.
    pub resumed: Vec<Moment>,
    /// When the end of an answer of HTTP with data in it was delivered, each time.
    pub answers: Vec<Moment>,
    /// What rules took from it.
    pub losses: Losses,
    /// When a message that a rule made went to the client: a sign of life, and
    /// nobody's data.
    pub told: Vec<Moment>,
    /// When FIN or RST went to the client.
    pub ended: Option<Moment>,
    /// The server's first FIN, RST or Close.
    pub server_left: Option<Moment>,
    /// The client's first FIN, RST or Close on it, seen even while it is held.
    pub left: Option<Moment>,
    /// When a fault ended the server's side alone: from then on the client hears nothing.
    pub severed: Option<Moment>,
    /// When a fault reset it toward the client.
    pub reset: Option<Moment>,
    /// When nothing was left of it.
    pub closed: Option<Moment>,
}

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

impl Connection {
    /// From its first data until the client left it, or it was gone, or `end`.
    pub fn live(&self, end: Moment) -> Option<(Moment, Moment)> {
        let from = self.first_data?;
        let until = self.gone().unwrap_or(end);
        (until > from).then_some((from, until))
    }

    /// When the client had the connection that it dialled for: the answer 101, or
    /// of what is no WebSocket the first data.
    pub fn opened(&self) -> Option<Moment> {
        self.opened.or(self.first_data)
    }

    /// When data is known to have reached the client, in no order: its first, and
    /// whatever came after something had been taken.
    pub(super) fn data(&self) -> impl Iterator<Item = Moment> {
        let given_back = self.losses.downstream.iter().filter_map(|loss| loss.until);
        let told = self.first_data.iter().chain(&self.resumed);
        let told = told.chain(&self.answers);
        told.copied().chain(given_back)
    }

    /// Whether something that was due to the client is kept from it then.
    pub fn is_deprived(&self, at: Moment) -> bool {
        let losses = &self.losses.downstream;
        let is_severed = self.severed.is_some_and(|severed| severed <= at);
        is_severed || losses.iter().any(|loss| loss.covers(at))
    }

    /// From when on nothing came at the latest, if nothing more was sent from `from`
    /// on: what is still under way behind a rule comes first.
    pub(super) fn silent_from(&self, from: Moment) -> Moment {
        let losses = self.losses.downstream.iter();
        let held = losses.filter(|loss| !loss.is_destroyed && loss.covers(from));
        let out = held.filter_map(|loss| loss.until.or(loss.silent_since()));
        out.fold(from, Moment::max)
    }

    /// The same of a server that goes then: what it says in going, a Close or a FIN,
    /// comes to the proxy a little later and may be held there.
    pub(super) fn silent_without_server(&self, from: Moment) -> Moment {
        let mut said: Vec<&Loss> = self.losses.downstream.iter().collect();
        said.sort_by_key(|loss| loss.from);
        let said = said.into_iter().filter(|loss| !loss.is_destroyed);
        said.fold(self.silent_from(from), |silent, loss| {
            let is_behind = from <= loss.from && loss.from <= silent + UNFELT;
            let out = loss.until.or(loss.silent_since());
            out.filter(|_| is_behind)
                .map_or(silent, |out| out.max(silent))
        })
    }

    /// What rules told the client from `from` on while it had this connection: behind
    /// what is kept from it then.
    pub(super) fn told_from(&self, from: Moment) -> impl Iterator<Item = Moment> {
        let told = self.told.iter().map(|at| self.silent_from(*at));
        let end = self.end();
        told.filter(move |at| *at > from && end.is_none_or(|end| *at < end))
    }

    /// The longest part of a silence between what rules told the client in it.
    pub(super) fn longest_quiet(
        &self,
        (from, until): (Moment, Option<Moment>),
    ) -> (Moment, Option<Moment>) {
        let told = self.told_from(from);
        let told: Vec<Moment> = told
            .filter(|at| until.is_none_or(|until| *at < until))
            .collect();
        let ends = told.iter().copied().map(Some).chain([until]);
        let begins = [from].into_iter().chain(told.iter().copied());
        let lasts = |(begun, until): &(Moment, Option<Moment>)| {
            let ends = until.iter().copied().chain(self.end());
            ends.min().map_or(Duration::MAX, |end| end.since(*begun))
        };
        begins.zip(ends).max_by_key(lasts).unwrap_or((from, until))
    }

    /// When a fault that struck then ended the server's side of it. A close frame for
    /// the server alone goes behind what is held before it, and until it is there the
    /// server goes on.
    pub(super) fn severed_by(&self, fault: &Fault, at: Moment) -> Moment {
        let goes_behind = matches!(fault, Fault::CloseFrame(it) if it.side == Side::Server);
        let left = self.server_left.filter(|left| goes_behind && *left > at);
        left.unwrap_or(at)
    }

    /// Whether data for the client had been destroyed on it by then: whatever comes
    /// behind that may be of no use to it.
    pub(super) fn is_damaged(&self, at: Moment) -> bool {
        let mut losses = self.losses.downstream.iter();
        losses.any(|loss| loss.is_destroyed && loss.from <= at)
    }

    fn never_open(&mut self) {
        self.opened = None;
        self.first_data = None;
        self.resumed.clear();
        self.answers.clear();
    }

    /// The first end that is the client's or comes to it.
    pub(crate) fn end(&self) -> Option<Moment> {
        let ends = [self.left, self.ended, self.reset, self.closed];
        ends.into_iter().flatten().min()
    }

    /// When it was over for the client.
    pub fn gone(&self) -> Option<Moment> {
        let ends = [self.left, self.reset, self.closed];
        ends.into_iter().flatten().min()
    }

    /// Whether it was there, and its client had not left it, all that time.
    pub fn spans(&self, from: Moment, until: Moment) -> bool {
        self.accepted <= from && self.gone().is_none_or(|gone| gone > until)
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
                let at = connection.severed_by(&rule.fault, strike.at);
                connection.severed.get_or_insert(at);
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
        let connection = Connection {
            attempt,
            accepted: at,
            secured: None,
            first_data: None,
            opened: None,
            resumed: Vec::new(),
            answers: Vec::new(),
            losses: Losses::default(),
            told: Vec::new(),
            ended: None,
            server_left: None,
            left: None,
            severed: None,
            reset: None,
            closed: None,
        };
        let connections = self.by_client.entry(Arc::clone(client)).or_default();
        connections.insert(attempt, connection);
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
    use chaos_proxy::Ending;

    fn live(story: &JournalBuilder) -> Vec<(Moment, Moment)> {
        let observed = Observations::of(&story.entries());
        observed.connections.live("c1", observed.last)
    }

    #[test]
    fn a_connection_is_live_from_its_first_data_until_the_client_leaves() {
        let story = JournalBuilder::new()
            .accepted("c1", 1, 100)
            .first_data("c1", 1, 300);
        let left = story.clone().left("c1", 1, Ending::Reset, 700);
        let both = left.closed("c1", 1, 900);
        assert_eq!(live(&both), [(ms(300), ms(700))]);
        assert_eq!(live(&story.closed("c1", 1, 900)), [(ms(300), ms(900))]);
    }

    #[test]
    fn a_connection_without_data_is_never_live() {
        let story = JournalBuilder::new()
            .accepted("c1", 1, 100)
            .closed("c1", 1, 900);
        assert!(live(&story).is_empty());
    }

    #[test]
    fn the_servers_end_does_not_end_it() {
        let story = JournalBuilder::new().connected("c1", 1, 100, 300);
        let story = story
            .server_left("c1", 1, 500)
            .mark(crate::journal::Mark::Ended, 800);
        assert_eq!(live(&story), [(ms(300), ms(800))]);
    }

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
