//! Our own API, and what it does to real connections.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::Tell;
use chaos_proxy::api::Config;
use chaos_proxy::proxies::Proxies;
use environment::{Seed, Stream};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, ReadHalf, WriteHalf};

use super::{Answer, Api, Proxied};
use crate::world::{HOP, accept, ending, expect, ms, send, simulated};

const MOMENT: Duration = Duration::from_millis(200);
const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn put(api: &Api, method: &str, path: &str, body: &Value) -> Answer {
    let path = format!("/chaos/v1{path}");
    let body = body.to_string();
    api.call_with(method, &path, &[JSON], Some(&body)).await
}

async fn rules(api: &Api) -> Value {
    api.get("/chaos/v1/rules").await["rules"].clone()
}

#[test]
fn a_rule_is_added_changed_listed_and_removed() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let (mut client, mut upstream) = api.pair().await;
        let stall = json!({"owner": "me", "inject": {"stall": {"direction": "downstream"}}});
        let added = put(&api, "POST", "/rules", &stall).await;
        assert_eq!(added.status, 201, "{added:?}");
        let shown = json!({"proxy": "p", "name": "stall", "owner": "me", "fault": "stall",
        "remaining_ms": null, "rule": stall});
        assert_eq!(added.json(), shown);
        assert_eq!(rules(&api).await, json!([shown]));
        send(&mut upstream, b"held").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        let again = put(&api, "POST", "/rules", &stall).await;
        assert_eq!(again.status, 409, "{again:?}");
        // Now the other way: what was held comes through.
        let other = json!({"inject": {"stall": {"direction": "upstream"}}});
        let changed = put(&api, "PUT", "/rules/p/stall", &other).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        expect(&mut client, b"held").await;
        send(&mut client, b"held too").await;
        assert!(world.is_silent(&mut upstream, MOMENT).await);
        api.delete("/chaos/v1/rules/p/stall").await;
        expect(&mut upstream, b"held too").await;
        assert_eq!(rules(&api).await, json!([]));
        for (method, path) in [("PUT", "/rules/p/stall"), ("PUT", "/rules/q/stall")] {
            assert_eq!(put(&api, method, path, &other).await.status, 404);
        }
    });
}

#[test]
fn a_rule_ends_with_its_time_to_live() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let (mut client, mut upstream) = api.pair().await;
        let begun = world.clock.now();
        let body = json!({"proxy": "p", "ttl": "500ms", "inject": {"stall": {}}});
        let added = put(&api, "POST", "/rules", &body).await;
        assert_eq!(added.json()["remaining_ms"], 500, "{added:?}");
        send(&mut upstream, b"held").await;
        expect(&mut client, b"held").await;
        let elapsed = world.clock.now().since(begun);
        // It begins when the call has come.
        assert_eq!(elapsed, ms(500) + 4 * HOP);
        assert_eq!(rules(&api).await, json!([]));
    });
}

#[test]
fn rules_on_connections_and_on_the_listener_can_be_added() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let reject = json!({"on": {"attempt": 1}, "inject": {"reject": {}}});
        assert_eq!(put(&api, "POST", "/rules", &reject).await.status, 201);
        let mut client = api.dial_proxy().await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        let refuse = json!({"inject": {"refuse": {}}});
        assert_eq!(put(&api, "POST", "/rules", &refuse).await.status, 201);
        let dial = || async { world.network.dial(&api.proxy_address.to_string()).await };
        assert_eq!(
            dial().await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        api.delete("/chaos/v1/rules/p/refuse").await;
        dial().await.unwrap();
    });
}

