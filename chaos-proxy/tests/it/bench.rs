//! A proxy in front of a server of the test's own, and all that it tells.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{
    Apply, Config, Control, Data, Decision, Event, EventKind, Plan, Reading, Route, Rule, Start,
    Tell, TlsSides, UnderWay, control, read_rules, run,
};
use environment::text::{Diagnostics, Document, Source};
use environment::{Listener, Moment, Observer, Seed, Stream};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::world::{SOON, World, accept, ending};

/// A running proxy. Stops when dropped.
pub(crate) struct Bench {
    world: World,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) control: Control,
    server: Listener,
    events: mpsc::Receiver<Event>,
    decisions: mpsc::Receiver<Decision>,
    tasks: TaskTracker,
    stop: DropGuard,
}

/// What a test may ask for; the rest has a default.
pub(crate) struct Setup {
    pub(crate) world: World,
    pub(crate) server: Listener,
    pub(crate) clients: Vec<String>,
    /// All on one listener.
    pub(crate) is_shared: bool,
    pub(crate) frames: bool,
    pub(crate) data: Data,
    pub(crate) apply: Apply,
    pub(crate) horizon: Duration,
    pub(crate) upstream: String,
    pub(crate) repeat: bool,
    pub(crate) start: Start,
    pub(crate) under_way: UnderWay,
    pub(crate) tls: TlsSides,
}

impl Setup {
    /// A proxy and a server of this world, the first yet to be started.
    pub(crate) fn new(world: &World) -> Self {
        let server = world.listen();
        Self {
            world: world.clone(),
            upstream: server.local_addr().to_string(),
            server,
            clients: vec!["c1".to_owned()],
            is_shared: false,
            frames: false,
            data: Data::default(),
            apply: Apply::Faults,
            horizon: Duration::from_secs(600),
            repeat: false,
            start: Start::OnCommand,
            under_way: UnderWay::default(),
            tls: world.sides(),
        }
    }

    /// The same toward somebody else.
    pub(crate) fn toward(world: &World, upstream: SocketAddr) -> Self {
        Self {
            upstream: upstream.to_string(),
            ..Self::new(world)
        }
    }

    pub(crate) fn start(self, faults: &str) -> Bench {
        let names = self.clients.clone();
        let population = (!self.is_shared).then_some(names.as_slice());
        let rules = rules(faults, population, self.is_shared);
        let plan = Plan::new(rules, population, Seed(7), self.horizon);
        let routes = if self.is_shared {
            vec![Route {
                listener: self.world.listen_plainly(),
                client: None,
            }]
        } else {
            let route = |name: &String| Route {
                listener: self.world.listen_plainly(),
                client: Some(Arc::from(name.as_str())),
            };
            names.iter().map(route).collect()
        };
        let addresses = routes
            .iter()
            .map(|route| route.listener.local_addr())
            .collect();
        let (tell, events, decisions) = recorder();
        let (control, commands) = control();
        let config = Config {
            routes,
            upstream: self.upstream,
            tls: self.tls,
            dial_timeout: SOON,
            under_way: self.under_way,
            on_dial_failure: chaos_proxy::How::Reset,
            plan,
            apply: self.apply,
            frames: self.frames,
            data: self.data,
            lists: true,
            start: self.start,
            repeat: self.repeat,
        };
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(run(
            self.world.environment(),
            config,
            commands,
            tell,
            shutdown.clone(),
        ));
        tasks.close();
        Bench {
            world: self.world,
            addresses,
            control,
            server: self.server,
            events,
            decisions,
            tasks,
            stop: shutdown.drop_guard(),
        }
    }
}

fn recorder() -> (Tell, mpsc::Receiver<Event>, mpsc::Receiver<Decision>) {
    let (events, told) = mpsc::channel(100_000);
    let (decisions, decided) = mpsc::channel(100_000);
    let tell = Tell {
        // The receiver may be gone when the test is over.
        events: Observer::new(move |event| drop(events.try_send(event))),
        decisions: Observer::new(move |decision| drop(decisions.try_send(decision))),
    };
    (tell, told, decided)
}

pub(crate) fn rules(faults: &str, clients: Option<&[String]>, is_shared: bool) -> Vec<Rule> {
    read(faults, clients, is_shared).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The rules, or what is wrong with them.
pub(crate) fn read(
    faults: &str,
    clients: Option<&[String]>,
    is_shared: bool,
) -> Result<Vec<Rule>, String> {
    let source = Source::new("test.toml", faults);
    let diagnostics = Diagnostics::new();
    let rules = {
        let document = Document::parse(&source, &diagnostics);
        let mut root = document.root(&diagnostics);
        read_rules(
            root.tables("fault"),
            Reading {
                clients,
                is_shared,
                ..Reading::default()
            },
        )
    };
    if diagnostics.is_empty() {
        Ok(rules)
    } else {
        Err(diagnostics.render(&source))
    }
}

impl Bench {
    /// With the defaults of [`Setup`], under these faults.
    pub(crate) fn of(world: &World, faults: &str) -> Self {
        Setup::new(world).start(faults)
    }

    /// t = 0 is now, and the rules are in force.
    pub(crate) async fn begin(&self) -> Moment {
        let now = self.world.clock.now();
        self.control.begin(now).await;
        now
    }

    pub(crate) async fn dial(&self) -> Stream {
        self.dial_as(0).await
    }

    pub(crate) async fn dial_as(&self, client: usize) -> Stream {
        self.world.dial(self.addresses[client]).await.unwrap()
    }

    /// The server's end of the next connection.
    pub(crate) async fn accept(&self) -> Stream {
        accept(&self.server).await
    }

    /// The client's end of a connection, and the server's.
    pub(crate) async fn pair(&self) -> (Stream, Stream) {
        (self.dial().await, self.accept().await)
    }

    /// Likewise, once it stands on both sides.
    pub(crate) async fn connect(&mut self) -> (Stream, Stream) {
        let (client, upstream) = self.pair().await;
        // The server has it a little earlier than the proxy.
        self.until(|what| *what == EventKind::UpstreamConnected)
            .await;
        (client, upstream)
    }

    /// Dials and reads to the end. A reset may come before the dial is noticed to
    /// have succeeded; it is the same reset.
    pub(crate) async fn dial_to_the_end(&self) -> Result<Vec<u8>, std::io::ErrorKind> {
        match self.world.dial(self.addresses[0]).await {
            Ok(mut stream) => ending(&mut stream).await,
            Err(error) => Err(error.kind()),
        }
    }

    /// Waits for the next event that `wanted` accepts; those before it are gone.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.events.recv().await.expect("the proxy ended");
            if wanted(&event) {
                return event;
            }
        }
    }

    pub(crate) async fn until(&mut self, wanted: impl Fn(&EventKind) -> bool) -> Event {
        self.event(|event| wanted(&event.what)).await
    }

    pub(crate) async fn struck(&mut self, name: &str) -> Event {
        self.until(|what| matches!(what, EventKind::Struck { rule, .. } if rule == name))
            .await
    }

    /// Stops the proxy and gives what it had told and nobody had asked for.
    pub(crate) async fn finish(mut self) -> (Vec<Event>, Vec<Decision>) {
        drop(self.stop);
        self.tasks.wait().await;
        let events = std::iter::from_fn(|| self.events.try_recv().ok()).collect();
        let decisions = std::iter::from_fn(|| self.decisions.try_recv().ok()).collect();
        (events, decisions)
    }
}
