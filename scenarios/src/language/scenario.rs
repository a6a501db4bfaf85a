//! A scenario, ready to run.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_proxy::{Plan, Rule};
use client_sim::{ClientsConfig, Flaw};
use environment::Seed;
use environment::text::Span;

use super::action::Action;
use super::expect::Expectation;
use super::proof::Proof;
use super::server_event::ServerEvent;
use crate::subjects::Ability;

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
    /// The specimen server.
    pub server: ticker_server::Config,
    /// The clients.
    pub clients: ClientsConfig,
    /// What goes wrong.
    pub rules: Vec<Rule>,
    /// What the person at the client does, in the order of the file.
    pub actions: Vec<Action>,
    /// What befalls the server, by time; no two at once.
    pub server_events: Vec<ServerEvent>,
    /// What must hold; never empty.
    pub expect: Vec<Expectation>,
    /// The flaw that this scenario must catch.
    pub proof: Option<Proof>,
    /// The file as it was read, to be kept with what comes of it.
    pub text: String,
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

    /// The rules expanded by a seed.
    pub fn plan(&self, seed: Seed) -> Plan {
        let names = self.client_names();
        Plan::new(self.rules.clone(), Some(&names), seed, self.duration)
    }

    /// The file's flaws and these.
    pub fn flaws(&self, more: &BTreeSet<Flaw>) -> BTreeSet<Flaw> {
        self.clients.behaviour.flaws.union(more).copied().collect()
    }

    /// Longer than everything that a sound client may wait for after a heal.
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
