//! Welcome, ticks, pause, and coming back.

use std::time::Duration;

use environment::Seed;
use serde_json::json;
use ticker_server::{Config, EventKind, value};

use crate::support::{Server, quick, session_of};

/// Long enough that no tick comes while a test looks.
fn still() -> Config {
    Config {
        tick: Duration::from_secs(3600),
        heartbeat: Duration::from_secs(3600),
        ..quick()
    }
}

#[tokio::test]
async fn a_welcome_and_then_ticks_from_one() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    let welcome = client.welcome().await;
    let expected = json!({
        "type": "welcome", "session": session_of(&welcome), "tick_ms": 10, "heartbeat_ms": 10,
        "next_seq": 1, "paused": false, "resumed": false, "lost": 0,
    });
    assert_eq!(welcome, expected);
    for seq in 1..=20 {
        assert_eq!(client.tick().await.0, seq);
    }
}

#[tokio::test]
async fn values_follow_from_seed_session_and_seq() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    for _ in 0..20 {
        let (seq, got) = client.tick().await;
        assert_eq!(got, value(Seed(1), &session, seq));
    }
}

#[tokio::test]
async fn under_a_seed_ids_repeat_and_without_one_they_never_do() {
    let first_id = async |config: Config| {
        let server = Server::start(config);
        let welcome = server.open("/ws").await.welcome().await;
        session_of(&welcome)
    };
    assert_eq!(first_id(quick()).await, first_id(quick()).await);
    let secret = || Config {
        seed: None,
        ..quick()
    };
    assert_ne!(first_id(secret()).await, first_id(secret()).await);
}

