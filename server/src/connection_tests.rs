//! Whole connections in virtual time, over in-memory pipes: exact to the
//! millisecond, however busy the machine.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use environment::{Moment, Observer, Seed};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{DuplexStream, ReadBuf, duplex};
use tokio::task::{Id, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::event::{Event, EventKind};
use crate::hub::Hub;
use crate::page::Page;
use crate::routes::{self, App};

impl Transport for DuplexStream {
    fn reset(self) {}
}

/// A server without a listener: connections are handed to it.
struct World {
    server: SharedServer,
    clock: Clock,
    tasks: JoinSet<()>,
    events: Arc<Mutex<Vec<Event>>>,
}

type Client = WebSocketStream<DuplexStream>;

impl World {
    fn start(config: Config) -> Self {
        let clock = Clock::start();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let observer = Observer::new(move |event| heard.lock().unwrap().push(event));
        let hub = Hub::new(clock.clone(), observer, &config).unwrap();
        let stop = CancellationToken::new();
        let app = App {
            hub: Arc::clone(&hub),
            allow_origins: Arc::new([]),
            page: Page(&[]),
        };
        let mut tasks = JoinSet::new();
        let ticking = stop.clone();
        tasks.spawn(async move { hub.run(&ticking).await });
        let server = Arc::new(Server {
            clock: clock.clone(),
            config,
            router: routes::router(app),
            full: routes::full(0),
            stop,
        });
        Self {
            server,
            clock,
            tasks,
            events,
        }
    }

    /// The client's end of a new connection, `room` bytes wide each way.
    fn dial(&mut self, room: usize) -> DuplexStream {
        let (near, far) = duplex(room);
        self.serve(far);
        near
    }

    fn serve<T: Transport>(&mut self, stream: T) {
        let server = Arc::clone(&self.server);
        self.tasks.spawn(async move { server.serve(stream).await });
    }

    async fn open(&mut self, path: &str, room: usize) -> Client {
        let stream = self.dial(room);
        upgrade(stream, path).await
    }

    fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| wanted(&event.what)).count()
    }
}

