//! Several proxies by name, over the engine: started, stopped, and put under
//! rules while they run.
//!
//! Invariant: what a proxy is under is known here, whether it runs or not, so a
//! proxy that is stopped and started again is under the same rules. Nothing
//! here waits for a connection: a stopped proxy's connections end by
//! themselves. Used by [`crate::api`] and by the program.

mod chronicle;
mod member;
mod script;

pub use script::Script;

pub(crate) use chronicle::{Chronicle, Counted, Entry, Next};
pub(crate) use member::{Member, Standing};

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use environment::{Environment, Listener, Moment, Observer, Seed};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Config, Tell};
use crate::event::Event;
use crate::rule::Rule;

/// How long a stopping hub waits for its proxies.
const DRAIN: Duration = Duration::from_secs(5);

/// Who hears what the proxy of that name tells.
type Listen = Arc<dyn Fn(&str) -> Tell + Send + Sync>;

/// See the module.
pub struct Hub {
    environment: Environment,
    seed: Seed,
    listen: Listen,
    tasks: TaskTracker,
    stop: CancellationToken,
    members: BTreeMap<String, Member>,
    chronicle: Chronicle,
    /// Somebody may ask for events and connections.
    is_asked: bool,
    /// WebSocket frames are watched in every proxy.
    is_watching: bool,
}

impl Hub {
    /// A hub without proxies. `listen` gives, for the name of a proxy, who is
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
            members: BTreeMap::new(),
            chronicle: Chronicle::new(),
            is_asked: true,
            is_watching: false,
        }
    }

    /// Without an API nobody asks: neither events nor connections are kept.
    #[must_use]
    pub fn unasked(mut self) -> Self {
        self.is_asked = false;
        self
    }

    /// Watches WebSocket frames in every proxy, so that rules about them can be
    /// added at any time. It costs: what is watched is no longer a mere wire.
    #[must_use]
    pub fn watching_frames(mut self) -> Self {
        self.is_watching = true;
        self
    }

    /// Whether rules about frames can do anything in this proxy.
    pub(crate) fn watches_frames(&self, name: &str) -> bool {
        self.is_watching || self.member(name).is_some_and(Member::watches_frames)
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
        self.members
            .entry(name.to_owned())
            .or_insert_with(|| Member::new(script));
    }

    /// Starts a proxy that does not run, under the rules that it has.
    pub async fn start(&mut self, name: &str, listener: Listener, upstream: &str) {
        let tell = self.tell(name);
        let Some(member) = self.members.get_mut(name) else {
            return;
        };
        let config = member.config(self.seed, listener, upstream);
        let config = Config {
            lists: self.is_asked,
            frames: self.is_watching || config.frames,
            ..config
        };
        let service = member.start(&self.environment, tell, config);
        self.tasks.spawn(service);
        member.stand_again(self.environment.clock.now()).await;
    }

    fn tell(&self, name: &str) -> Tell {
        let tell = (self.listen)(name);
        if !self.is_asked {
            return tell;
        }
        let Tell { events, decisions } = tell;
        let (chronicle, name) = (self.chronicle.clone(), Arc::from(name));
        let events = Observer::new(move |event: Event| {
            chronicle.add(&name, event.clone());
            events.tell(event);
        });
        Tell { events, decisions }
    }

    /// Stops a proxy. When it returns, its port is free; its connections end
    /// at once, but nobody waits for that.
    pub async fn stop(&mut self, name: &str) {
        if let Some(member) = self.members.get_mut(name) {
            member.stop().await;
        }
    }

    /// Stops a proxy and forgets it with its rules.
    pub async fn forget(&mut self, name: &str) {
        self.stop(name).await;
        self.members.remove(name);
        self.chronicle.forget(name);
    }

    /// Puts a proxy under a rule, in the place of the one of its name if there
    /// is one. When it returns, the listener is under it and every connection
    /// has been told.
    pub(crate) async fn put(&mut self, name: &str, standing: Standing) {
        let now = self.environment.clock.now();
        if let Some(member) = self.members.get_mut(name) {
            member.put(standing, now).await;
        }
    }

    /// Takes a rule from a proxy: what it holds is let go. Whether there was
    /// such a rule.
    pub(crate) async fn remove(&mut self, name: &str, rule: &str) -> bool {
        match self.members.get_mut(name) {
            Some(member) => member.remove(rule).await,
            None => false,
        }
    }

    /// The proxies, by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.members
            .iter()
            .map(|(name, member)| (name.as_str(), member))
    }

    /// One of them.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(name)
    }

    /// What happened lately.
    pub(crate) fn chronicle(&self) -> &Chronicle {
        &self.chronicle
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
        for member in self.members.values_mut() {
            member.stop().await;
        }
        self.tasks.close();
        let closed = self.environment.clock.timeout(DRAIN, self.tasks.wait());
        if closed.await.is_err() {
            tracing::warn!("proxies did not end in {DRAIN:?}");
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// A rule that stands by itself, from now until it is taken away.
pub(crate) fn standing(rule: Rule, owner: &str) -> Standing {
    Standing {
        rule,
        owner: owner.to_owned(),
        until: None,
        given: None,
    }
}
