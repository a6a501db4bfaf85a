//! A server that does what a test says, and a client under observation: on the
//! simulated network, where time is exact and costs nothing, or on the system's.

use std::net::SocketAddr;
use std::time::Duration;

use client_sim::{Behaviour, ClientConfig, CloseReason, Command, Event, EventKind, Policy, Shape};
use environment::{Clock, Environment, Listener, Network, Observer, Seed, Simulation, Stream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_util::sync::CancellationToken;

/// The longest wait for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Longer than whatever must not happen would take.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// The network and the clock of one test.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) clock: Clock,
}

/// In virtual time. Whoever waits for what never comes is told that nothing is left.
pub(crate) fn simulated(test: impl AsyncFnOnce(World)) {
    let simulation = Simulation::new().unwrap();
    let world = World::new(simulation.environment());
    let clock = world.clock.clone();
    let ended = simulation.run(clock.timeout(Duration::from_secs(24 * 3600), test(world)));
    ended.unwrap().expect("it ends within a day");
}

/// The same test on the system's network, in real time, and on the simulated one.
pub(crate) fn on_both(test: impl AsyncFn(World)) {
    simulated(&test);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let world = World::new(Environment::real());
    runtime.block_on(within("the end of the test", test(world)));
}

/// Waits in real time for what must happen.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let ended = Clock::start().timeout(LIMIT, future).await;
    ended.unwrap_or_else(|_| panic!("{what}: nothing within {LIMIT:?}"))
}

impl World {
    pub(crate) fn new(environment: Environment) -> Self {
        let Environment { network, clock } = environment;
        Self { network, clock }
    }

    fn environment(&self) -> Environment {
        Environment {
            network: self.network.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn listen(&self) -> Listener {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        self.network.listen(loopback).unwrap()
    }
}

/// A URL whose host no resolver knows. It need not even ask: no label of a name
/// is longer than 63 characters (RFC 1035 §2.3.4).
pub(crate) fn nowhere() -> String {
    format!("ws://{}.invalid:9/", "x".repeat(64))
}

/// Quick delays and bounds that no busy machine breaks.
pub(crate) fn behaviour() -> Behaviour {
    Behaviour {
        reconnect: Policy {
            base: Duration::from_millis(10),
            cap: Duration::from_millis(50),
            ..Policy::new(Shape::FullJitter)
        },
        connect_timeout: LIMIT,
        connect_timeout_cap: LIMIT,
        liveness: LIMIT,
        ..Behaviour::default()
    }
}

/// A client, and what it tells.
pub(crate) struct Subject {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) shutdown: CancellationToken,
    events: mpsc::Receiver<Event>,
    task: JoinSet<()>,
}

impl Subject {
    pub(crate) fn start(world: &World, listener: &Listener, behaviour: Behaviour) -> Self {
        let url = format!("ws://{}/ws?own=1", listener.local_addr());
        Self::start_at(world, &url, behaviour)
    }

    pub(crate) fn start_at(world: &World, url: &str, behaviour: Behaviour) -> Self {
        let config = ClientConfig {
            tls: None,
            name: "c1".into(),
            url: url.parse().unwrap(),
            seed: Seed(1),
            behaviour,
        };
        let (commands, received) = mpsc::channel(8);
        let (sender, events) = mpsc::channel(1024);
        let observer = Observer::new(move |event| {
            // A test that has ended listens no more.
            let _ = sender.try_send(event);
        });
        let shutdown = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(client_sim::run(
            world.environment(),
            config,
            received,
            observer,
            shutdown.clone(),
        ));
        Self {
            commands,
            shutdown,
            events,
            task,
        }
    }

    /// Waits for an event of this kind, passing over others.
    pub(crate) async fn until<T>(&mut self, pick: impl Fn(&EventKind) -> Option<T>) -> T {
        async {
            loop {
                let event = self.events.recv().await.expect("the client still runs");
                if let Some(picked) = pick(&event.what) {
                    return picked;
                }
            }
        }
        .await
    }

    /// Waits for the end of a connection or attempt.
    pub(crate) async fn closed(&mut self) -> (u64, CloseReason, Option<u16>) {
        self.until(|what| match what {
            EventKind::Closed { dial, why, code } => Some((*dial, *why, *code)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn waiting(&mut self) -> Duration {
        self.until(|what| match what {
            EventKind::Waiting { delay } => Some(*delay),
            _ => None,
        })
        .await
    }

    pub(crate) async fn opened(&mut self) -> u64 {
        self.until(|what| match what {
            EventKind::Opened { dial } => Some(*dial),
            _ => None,
        })
        .await
    }

    pub(crate) async fn applied(&mut self) -> u64 {
        self.until(|what| match what {
            EventKind::Applied { seq, .. } => Some(*seq),
            _ => None,
        })
        .await
    }

    pub(crate) async fn is(&mut self, expected: &EventKind) {
        self.until(|what| (what == expected).then_some(())).await;
    }

    pub(crate) async fn tell(&self, command: Command) {
        self.commands.send(command).await.unwrap();
    }

    /// Waits until the client has ended by itself.
    pub(crate) async fn ended(mut self) {
        self.task.join_next().await;
    }
}

/// The server's end of one WebSocket.
pub(crate) struct Served {
    pub(crate) socket: WebSocketStream<Stream>,
    /// The path and query of the request.
    pub(crate) target: String,
}

/// Accepts a TCP connection.
pub(crate) async fn accept(listener: &Listener) -> Stream {
    listener.accept().await.unwrap().0
}

/// Accepts a TCP connection and its upgrade.
pub(crate) async fn upgrade(listener: &Listener) -> Served {
    let stream = accept(listener).await;
    let mut target = String::new();
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let read = |request: &Request, response: Response| {
        target = request.uri().to_string();
        Ok(response)
    };
    let upgraded = tokio_tungstenite::accept_hdr_async(stream, read);
    let socket = upgraded.await.unwrap();
    Served { socket, target }
}

/// Upgrades and sends a welcome.
pub(crate) async fn welcome(listener: &Listener, resumed: bool) -> Served {
    let mut served = upgrade(listener).await;
    let text = format!(
        r#"{{"type":"welcome","session":"abc","tick_ms":1000,"heartbeat_ms":1000,"next_seq":1,"paused":false,"resumed":{resumed},"lost":0}}"#
    );
    served.say(&text).await;
    served
}

impl Served {
    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn tick(&mut self, seq: u64) {
        let text = format!(r#"{{"type":"tick","seq":{seq},"value":7}}"#);
        self.say(&text).await;
    }

    /// The next message, pings passed over.
    pub(crate) async fn hear(&mut self) -> Message {
        async {
            loop {
                let message = self.socket.next().await.expect("an open socket").unwrap();
                if !message.is_ping() {
                    return message;
                }
            }
        }
        .await
    }

    /// The stream below, for ends without manners.
    pub(crate) fn into_stream(self) -> Stream {
        self.socket.into_inner()
    }
}