#[test]
fn toxics_are_rules_of_their_own_owner() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        api.toxic(&json!({"type": "latency", "attributes": {"latency": 5}}))
            .await;
        let own = json!({"inject": {"slice": {"size": "1B"}}});
        assert_eq!(put(&api, "POST", "/rules", &own).await.status, 201);
        let listed = rules(&api).await;
        let toxic = json!({"proxy": "p", "name": "p/latency_downstream", "owner": "toxiproxy",
        "fault": "latency", "remaining_ms": null, "rule": null});
        assert_eq!(listed[0], toxic);
        assert_eq!(
            (&listed[1]["owner"], &listed[1]["name"]),
            (&json!("api"), &json!("slice"))
        );
        // Each API changes its own.
        let path = "/rules/p/p%2Flatency_downstream";
        assert_eq!(put(&api, "PUT", path, &own).await.status, 409);
        assert_eq!(put(&api, "DELETE", path, &own).await.status, 409);
        let posing =
            json!({"owner": "toxiproxy", "inject": {"slice": {"size": "1B"}}, "name": "x"});
        assert_eq!(put(&api, "POST", "/rules", &posing).await.status, 400);
        assert_eq!(api.call("POST", "/reset", None).await.status, 204);
        assert_eq!(rules(&api).await, json!([listed[1]]));
    });
}

#[test]
fn every_mistake_in_a_rule_is_told() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let wrong = json!({"inject": {"latency": {"dely": "1s"}}, "probability": 2, "at": "1s"});
        let answer = put(&api, "POST", "/rules", &wrong).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let mistakes = answer.json()["mistakes"].as_array().unwrap().len();
        assert_eq!(mistakes, 3, "{answer:?}");
        let right = json!({"inject": {"stall": {}}}).to_string();
        let post = |headers: &'static [(&'static str, &'static str)]| {
            api.call_with("POST", "/chaos/v1/rules", headers, Some(&right))
        };
        assert_eq!(post(&[]).await.status, 415);
        assert_eq!(post(&[("Content-Type", "text/plain")]).await.status, 415);
        let utf8 = post(&[("Content-Type", "application/json; charset=utf-8")]).await;
        assert_eq!(utf8.status, 201, "{utf8:?}");
        for path in ["", "/", "/rule", "/rules/p"] {
            let answer = api.call("GET", &format!("/chaos/v1{path}"), None).await;
            assert_eq!(answer.status, 404, "{path}");
        }
    });
}

#[test]
fn pages_of_others_change_and_read_nothing() {
    simulated(async |world| {
        let config = Config {
            origins: vec!["https://panel.test".to_owned()],
            ..Config::default()
        };
        let api = Proxied::by(Api::with(&world, Seed(7), config)).await;
        let rule = json!({"inject": {"reset": {}}}).to_string();
        // What browsers send: fetch and event streams across sites, a form, a page
        // whose name was bound anew to this address.
        let cross = [
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
        ];
        let form = [
            ("Content-Type", "text/plain"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
        ];
        let image = [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "no-cors"),
        ];
        for headers in [&cross[..], &form, &image] {
            for (method, path) in [
                ("GET", "/chaos/v1/rules"),
                ("GET", "/chaos/v1/events"),
                ("POST", "/chaos/v1/rules"),
                ("OPTIONS", "/chaos/v1/rules"),
                ("DELETE", "/chaos/v1/rules/p/x"),
            ] {
                let answer = api.call_with(method, path, headers, Some(&rule)).await;
                assert_eq!(
                    answer.status, 403,
                    "{method} {path} {headers:?}: {answer:?}"
                );
                assert_eq!(answer.header("access-control-allow-origin"), None);
            }
        }
        let bound =
            "GET /chaos/v1/rules HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
        assert_eq!(api.raw(bound.as_bytes()).await.status, 403);
        assert_eq!(rules(&api).await, json!([]));
        // A listed page is let in, and may ask for that beforehand.
        let listed = [
            ("Origin", "https://panel.test"),
            ("Sec-Fetch-Site", "cross-site"),
            JSON,
        ];
        for (method, status) in [("OPTIONS", 204), ("POST", 201), ("GET", 200)] {
            let answer = api
                .call_with(method, "/chaos/v1/rules", &listed, Some(&rule))
                .await;
            assert_eq!(answer.status, status, "{answer:?}");
            let origin = answer.header("access-control-allow-origin");
            assert_eq!(origin, Some("https://panel.test"));
        }
    });
}

