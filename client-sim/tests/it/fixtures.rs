//! The files that other programs are held to as well.

use std::time::Duration;

use client_sim::{ClientMessage, Policy, ServerMessage, Shape};
use serde_json::{Value, json};

/// Sequences of retries: retry number i, from 0, draws `units[i]`, and the
/// delay before it was `delays_us[i - 1]`.
fn vectors() -> Value {
    let growing = [0.5, 0.0, 0.25, 0.999, 0.125, 0.75, 0.5, 0.9];
    let mut vectors = Vec::new();
    for (word, shape) in Shape::ALL {
        let usual = Policy::new(shape);
        let quick = Policy {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(5),
            factor: 1.5,
            ..usual
        };
        for policy in [usual, quick] {
            vectors.push(vector(word, policy, &growing));
        }
    }
    json!({
        "about": "Delays of the reconnect policies. Retry number i, from 0, draws units[i] in [0, 1) and follows a delay of delays_us[i - 1]. Whole microseconds; 1 more or less is right as well.",
        "vectors": vectors,
    })
}

fn vector(word: &str, policy: Policy, units: &[f64]) -> Value {
    let mut previous = None;
    let delays: Vec<u64> = (0..)
        .zip(units)
        .map(|(attempt, unit)| {
            let delay = policy.delay_at(attempt, previous, *unit);
            previous = Some(delay);
            u64::try_from(delay.as_micros()).unwrap()
        })
        .collect();
    json!({
        "policy": word,
        "base_ms": policy.base.as_millis(),
        "cap_ms": policy.cap.as_millis(),
        "factor": policy.factor,
        "units": units,
        "delays_us": delays,
    })
}

/// After a wanted change: `UPDATE_FIXTURES=1 cargo test -p client-sim backoff`.
#[test]
fn the_published_backoff_vectors_are_these() {
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/backoff.json");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

fn messages(side: &str) -> Vec<(String, String)> {
    let text = include_str!("../../../server/fixtures/messages.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let entries = fixture[side].as_object().unwrap().iter();
    entries
        .map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn the_servers_messages_are_understood() {
    let messages = messages("server");
    assert!(messages.len() >= 9, "{messages:?}");
    for (name, text) in messages {
        let read = ServerMessage::parse(&text);
        let kind = match &read {
            ServerMessage::Welcome(_) => "welcome",
            ServerMessage::Tick { .. } => "tick",
            ServerMessage::Paused => "paused",
            ServerMessage::Resumed => "resumed",
            ServerMessage::Heartbeat => "heartbeat",
            ServerMessage::Ack { number } => {
                assert_eq!(number, &7);
                "ack"
            }
            ServerMessage::Error { .. } => "error",
            ServerMessage::Other => "other",
        };
        let stem = name.split('_').next().unwrap();
        assert_eq!(kind, stem, "{name}: {text}");
        if let ServerMessage::Welcome(welcome) = read {
            check_welcome(&name, &text, &welcome);
        }
    }
}

/// Field by field against the file, so that none is read as its default.
fn check_welcome(name: &str, text: &str, welcome: &client_sim::Welcome) {
    let expected: Value = serde_json::from_str(text).unwrap();
    let read = json!({
        "type": "welcome",
        "session": welcome.session,
        "tick_ms": welcome.tick_ms,
        "heartbeat_ms": welcome.heartbeat_ms,
        "next_seq": welcome.next_seq,
        "paused": welcome.paused,
        "resumed": welcome.resumed,
        "lost": welcome.lost,
    });
    assert_eq!(read, expected, "{name}");
}

#[test]
fn our_messages_are_what_the_server_reads() {
    let ours = [
        ("message", ClientMessage::Message { number: 7 }),
        ("pause", ClientMessage::Pause),
        ("resume", ClientMessage::Resume),
    ];
    let ours = ours.map(|(name, message)| (name.to_owned(), message.encode().into_owned()));
    assert_eq!(messages("client"), ours);
}
