//! The control API on real ports: what depends on the system's ports and names, on
//! its order of things, and on how a client leaves.

use std::io::ErrorKind;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::ports;
use crate::api::Api;
use crate::world::{accept, ending, expect, on_both_without_tls, on_sockets, send};

#[test]
fn addresses_that_cannot_be_had_leave_everything_as_it_was() {
    on_sockets(async |world| {
        let api = Api::start(&world);
        let server = world.listen();
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
        server.accept().await.unwrap();
    });
}

/// A client that leaves in the middle of a call leaves nothing half done.
#[test]
fn a_client_that_does_not_wait_for_its_answer_is_obeyed_all_the_same() {
    on_both_without_tls(async |world| {
        let api = Api::start(&world);
        for round in 0..50 {
            let name = format!("p{round}");
            let body = json!({"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"});
            let (body, mut stream) = (body.to_string(), api.dial().await);
            let request = format!(
                "POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            if round % 2 == 0 {
                stream.reset();
            }
        }
        // A request that was never read may be lost; one that was is done whole.
        loop {
            let proxies = api.get("/proxies").await;
            let proxies = proxies.as_object().unwrap();
            assert!(proxies.values().all(|proxy| proxy["enabled"] == true));
            let is_there = |round: usize| proxies.contains_key(&format!("p{round}"));
            if (1..50).step_by(2).all(is_there) {
                return;
            }
        }
    });
}

#[test]
fn a_disabled_proxy_refuses_and_has_let_go_of_its_connections() {
    on_both_without_tls(async |world| {
        let api = Api::start(&world);
        let server = world.listen();
        let listen = format!("127.0.0.1:{}", ports::free(1));
        let body =
            json!({"name": "p", "listen": listen, "upstream": server.local_addr().to_string()});
        assert_eq!(api.post("/proxies", &body).await.status, 201);
        let dial = || world.network.dial(&listen);
        for _ in 0..20 {
            let mut client = dial().await.unwrap();
            let mut upstream = accept(&server).await;
            send(&mut client, b"x").await;
            expect(&mut upstream, b"x").await;
            let off = api.post("/proxies/p", &json!({"enabled": false})).await;
            assert_eq!(off.json()["enabled"], false);
            assert_eq!(
                dial().await.unwrap_err().kind(),
                ErrorKind::ConnectionRefused
            );
            assert_eq!(ending(&mut client).await, Ok(Vec::new()));
            assert_eq!(ending(&mut upstream).await, Ok(Vec::new()));
            let on = api.post("/proxies/p", &json!({"enabled": true})).await;
            assert_eq!(on.json()["listen"], *listen);
        }
    });
}

/// Whoever adds the toxic of one name finds it, until whoever removes it has.
#[test]
fn many_callers_see_one_order_of_changes() {
    on_both_without_tls(async |world| {
        const CALLERS: usize = 8;
        let api = Api::start(&world);
        let server = world.listen();
        let address = api.proxy("p", &server).await;
        let body = json!({"type": "bandwidth", "name": "cut"}).to_string();
        let caller = async || {
            let (mut added, mut removed) = (0, 0);
            for _ in 0..20 {
                match api
                    .call("POST", "/proxies/p/toxics", Some(&body))
                    .await
                    .status
                {
                    200 => added += 1,
                    status => assert_eq!(status, 409),
                }
                match api
                    .call("DELETE", "/proxies/p/toxics/cut", None)
                    .await
                    .status
                {
                    204 => removed += 1,
                    status => assert_eq!(status, 404),
                }
            }
            (added, removed)
        };
        let counts = futures_util::future::join_all((0..CALLERS).map(|_| caller())).await;
        let sum = |of: fn(&(usize, usize)) -> usize| counts.iter().map(of).sum::<usize>();
        let (added, removed) = (sum(|count| count.0), sum(|count| count.1));
        // Each one added was removed by somebody, once.
        assert_eq!(added, removed);
        assert_eq!(api.get("/proxies/p/toxics").await, json!([]));
        // And so it is in truth: nothing holds a connection any more.
        let mut client = api.dial_to(address).await;
        let mut upstream = accept(&server).await;
        send(&mut upstream, b"x").await;
        expect(&mut client, b"x").await;
    });
}
