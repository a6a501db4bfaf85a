//! What toxics do to connections, where Toxiproxy's clients rely on it, and
//! where its own behaviour is a fault.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use chaos_proxy::api::Config;
use environment::{Listener, Seed, Stream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Api, Proxied};
use crate::world::{HOP, World, accept, ending, expect, ms, send, simulated};

/// What does not come in this time does not come.
const MOMENT: Duration = Duration::from_millis(200);

/// How many of these end with RST; the others are there and say nothing.
async fn count_resets(world: &World, clients: Vec<Stream>) -> usize {
    let mut count = 0;
    for mut client in clients {
        let mut byte = [0; 1];
        match world.clock.timeout(MOMENT, client.read(&mut byte)).await {
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => count += 1,
            Err(_) => {}
            Ok(other) => panic!("neither reset nor silent: {other:?}"),
        }
    }
    count
}

#[test]
fn a_hundred_idle_connections_are_reset_and_at_toxicity_0_none() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        for (toxicity, expect) in [(0, 0), (1, 100)] {
            let (mut clients, mut upstream) = (Vec::new(), Vec::new());
            for _ in 0..100 {
                let (client, server) = api.pair().await;
                clients.push(client);
                upstream.push(server);
            }
            api.toxic(&json!({"type": "reset_peer", "toxicity": toxicity}))
                .await;
            assert_eq!(
                count_resets(&world, clients).await,
                expect,
                "at toxicity {toxicity}"
            );
            api.delete("/proxies/p/toxics/reset_peer_downstream").await;
        }
    });
}

#[test]
fn a_rate_of_0_holds_everything_until_it_is_taken_away() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let (mut client, mut upstream) = api.pair().await;
        api.toxic(&json!({"type": "bandwidth", "name": "cut"}))
            .await;
        send(&mut upstream, b"held").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        api.delete("/proxies/p/toxics/cut").await;
        expect(&mut client, b"held").await;
    });
}

/// A bad link, as people describe one: whichever toxic comes first.
#[test]
fn a_rate_with_a_latency_takes_the_time_of_the_one_and_then_of_the_other() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let rate = json!({"type": "bandwidth", "attributes": {"rate": 5}});
        let latency = json!({"type": "latency", "attributes": {"latency": 50}});
        for order in [[&rate, &latency], [&latency, &rate]] {
            api.post("/reset", &json!({})).await;
            for toxic in order {
                api.toxic(toxic).await;
            }
            let (mut client, mut upstream) = api.pair().await;
            let sent = vec![7; 50_000];
            let passing =
                async { tokio::join!(send(&mut upstream, &sent), expect(&mut client, &sent)) };
            let (took, _) = world.time(passing).await;
            assert!(took.abs_diff(ms(10_050)) < ms(50), "{took:?}");
        }
    });
}

#[test]
fn the_end_of_a_timeout_closes_what_it_held() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        for end in ["delete", "reset"] {
            let (mut client, mut upstream) = api.pair().await;
            api.toxic(&json!({"type": "timeout", "name": "t", "attributes": {"timeout": 0}}))
                .await;
            send(&mut upstream, b"lost").await;
            assert!(world.is_silent(&mut client, MOMENT).await);
            match end {
                "delete" => api.delete("/proxies/p/toxics/t").await,
                _ => assert_eq!(api.call("POST", "/reset", None).await.status, 204),
            }
            assert_eq!(ending(&mut client).await, Ok(Vec::new()), "{end}");
        }
    });
}

#[test]
fn a_limit_lets_so_many_bytes_through_and_closes() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        api.toxic(&json!({"type": "limit_data", "attributes": {"bytes": 5}}))
            .await;
        let (mut client, mut upstream) = api.pair().await;
        send(&mut upstream, b"123").await;
        expect(&mut client, b"123").await;
        send(&mut upstream, b"45678").await;
        assert_eq!(ending(&mut client).await, Ok(b"45".to_vec()));
    });
}

#[test]
fn a_half_close_is_kept_under_a_toxic() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        api.toxic(&json!({"type": "latency", "attributes": {"latency": 20, "jitter": 5}}))
            .await;
        let (mut client, mut upstream) = api.pair().await;
        send(&mut client, b"question").await;
        client.shutdown_write().unwrap();
        assert_eq!(ending(&mut upstream).await.unwrap(), b"question");
        send(&mut upstream, b"answer").await;
        drop(upstream);
        assert_eq!(ending(&mut client).await.unwrap(), b"answer");
    });
}

