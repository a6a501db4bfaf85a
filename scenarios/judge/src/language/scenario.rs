//! A scenario, ready to run.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_proxy::{Pattern, Plan, Rule, When};
use client_sim::{ClientsConfig, Flaw};
use environment::text::{Diagnostics, Source, Span};
use environment::{Direction, Seed};

use super::action::{Action, ClientAction};
use super::address::{Address, Scheme};
use super::client_options::ClientOptions;
use super::expect::Expectation;
use super::own_server::OwnServer;
use super::proof::Proof;
use super::read::{Mistakes, read_for};
use super::server_event::ServerEvent;
use super::situation::Situation;
use crate::definitions::ClientFigures;
use crate::subject::{Ability, Traits};

/// What a file says, checked.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Unique, and safe as a folder's name.
    pub id: String,
    /// Where the file says so.
    pub(super) id_span: Span,
    /// The case that it covers; the id up to its first `-` if the file is silent.
    pub case: String,
    /// What a good client does, in a sentence; the id if the file is silent.
    pub title: String,
    /// What goes wrong otherwise.
    pub why: String,
    /// Where it was seen.
    pub source: String,
    /// The file's own seed.
    pub seed: Option<Seed>,
    /// From t = 0 until everything is healed.
    pub duration: Duration,
    /// From the heal until the clients are judged to have settled.
    pub settle: Duration,
    /// When t = 0 is.
    pub start: Start,
    /// How long clients may take to have their first message.
    pub start_within: Duration,
    /// What a client must be able to do.
    pub requires: BTreeSet<Ability>,
    /// What a client may come to for the better.
    pub outcomes: BTreeSet<Outcome>,
    /// The built-in server, if the file has none of its own.
    pub server: ticker_server::Config,
    /// The server that takes its place.
    pub own_server: Option<OwnServer>,
    /// What the file wants of the ticker and the server of the client's own, which
    /// takes its place, does not obey; in words.
    pub unobeyed: Option<String>,
    /// What a message of the server must say to be data; without it any message is.
    pub data: Option<Pattern>,
    /// The clients.
    pub clients: ClientsConfig,
    /// Whether they dial by TLS, whatever the server speaks.
    pub clients_tls: bool,
    /// What custom clients are told besides.
    pub client_options: ClientOptions,
    /// What goes wrong.
    pub rules: Vec<Rule>,
    /// User actions, in the order of the file.
    pub actions: Vec<Action>,
    /// What befalls the server, by time; no two at once.
    pub server_events: Vec<ServerEvent>,
    /// What must have come about for a run to say anything.
    pub situation: Vec<Situation>,
    /// What must hold; never empty.
    pub expect: Vec<Expectation>,
    /// The flaw that this scenario must catch.
    pub proof: Option<Proof>,
    /// What the file is called in what is said of it.
    pub name: String,
    /// The file as it was read, to be kept with what comes of it.
    pub text: String,
}

/// What a client comes to after what was done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is back, as the file expects it.
    Recovered,
    /// It says that it will not reconnect by itself.
    GaveUp,
}

/// When t = 0 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// When every client has had its first message.
    FirstMessage,
    /// Before the clients start: for faults on the first connect.
    FirstDial,
}

impl Scenario {
    /// `c1` to `cN`.
    pub fn client_names(&self) -> Vec<String> {
        names(self.clients.count)
    }

    /// Where the file says something that only real time can do, if it does: a
    /// custom server.
    pub(crate) fn needs_real_time(&self) -> Option<Span> {
        self.own_server.as_ref().map(|own| own.span.clone())
    }

    /// Why the file's server can be run in real time only, if it can: what
    /// nobody here has made goes by its own clock.
    pub fn only_in_real_time(&self) -> Option<String> {
        let span = self.needs_real_time()?;
        Some(self.objection(
            span,
            "a custom server runs in real time only",
            "leave `--time virtual` out, or take the ticker",
        ))
    }

    /// An error at a place of the file, which only the rest of the command line
    /// makes one: as `FILE:LINE:COLUMN: message`, with the line.
    pub fn objection(&self, span: Span, message: &str, help: &str) -> String {
        let diagnostics = Diagnostics::new();
        diagnostics.error_with_help(span, message, help);
        diagnostics.render(&Source::new(self.name.clone(), self.text.clone()))
    }

