//! Who is struck: named clients, shares, and names on a shared listener.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use chaos_proxy::EventKind;

use crate::bench::Setup;
use crate::world::{ending, expect, send, simulated};

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("c{n}")).collect()
}

#[test]
fn a_named_client_is_struck_and_no_other() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.clients = names(3);
        let bench =
            setup.start("[[fault]]\nat = \"0s\"\ntarget.clients = [\"c2\"]\ninject.reset = {}");
        let mut clients = Vec::new();
        for client in 0..3 {
            clients.push((bench.dial_as(client).await, bench.accept().await));
        }
        bench.begin().await;
        assert_eq!(
            ending(&mut clients[1].0).await,
            Err(ErrorKind::ConnectionReset)
        );
        for index in [0, 2] {
            let (client, upstream) = &mut clients[index];
            send(client, b"well").await;
            expect(upstream, b"well").await;
        }
    });
}

#[test]
fn a_share_strikes_those_that_the_decisions_say() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.clients = names(20);
        let bench = setup.start("[[fault]]\nat = \"0s\"\ntarget.share = 0.4\ninject.reset = {}");
        let mut clients = Vec::new();
        for client in 0..20 {
            clients.push((bench.dial_as(client).await, bench.accept().await));
        }
        bench.begin().await;
        let mut struck = BTreeSet::new();
        for (index, (client, upstream)) in clients.iter_mut().enumerate() {
            // A struck one is reset; a spared one answers.
            let _ = tokio::io::AsyncWriteExt::write_all(upstream, b"?").await;
            drop(tokio::io::AsyncWriteExt::shutdown(upstream).await);
            if ending(client).await == Err(ErrorKind::ConnectionReset) {
                struck.insert(format!("c{}", index + 1));
            }
        }
        let (_, decisions) = bench.finish().await;
        let decided: BTreeSet<String> = decisions
            .iter()
            .filter(|d| d.strikes == Some(true))
            .map(|d| d.client.clone())
            .collect();
        assert_eq!(struck, decided);
        assert!((2..=14).contains(&struck.len()), "{struck:?}");
    });
}

#[test]
fn on_a_shared_listener_the_upgrade_names_the_client() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.is_shared = true;
        let mut bench = setup
            .start("[[fault]]\non.attempt = 2\ntarget.clients = [\"alice\"]\ninject.reset = {}");
        bench.begin().await;
        let hello = |name: &str| format!("GET /ws?client={name} HTTP/1.1\r\n\r\n").into_bytes();
        let mut kept = Vec::new();
        for (name, is_struck) in [
            ("alice", false),
            ("bob", false),
            ("bob", false),
            ("alice", true),
        ] {
            let (mut client, mut upstream) = bench.pair().await;
            send(&mut client, &hello(name)).await;
            if is_struck {
                assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
            } else {
                expect(&mut upstream, &hello(name)).await;
            }
            let named = bench
                .until(|what| matches!(what, EventKind::Named { .. }))
                .await;
            assert_eq!(named.client.as_ref(), name);
            kept.push((client, upstream));
        }
        let struck = bench.struck("reset").await;
        assert_eq!((struck.client.as_ref(), struck.attempt), ("alice", 2));
    });
}

#[test]
fn without_a_name_the_ordinal_is_the_name_and_the_attempt() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.is_shared = true;
        let mut bench = setup.start("[[fault]]\non.attempt = 3\ninject.reset = {}");
        bench.begin().await;
        let (_first, _second) = (bench.dial().await, bench.dial().await);
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset)
        );
        let struck = bench.struck("reset").await;
        assert_eq!((struck.client.as_ref(), struck.attempt), ("3", 3));
    });
}
