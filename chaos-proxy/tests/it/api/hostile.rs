//! Requests that nobody should send: each gets its status and its words, and
//! leaves nothing half done.

use std::time::Duration;

use environment::Environment;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Api;
use crate::bench::{listen, soon};

async fn check(api: &Api, method: &str, path: &str, body: &str, status: u16, words: &str) {
    let answer = api.call(method, path, Some(body)).await;
    assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
    assert!(answer.body.contains(words), "{method} {path}: {answer:?}");
}

#[tokio::test]
async fn nonsense_is_said_to_be_nonsense() {
    let api = Api::start();
    let server = listen(&Environment::real());
    api.proxy("p", &server).await;
    let before = api.get("/proxies").await;
    let bad = "bad request body: ";
    for body in [
        "",
        "nonsense",
        "[",
        "5",
        "\"x\"",
        "{\"name\": 5}",
        "{\"name\":\"a\",\"enabled\":1}",
    ] {
        check(&api, "POST", "/proxies", body, 400, bad).await;
        check(&api, "POST", "/populate", body, 400, bad).await;
    }
    check(
        &api,
        "POST",
        "/proxies",
        "null",
        400,
        "missing required field: name",
    )
    .await;
    check(&api, "POST", "/proxies/p", "{\"enabled\":\"no\"}", 400, bad).await;
    assert_eq!(api.get("/proxies").await, before);
}

/// In this order: proxy, JSON, stream, type, name, attributes.
#[tokio::test]
async fn mistakes_are_found_in_the_order_that_clients_know() {
    let api = Api::start();
    let server = listen(&Environment::real());
    api.proxy("p", &server).await;
    let before = api.get("/proxies").await;
    let bad = "bad request body: ";
    let toxics = "/proxies/p/toxics";
    check(
        &api,
        "POST",
        "/proxies/q/toxics",
        "nonsense",
        404,
        "proxy not found",
    )
    .await;
    check(
        &api,
        "POST",
        toxics,
        "{\"stream\":\"x\"} more",
        400,
        "stream was invalid",
    )
    .await;
    check(
        &api,
        "POST",
        toxics,
        "{\"type\":\"Latency\"}",
        400,
        "invalid toxic type",
    )
    .await;
    check(
        &api,
        "POST",
        toxics,
        "{\"type\":\"slicer\",\"attributes\":{\"average_size\":1.5}}",
        400,
        bad,
    )
    .await;
    check(
        &api,
        "POST",
        toxics,
        "{\"type\":\"noop\",\"toxicity\":\"1\"}",
        400,
        bad,
    )
    .await;
    check(
        &api,
        "POST",
        "/proxies/p/toxics/x",
        "nonsense",
        404,
        "toxic not found",
    )
    .await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    check(&api, "POST", "/proxies", &deep, 400, bad).await;
    let hidden = format!("{{\"x\":{deep}}}");
    check(
        &api,
        "POST",
        "/proxies",
        &hidden,
        400,
        "missing required field: name",
    )
    .await;
    assert_eq!(api.get("/proxies").await, before);
}

