//! Several proxies by name, over the engine: started, stopped, and put under
//! rules while they run.
//!
//! Invariant: what a proxy is under is known here, whether it runs or not, so a
//! proxy that is stopped and started again is under the same rules. Nothing
//! here waits for a connection: a stopped proxy's connections end by
//! themselves. Used by [`crate::api`] and by the program.

mod event_log;
mod proxy;
mod script;
mod tls;

pub use script::Script;
pub use tls::{TlsSettings, UserAuthority};

pub(crate) use event_log::{Counted, Entry, EventLog, Next};
pub(crate) use proxy::{Proxy, StoredRule};

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use environment::{Environment, Listener, Moment, Observer, Seed};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Config, Tell, TlsSides};
use crate::event::Event;
use crate::link::UnderWay;

/// How long stopping proxies are waited for.
const DRAIN: Duration = Duration::from_secs(5);

/// Who hears what the proxy of that name tells.
type Listen = Arc<dyn Fn(&str) -> Tell + Send + Sync>;

/// The proxies by name, and what happened in them lately.
pub struct Proxies {
    environment: Environment,
    seed: Seed,
    listen: Listen,
    tasks: TaskTracker,
    stop: CancellationToken,
    by_name: BTreeMap<String, Proxy>,
    event_log: EventLog,
    /// Somebody may ask for events and connections.
    is_asked: bool,
    /// WebSocket frames are watched in every proxy.
    is_watching: bool,
    /// How much may be under way in the delays of all of them.
    under_way: UnderWay,
    authority: UserAuthority,
}

impl Proxies {
    /// None yet. `listen` gives, for the name of a proxy, who is
    /// told what happens in it.
    pub fn new(
        environment: Environment,
        seed: Seed,
        listen: impl Fn(&str) -> Tell + Send + Sync + 'static,
    ) -> Self {
        Self {
            environment,
            seed,
            listen: Arc::new(listen),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            by_name: BTreeMap::new(),
            event_log: EventLog::new(),
            is_asked: true,
            is_watching: false,
            under_way: UnderWay::default(),
            authority: UserAuthority::default(),
        }
    }

    /// Without an API nobody asks: neither events nor connections are kept.
    #[must_use]
    pub fn unasked(mut self) -> Self {
        self.is_asked = false;
        self
    }

    /// Watches WebSocket frames in every proxy, so that faults on them can be
    /// added at any time. It costs: what is watched is no longer a mere wire.
    #[must_use]
    pub fn watching_frames(mut self) -> Self {
        self.is_watching = true;
        self
    }

    /// Bounds what may be under way in delays: of each link, and of those of all
    /// proxies together.
    #[must_use]
    pub fn bounded(mut self, under_way: UnderWay) -> Self {
        self.under_way = under_way;
        self
    }

    /// Has certificates signed by this authority.
    #[must_use]
    pub fn signed_by(mut self, authority: UserAuthority) -> Self {
        self.authority = authority;
        self
    }

    /// How TLS is spoken on the two sides of a proxy to come.
    ///
    /// # Errors
    /// As [`UserAuthority::sides`].
    pub fn tls_sides(
        &mut self,
        upstream: &str,
        settings: &TlsSettings,
    ) -> Result<TlsSides, String> {
        self.authority.sides(upstream, settings)
    }

    /// How TLS is spoken on the two sides of a proxy when it is next started.
    pub(crate) fn secure(&mut self, name: &str, tls: TlsSides) {
        if let Some(proxy) = self.by_name.get_mut(name) {
            proxy.secure(tls);
        }
    }

    /// Whether rules about frames can do anything in this proxy.
    pub(crate) fn watches_frames(&self, name: &str) -> bool {
        self.is_watching || self.get(name).is_some_and(Proxy::watches_frames)
    }