    /// Why the simulated client cannot be run against the file's server, if it
    /// cannot.
    pub fn unsuited_to_sim(&self) -> Option<String> {
        let own = self.own_server.as_ref()?;
        let speaks = match own.address().scheme {
            Scheme::WebSocket => return None,
            Scheme::Http => "speaks HTTP",
            Scheme::Tcp => "is plain TCP",
        };
        Some({
            let message =
                format!("the simulated client speaks WebSocket only, and this server {speaks}");
            self.objection(
                own.span.clone(),
                &message,
                "test a client of its protocol: --client NAME, or a folder with a client.toml",
            )
        })
    }

    /// Whether clients open connections by an upgrade.
    pub fn is_websocket(&self) -> bool {
        let own = self.own_server.as_ref();
        own.is_none_or(|own| own.address().scheme == Scheme::WebSocket)
    }

    /// The same file, as it is for such a client.
    ///
    /// # Errors
    /// What is wrong with it under the client's figures.
    pub fn fitted(&self, subject: Option<&Traits>) -> Result<Self, Mistakes> {
        read_for(&Source::new(self.name.clone(), self.text.clone()), subject)
    }

    /// What a client is to dial, by way of this `host:port`, over TLS or not.
    pub fn url(&self, server: Option<&Address>, authority: &str, is_tls: bool) -> String {
        match server {
            Some(address) => address.through(authority, is_tls),
            None => format!("{}://{authority}/ws", Scheme::WebSocket.word(is_tls)),
        }
    }

    /// Whether no fault and no server event disturbs the run: a baseline.
    pub fn is_undisturbed(&self) -> bool {
        self.rules.is_empty() && self.server_events.is_empty()
    }

