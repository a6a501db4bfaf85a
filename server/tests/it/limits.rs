//! Every limit has a clear answer.

use std::time::Duration;

use futures_util::SinkExt;
use ticker_server::{Config, EventKind, ServeError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Server, quick, session_of, soon};

fn body(answer: &tokio_tungstenite::tungstenite::http::Response<Option<Vec<u8>>>) -> String {
    String::from_utf8(answer.body().clone().unwrap_or_default()).unwrap()
}

#[tokio::test]
async fn a_command_of_4_kib_is_read_and_one_more_byte_closes_with_1009() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    client.send(&"x".repeat(4096)).await;
    client.wait_for("error").await;
    client.send(&"x".repeat(4097)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn fragments_are_counted_together() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    for part in 0..5 {
        let opcode = if part == 0 {
            Data::Text
        } else {
            Data::Continue
        };
        let frame = Frame::message("x".repeat(1000), OpCode::Data(opcode), false);
        client.socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn the_answer_to_a_far_too_long_message_arrives() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    client.send(&"x".repeat(100_000)).await;
    assert_eq!(client.closed().await.0, 1009);
    // The server has left most of it unread, and yet ends without a reset,
    // which could have overtaken the answer.
    let mut stream = client.socket.into_inner();
    assert_eq!(soon(stream.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test]
async fn broken_frames_are_closed_with_their_code() {
    for (bytes, code) in [
        // A reserved opcode; an unmasked frame; text that is not UTF-8.
        (&[0x83, 0x80, 0, 0, 0, 0][..], 1002),
        (&[0x81, 0x01, b'x'][..], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff][..], 1007),
    ] {
        let server = Server::start(quick());
        let mut client = server.open("/ws").await;
        client.socket.get_mut().write_all(bytes).await.unwrap();
        assert_eq!(client.closed().await.0, code, "{bytes:x?}");
    }
}

#[tokio::test]
async fn the_echo_says_every_message_back() {
    let server = Server::start(quick());
    let mut client = server.open("/echo").await;
    for text in ["hello", "", "grüß Gott", &"x".repeat(64 * 1024)] {
        client.send(text).await;
        assert_eq!(client.text().await, text);
    }
    client.send(&"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn the_echo_keeps_the_order_of_a_client_that_sends_first_and_reads_later() {
    let server = Server::start(quick());
    let mut client = server.open("/echo").await;
    for number in 0..500 {
        client.send(&number.to_string()).await;
    }
    for number in 0..500 {
        assert_eq!(client.text().await, number.to_string());
    }
}

#[tokio::test]
async fn beyond_the_connection_limit_the_answer_is_503() {
    let config = Config {
        max_connections: 2,
        ..quick()
    };
    let server = Server::start(config);
    let one = server.open("/ws").await;
    let mut two = server.open("/ws").await;
    let refused = server.try_open("/ws", &[]).await.err().expect("refused");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    let text = body(&refused);
    assert!(text.contains("2 connections"), "{text}");
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 503 "));
    // Those that are in notice nothing, and a place given up can be taken.
    two.tick().await;
    one.kill();
    soon(async { while server.try_open("/ws", &[]).await.is_err() {} }).await;
}

#[tokio::test]
async fn beyond_the_session_limit_the_longest_away_makes_room() {
    let config = Config {
        max_sessions: 1,
        ..quick()
    };
    let server = Server::start(config);
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    let refused = server.try_open("/ws", &[]).await.err().expect("refused");
    assert_eq!(refused.status(), 503);
    assert!(
        body(&refused).contains("all 1 sessions"),
        "{}",
        body(&refused)
    );
    client.leave().await;
    let closed = |what: &EventKind| matches!(what, EventKind::SocketClosed { .. });
    server.told(1, closed).await;
    server.open("/ws").await.welcome().await;
    let tag = environment::tag(&session);
    let ended = EventKind::SessionEnded { session: tag };
    assert_eq!(server.count(|what| *what == ended), 1);
}

#[tokio::test]
async fn a_slow_header_is_closed() {
    let config = Config {
        header_timeout: Duration::from_millis(50),
        ..quick()
    };
    let server = Server::start(config);
    for start in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        assert_eq!(server.exchange(start).await, "", "{start:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(quick());
    let request = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(40_000)
    );
    let answer = server.exchange(&request).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn pages_of_this_host_and_of_loopback_may_connect_and_others_may_not() {
    let config = Config {
        allow_origins: vec!["https://friend.example".to_owned()],
        ..quick()
    };
    let server = Server::start(config);
    let own = format!("http://{}", server.address);
    for path in ["/ws", "/echo"] {
        for origin in [
            own.as_str(),
            "http://localhost:5173",
            "http://127.0.0.1:9000",
            "https://friend.example",
        ] {
            let opened = server.try_open(path, &[("origin", origin)]).await;
            assert!(opened.is_ok(), "{origin}");
        }
        assert!(server.try_open(path, &[]).await.is_ok());
        for origin in ["https://evil.example", "null", "http://friend.example"] {
            let answer = server.try_open(path, &[("origin", origin)]).await;
            let answer = answer.err().expect("refused");
            assert_eq!(answer.status(), 403, "{origin}");
            assert!(body(&answer).contains(origin), "{}", body(&answer));
            assert!(body(&answer).contains("--allow-origin"));
        }
    }
    let named = [
        ("host", "ticker.example:9000"),
        ("origin", "http://ticker.example:8080"),
    ];
    assert!(server.try_open("/ws", &named).await.is_ok());
}

#[tokio::test]
async fn a_configuration_that_cannot_be_served_is_refused() {
    let environment = environment::Environment::real();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = environment.network.listen(address).unwrap();
    let config = Config {
        tick: Duration::ZERO,
        max_connections: 0,
        ..quick()
    };
    let observer = environment::Observer::none();
    let token = tokio_util::sync::CancellationToken::new();
    let result = ticker_server::run(environment, listener, config, observer, token).await;
    let Err(ServeError::Config(mistakes)) = result else {
        panic!("{result:?}");
    };
    let keys: Vec<&str> = mistakes.iter().map(|mistake| mistake.key).collect();
    assert_eq!(keys, ["tick", "max_connections"]);
}

/// Bytes that follow the request in the same packet are the socket's first.
#[tokio::test]
async fn a_client_that_speaks_before_the_101_is_heard() {
    let server = Server::start(quick());
    let mut stream = server.dial().await;
    let mut bytes = b"GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    bytes.extend_from_slice(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    soon(async {
        while !answer.ends_with(&[0x81, 0x02, b'h', b'i']) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
    })
    .await;
}
