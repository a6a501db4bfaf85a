//! One conversation of a true Toxiproxy, had again with ours.

use std::path::Path;

use serde_json::Value;

use super::ports;
use crate::api::{Answer, Api};
use crate::world::on_sockets;

/// The replies of a Toxiproxy 2.12 to 51 requests.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/toxiproxy.jsonl");

/// The ports of the conversation.
const PORTS: std::ops::RangeInclusive<u16> = 29001..=29006;

fn lines() -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(GOLDEN))
        .unwrap_or_else(|error| panic!("{GOLDEN}: {error}"));
    let base = ports::free(6);
    let moved = PORTS.zip(base..).fold(text, |text, (from, to)| {
        text.replace(&from.to_string(), &to.to_string())
    });
    let lines = moved
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// What may differ: a decoder's wording, and the version's number.
fn comparable(body: &str) -> Value {
    let Ok(mut json) = serde_json::from_str::<Value>(body) else {
        return Value::from(body);
    };
    if let Some(error) = json.get_mut("error") {
        let text = error.as_str().unwrap();
        if let Some((start, _)) = text.split_once("bad request body: ") {
            *error = format!("{start}bad request body: …").into();
        }
    }
    if let Some(version) = json.get_mut("version") {
        *version = "…".into();
    }
    json
}

fn compare(step: &Value, answer: &Answer) {
    let (request, reply) = (&step["request"], &step["reply"]);
    assert_eq!(reply["status"], answer.status, "{request}: {answer:?}");
    assert_eq!(
        reply["content_type"].as_str(),
        answer.header("content-type"),
        "{request}: {answer:?}"
    );
    let body = reply["body"].as_str().unwrap();
    assert_eq!(comparable(body), comparable(&answer.body), "{request}");
    assert_eq!(
        body.ends_with('\n'),
        answer.body.ends_with('\n'),
        "{request}: {answer:?}"
    );
    // Requests that match a route are numbered, and no others.
    let is_matched =
        !matches!(reply["status"].as_u64(), Some(405)) && !body.starts_with("404 page");
    let has_number = answer.header("x-toxiproxy-request-id").is_some();
    assert_eq!(is_matched, has_number, "{request}: {answer:?}");
}

#[test]
fn the_conversation_of_a_true_toxiproxy_is_had_again() {
    on_sockets(async |world| {
        let api = Api::start(&world);
        let lines = lines();
        assert_eq!(lines.len(), 51);
        for step in &lines {
            let request = &step["request"];
            let headers: Vec<(&str, &str)> = request["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            let (method, path) = (&request["method"], &request["path"]);
            let body = request["body"].as_str();
            let answer = api.call_with(
                method.as_str().unwrap(),
                path.as_str().unwrap(),
                &headers,
                body,
            );
            compare(step, &answer.await);
        }
        api.stop().await;
    });
}