    /// The checks that the case is about, one of which must be judged: what its
    /// proof fails, or else all that is expected.
    pub fn defining(&self) -> Vec<&'static str> {
        let expected = || self.expect.iter().map(|expected| expected.name());
        let proven = self.proof.as_ref().map(|proof| proof.fails);
        // Other expectations may have taken the place of the file's.
        match proven.filter(|fails| expected().any(|name| name == *fails)) {
            Some(fails) => vec![fails],
            None => expected().collect(),
        }
    }

    /// Whether this is a good outcome, too.
    pub fn accepts(&self, outcome: Outcome) -> bool {
        self.outcomes.contains(&outcome)
    }

    /// What such a client cannot do and without which the run is another: what
    /// the file requires, and what it tells clients to do. Whoever is not told to
    /// dial at once comes back when he likes; without `stop`, `pause` and
    /// `resume`, where they are not required, only their own checks are blind.
    pub fn missing_ability(&self, traits: Option<&Traits>) -> Option<Ability> {
        let acted = self.actions.iter().map(|action| action.deed.ability());
        let is_own =
            |ability: &Ability| matches!(ability, Ability::Stop | Ability::Pause | Ability::Resume);
        let acted = acted.filter(|ability| !is_own(ability));
        let mut wanted = self.requires.iter().copied().chain(acted);
        wanted.find(|ability| !ability.is_of(traits))
    }

    /// A rule about a connection that no client may ever come to, with the number
    /// of that connection: nothing in the file ends one before it.
    pub fn out_of_reach(&self) -> Vec<(&str, u64)> {
        let first = |rule: &Rule| match &rule.when {
            When::On { condition, .. } => condition.attempts.first,
            When::Timed { .. } => 1,
        };
        let moves = |action: &Action| {
            !matches!(
                action.deed,
                ClientAction::Pause | ClientAction::Resume | ClientAction::Send
            )
        };
        // Custom servers and clients may end connections by themselves.
        let may_end = self.own_server.is_some()
            || !self.server_events.is_empty()
            || self.actions.iter().any(moves);
        let ended_before = |number: u64| {
            let mut rules = self.rules.iter();
            rules.any(|rule| first(rule) < number && !rule.fault.is_mild())
        };
        let rules = self
            .rules
            .iter()
            .map(|rule| (rule.name.as_str(), first(rule)));
        rules
            .filter(|(_, number)| *number > 1 && !may_end && !ended_before(*number))
            .collect()
    }

    /// The rules expanded by a seed.
    pub fn plan(&self, seed: Seed) -> Plan {
        let names = self.client_names();
        Plan::new(self.rules.clone(), Some(&names), seed, self.duration)
    }

    /// The file's flaws and these.
    pub fn flaws(&self, more: &BTreeSet<Flaw>) -> BTreeSet<Flaw> {
        self.clients.behaviour.flaws.union(more).copied().collect()
    }

    /// From the heal until such a client is judged to have settled: the file's
    /// time, or what the client asks for if that is longer.
    pub fn settle_of(&self, traits: Option<&Traits>) -> Duration {
        /// For what no timer says: a dial, an upgrade, a busy machine.
        const MARGIN: Duration = Duration::from_secs(1);
        let asked = traits.and_then(|traits| self.time_to_be_back(traits));
        self.settle
            .max(asked.map_or(Duration::ZERO, |time| time + MARGIN))
    }

    /// How long such a client asks for until all is as it should be. Its
    /// liveness counts where a fault leaves it nothing else to notice.
    pub(crate) fn time_to_be_back(&self, traits: &Traits) -> Option<Duration> {
        let mut rules = self.rules.iter();
        let is_silent =
            rules.any(|rule| rule.fault.silences_client() || rule.fault.leaves_one_side_open());
        let silence = traits.liveness().filter(|_| is_silent);
        let liveness = silence.max(self.time_until_unheard(traits));
        let asked = liveness.into_iter().chain(traits.settle());
        asked.reduce(|liveness, settle| liveness + settle)
    }

    /// How long such a client takes to notice that what it sends does not arrive, if
    /// the case has that.
    pub(crate) fn time_until_unheard(&self, traits: &Traits) -> Option<Duration> {
        let up = Direction::Upstream;
        let mut faults = self.rules.iter().map(|rule| &rule.fault);
        let is_unheard = faults.any(|fault| fault.withholds(up) || fault.destroys(up));
        traits.upstream_liveness().filter(|_| is_unheard)
    }

    /// What is known of these clients; of how long dials of somebody else's take who
    /// does not declare it the file is the only word.
    pub(crate) fn client_figures(&self, subject: Option<&Traits>) -> ClientFigures {
        let of_file = self.clients.behaviour.connect_timeout_cap;
        let declared = subject.and_then(Traits::dial_bound);
        ClientFigures {
            dial_bound: declared.unwrap_or(subject.map_or(of_file, |_| Duration::MAX)),
            longest_dial: declared.unwrap_or(of_file),
            await_answers: subject.and_then(Traits::upstream_liveness).is_some(),
        }
    }

    /// How long a connection must last for its client to be back: from one to
    /// five seconds, by the first delay, so that a client which is thrown out
    /// again each time has not come back.
    pub(crate) fn time_to_stay(&self, subject: Option<&Traits>) -> Duration {
        const SHORTEST: Duration = Duration::from_secs(1);
        const LONGEST: Duration = Duration::from_secs(5);
        let declared = subject.and_then(Traits::first_delay);
        let first = declared.unwrap_or(self.clients.behaviour.reconnect.base);
        first.saturating_mul(2).clamp(SHORTEST, LONGEST)
    }

    /// Longer than everything that a reference client may wait for after a heal.
    pub(super) fn default_settle(&self) -> Duration {
        /// For what no timer says: a dial, an upgrade, a starved machine.
        const MARGIN: Duration = Duration::from_secs(1);
        let behaviour = &self.clients.behaviour;
        let mut timers = vec![
            behaviour.reconnect.cap,
            behaviour.connect_timeout_cap,
            behaviour.liveness,
            self.server.tick,
            self.server.heartbeat,
        ];
        if self
            .rules
            .iter()
            .any(|rule| rule.fault.leaves_one_side_open())
        {
            timers.push(self.server.ping_every + self.server.pong_within);
        }
        timers.extend(self.expect.iter().filter_map(Expectation::within));
        timers.into_iter().max().unwrap_or_default() + MARGIN
    }
}

/// `c1` to `cN`.
pub(super) fn names(count: u32) -> Vec<String> {
    (1..=count).map(|number| format!("c{number}")).collect()
}
