//! Requests that nobody should send: each gets its status and its words, and
//! leaves nothing half done.

use chaos_proxy::api::Config;
use environment::Seed;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Api, Proxied};
use crate::world::{ms, simulated};

async fn check(api: &Api, method: &str, path: &str, body: &str, status: u16, words: &str) {
    let answer = api.call(method, path, Some(body)).await;
    assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
    assert!(answer.body.contains(words), "{method} {path}: {answer:?}");
}

#[test]
fn nonsense_is_said_to_be_nonsense() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
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
    });
}

/// In this order: proxy, JSON, stream, type, name, attributes.
#[test]
fn mistakes_are_found_in_the_order_that_clients_know() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
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
    });
}

#[test]
fn verbs_and_paths_that_are_none_are_told_apart() {
    simulated(async |world| {
        let api = Api::start(&world);
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
    });
}

#[test]
fn names_may_hold_anything() {
    simulated(async |world| {
        let api = Api::start(&world);
        let server = world.listen();
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
    });
}

#[test]
fn a_body_that_is_too_large_is_told_so_and_read_on() {
    simulated(async |world| {
        let api = Api::start(&world);
        let mut stream = api.dial().await;
        let length = 100 * 1024 * 1024;
        let head = format!("POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![b' '; 1024 * 1024];
        for _ in 0..100 {
            stream.write_all(&chunk).await.unwrap();
        }
        // The connection is still good for the next request.
        let next = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(next.as_bytes()).await.unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        assert!(answers.starts_with("HTTP/1.1 413 "), "{answers}");
        assert!(answers.contains("\"status\":413}\n"), "{answers}");
        assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
    });
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    simulated(async |world| {
        let api = Api::start(&world);
        let mut stream = api.dial().await;
        let head = format!(
            "GET /version HTTP/1.1\r\nX: {}\r\n\r\n",
            "x".repeat(200_000)
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 431");
    });
}

#[test]
fn pages_of_names_that_were_bound_anew_reach_no_route() {
    const ROUTES: [(&str, &str); 9] = [
        ("GET", "/version"),
        ("GET", "/proxies"),
        ("POST", "/proxies"),
        ("DELETE", "/proxies/p"),
        ("POST", "/populate"),
        ("POST", "/reset"),
        ("GET", "/metrics"),
        ("GET", "/chaos/v1/rules"),
        ("GET", "/"),
    ];
    let page = "http://evil.test:8474";
    // Chromium; Firefox, which lets the page set the agent; and one that is old.
    let chromium = format!(
        "Origin: {page}\r\nUser-Agent: Mozilla/5.0 Chrome/142.0\r\nSec-Fetch-Site: same-origin\r\n"
    );
    let firefox = format!("Origin: {page}\r\nUser-Agent: x\r\nSec-Fetch-Site: same-origin\r\n");
    simulated(async |world| {
        let api = Api::start(&world);
        api.proxy("p", &world.listen()).await;
        let before = api.get("/proxies").await;
        let body = "{\"name\":\"q\",\"upstream\":\"127.0.0.1:1\"}";
        for (method, path) in ROUTES {
            for browser in [chromium.as_str(), firefox.as_str(), ""] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: evil.test:8474\r\n{browser}Content-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
                let answer = api.raw(request.as_bytes()).await;
                assert_eq!(answer.status, 403, "{request}: {answer:?}");
                let error = answer.json()["error"].as_str().unwrap().to_owned();
                assert!(error.contains("--api-host"), "{error}");
            }
        }
        assert_eq!(api.get("/proxies").await, before);
    });
}

#[test]
fn containers_and_listed_hosts_may_ask() {
    simulated(async |world| {
        let config = Config {
            hosts: vec!["proxy.internal".to_owned()],
            ..Config::default()
        };
        let api = Api::with(&world, Seed(1), config);
        for (host, status) in [
            ("toxiproxy:8474", 200),
            ("localhost:8474", 200),
            ("[::1]:8474", 200),
            ("proxy.internal:8474", 200),
            ("toxiproxy.evil.test", 403),
        ] {
            let request =
                format!("GET /version HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            assert_eq!(api.raw(request.as_bytes()).await.status, status, "{host}");
        }
    });
}

#[test]
fn a_name_that_no_path_can_hold_is_refused() {
    simulated(async |world| {
        let api = Api::start(&world);
        let long = "x".repeat(100_000);
        let proxy =
            |name: &str| json!({"name": name, "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"});
        let words = "name too long: at most 1024 bytes";
        let body = proxy(&long).to_string();
        check(&api, "POST", "/proxies", &body, 400, words).await;
        check(&api, "POST", "/populate", &format!("[{body}]"), 400, words).await;
        let longest = "\u{1F980}".repeat(256);
        let path = "%F0%9F%A6%80".repeat(256);
        assert_eq!(api.post("/proxies", &proxy(&longest)).await.status, 201);
        let toxics = format!("/proxies/{path}/toxics");
        let toxic = json!({"type": "noop", "name": long}).to_string();
        check(&api, "POST", &toxics, &toxic, 400, words).await;
        let toxic = json!({"type": "noop", "name": longest});
        assert_eq!(api.post(&toxics, &toxic).await.status, 200);
        api.delete(&format!("{toxics}/{path}")).await;
        api.delete(&format!("/proxies/{path}")).await;
    });
}

/// Heads and bodies that never end, as many as there are places.
#[test]
fn clients_that_are_slow_keep_no_others_out() {
    const HEAD: &[u8] = b"GET /version HTTP/1.1\r\nHost: x\r\n";
    const BODY: &[u8] = b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
    simulated(async |world| {
        let api = Api::start(&world);
        // Asked for before, and not to be disturbed.
        let mut events = api.dial().await;
        let ask = b"GET /chaos/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        events.write_all(ask).await.unwrap();
        events.read_exact(&mut [0; 15]).await.unwrap();
        for begun in [HEAD, BODY] {
            let mut slow = Vec::new();
            for _ in 0..300 {
                let mut stream = api.dial().await;
                // It may have lost its place by then.
                let _ = stream.write_all(begun).await;
                slow.push(stream);
            }
            let begun = world.clock.now();
            for _ in 0..10 {
                assert_eq!(api.call("GET", "/proxies", None).await.status, 200);
            }
            assert!(world.clock.now().since(begun) < ms(100));
        }
        api.proxy("told", &world.listen()).await;
        let body = json!({"inject": {"stall": {}}}).to_string();
        let json = [("Content-Type", "application/json")];
        let added = api
            .call_with("POST", "/chaos/v1/rules", &json, Some(&body))
            .await;
        assert_eq!(added.status, 201, "{added:?}");
        assert!(!world.is_silent(&mut events, ms(100)).await);
    });
}