#[test]
fn the_plan_says_what_is_to_come() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let plan = api.get("/chaos/v1/plan").await;
        assert_eq!(plan["seed"], 7);
        assert_eq!(plan["plans"][0]["proxy"], "p");
        assert_eq!(plan["plans"][0]["timed"], json!([]));
    });
}

/// An upgrade's request and answer, and a frame of text.
const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
const HELLO: &[u8] = b"\x81\x05hello";

#[test]
fn rules_about_frames_act_where_frames_are_watched_and_are_refused_elsewhere() {
    simulated(async |world| {
        let blind = Proxied::start(&world).await;
        let drop_frame = json!({"inject": {"drop_frame": {"direction": "downstream", "index": 2}}});
        let refused = put(&blind, "POST", "/rules", &drop_frame).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.body.contains("--frames"), "{refused:?}");
        let api = Proxied::by(Api::over(&world, Config::default(), |environment| {
            Proxies::new(environment.clone(), Seed(7), |_| Tell::nobody()).watching_frames()
        }))
        .await;
        let (mut client, mut upstream) = api.pair().await;
        send(&mut client, UPGRADE).await;
        expect(&mut upstream, UPGRADE).await;
        send(&mut upstream, UPGRADED).await;
        send(&mut upstream, HELLO).await;
        expect(&mut client, &[UPGRADED, HELLO].concat()).await;
        let listed = api.get("/chaos/v1/connections").await;
        assert_eq!(listed["connections"][0]["frames"], 1);
        let all = json!({"inject": {"drop_frame": {"direction": "downstream"}}});
        assert_eq!(put(&api, "POST", "/rules", &all).await.status, 201);
        send(&mut upstream, HELLO).await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        api.delete("/chaos/v1/rules/p/drop_frame").await;
        send(&mut upstream, HELLO).await;
        expect(&mut client, HELLO).await;
    });
}

#[test]
fn a_rule_about_what_messages_say_is_added_before_a_connection_that_offers_compression() {
    simulated(async |world| {
        let api = Proxied::by(Api::over(&world, Config::default(), |environment| {
            Proxies::new(environment.clone(), Seed(7), |_| Tell::nobody()).watching_frames()
        }))
        .await;
        let drop_b = json!({"inject": {"drop_frame": {
            "message": {"json": "/channel", "equals": "b"}, "index": 2}}});
        assert_eq!(put(&api, "POST", "/rules", &drop_b).await.status, 201);
        let (mut client, mut upstream) = api.pair().await;
        let offer = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        send(&mut client, offer).await;
        expect(&mut upstream, UPGRADE).await;
        send(&mut upstream, UPGRADED).await;
        let b = b"\x81\x0f{\"channel\":\"b\"}";
        let a = b"\x81\x0f{\"channel\":\"a\"}";
        send(&mut upstream, &[&b[..], a, b, a, b].concat()).await;
        expect(&mut client, &[UPGRADED, b, a, a, b].concat()).await;
        // What is wrong with a pattern is told.
        let wrong = json!({"name": "x", "inject": {"drop_frame": {"message": {"json": "x"}}}});
        let told = put(&api, "POST", "/rules", &wrong).await;
        assert_eq!(told.status, 400, "{told:?}");
        assert!(told.body.contains("points at nothing"), "{told:?}");
    });
}

/// A reader of events.
struct Reader {
    lines: Lines<BufReader<ReadHalf<Stream>>>,
    /// Kept, so that the API does not see a FIN.
    _write: WriteHalf<Stream>,
}

