//! One proxy: its rules, and its engine while it runs. The one file
//! that speaks to the engine.

use std::net::SocketAddr;
use std::sync::Arc;

use environment::{Environment, Gone, Listener, Moment, Seed};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Script;
use crate::engine::{
    AddedRule, Apply, Config, Control, DIAL_TIMEOUT, Data, OpenConnection, Route, Start, Tell,
    TlsSides, Traffic, control, run,
};
use crate::fault::Fault;
use crate::link::UnderWay;
use crate::rule::Rule;

/// One proxy, whether it runs or not.
#[derive(Debug)]
pub(crate) struct Proxy {
    script: Script,
    /// In the order in which they were first put.
    rules: Vec<StoredRule>,
    engine: Option<Engine>,
    /// What its earlier engines carried.
    past: Traffic,
}

/// An added rule as it is kept, for the next engine and for whoever lists it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRule {
    /// Its name is unique within its proxy.
    pub(crate) added: AddedRule,
    /// As it was asked for in JSON, if it was.
    pub(crate) given: Option<Value>,
}

#[derive(Debug)]
struct Engine {
    address: SocketAddr,
    upstream: String,
    control: Control,
    stop: CancellationToken,
    gone: Gone,
}

impl Proxy {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            rules: Vec::new(),
            engine: None,
            past: Traffic::default(),
        }
    }

    /// How its engine is to run.
    pub(super) fn config(
        &self,
        seed: Seed,
        listener: Listener,
        upstream: &str,
        under_way: UnderWay,
    ) -> Config {
        let plan = self.script.plan(seed);
        Config {
            routes: vec![Route {
                listener,
                client: None,
            }],
            upstream: address_of(upstream).to_owned(),
            tls: self.script.tls.clone(),
            dial_timeout: DIAL_TIMEOUT,
            under_way,
            on_dial_failure: self.script.on_dial_failure,
            frames: self.script.frames || plan.needs_frames(),
            plan,
            apply: Apply::Faults,
            data: Data::default(),
            lists: true,
            start: self.script.start,
            repeat: self.script.repeat,
        }
    }

    pub(super) fn secure(&mut self, tls: TlsSides) {
        self.script.tls = tls;
    }

    /// The engine as a future to be run; it is directed from here on.
    pub(super) fn start(
        &mut self,
        environment: &Environment,
        upstream: &str,
        tell: Tell,
        config: Config,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (control, commands) = control();
        let stop = CancellationToken::new();
        self.engine = config.routes.first().map(|route| Engine {
            address: route.listener.local_addr(),
            upstream: upstream.to_owned(),
            control,
            stop: stop.clone(),
            gone: route.listener.gone(),
        });
        run(environment.clone(), config, commands, tell, stop)
    }

    /// Puts a new engine under the rules that were added.
    pub(super) async fn put_all(&mut self, now: Moment) {
        let Some(engine) = &self.engine else { return };
        if self.script.start == Start::OnCommand {
            engine.control.begin(now).await;
        }
        self.rules.retain(|stored| stored.is_in_force(now));
        for stored in &self.rules {
            engine.put(&stored.added, now).await;
        }
    }

    pub(super) async fn stop(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            self.past = Traffic {
                open: 0,
                ..self.past + engine.control.traffic()
            };
            engine.stop.cancel();
            engine.gone.wait().await;
        }
    }

    pub(super) async fn put(&mut self, stored: StoredRule, now: Moment) {
        if let Some(engine) = &self.engine {
            engine.put(&stored.added, now).await;
        }
        // Those that have ended by themselves are forgotten by and by.
        self.rules.retain(|stored| stored.is_in_force(now));
        let is_same = |old: &&mut StoredRule| old.added.rule.name == stored.added.rule.name;
        match self.rules.iter_mut().find(is_same) {
            Some(old) => *old = stored,
            None => self.rules.push(stored),
        }
    }

    pub(super) async fn remove(&mut self, rule: &str) -> bool {
        let Some(index) = self
            .rules
            .iter()
            .position(|old| old.added.rule.name == rule)
        else {
            return false;
        };
        self.rules.remove(index);
        if let Some(engine) = &self.engine {
            engine.control.remove(rule).await;
        }
        true
    }

    /// The added rules that are in force at `now`, in the order in which they were put.
    pub(crate) fn added(&self, now: Moment) -> impl Iterator<Item = &StoredRule> {
        let rules = self.rules.iter();
        rules.filter(move |stored| stored.is_in_force(now))
    }

    /// Where it listens and where it leads to, while it runs.
    pub(crate) fn route(&self) -> Option<(SocketAddr, &str)> {
        let engine = self.engine.as_ref()?;
        Some((engine.address, engine.upstream.as_str()))
    }

    /// Its open connections.
    pub(crate) fn connections(&self) -> Vec<OpenConnection> {
        let engine = self.engine.as_ref();
        engine.map_or_else(Vec::new, |engine| engine.control.connections())
    }

    /// What it has carried, open connections included.
    pub(crate) fn traffic(&self) -> Traffic {
        let engine = self.engine.as_ref();
        engine.map_or(self.past, |engine| self.past + engine.control.traffic())
    }

    /// Does this to one open connection; whether it is there.
    pub(crate) async fn strike(&self, connection: u64, fault: Fault) -> bool {
        match &self.engine {
            Some(engine) => engine.control.strike(connection, fault).await,
            None => false,
        }
    }

    /// Lets one connection go of what [`Proxy::strike`] holds; whether there
    /// was anything.
    pub(crate) async fn release(&self, connection: u64) -> bool {
        match &self.engine {
            Some(engine) => engine.control.release(connection).await,
            None => false,
        }
    }

    /// Whether its script has frames watched.
    pub(crate) fn watches_frames(&self) -> bool {
        // The seed changes nothing about what rules need.
        self.script.frames || self.script.plan(Seed(0)).needs_frames()
    }

    /// What it does by itself.
    pub(crate) fn script(&self) -> &Script {
        &self.script
    }
}

impl StoredRule {
    /// Without `until` it stands until it is taken away.
    pub(crate) fn new(rule: Rule, owner: &str, until: Option<Moment>) -> Self {
        let added = AddedRule {
            rule: Arc::new(rule),
            owner: Arc::from(owner),
            until,
        };
        Self { added, given: None }
    }

    fn is_in_force(&self, now: Moment) -> bool {
        self.added.until.is_none_or(|until| now < until)
    }
}

/// What is dialled.
fn address_of(upstream: &str) -> &str {
    upstream.strip_prefix("tls://").unwrap_or(upstream)
}

impl Engine {
    async fn put(&self, added: &AddedRule, now: Moment) {
        let lasting = added.until.map(|until| until.since(now));
        let rule = Rule::clone(&added.rule);
        // Refused only if a rule of the scenario has the name; who puts a rule
        // here has looked for that.
        let _ = self.control.put(rule, &added.owner, lasting).await;
    }
}
