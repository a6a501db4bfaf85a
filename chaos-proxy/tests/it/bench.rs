//! A proxy in front of a server of the test's own, and all that it tells.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{
    Apply, Config, Control, Decision, Event, EventKind, Plan, Reading, Route, Rule, Start, Tell,
    control, read_rules, run,
};
use environment::text::{Diagnostics, Document, Source};
use environment::{Environment, Listener, Observer, Seed, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Longer than anything here takes, even on a starved machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A running proxy. Stops when dropped.
pub(crate) struct Bench {
    pub(crate) environment: Environment,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) control: Control,
    events: mpsc::Receiver<Event>,
    decisions: mpsc::Receiver<Decision>,
    tasks: TaskTracker,
    stop: DropGuard,
}

/// What a test may ask for; the rest has a default.
pub(crate) struct Setup {
    pub(crate) clients: Vec<String>,
    /// All on one listener.
    pub(crate) is_shared: bool,
    pub(crate) frames: bool,
    pub(crate) apply: Apply,
    pub(crate) horizon: Duration,
    pub(crate) upstream: String,
    pub(crate) repeat: bool,
    pub(crate) start: Start,
}

impl Setup {
    pub(crate) fn toward(upstream: SocketAddr) -> Self {
        Self {
            clients: vec!["c1".to_owned()],
            is_shared: false,
            frames: false,
            apply: Apply::Faults,
            horizon: Duration::from_secs(600),
            upstream: upstream.to_string(),
            repeat: false,
            start: Start::OnCommand,
        }
    }

    pub(crate) fn start(self, faults: &str) -> Bench {
        let environment = Environment::real();
        let names = self.clients.clone();
        let population = (!self.is_shared).then_some(names.as_slice());
        let rules = rules(faults, population, self.is_shared);
        let plan = Plan::new(rules, population, Seed(7), self.horizon);
        let routes = if self.is_shared {
            vec![Route {
                listener: listen(&environment),
                client: None,
            }]
        } else {
            let route = |name: &String| Route {
                listener: listen(&environment),
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
            dial_timeout: SOON,
            plan,
            apply: self.apply,
            frames: self.frames,
            lists: true,
            start: self.start,
            repeat: self.repeat,
        };
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(run(
            environment.clone(),
            config,
            commands,
            tell,
            shutdown.clone(),
        ));
        tasks.close();
        Bench {
            environment,
            addresses,
            control,
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
    let source = Source::new("test.toml", faults);
    let diagnostics = Diagnostics::new();
    let rules = {
        let document = Document::parse(&source, &diagnostics);
        let mut root = document.root(&diagnostics);
        read_rules(
            root.tables("fault"),
            Reading {
                clients,
                horizon: None,
                is_shared,
            },
        )
    };
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(&source));
    rules
}

pub(crate) fn listen(environment: &Environment) -> Listener {
    environment
        .network
        .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
        .unwrap()
}

impl Bench {
    /// t = 0 is now.
    pub(crate) async fn begin(&self) {
        self.control.begin(self.environment.clock.now()).await;
    }

    pub(crate) async fn dial(&self) -> Stream {
        self.dial_as(0).await
    }

    pub(crate) async fn dial_as(&self, client: usize) -> Stream {
        let address = self.addresses[client].to_string();
        soon(self.environment.network.dial(&address)).await.unwrap()
    }

    /// Dials and reads to the end. A reset may come before the dial is noticed to
    /// have succeeded; it is the same reset.
    pub(crate) async fn dial_to_the_end(&self) -> Result<Vec<u8>, std::io::ErrorKind> {
        let address = self.addresses[0].to_string();
        match soon(self.environment.network.dial(&address)).await {
            Ok(mut stream) => ending(&mut stream).await,
            Err(error) => Err(error.kind()),
        }
    }

    /// Waits for the next event that `wanted` accepts; those before it are gone.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let next = async {
            loop {
                let event = self.events.recv().await.expect("the proxy ended");
                if wanted(&event) {
                    return event;
                }
            }
        };
        soon(next).await
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
        soon(self.tasks.wait()).await;
        let events = std::iter::from_fn(|| self.events.try_recv().ok()).collect();
        let decisions = std::iter::from_fn(|| self.decisions.try_recv().ok()).collect();
        (events, decisions)
    }
}

/// Fails the test instead of hanging it.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let clock = environment::Clock::start();
    clock
        .timeout(SOON, future)
        .await
        .expect("this took far too long")
}

pub(crate) async fn accept(server: &Listener) -> Stream {
    soon(server.accept()).await.unwrap().0
}

pub(crate) async fn send(stream: &mut Stream, bytes: &[u8]) {
    soon(stream.write_all(bytes)).await.unwrap();
}

/// Reads exactly these bytes.
pub(crate) async fn expect(stream: &mut Stream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    soon(stream.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, bytes);
}

/// Reads on to the end: `Ok` with FIN, `Err` with anything else.
pub(crate) async fn ending(stream: &mut Stream) -> Result<Vec<u8>, std::io::ErrorKind> {
    let mut read = Vec::new();
    soon(stream.read_to_end(&mut read))
        .await
        .map(|_| read)
        .map_err(|error| error.kind())
}

/// Nothing comes for this long.
pub(crate) async fn is_silent(stream: &mut Stream, time: Duration) -> bool {
    let clock = environment::Clock::start();
    clock.timeout(time, stream.read(&mut [0; 1])).await.is_err()
}
