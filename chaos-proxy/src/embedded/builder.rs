//! A proxy that is yet to be started.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use environment::text::{Diagnostics, Source};
use environment::{Environment, Listener, Observer, Seed};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Injector;
use super::names::Names;
use super::{ChaosProxy, StartError};
use crate::engine::{Apply, Config, DIAL_TIMEOUT, Data, Route, Start, Tell, control, run};
use crate::event::Event;
use crate::fault::How;
use crate::file::read_faults;
use crate::link::UnderWay;
use crate::plan::{FOR_EVER, Plan};
use crate::rule::Rule;
use crate::upstream;

/// A proxy that is yet to be started; see [`ChaosProxy::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    upstream: Option<String>,
    listen: SocketAddr,
    seed: Seed,
    rules: Vec<Rule>,
    texts: Vec<String>,
    frames: bool,
    under_way: UnderWay,
    events: Observer<Event>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            upstream: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: Seed(1),
            rules: Vec::new(),
            texts: Vec::new(),
            frames: true,
            under_way: UnderWay::default(),
            events: Observer::none(),
        }
    }

    /// Where the server is, as `host:port`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an address is given as what `local_addr` returned"
    )]
    pub fn upstream(mut self, upstream: impl ToString) -> Self {
        self.upstream = Some(upstream.to_string());
        self
    }

    /// Where to listen instead; port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The seed of every draw; 1 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// A rule; t = 0 is when the proxy starts.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Rules as in a scenario file: `[[fault]]` tables.
    pub fn rules(mut self, toml: &str) -> Self {
        self.texts.push(toml.to_owned());
        self
    }

    /// Does not look into WebSockets: for other streams, at full speed. Rules
    /// about frames can then do nothing.
    pub fn without_frames(mut self) -> Self {
        self.frames = false;
        self
    }

    /// How many bytes may be under way in delays, of each direction of a connection
    /// and of all together; beyond that the sender waits. 32 MiB and 256 MiB by
    /// default; each direction may have 256 KiB in any case.
    pub fn delay_buffer(mut self, each: usize, total: usize) -> Self {
        self.under_way = UnderWay::new(each, total);
        self
    }

    /// Who is told of every event: called in the order in which they happen, from
    /// the task that they happen in. It must be quick and must not wait.
    pub fn events(mut self, listen: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.events = Observer::new(listen);
        self
    }

    /// Starts it; when this returns, the port is open and the rules are in force.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(self) -> Result<ChaosProxy, StartError> {
        let environment = Environment::real();
        let rules = self.all_rules()?;
        let names = Names::planned(&rules);
        let upstream = upstream_of(self.upstream)?;
        let (listener, address) = listen(&environment, self.listen)?;
        let config = Config {
            routes: vec![Route {
                listener,
                client: None,
            }],
            upstream,
            tls: Default::default(),
            dial_timeout: DIAL_TIMEOUT,
            under_way: self.under_way,
            on_dial_failure: How::Reset,
            plan: Plan::new(rules, None, self.seed, FOR_EVER),
            apply: Apply::Faults,
            frames: self.frames,
            data: Data::default(),
            lists: true,
            start: Start::OnCommand,
            repeat: false,
        };
        let tell = Tell {
            events: self.events,
            decisions: Observer::none(),
        };
        let (control, commands) = control();
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        // Before the first await: a caller that drops the future leaves nothing behind.
        let stop = shutdown.clone().drop_guard();
        let clock = environment.clock.clone();
        tasks.spawn(run(environment, config, commands, tell, shutdown.clone()));
        control.begin(clock.now()).await;
        Ok(ChaosProxy {
            address,
            injector: Injector::new(control.clone(), names, shutdown),
            control,
            tasks,
            stop,
        })
    }

    /// The rules that were given as values, then those of the texts.
    fn all_rules(&self) -> Result<Vec<Rule>, StartError> {
        let mut rules = self.rules.clone();
        if let Some(mistake) = rules.iter().find_map(Rule::mistake) {
            return Err(StartError::Rules(mistake));
        }
        for text in &self.texts {
            let source = Source::new("rules", text.clone());
            let rendered = |mistakes: Diagnostics| StartError::Rules(mistakes.render(&source));
            rules.extend(read_faults(&source).map_err(rendered)?.rules);
        }
        let mut names = BTreeSet::new();
        match rules.iter().find(|rule| !names.insert(&rule.name)) {
            Some(rule) => Err(StartError::Rules(format!(
                "two faults are called `{}`: a name decides its random choices, so it must be unique; without `name` it is the fault's word",
                rule.name.escape_debug()
            ))),
            None => Ok(rules),
        }
    }
}

fn upstream_of(given: Option<String>) -> Result<String, StartError> {
    let upstream = given.ok_or(StartError::NoUpstream)?;
    match upstream::mistake(&upstream) {
        Some(reason) => Err(StartError::Upstream { upstream, reason }),
        None => Ok(upstream),
    }
}

fn listen(
    environment: &Environment,
    address: SocketAddr,
) -> Result<(Listener, SocketAddr), StartError> {
    let listening = environment.network.listen(address);
    let listener = listening.map_err(|source| StartError::Listen { address, source })?;
    let address = listener.local_addr();
    Ok((listener, address))
}