#[test]
fn toxics_survive_what_their_proxy_goes_through() {
    simulated(async |world| {
        let api = Api::start(&world);
        let servers = [world.listen(), world.listen()];
        let listen = "127.0.0.1:10000";
        let upstream = |n: usize| servers[n].local_addr().to_string();
        let body =
            json!({"name": "p", "listen": listen, "upstream": upstream(0), "enabled": false});
        assert_eq!(api.post("/proxies", &body).await.status, 201);
        // Added while it does not run.
        api.toxic(&json!({"type": "bandwidth", "stream": "upstream"}))
            .await;
        for (change, server) in [
            (json!({"enabled": true}), &servers[0]),
            (json!({"upstream": upstream(1)}), &servers[1]),
        ] {
            assert_eq!(api.post("/proxies/p", &change).await.status, 200);
            let mut client = world.network.dial(listen).await.unwrap();
            let mut there = accept(server).await;
            send(&mut client, b"held").await;
            assert!(world.is_silent(&mut there, MOMENT).await, "{change}");
            send(&mut there, b"other way").await;
            expect(&mut client, b"other way").await;
        }
    });
}

#[test]
fn listed_toxics_are_honoured_by_a_populate() {
    simulated(async |world| {
        let api = Api::start(&world);
        let server = world.listen();
        let listen = "127.0.0.1:10000";
        let entry = |toxics: serde_json::Value| json!([{"name": "p", "listen": listen, "upstream": server.local_addr().to_string(), "toxics": toxics}]);
        let names = async || {
            let toxics = api.get("/proxies/p/toxics").await;
            let names = toxics.as_array().unwrap().iter();
            names
                .map(|toxic| toxic["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let stall = json!({"type": "bandwidth", "name": "stall"});
        let both = json!([stall, {"type": "noop", "name": "nothing"}]);
        assert_eq!(api.post("/populate", &entry(both)).await.status, 201);
        assert_eq!(names().await, ["stall", "nothing"]);
        let mut client = world.network.dial(listen).await.unwrap();
        let mut upstream = accept(&server).await;
        send(&mut upstream, b"held").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        // As a client library that knows of no toxics here: nothing changes.
        for untouched in [json!(null), json!([])] {
            assert_eq!(api.post("/populate", &entry(untouched)).await.status, 201);
            assert_eq!(names().await, ["stall", "nothing"]);
        }
        // The connection stays; only what was listed is left.
        let other = json!([{"type": "noop", "name": "else"}]);
        assert_eq!(api.post("/populate", &entry(other)).await.status, 201);
        assert_eq!(names().await, ["else"]);
        expect(&mut client, b"held").await;
        // A mistake in the last entry makes nothing.
        let wrong = json!([{"name": "q", "upstream": "x:1"}, {"name": "r", "upstream": "x:1",
        "toxics": [{"type": "nonsense"}]}]);
        let answer = api.post("/populate", &wrong).await;
        let expect =
            json!({"error": "invalid toxic type at proxy 2", "status": 400, "proxies": null});
        assert_eq!((answer.status, answer.json()), (400, expect));
        assert_eq!(api.get("/proxies").await.as_object().unwrap().len(), 1);
    });
}

/// Which of so many connections through a new proxy are reset.
async fn struck(api: &Api, server: &Listener, address: SocketAddr, count: usize) -> Vec<bool> {
    let mut struck = Vec::new();
    for _ in 0..count {
        let mut client = api.dial_to(address).await;
        // The reset comes before the dial to the server, or with it.
        let mut byte = [0; 1];
        let greeted = async {
            let (mut upstream, _) = server.accept().await.unwrap();
            // It may have been reset by then.
            let _ = upstream.write_all(b"x").await;
            std::future::pending::<()>().await;
        };
        let read = tokio::select! {
            biased;
            read = client.read(&mut byte) => read,
            () = greeted => unreachable!(),
        };
        struck.push(read.is_err());
    }
    struck
}

#[test]
fn toxicity_is_drawn_for_each_connection_by_itself_and_again_the_same() {
    simulated(async |world| {
        let mut runs = Vec::new();
        for has_another in [false, false, true] {
            let api = Api::with(&world, Seed(3), Config::default());
            let server = world.listen();
            let address = api.proxy("p", &server).await;
            if has_another {
                let other =
                    json!({"type": "latency", "toxicity": 0.5, "attributes": {"latency": 1}});
                api.toxic(&other).await;
            }
            let half = json!({"type": "timeout", "name": "t", "toxicity": 0.5, "attributes": {"timeout": 1}});
            let reset = json!({"type": "reset_peer", "name": "r", "toxicity": 0.5});
            api.toxic(&half).await;
            api.delete("/proxies/p/toxics/t").await;
            api.toxic(&reset).await;
            runs.push(struck(&api, &server, address, 40).await);
        }
        let count = runs[0].iter().filter(|is_struck| **is_struck).count();
        assert!((8..=32).contains(&count), "{:?}", runs[0]);
        assert_eq!(runs[0], runs[1], "the same seed, the same draws");
        assert_eq!(runs[0], runs[2], "another toxic redraws nobody");
        let other = Api::with(&world, Seed(4), Config::default());
        let server = world.listen();
        let address = other.proxy("p", &server).await;
        other
            .toxic(&json!({"type": "reset_peer", "name": "r", "toxicity": 0.5}))
            .await;
        assert_ne!(
            runs[0],
            struck(&other, &server, address, 40).await,
            "another seed"
        );
    });
}

#[test]
fn a_limit_goes_on_counting_when_it_is_changed() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let (mut client, mut upstream) = api.pair().await;
        api.toxic(&json!({"type": "limit_data", "name": "l", "attributes": {"bytes": 5}}))
            .await;
        send(&mut upstream, b"123").await;
        expect(&mut client, b"123").await;
        let more = json!({"attributes": {"bytes": 7}});
        assert_eq!(api.post("/proxies/p/toxics/l", &more).await.status, 200);
        send(&mut upstream, b"4567890").await;
        assert_eq!(ending(&mut client).await, Ok(b"4567".to_vec()));
    });
}

