//! One proxy of a hub: its rules, and its engine while it runs. The one file
//! that speaks to the engine.

use std::time::Duration;

use environment::{Environment, Gone, Listener, Moment, Seed};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Script;
use crate::engine::{Apply, Config, Control, Route, Start, Tell, control, run};
use crate::rule::Rule;

/// How long a dial to an upstream may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(crate) struct Member {
    script: Script,
    /// In the order in which they were first put.
    rules: Vec<Standing>,
    engine: Option<Engine>,
}

/// A rule that somebody put while the proxy was there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// Its name is unique within its proxy.
    pub(crate) rule: Rule,
    /// Who put it.
    pub(crate) owner: String,
    /// When it ends by itself; `None`: never.
    pub(crate) until: Option<Moment>,
    /// As it was asked for in JSON, if it was.
    pub(crate) given: Option<Value>,
}

#[derive(Debug)]
struct Engine {
    control: Control,
    stop: CancellationToken,
    gone: Gone,
}

impl Member {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            rules: Vec::new(),
            engine: None,
        }
    }

    /// The engine as a future to be run; it is directed from here on.
    pub(super) fn start(
        &mut self,
        environment: &Environment,
        seed: Seed,
        tell: Tell,
        listener: Listener,
        upstream: &str,
    ) -> impl Future<Output = ()> + Send + use<> {
        let plan = self.script.plan(seed);
        let (control, commands) = control();
        let stop = CancellationToken::new();
        self.engine = Some(Engine {
            control,
            stop: stop.clone(),
            gone: listener.gone(),
        });
        let config = Config {
            routes: vec![Route {
                listener,
                client: None,
            }],
            upstream: upstream.to_owned(),
            dial_timeout: DIAL_TIMEOUT,
            frames: self.script.frames || plan.needs_frames(),
            plan,
            apply: Apply::Faults,
            lists: true,
            start: self.script.start,
            repeat: self.script.repeat,
        };
        run(environment.clone(), config, commands, tell, stop)
    }

    /// Puts a new engine under the rules that stand.
    pub(super) async fn stand_again(&mut self, now: Moment) {
        let Some(engine) = &self.engine else { return };
        if self.script.start == Start::OnCommand {
            engine.control.begin(now).await;
        }
        self.rules.retain(|standing| standing.is_in_force(now));
        for standing in &self.rules {
            engine.put(standing, now).await;
        }
    }

    pub(super) async fn stop(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            engine.stop.cancel();
            engine.gone.wait().await;
        }
    }

    pub(super) async fn put(&mut self, standing: Standing, now: Moment) {
        if let Some(engine) = &self.engine {
            engine.put(&standing, now).await;
        }
        let is_same = |old: &&mut Standing| old.rule.name == standing.rule.name;
        match self.rules.iter_mut().find(is_same) {
            Some(old) => *old = standing,
            None => self.rules.push(standing),
        }
    }

    pub(super) async fn remove(&mut self, rule: &str) -> bool {
        let Some(index) = self.rules.iter().position(|old| old.rule.name == rule) else {
            return false;
        };
        self.rules.remove(index);
        if let Some(engine) = &self.engine {
            engine.control.remove(rule).await;
        }
        true
    }

    /// The rules that stand at `now`, in the order in which they were put.
    pub(crate) fn standing(&self, now: Moment) -> impl Iterator<Item = &Standing> {
        self.rules
            .iter()
            .filter(move |standing| standing.is_in_force(now))
    }

    /// What it does by itself.
    pub(crate) fn script(&self) -> &Script {
        &self.script
    }
}

impl Standing {
    fn is_in_force(&self, now: Moment) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Engine {
    async fn put(&self, standing: &Standing, now: Moment) {
        let lasting = standing.until.map(|until| until.since(now));
        let put = self
            .control
            .put(standing.rule.clone(), &standing.owner, lasting);
        // Refused only if a rule of the scenario has the name; who puts a rule
        // here has looked for that.
        let _ = put.await;
    }
}