#[tokio::test]
async fn verbs_and_paths_that_are_none_are_told_apart() {
    let api = Api::start();
    for path in ["/", "/proxy", "/proxies/", "/proxies/a/b/c", "/metrics"] {
        check(&api, "GET", path, "", 404, "404 page not found\n").await;
    }
    for (method, path) in [
        ("PUT", "/proxies"),
        ("DELETE", "/proxies"),
        ("PUT", "/proxies/p"),
        ("PATCH", "/proxies/p/toxics"),
        ("GET", "/populate"),
        ("GET", "/reset"),
        ("POST", "/version"),
    ] {
        let answer = api.call(method, path, None).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (405, ""),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn names_may_hold_anything() {
    let api = Api::start();
    let server = listen(&Environment::real());
    for (name, path) in [
        ("a/b", "a%2Fb"),
        ("\"quoted\"", "%22quoted%22"),
        ("ümlaut 🦀", "%C3%BCmlaut%20%F0%9F%A6%80"),
        ("..", "%2E%2E"),
        ("%2F", "%252F"),
    ] {
        api.proxy(name, &server).await;
        let shown = api.get(&format!("/proxies/{path}")).await;
        assert_eq!(shown["name"], name);
        let toxics = format!("/proxies/{path}/toxics");
        let toxic = json!({"type": "noop", "name": name});
        assert_eq!(api.post(&toxics, &toxic).await.status, 200);
        api.delete(&format!("{toxics}/{path}")).await;
        api.delete(&format!("/proxies/{path}")).await;
    }
    // No text at all is no name.
    let answer = api.call("GET", "/proxies/%ff", None).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(api.get("/proxies").await, json!({}));
}

#[tokio::test]
async fn addresses_that_cannot_be_had_leave_everything_as_it_was() {
    let api = Api::start();
    let server = listen(&Environment::real());
    let taken = server.local_addr().to_string();
    let address = api.proxy("p", &server).await;
    let before = api.get("/proxies").await;
    let check = async |listen: &str, words: &str| {
        let body = json!({"name": "q", "listen": listen, "upstream": taken});
        for answer in [
            api.post("/proxies", &body).await,
            api.post("/proxies/p", &json!({"listen": listen})).await,
            api.post("/populate", &json!([body])).await,
            api.post(
                "/populate",
                &json!([{"name": "p", "listen": listen, "upstream": taken}]),
            )
            .await,
        ] {
            assert_eq!(answer.status, 500, "{answer:?}");
            assert!(answer.body.contains(words), "{answer:?}");
        }
        assert_eq!(api.get("/proxies").await, before);
    };
    check(
        &taken,
        &format!("listen tcp {taken}: bind: address already in use"),
    )
    .await;
    check("nowhere", "missing port in address").await;
    check("127.0.0.1:99999", "invalid port").await;
    check("192.0.2.1:0", "bind: cannot assign requested address").await;
    check("no-such-host.invalid:0", "lookup no-such-host.invalid").await;
    // It never stopped.
    drop(api.dial_to(address).await);
    soon(server.accept()).await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so_and_read_on() {
    let api = Api::start();
    let mut stream = api.dial().await;
    let length = 100 * 1024 * 1024;
    let head = format!("POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    soon(stream.write_all(head.as_bytes())).await.unwrap();
    let chunk = vec![b' '; 1024 * 1024];
    for _ in 0..100 {
        soon(stream.write_all(&chunk)).await.unwrap();
    }
    // The connection is still good for the next request.
    let next = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    soon(stream.write_all(next.as_bytes())).await.unwrap();
    let mut answers = String::new();
    soon(stream.read_to_string(&mut answers)).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 413 "), "{answers}");
    assert!(answers.contains("\"status\":413}\n"), "{answers}");
    assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let api = Api::start();
    let mut stream = api.dial().await;
    let head = format!(
        "GET /version HTTP/1.1\r\nX: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    soon(stream.write_all(head.as_bytes())).await.unwrap();
    let mut answer = vec![0; 12];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 431");
}

/// A client that leaves in the middle of a call leaves nothing half done.
#[tokio::test]
async fn a_client_that_does_not_wait_for_its_answer_is_obeyed_all_the_same() {
    let api = Api::start();
    for round in 0..50 {
        let name = format!("p{round}");
        let body = json!({"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"});
        let (body, mut stream) = (body.to_string(), api.dial().await);
        let request = format!(
            "POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        soon(stream.write_all(request.as_bytes())).await.unwrap();
        if round % 2 == 0 {
            stream.reset();
        }
    }
    // A request that was never read may be lost; one that was is done whole.
    let clock = api.environment.clock.clone();
    let every_other = async {
        loop {
            let proxies = api.get("/proxies").await;
            let proxies = proxies.as_object().unwrap().clone();
            assert!(proxies.values().all(|proxy| proxy["enabled"] == true));
            let is_there = |round: usize| proxies.contains_key(&format!("p{round}"));
            if (1..50).step_by(2).all(is_there) {
                return;
            }
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    soon(every_other).await;
}
