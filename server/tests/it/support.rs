//! A server on a free port, and clients that wait no longer than [`LIMIT`].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use environment::{Clock, Environment, Network, Observer, Seed, Stream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use ticker_server::{Config, Event, EventKind, ServeError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

/// More than anything here takes, on any machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for `future`, but not indefinitely.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let waited = Clock::start().timeout(LIMIT, future).await;
    waited.expect("this should not take long")
}

/// Ticks quickly, and repeats.
pub(crate) fn quick() -> Config {
    Config {
        tick: Duration::from_millis(10),
        heartbeat: Duration::from_millis(10),
        seed: Some(Seed(1)),
        ..Config::default()
    }
}

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Event>>,
    more: Notify,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    running: JoinSet<Result<(), ServeError>>,
    heard: Arc<Heard>,
}

impl Server {
    pub(crate) fn start(config: Config) -> Self {
        let environment = Environment::real();
        let listener = environment
            .network
            .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .unwrap();
        let address = listener.local_addr();
        let shutdown = CancellationToken::new();
        let heard = Arc::new(Heard::default());
        let hearing = Arc::clone(&heard);
        let observer = Observer::new(move |event| {
            hearing.events.lock().unwrap().push(event);
            hearing.more.notify_waiters();
        });
        let mut running = JoinSet::new();
        running.spawn(ticker_server::run(
            environment,
            listener,
            config,
            observer,
            shutdown.clone(),
        ));
        Self {
            address,
            shutdown,
            running,
            heard,
        }
    }

    /// Stops the server and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.cancel();
        self.ended().await;
    }

    pub(crate) async fn ended(&mut self) {
        let result = soon(self.running.join_next()).await.expect("running");
        result.unwrap().unwrap();
    }

    pub(crate) fn events(&self) -> Vec<EventKind> {
        let events = self.heard.events.lock().unwrap();
        events.iter().map(|event| event.what.clone()).collect()
    }

    pub(crate) fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.events().iter().filter(|what| wanted(what)).count()
    }

    /// Waits until so many such events have been told.
    pub(crate) async fn told(&self, count: usize, wanted: impl Fn(&EventKind) -> bool) {
        soon(async {
            loop {
                let more = self.heard.more.notified();
                if self.count(&wanted) >= count {
                    return;
                }
                more.await;
            }
        })
        .await;
    }

    pub(crate) async fn dial(&self) -> Stream {
        let address = self.address.to_string();
        soon(Network::tcp().dial(&address)).await.unwrap()
    }

    /// Opens a WebSocket on this path.
    pub(crate) async fn open(&self, path: &str) -> Client {
        self.try_open(path, &[]).await.expect("an upgrade")
    }

    /// Opens a WebSocket with these headers; the answer if it is refused.
    pub(crate) async fn try_open(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, Box<Response<Option<Vec<u8>>>>> {
        let url = format!("ws://{}{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = self.dial().await;
        let upgrade = Box::pin(tokio_tungstenite::client_async(request, stream));
        match soon(upgrade).await {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(Error::Http(response)) => Err(response),
            Err(error) => panic!("neither upgraded nor refused: {error}"),
        }
    }

    /// Sends these bytes and reads to the end of the connection.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut stream = self.dial().await;
        soon(stream.write_all(request.as_bytes())).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.exchange(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        ))
        .await
    }
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<Stream>,
}

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        soon(self.socket.send(Message::text(text))).await.unwrap();
    }

    /// The next text message.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match soon(self.socket.next()).await.expect("open").unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    /// The next message, as JSON.
    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next message of this type; others are passed over.
    pub(crate) async fn wait_for(&mut self, kind: &str) -> Value {
        loop {
            let message = self.json().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The next tick's number and value.
    pub(crate) async fn tick(&mut self) -> (u64, u8) {
        let tick = self.wait_for("tick").await;
        let value = tick["value"].as_u64().unwrap();
        (tick["seq"].as_u64().unwrap(), u8::try_from(value).unwrap())
    }

    /// The id in the welcome, which must be next.
    pub(crate) async fn welcome(&mut self) -> Value {
        let welcome = self.json().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        welcome
    }

    /// The code and reason of the Close frame that comes sooner or later.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            let next = soon(self.socket.next()).await.expect("a Close frame");
            if let Message::Close(frame) = next.unwrap() {
                let frame = frame.expect("a code");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }

    /// Ends the connection with RST.
    pub(crate) fn kill(self) {
        self.socket.into_inner().reset();
    }

    /// Leaves as a browser does.
    pub(crate) async fn leave(mut self) {
        soon(self.socket.close(None)).await.unwrap();
        while let Some(Ok(_)) = soon(self.socket.next()).await {}
    }
}

/// The session id of a welcome.
pub(crate) fn session_of(welcome: &Value) -> String {
    welcome["session"].as_str().unwrap().to_owned()
}