async fn upgrade(stream: DuplexStream, path: &str) -> Client {
    let url = format!("ws://server.example{path}");
    let (client, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    client
}

fn seeded() -> Config {
    Config {
        seed: Some(Seed(1)),
        ..Config::default()
    }
}

async fn text(client: &mut Client) -> String {
    loop {
        match client.next().await.expect("open").expect("whole") {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("no text: {other:?}"),
        }
    }
}

async fn seq(client: &mut Client) -> u64 {
    loop {
        let text = text(client).await;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        if value["type"] == "tick" {
            return value["seq"].as_u64().unwrap();
        }
    }
}

async fn close_code(client: &mut Client) -> u16 {
    loop {
        if let Message::Close(frame) = client.next().await.expect("open").expect("whole") {
            return frame.expect("a code").code.into();
        }
    }
}

fn secs(secs: u64) -> Moment {
    Moment::after_origin(Duration::from_secs(secs))
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_ticks_is_on_the_second() {
    let mut world = World::start(seeded());
    let mut client = world.open("/ws", 4096).await;
    for expected in 1..=3600 {
        assert_eq!(seq(&mut client).await, expected);
        assert_eq!(world.clock.now(), secs(expected));
    }
    assert_eq!(
        world.count(|what| matches!(what, EventKind::Ticked { .. })),
        3600
    );
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_seed_say_the_same_bytes() {
    async fn run() -> (Vec<String>, Vec<Event>) {
        let mut world = World::start(seeded());
        let mut client = world.open("/ws", 4096).await;
        let mut said = Vec::new();
        for step in 0..40 {
            said.push(text(&mut client).await);
            match step {
                5 => client.send(r#"{"type":"pause"}"#.into()).await.unwrap(),
                15 => client.send(r#"{"type":"resume"}"#.into()).await.unwrap(),
                _ => {}
            }
        }
        let events = world.events.lock().unwrap().clone();
        (said, events)
    }
    assert_eq!(run().await, run().await);
}

#[tokio::test(start_paused = true)]
async fn a_slow_or_sleeping_connection_never_delays_another_client() {
    let mut world = World::start(seeded());
    // Asleep from the start, asleep in the head, and asleep once upgraded.
    let _silent = world.dial(64);
    let mut halfway = world.dial(64);
    halfway.write_all(b"GET /ws HT").await.unwrap();
    let _sleeping = world.open("/ws", 64).await;
    let mut flooding = world.open("/echo", 64).await;
    let mut flood = JoinSet::new();
    flood.spawn(async move { while flooding.feed("x".repeat(1000).into()).await.is_ok() {} });
    let mut client = world.open("/ws", 4096).await;
    for expected in 1..=600 {
        assert_eq!(seq(&mut client).await, expected);
        assert_eq!(world.clock.now(), secs(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn only_one_task_ever_writes_a_socket() {
    let config = Config {
        tick: Duration::from_millis(1),
        ..seeded()
    };
    let mut world = World::start(config);
    let mut writers = Vec::new();
    let mut clients = Vec::new();
    let mut path = "/ws".to_owned();
    for _ in 0..3 {
        let (near, far) = duplex(512);
        let watched = Watched::new(far);
        writers.push(Arc::clone(&watched.writers));
        world.serve(watched);
        let mut client = upgrade(near, &path).await;
        let welcome: serde_json::Value = serde_json::from_str(&text(&mut client).await).unwrap();
        path = format!("/ws?session={}", welcome["session"].as_str().unwrap());
        clients.push(client);
    }
    for round in 0..300 {
        for client in &mut clients {
            let command = match round % 4 {
                0 => Message::text(r#"{"type":"pause"}"#),
                1 => Message::text(r#"{"type":"resume"}"#),
                2 => Message::Ping("life".into()),
                _ => Message::text("nonsense"),
            };
            client.send(command).await.unwrap();
            // What is there by now, so as not to fall behind.
            let moment = Duration::from_micros(100);
            while let Ok(next) = world.clock.timeout(moment, client.next()).await {
                next.unwrap().unwrap();
            }
        }
    }
    world.server.stop.cancel();
    for client in &mut clients {
        assert_eq!(close_code(client).await, 1001);
    }
    while let Some(done) = world.tasks.join_next().await {
        done.unwrap();
    }
    for writers in writers {
        assert_eq!(writers.lock().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_falls_behind_is_told_to_resume_and_can() {
    let config = Config {
        tick: Duration::from_millis(10),
        // Long enough for the feed to be what gives up.
        ping_every: Duration::from_secs(60),
        pong_within: Duration::from_secs(60),
        ..seeded()
    };
    let mut world = World::start(config);
    let mut slow = world.open("/ws", 256).await;
    let welcome: serde_json::Value = serde_json::from_str(&text(&mut slow).await).unwrap();
    let session = welcome["session"].as_str().unwrap().to_owned();
    world.clock.sleep(Duration::from_secs(5)).await;
    let mut last_seq = 0;
    let code = loop {
        match slow.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                let tick: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(tick["seq"].as_u64(), Some(last_seq + 1));
                last_seq += 1;
                assert!(last_seq < 500, "what waits for a socket is bounded");
            }
            Message::Close(frame) => break u16::from(frame.unwrap().code),
            _ => {}
        }
    };
    assert_eq!(code, 1013);
    let path = format!("/ws?session={session}&last_seq={last_seq}");
    let mut back = world.open(&path, 4096).await;
    for expected in last_seq + 1..=600 {
        assert_eq!(seq(&mut back).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_given_up_on_time() {
    let mut world = World::start(seeded());
    let mut client = world.open("/ws", 1 << 20).await;
    // Reads nothing, so that its library cannot answer pings either.
    world.clock.sleep(Duration::from_millis(19_999)).await;
    let closed = |what: &EventKind| matches!(what, EventKind::SocketClosed { .. });
    assert_eq!(world.count(closed), 0);
    world.clock.sleep(Duration::from_millis(2)).await;
    assert_eq!(world.count(closed), 1);
    let pinged = client.next().await;
    assert!(pinged.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_bytes_is_given_up_though_it_speaks() {
    let mut world = World::start(seeded());
    let mut client = world.open("/ws", 64).await;
    let closed = |what: &EventKind| matches!(what, EventKind::SocketClosed { .. });
    let began = world.clock.now();
    while world.count(closed) == 0 {
        // Its end may be gone by the time it speaks: that is what is awaited.
        let _ = client.feed(Message::Pong("here".into())).await;
        let _ = world
            .clock
            .timeout(Duration::from_millis(100), client.flush())
            .await;
        world.clock.sleep(Duration::from_millis(500)).await;
        assert!(world.clock.now().since(began) < Duration::from_secs(30));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_header_is_closed_on_time() {
    let mut world = World::start(seeded());
    let mut silent = world.dial(64);
    let mut slow = world.dial(64);
    let mut answer = Vec::new();
    for byte in b"GET /w" {
        slow.write_all(&[*byte]).await.unwrap();
        world.clock.sleep(Duration::from_millis(800)).await;
    }
    assert_eq!(silent.read_to_end(&mut answer).await.unwrap(), 0);
    assert_eq!(world.clock.now(), secs(5));
    assert_eq!(slow.read_to_end(&mut answer).await.unwrap(), 0);
    assert_eq!(world.clock.now(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_upgrades_has_an_end() {
    let mut world = World::start(seeded());
    let mut visitor = world.dial(4096);
    let mut answers = 0;
    let mut page = [0; 4096];
    while visitor
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .is_ok()
    {
        if visitor.read(&mut page).await.unwrap() == 0 {
            break;
        }
        answers += 1;
        world.clock.sleep(Duration::from_secs(1)).await;
    }
    assert!((59..=61).contains(&answers), "{answers}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_read_is_not_served_for_ever() {
    let mut world = World::start(seeded());
    let mut visitor = world.dial(64);
    visitor
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    world.clock.sleep(Duration::from_secs(70)).await;
    let left = world.tasks.len();
    world
        .tasks
        .try_join_next()
        .expect("the connection's task has ended")
        .unwrap();
    assert_eq!(left, 2, "the hub and the connection");
}

/// A stream that notes which tasks write it.
struct Watched {
    inner: DuplexStream,
    writers: Arc<Mutex<BTreeSet<Id>>>,
}

impl Watched {
    fn new(inner: DuplexStream) -> Self {
        let writers = Arc::default();
        Self { inner, writers }
    }

    fn note(&self) {
        self.writers.lock().unwrap().insert(tokio::task::id());
    }
}

impl Transport for Watched {
    fn reset(self) {}
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.note();
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.note();
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.note();
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