impl Reader {
    async fn open(api: &Api, last: Option<u64>) -> Self {
        let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!("GET /chaos/v1/events HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
        let (read, mut write) = tokio::io::split(api.dial().await);
        write.write_all(request.as_bytes()).await.unwrap();
        let mut reader = Self {
            lines: BufReader::new(read).lines(),
            _write: write,
        };
        assert_eq!(reader.line().await, "HTTP/1.1 200 OK");
        while !reader.line().await.is_empty() {}
        reader
    }

    async fn line(&mut self) -> String {
        self.lines
            .next_line()
            .await
            .unwrap()
            .expect("the stream goes on")
    }

    /// The next event: its name, its number, its data.
    async fn next(&mut self) -> (String, u64, Value) {
        let (mut name, mut id) = (String::new(), 0);
        loop {
            let line = self.line().await;
            match line.split_once(": ") {
                Some(("event", event)) => name = event.to_owned(),
                Some(("id", number)) => id = number.parse().unwrap(),
                Some(("data", data)) => return (name, id, serde_json::from_str(data).unwrap()),
                _ => {}
            }
        }
    }
}

#[test]
fn events_are_told_live_and_again_from_where_one_was() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let mut reader = Reader::open(&api, None).await;
        let (mut client, mut upstream) = api.pair().await;
        send(&mut upstream, b"x").await;
        expect(&mut client, b"x").await;
        let mut seen = Vec::new();
        for expect in ["accepted", "upstream_connected", "first_data"] {
            let (_, id, event) = reader.next().await;
            assert_eq!(
                (&event["event"], &event["proxy"]),
                (&json!(expect), &json!("p"))
            );
            seen.push((id, event));
        }
        assert_eq!(
            seen.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        // Behind the first one, the others come again, and then what is new.
        let mut again = Reader::open(&api, Some(1)).await;
        for (id, event) in &seen[1..] {
            assert_eq!(again.next().await, (String::new(), *id, event.clone()));
        }
        drop(client);
        for reader in [&mut reader, &mut again] {
            let (_, id, event) = reader.next().await;
            assert_eq!((id, &event["event"]), (4, &json!("peer_ended")));
        }
        // A number that was never given is of another run: all is new, and that is said.
        let mut foreign = Reader::open(&api, Some(1000)).await;
        let (name, _, gap) = foreign.next().await;
        assert_eq!((name.as_str(), gap), ("gap", json!({"from": 0, "to": 0})));
        assert_eq!(foreign.next().await.1, 1);
        // It ends with the API, and does not keep it.
        api.stop().await;
        while reader.lines.next_line().await.ok().flatten().is_some() {}
    });
}

#[test]
fn a_number_that_is_none_is_no_place_to_go_on_from() {
    simulated(async |world| {
        let api = Api::start(&world);
        let headers = [("Last-Event-ID", "soon")];
        let answer = api
            .call_with("GET", "/chaos/v1/events", &headers, None)
            .await;
        assert_eq!(answer.status, 400, "{answer:?}");
    });
}

#[test]
fn connections_are_shown_live_and_one_of_them_can_be_held_and_ended() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let (mut clients, mut upstreams) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (mut client, mut upstream) = api.pair().await;
            send(&mut client, b"12").await;
            expect(&mut upstream, b"12").await;
            send(&mut upstream, b"345").await;
            expect(&mut client, b"345").await;
            clients.push(client);
            upstreams.push(upstream);
        }
        let path = "/chaos/v1/connections";
        let listed = api.get(path).await["connections"].clone();
        assert_eq!(listed.as_array().unwrap().len(), 3);
        let mut second = listed[1].clone();
        assert!(second["age_ms"].take().is_u64());
        let expected = json!({"proxy": "p", "id": 2, "client": "2", "attempt": 2, "phase": "open",
        "age_ms": null, "upstream_bytes": 2, "downstream_bytes": 3, "frames": null});
        assert_eq!(second, expected);
        let act = async |id: u64, deed: &str| {
            let answer = api
                .call("POST", &format!("{path}/p/{id}/{deed}"), None)
                .await;
            answer.status
        };
        assert_eq!(act(2, "stall").await, 204);
        send(&mut upstreams[1], b"held").await;
        assert!(world.is_silent(&mut clients[1], MOMENT).await);
        assert_eq!(act(2, "release").await, 204);
        assert_eq!(act(2, "release").await, 404);
        expect(&mut clients[1], b"held").await;
        assert_eq!(act(2, "reset").await, 204);
        assert_eq!(
            ending(&mut clients[1]).await,
            Err(ErrorKind::ConnectionReset)
        );
        assert_eq!(act(3, "close").await, 204);
        assert_eq!(ending(&mut clients[2]).await, Ok(Vec::new()));
        // The first one never noticed.
        send(&mut clients[0], b"!").await;
        expect(&mut upstreams[0], b"!").await;
        assert_eq!(act(99, "reset").await, 404);
        assert_eq!(act(1, "resett").await, 404);
        let other = api.call("POST", &format!("{path}/q/1/reset"), None).await;
        assert_eq!(other.status, 404);
    });
}