#[tokio::test]
async fn missed_ticks_are_replayed_in_order() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(client.tick().await);
    }
    client.kill();
    server
        .told(15, |what| matches!(what, EventKind::Ticked { .. }))
        .await;
    let mut back = server
        .open(&format!("/ws?session={session}&last_seq=5"))
        .await;
    let welcome = back.welcome().await;
    assert_eq!(session_of(&welcome), session);
    assert_eq!(
        (&welcome["next_seq"], &welcome["resumed"], &welcome["lost"]),
        (&json!(6), &json!(true), &json!(0))
    );
    while seen.len() < 20 {
        seen.push(back.tick().await);
    }
    let expected: Vec<(u64, u8)> = (1..=20)
        .map(|seq| (seq, value(Seed(1), &session, seq)))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn what_the_buffer_has_forgotten_is_counted_as_lost() {
    let config = Config {
        buffer: 3,
        ..quick()
    };
    let server = Server::start(config);
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    client.send(r#"{"type":"pause"}"#).await;
    client.wait_for("paused").await;
    client.send(r#"{"type":"resume"}"#).await;
    while client.tick().await.0 < 20 {}
    client.send(r#"{"type":"pause"}"#).await;
    client.wait_for("paused").await;
    let ticks = server.count(|what| matches!(what, EventKind::Ticked { .. })) as u64;
    let mut back = server
        .open(&format!("/ws?session={session}&last_seq=2"))
        .await;
    let welcome = back.welcome().await;
    assert_eq!(welcome["lost"], json!(ticks - 3 - 2));
    assert_eq!(welcome["next_seq"], json!(ticks - 3 + 1));
    assert_eq!(welcome["paused"], json!(true));
    for seq in ticks - 2..=ticks {
        assert_eq!(back.tick().await.0, seq);
    }
}

#[tokio::test]
async fn an_unknown_session_gets_a_fresh_one_and_is_told_so() {
    let server = Server::start(still());
    for path in ["/ws?session=nobody&last_seq=7", "/ws?session=nobody"] {
        let welcome = server.open(path).await.welcome().await;
        assert_ne!(session_of(&welcome), "nobody");
        assert_eq!(welcome["next_seq"], json!(1));
        assert_eq!(welcome["resumed"], json!(false));
        assert_eq!(welcome["lost"], json!(null));
    }
}

#[tokio::test]
async fn an_expired_session_is_unknown() {
    let config = Config {
        session_expiry: Duration::from_millis(30),
        ..quick()
    };
    let server = Server::start(config);
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    client.leave().await;
    server
        .told(1, |what| matches!(what, EventKind::SessionEnded { .. }))
        .await;
    let welcome = server
        .open(&format!("/ws?session={session}&last_seq=0"))
        .await
        .welcome()
        .await;
    assert_ne!(session_of(&welcome), session);
    assert_eq!(welcome["lost"], json!(null));
}

#[tokio::test]
async fn where_that_is_refused_an_unknown_session_is_told_so_and_closed() {
    let config = Config {
        refuse_unknown: true,
        ..still()
    };
    let server = Server::start(config);
    let mut client = server.open("/ws?session=nobody&last_seq=7").await;
    let error = client.json().await;
    assert_eq!(error["type"], "error");
    assert_eq!(client.closed().await.0, 4401);
    // Whoever asks for none, or for one that is there, is served.
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    let path = format!("/ws?session={session}&last_seq=0");
    let welcome = server.open(&path).await.welcome().await;
    assert_eq!(welcome["resumed"], json!(true));
}

#[tokio::test]
async fn a_claim_beyond_the_head_is_an_error_and_then_a_fresh_start() {
    let server = Server::start(still());
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    for claim in [
        "1",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "x",
    ] {
        let path = format!("/ws?session={session}&last_seq={claim}");
        let mut back = server.open(&path).await;
        let error = back.json().await;
        assert_eq!(error["type"], "error", "{claim}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(claim), "{message}");
        let welcome = back.welcome().await;
        assert_ne!(session_of(&welcome), session);
        assert_eq!(welcome["next_seq"], json!(1));
        assert_eq!(welcome["lost"], json!(null));
    }
}

#[tokio::test]
async fn pause_belongs_to_the_session_and_survives_the_socket() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    client.tick().await;
    client.send(r#"{"type":"pause"}"#).await;
    client.wait_for("paused").await;
    let made = |what: &EventKind| matches!(what, EventKind::Ticked { .. });
    let ticks = server.count(made);
    client.kill();
    let path = format!("/ws?session={session}&last_seq={ticks}");
    let mut back = server.open(&path).await;
    let welcome = back.welcome().await;
    assert_eq!(welcome["paused"], json!(true));
    assert_eq!(welcome["next_seq"], json!(ticks + 1));
    // Heartbeats show that time passes without ticks.
    for _ in 0..5 {
        assert_eq!(back.json().await, json!({"type": "heartbeat"}));
    }
    assert_eq!(server.count(made), ticks);
    back.send(r#"{"type":"resume"}"#).await;
    back.wait_for("resumed").await;
    assert_eq!(back.tick().await.0, ticks as u64 + 1);
}

#[tokio::test]
async fn every_command_is_acknowledged_even_one_that_changes_nothing() {
    let server = Server::start(still());
    let mut client = server.open("/ws").await;
    client.welcome().await;
    for (command, answer) in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "resumed"),
        ("resume", "resumed"),
    ] {
        client.send(&format!(r#"{{"type":"{command}"}}"#)).await;
        assert_eq!(client.json().await, json!({ "type": answer }));
    }
    let changes = server.count(|what| matches!(what, EventKind::PauseChanged { .. }));
    assert_eq!(changes, 2);
}

#[tokio::test]
async fn a_numbered_message_is_acknowledged_as_often_as_it_comes() {
    let server = Server::start(still());
    let mut client = server.open("/ws").await;
    let session = environment::tag(&session_of(&client.welcome().await));
    for number in [1, 2, 2, 300] {
        let message = format!(r#"{{"type":"message","number":{number}}}"#);
        client.send(&message).await;
        let ack = json!({ "type": "ack", "number": number });
        assert_eq!(client.json().await, ack);
    }
    let received = server.events().into_iter().filter_map(|what| match what {
        EventKind::Received {
            socket,
            session,
            number,
        } => Some((socket, session, number)),
        _ => None,
    });
    let expected = [1, 2, 2, 300].map(|number| (1, session.clone(), number));
    assert_eq!(received.collect::<Vec<_>>(), expected);
}

/// More than the server may have waiting for a socket: it reads no further until
/// it has answered.
#[tokio::test]
async fn a_flood_of_messages_is_answered_one_by_one() {
    let server = Server::start(still());
    let mut client = server.open("/ws").await;
    client.welcome().await;
    for number in 1..=1000 {
        let message = format!(r#"{{"type":"message","number":{number}}}"#);
        client.send(&message).await;
    }
    for number in 1..=1000 {
        assert_eq!(client.json().await["number"], json!(number));
    }
}

#[tokio::test]
async fn every_socket_of_a_session_gets_every_tick_and_every_change() {
    let server = Server::start(quick());
    let mut one = server.open("/ws").await;
    let session = session_of(&one.welcome().await);
    let mut two = server.open(&format!("/ws?session={session}")).await;
    two.welcome().await;
    for seq in 1..=10 {
        assert_eq!(one.tick().await, two.tick().await, "tick {seq}");
    }
    one.send(r#"{"type":"pause"}"#).await;
    one.wait_for("paused").await;
    two.wait_for("paused").await;
}

#[tokio::test]
async fn a_bad_command_is_an_error_and_the_connection_lives() {
    let server = Server::start(still());
    let mut client = server.open("/ws").await;
    client.welcome().await;
    for bad in ["", "x", "{}", r#"{"type":"stop"}"#] {
        client.send(bad).await;
        assert_eq!(client.json().await["type"], "error", "{bad}");
    }
    let binary = tokio_tungstenite::tungstenite::Message::binary(vec![0, 1, 2]);
    futures_util::SinkExt::send(&mut client.socket, binary)
        .await
        .unwrap();
    assert_eq!(client.json().await["type"], "error");
    client.send(r#"{"type":"pause"}"#).await;
    assert_eq!(client.json().await["type"], "paused");
}

#[tokio::test]
async fn events_name_a_session_by_its_tag_only() {
    let server = Server::start(quick());
    let mut client = server.open("/ws").await;
    let session = session_of(&client.welcome().await);
    client.tick().await;
    client.leave().await;
    server
        .told(1, |what| matches!(what, EventKind::SocketClosed { .. }))
        .await;
    let text = format!("{:?}", server.events());
    assert!(!text.contains(&session));
    assert!(text.contains(&environment::tag(&session)));
}
