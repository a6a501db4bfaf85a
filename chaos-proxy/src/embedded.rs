//! The proxy inside a program, such as a test: started in one expression, with
//! faults that heal when their guard is dropped.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use environment::text::{Diagnostics, Source};
use environment::{Environment, Observer, Seed};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::engine::{Apply, Config, Control, OpenConnection, Route, Start, Tell, control, run};
use crate::event::Event;
use crate::fault::Fault;
use crate::file::read_faults;
use crate::plan::{FOR_EVER, Plan};
use crate::proxies::DIAL_TIMEOUT;
use crate::rule::{Rule, Target};

/// A running proxy on a port of its own. It stops when dropped; [`stop`](Self::stop)
/// also waits for that.
///
/// ```
/// use std::io::ErrorKind;
/// use std::time::Duration;
///
/// use chaos_proxy::{ChaosProxy, Fault, Side, Way};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A server: yours.
/// let server = TcpListener::bind("127.0.0.1:0").await?;
///
/// let proxy = ChaosProxy::builder()
///     .upstream(server.local_addr()?)
///     .seed(7)
///     .rules("[[fault]]\non.attempt = 2\ninject.reject = {}")
///     .start()
///     .await?;
///
/// // A client: yours. It dials the proxy instead of the server.
/// let mut client = TcpStream::connect(proxy.address()).await?;
/// let (mut served, _) = server.accept().await?;
///
/// // The wire is pulled for as long as the guard lives.
/// let pulled = proxy.inject("wire pulled", Fault::Stall(Way::Both)).await;
/// served.write_all(b"price 42").await?;
/// let mut bytes = [0; 8];
/// let early = tokio::time::timeout(Duration::from_millis(100), client.read_exact(&mut bytes));
/// assert!(early.await.is_err(), "nothing passes");
/// pulled.heal().await;
/// client.read_exact(&mut bytes).await?;
/// assert_eq!(&bytes, b"price 42", "and nothing was lost");
///
/// // A reset strikes once, idle connections as well as busy ones.
/// proxy.strike("reset", Fault::Reset(Side::Both)).await;
/// let end = client.read(&mut bytes).await.unwrap_err();
/// assert_eq!(end.kind(), ErrorKind::ConnectionReset);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    control: Control,
    leases: Leases,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    stop: DropGuard,
}

/// Which guard has the rule of a name: the last one that took it.
#[derive(Debug, Clone, Default)]
struct Leases(Arc<Mutex<BTreeMap<String, u64>>>);

impl Leases {
    fn take(&self, name: &str) -> u64 {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = leases.entry(name.to_owned()).or_default();
        *lease += 1;
        *lease
    }

    /// Whether this was still the last one; it is not any more.
    fn end(&self, name: &str, lease: u64) -> bool {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = leases.get_mut(name).filter(|last| **last == lease);
        last.map(|last| *last += 1).is_some()
    }
}

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
    events: Observer<Event>,
}

/// Why a proxy could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody said where the server is.
    #[error("no upstream is given; `upstream(address)` says where the server is")]
    NoUpstream,
    /// The rules have mistakes, each told with its place.
    #[error("the rules have mistakes:\n{0}")]
    Rules(String),
    /// The port could not be had.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A fault that holds until this is dropped, or [`heal`](Self::heal)ed.
#[derive(Debug)]
#[must_use = "the fault is healed when this is dropped"]
pub struct Guard {
    name: String,
    lease: u64,
    leases: Leases,
    control: Control,
    _dropped: DropGuard,
}

impl ChaosProxy {
    /// A proxy without rules, on a free port of 127.0.0.1.
    pub fn builder() -> Builder {
        Builder {
            upstream: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: Seed(1),
            rules: Vec::new(),
            texts: Vec::new(),
            frames: true,
            events: Observer::none(),
        }
    }

    /// Where clients dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything else that can be ordered.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The open connections, with counters that move while they live.
    pub fn connections(&self) -> Vec<OpenConnection> {
        self.control.connections()
    }

    /// Puts every connection under a fault until the guard is dropped. A fault of
    /// the same name takes the place of the one before.
    ///
    /// When this returns, the fault is in force: on what is sent from now on, on
    /// connections that are open as on those to come.
    pub async fn inject(&self, name: &str, fault: Fault) -> Guard {
        self.inject_rule(Rule::by_hand(name, fault, Target::All))
            .await
    }

    /// As [`ChaosProxy::inject`], for a rule: with a chance, or about what
    /// connections do from now on.
    pub async fn inject_rule(&self, rule: Rule) -> Guard {
        let (name, dropped) = (rule.name.clone(), CancellationToken::new());
        let lease = self.leases.take(&name);
        // Refused only if a rule given to the builder has the name: then that
        // one acts at its time.
        let _ = self.control.put(rule, "guard", None).await;
        self.heal_after(dropped.clone(), name.clone(), lease);
        Guard {
            name,
            lease,
            leases: self.leases.clone(),
            control: self.control.clone(),
            _dropped: dropped.drop_guard(),
        }
    }

    /// Dropping cannot wait, so somebody else does.
    fn heal_after(&self, dropped: CancellationToken, name: String, lease: u64) {
        let (control, leases) = (self.control.clone(), self.leases.clone());
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            let is_dropped = shutdown.run_until_cancelled(dropped.cancelled()).await;
            if is_dropped.is_some() && leases.end(&name, lease) {
                control.remove(&name).await;
            }
        });
    }

    /// Strikes every open connection once, as with `Fault::Reset`. When this
    /// returns, nothing that is sent on one of them passes any more.
    pub async fn strike(&self, name: &str, fault: Fault) {
        self.control.inject(name, fault, None).await;
    }

    /// Closes the listener and every connection, and waits until that is done.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Builder {
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

    /// Who is told of every event.
    pub fn events(mut self, events: Observer<Event>) -> Self {
        self.events = events;
        self
    }

    /// Starts it; when this returns, the port is open and the rules are in force.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(self) -> Result<ChaosProxy, StartError> {
        let environment = Environment::real();
        let rules = self.all_rules()?;
        let upstream = self.upstream.ok_or(StartError::NoUpstream)?;
        let address = self.listen;
        let listener = environment
            .network
            .listen(address)
            .map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr();
        let config = Config {
            routes: vec![Route {
                listener,
                client: None,
            }],
            upstream,
            dial_timeout: DIAL_TIMEOUT,
            plan: Plan::new(rules, None, self.seed, FOR_EVER),
            apply: Apply::Faults,
            frames: self.frames,
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
        let clock = environment.clock.clone();
        tasks.spawn(run(environment, config, commands, tell, shutdown.clone()));
        control.begin(clock.now()).await;
        Ok(ChaosProxy {
            address,
            control,
            leases: Leases::default(),
            tasks,
            stop: shutdown.clone().drop_guard(),
            shutdown,
        })
    }

    fn all_rules(&self) -> Result<Vec<Rule>, StartError> {
        let mut rules = self.rules.clone();
        for text in &self.texts {
            let source = Source::new("rules", text.clone());
            let rendered = |mistakes: Diagnostics| StartError::Rules(mistakes.render(&source));
            rules.extend(read_faults(&source).map_err(rendered)?.rules);
        }
        Ok(rules)
    }
}

impl Guard {
    /// Heals the fault, and waits until that is so: what is sent from now on
    /// passes.
    pub async fn heal(self) {
        if self.leases.end(&self.name, self.lease) {
            self.control.remove(&self.name).await;
        }
    }
}