#[test]
fn metrics_count_while_connections_live_and_after() {
    simulated(async |world| {
        let config = Config {
            metrics: true,
            ..Config::default()
        };
        let api = Api::with(&world, Seed(7), config);
        let server = world.listen();
        // Given up and taken again below.
        let address = "127.0.0.1:10000";
        let body =
            json!({"name": "p", "listen": address, "upstream": server.local_addr().to_string()});
        assert_eq!(api.post("/proxies", &body).await.status, 201);
        let address = address.parse().unwrap();
        let mut client = api.dial_to(address).await;
        let mut upstream = accept(&server).await;
        send(&mut client, b"12").await;
        expect(&mut upstream, b"12").await;
        let text = async |path: &str| api.call("GET", path, None).await.body;
        let has = async |path: &str, line: &str| {
            let text = text(path).await;
            assert!(
                text.lines().any(|known| known == line),
                "{line} is not in {text}"
            );
        };
        let own = "/chaos/v1/metrics";
        has(own, "chaos_proxy_connections_open{proxy=\"p\"} 1").await;
        has(
            own,
            "chaos_proxy_sent_bytes_total{proxy=\"p\",direction=\"upstream\"} 2",
        )
        .await;
        let labels = format!(
            "listener=\"{address}\",proxy=\"p\",upstream=\"{}\"",
            server.local_addr()
        );
        let line =
            format!("toxiproxy_proxy_received_bytes_total{{direction=\"upstream\",{labels}}} 2");
        has("/metrics", &line).await;
        for (accept, kind) in [
            ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
            (
                "text/plain;version=0.0.4;q=0.3",
                "text/plain; version=0.0.4; charset=utf-8",
            ),
            (
                "application/openmetrics-text;version=1.0.0,text/plain;q=0.3",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ),
        ] {
            let headers = [("Accept", accept)];
            let answer = api.call_with("GET", "/metrics", &headers, None).await;
            assert_eq!(answer.header("content-type"), Some(kind));
            let is_plain = kind.starts_with("text/plain");
            assert_eq!(answer.body.ends_with("# EOF\n"), !is_plain, "{answer:?}");
            let declared = "# TYPE toxiproxy_proxy_sent_bytes_total counter\n";
            assert_eq!(answer.body.contains(declared), is_plain, "{answer:?}");
            assert!(answer.body.contains(&line), "{answer:?}");
        }
        api.toxic(&json!({"type": "reset_peer"})).await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        let closed = async {
            while !text(own)
                .await
                .contains("connections_open{proxy=\"p\"} 0\n")
            {}
        };
        closed.await;
        has(own, "chaos_proxy_connections_total{proxy=\"p\"} 1").await;
        has(
            own,
            "chaos_proxy_sent_bytes_total{proxy=\"p\",direction=\"upstream\"} 2",
        )
        .await;
        has(
            own,
            "chaos_proxy_faults_total{proxy=\"p\",fault=\"expiry\"} 1",
        )
        .await;
        has(own, "chaos_proxy_rules{proxy=\"p\",owner=\"toxiproxy\"} 1").await;
        // Counters go on when the proxy is stopped and started.
        for enabled in [false, true] {
            let switched = api.post("/proxies/p", &json!({"enabled": enabled})).await;
            assert_eq!(switched.status, 200, "{switched:?}");
            has(own, "chaos_proxy_connections_total{proxy=\"p\"} 1").await;
        }
    });
}