    /// Binds an address for a proxy to come. Where the system has no IPv6, all
    /// addresses are all of IPv4.
    ///
    /// # Errors
    /// As the system says it.
    pub fn bind(&self, address: SocketAddr) -> io::Result<Listener> {
        let bound = self.environment.network.listen(address);
        let is_any = address.is_ipv6() && address.ip().is_unspecified();
        match bound {
            Err(error) if is_any && error.kind() != io::ErrorKind::AddrInUse => {
                let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
                self.environment.network.listen(any)
            }
            bound => bound,
        }
    }

    /// Knows a proxy from now on; it does not run yet. Without rules, unless
    /// there was one of that name.
    pub fn add(&mut self, name: &str, script: Script) {
        self.by_name
            .entry(name.to_owned())
            .or_insert_with(|| Proxy::new(script));
    }

    /// Starts a proxy that does not run, under the rules that it has.
    pub async fn start(&mut self, name: &str, listener: Listener, upstream: &str) {
        let tell = self.observe(name);
        let Some(proxy) = self.by_name.get_mut(name) else {
            return;
        };
        let config = proxy.config(self.seed, listener, upstream, self.under_way.clone());
        let config = Config {
            lists: self.is_asked,
            frames: self.is_watching || config.frames,
            ..config
        };
        let service = proxy.start(&self.environment, upstream, tell, config);
        self.tasks.spawn(service);
        proxy.put_all(self.environment.clock.now()).await;
    }

    fn observe(&self, name: &str) -> Tell {
        let tell = (self.listen)(name);
        if !self.is_asked {
            return tell;
        }
        let Tell { events, decisions } = tell;
        let (event_log, name) = (self.event_log.clone(), Arc::from(name));
        let events = Observer::new(move |event: Event| {
            event_log.add(&name, event.clone());
            events.tell(event);
        });
        Tell { events, decisions }
    }

    /// Stops a proxy. When it returns, its port is free; its connections end
    /// at once, but nobody waits for that.
    pub async fn stop(&mut self, name: &str) {
        if let Some(proxy) = self.by_name.get_mut(name) {
            proxy.stop().await;
        }
    }

    /// Stops a proxy and forgets it with its rules.
    pub(crate) async fn forget(&mut self, name: &str) {
        self.stop(name).await;
        self.by_name.remove(name);
        self.event_log.forget(name);
    }

    /// Puts a proxy under a rule, in the place of the one of its name if there
    /// is one. When it returns, the listener is under it and every connection
    /// has been told.
    pub(crate) async fn put(&mut self, name: &str, rule: StoredRule) {
        let now = self.environment.clock.now();
        if let Some(proxy) = self.by_name.get_mut(name) {
            proxy.put(rule, now).await;
        }
    }

    /// Takes a rule from a proxy: what it holds is let go. Whether there was
    /// such a rule.
    pub(crate) async fn remove(&mut self, name: &str, rule: &str) -> bool {
        match self.by_name.get_mut(name) {
            Some(proxy) => proxy.remove(rule).await,
            None => false,
        }
    }

    /// The proxies, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Proxy)> {
        self.by_name
            .iter()
            .map(|(name, proxy)| (name.as_str(), proxy))
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Option<&Proxy> {
        self.by_name.get(name)
    }

    /// What happened lately.
    pub(crate) fn event_log(&self) -> &EventLog {
        &self.event_log
    }

    /// The seed of all draws.
    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// The present moment, by the clock of events.
    pub(crate) fn now(&self) -> Moment {
        self.environment.clock.now()
    }

    /// Stops all proxies and waits for what they still have to say.
    pub async fn close(&mut self) {
        self.stop.cancel();
        for proxy in self.by_name.values_mut() {
            proxy.stop().await;
        }
        self.tasks.close();
        let closed = self.environment.clock.timeout(DRAIN, self.tasks.wait());
        if closed.await.is_err() {
            tracing::warn!("proxies did not end in {DRAIN:?}");
        }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("by_name", &self.by_name)
            .finish_non_exhaustive()
    }
}
