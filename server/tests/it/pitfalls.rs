//! What went wrong before, each by its name. The fourth, that only one task
//! ever writes a socket, is held by a test inside the crate, where the writing
//! task can be seen.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use environment::Clock;
use futures_util::{SinkExt, StreamExt};
use ticker_server::{Config, EventKind};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Server, quick, session_of, soon};

fn closed(what: &EventKind) -> bool {
    matches!(what, EventKind::SocketClosed { .. })
}

#[tokio::test]
async fn a_slow_or_sleeping_connection_never_delays_another_client() {
    let server = Server::start(quick());
    let _silent = server.dial().await;
    let mut halfway = server.dial().await;
    halfway.write_all(b"GET /ws HTTP/1.1\r\nHo").await.unwrap();
    let _sleeping = server.open("/ws").await;
    let mut flooding = server.open("/echo").await;
    // Reads nothing, until the server's writes are stuck and then ours.
    let clock = Clock::start();
    let patience = Duration::from_millis(500);
    let text = Message::text("x".repeat(60_000));
    while let Ok(sent) = clock
        .timeout(patience, flooding.socket.send(text.clone()))
        .await
    {
        sent.expect("the flood should be held up, not refused");
    }
    let mut client = server.open("/ws").await;
    for seq in 1..=100 {
        assert_eq!(client.tick().await.0, seq);
    }
    assert_eq!(server.count(closed), 0);
}

#[tokio::test]
async fn a_killed_connection_ends_once_and_quietly() {
    let log = Log::default();
    let logging = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    // As long as there is only one subscriber, `tracing` asks that of the thread
    // that comes by a line first, and what another test's thread does not want
    // to hear is then said to nobody. With a second one all are asked.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    // The test's runtime has one thread, so this hears the server too.
    let _guard = tracing::subscriber::set_default(logging);
    // For the lines that were come by just now, before there were two.
    tracing::callsite::rebuild_interest_cache();
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    client.tick().await;
    client.kill();
    server.told(1, closed).await;
    // Whatever would be told twice has been by the time others come and go.
    for round in 2..=4 {
        let mut other = server.open("/ws").await;
        other.tick().await;
        other.leave().await;
        server.told(round, closed).await;
    }
    assert_eq!(server.count(closed), 4);
    let text = log.text();
    assert_eq!(text.matches("WebSocket ended: gone").count(), 1, "{text}");
    for loud in ["INFO", "ERROR", "panic"] {
        assert!(!text.contains(loud), "{text}");
    }
    // The one warning is about the seed.
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
}

/// React's StrictMode mounts, unmounts and mounts again: two sockets at once,
/// of which one is killed at once.
#[tokio::test]
async fn two_sockets_opened_together_with_one_killed_at_once_leave_one_working_stream() {
    let server = Server::start(quick());
    for round in 1..=10 {
        let (first, mut second) = tokio::join!(server.open("/ws"), server.open("/ws"));
        first.kill();
        second.welcome().await;
        for seq in 1..=3 {
            assert_eq!(second.tick().await.0, seq);
        }
        server.told(2 * round - 1, closed).await;
        second.leave().await;
        server.told(2 * round, closed).await;
    }
    let opened = server.count(|what| matches!(what, EventKind::SocketOpened { .. }));
    assert_eq!(opened, 20);
}

/// The same, with both sockets on one session, as a page that resumes has it.
#[tokio::test]
async fn a_killed_twin_on_the_same_session_takes_nothing_with_it() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    let path = format!("/ws?session={}", session_of(&client.welcome().await));
    for _ in 0..10 {
        server.open(&path).await.kill();
    }
    server.told(10, closed).await;
    for seq in 1..=20 {
        assert_eq!(client.tick().await.0, seq);
    }
}

#[tokio::test]
async fn a_client_that_only_half_closes_is_let_go() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    client.socket.get_mut().shutdown_write().unwrap();
    server.told(1, closed).await;
}

#[tokio::test]
async fn a_silent_client_is_given_up_by_its_missing_pong() {
    let config = Config {
        ping_every: Duration::from_millis(50),
        pong_within: Duration::from_secs(2),
        ..quick()
    };
    let server = Server::start(config);
    // Its library answers pings only while somebody reads.
    let mut silent = server.open("/ws").await;
    let mut reading = server.open("/ws").await;
    let reader = async { while reading.socket.next().await.is_some() {} };
    tokio::select! {
        biased;
        () = server.told(1, closed) => {}
        () = reader => panic!("who answers pings is not given up"),
    }
    assert_eq!(server.count(closed), 1);
    let end = soon(async {
        loop {
            match silent.socket.next().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    });
    assert!(matches!(end.await, None | Some(Err(_))));
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
