//! A server that does what a test says, and a client under observation.
//!
//! Every wait is bounded by [`LIMIT`]; readiness is an awaited event.

use std::net::SocketAddr;
use std::time::Duration;

use client_sim::{Behaviour, ClientConfig, CloseReason, Command, Event, EventKind, Policy, Shape};
use environment::{Clock, Environment, Listener, Network, Observer, Seed, Stream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_util::sync::CancellationToken;

/// The longest wait for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Waits for what must happen.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let ended = Clock::start().timeout(LIMIT, future).await;
    ended.unwrap_or_else(|_| panic!("{what}: nothing within {LIMIT:?}"))
}

pub(crate) fn listen() -> Listener {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Network::tcp().listen(loopback).unwrap()
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
    pub(crate) fn start(listener: &Listener, behaviour: Behaviour) -> Self {
        let url = format!("ws://{}/ws?own=1", listener.local_addr());
        Self::start_at(&url, behaviour)
    }

    pub(crate) fn start_at(url: &str, behaviour: Behaviour) -> Self {
        let config = ClientConfig {
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
            Environment::real(),
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
    pub(crate) async fn until<T>(
        &mut self,
        name: &str,
        pick: impl Fn(&EventKind) -> Option<T>,
    ) -> T {
        within(name, async {
            loop {
                let event = self.events.recv().await.expect("the client still runs");
                if let Some(picked) = pick(&event.what) {
                    return picked;
                }
            }
        })
        .await
    }

    /// Waits for the end of a connection or attempt.
    pub(crate) async fn closed(&mut self) -> (u64, CloseReason, Option<u16>) {
        self.until("closed", |what| match what {
            EventKind::Closed { dial, why, code } => Some((*dial, *why, *code)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn waiting(&mut self) -> Duration {
        self.until("waiting", |what| match what {
            EventKind::Waiting { delay } => Some(*delay),
            _ => None,
        })
        .await
    }

    pub(crate) async fn opened(&mut self) -> u64 {
        self.until("opened", |what| match what {
            EventKind::Opened { dial } => Some(*dial),
            _ => None,
        })
        .await
    }

    pub(crate) async fn applied(&mut self) -> u64 {
        self.until("applied", |what| match what {
            EventKind::Applied { seq, .. } => Some(*seq),
            _ => None,
        })
        .await
    }

    pub(crate) async fn is(&mut self, expected: &EventKind) {
        let name = format!("{expected:?}");
        self.until(&name, |what| (what == expected).then_some(()))
            .await;
    }

    pub(crate) async fn tell(&self, command: Command) {
        self.commands.send(command).await.unwrap();
    }

    /// Waits until the client has ended by itself.
    pub(crate) async fn ended(mut self) {
        within("the client's end", self.task.join_next()).await;
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
    within("a connection", listener.accept()).await.unwrap().0
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
    let socket = within("an upgrade", upgraded).await.unwrap();
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
        within("a message", async {
            loop {
                let message = self.socket.next().await.expect("an open socket").unwrap();
                if !message.is_ping() {
                    return message;
                }
            }
        })
        .await
    }

    /// The stream below, for ends without manners.
    pub(crate) fn into_stream(self) -> Stream {
        self.socket.into_inner()
    }
}