#[test]
fn a_timeout_that_is_changed_goes_on_from_where_it_was() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let (mut client, _upstream) = api.pair().await;
        api.toxic(&json!({"type": "timeout", "name": "t", "attributes": {"timeout": 0}}))
            .await;
        let begun = world.clock.now();
        let sooner = json!({"attributes": {"timeout": 600_000}});
        assert_eq!(api.post("/proxies/p/toxics/t", &sooner).await.status, 200);
        assert!(world.is_silent(&mut client, MOMENT).await);
        let sooner = json!({"attributes": {"timeout": 500}});
        assert_eq!(api.post("/proxies/p/toxics/t", &sooner).await.status, 200);
        assert_eq!(ending(&mut client).await, Ok(Vec::new()));
        assert_eq!(world.clock.now(), begun + ms(500));
    });
}

/// The calls that hang elsewhere.
#[test]
fn no_call_waits_for_a_connection() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        let clock = world.clock.clone();
        // A client that leaves under a rate, with data still to come.
        api.toxic(&json!({"type": "bandwidth", "name": "slow", "attributes": {"rate": 1}}))
            .await;
        let (client, mut upstream) = api.pair().await;
        send(&mut upstream, &vec![0; 200_000]).await;
        client.reset();
        let begun = clock.now();
        api.delete("/proxies/p/toxics/slow").await;
        // A reset that counts down.
        api.toxic(
            &json!({"type": "reset_peer", "name": "late", "attributes": {"timeout": 60_000}}),
        )
        .await;
        let _counting = api.dial_proxy().await;
        api.delete("/proxies/p/toxics/late").await;
        // A server that answers no SYN.
        let mut silent = world.listen();
        silent.fall_silent().unwrap();
        let hanging = api.proxy("hang", &silent).await;
        let mut dials = Vec::new();
        for _ in 0..10 {
            dials.push(api.dial_to(hanging).await);
        }
        let off = api.post("/proxies/hang", &json!({"enabled": false})).await;
        assert_eq!(off.json()["enabled"], false);
        // Calls and dials, one after the other, and nothing else: each took its hops.
        let elapsed = clock.now().since(begun);
        assert!(elapsed < 70 * HOP, "{elapsed:?}");
        // They are let go though nobody ever answered.
        for mut dial in dials {
            let ended = dial.read(&mut [0; 1]).await;
            assert!(ended.map_or(true, |count| count == 0));
        }
    });
}

/// Toxiproxy closes; RST would be ours.
#[test]
fn a_server_that_refuses_is_told_with_fin() {
    simulated(async |world| {
        let api = Api::start(&world);
        let nobody = world.listen();
        let upstream = nobody.local_addr();
        drop(nobody);
        let address = api.proxy_toward("p", upstream).await;
        let mut client = api.dial_to(address).await;
        assert_eq!(ending(&mut client).await, Ok(Vec::new()));
        // A question on the way is no reason for another end.
        let mut client = api.dial_to(address).await;
        send(&mut client, b"question").await;
        assert_eq!(ending(&mut client).await, Ok(Vec::new()));
    });
}

#[test]
fn a_reset_without_a_time_comes_with_the_first_bytes() {
    simulated(async |world| {
        let api = Proxied::start(&world).await;
        api.toxic(&json!({"type": "reset_peer", "stream": "upstream"}))
            .await;
        let (mut client, mut upstream) = api.pair().await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        send(&mut client, b"ask").await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(ending(&mut upstream).await, Err(ErrorKind::ConnectionReset));
    });
}
