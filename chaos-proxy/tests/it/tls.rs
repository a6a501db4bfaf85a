//! TLS: what its peers see of the proxy, and what the proxy tells of it. That all
//! else is as without it, the tests on both networks show.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{EventKind, Peer, TlsSides};
use environment::Stream;
use environment::tls::{Connector, Problem, Status, Trust};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{Bench, Setup};
use crate::world::{HOP, Own, World, ending, expect, ms, on_both, on_sockets, send, simulated};

fn failed(peer: Peer) -> impl Fn(&EventKind) -> bool {
    move |what| matches!(what, EventKind::TlsFailed { peer: known, .. } if *known == peer)
}

async fn reason(bench: &mut Bench, peer: Peer) -> String {
    match bench.until(failed(peer)).await.what {
        EventKind::TlsFailed { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// A proxy that speaks TLS with its clients alone, and what they trust.
fn terminating(world: &World, faults: &str) -> (Bench, Own) {
    let own = Own::new();
    let mut setup = Setup::new(world);
    setup.tls = TlsSides {
        client: Some(own.acceptor()),
        server: None,
    };
    (setup.start(faults), own)
}

async fn dial(bench: &Bench, world: &World, connector: &Connector) -> std::io::Result<Stream> {
    let address = bench.addresses[0].to_string();
    let mut stream = connector.connect(world.network.dial(&address).await?);
    stream.handshake().await?;
    Ok(stream)
}

#[test]
fn each_side_speaks_tls_by_itself() {
    simulated(async |world| {
        let (bench, own) = terminating(&world, "");
        let mut client = dial(&bench, &world, &own.connector()).await.unwrap();
        let mut upstream = bench.accept().await;
        send(&mut client, b"in").await;
        expect(&mut upstream, b"in").await;

        let mut setup = Setup::new(&world);
        let mut server = world.listen_plainly();
        server.secure(own.acceptor());
        setup.upstream = server.local_addr().to_string();
        setup.server = server;
        setup.tls.server = Some(own.connector());
        let mut bench = setup.start("");
        let (mut client, mut upstream) = bench.connect().await;
        send(&mut upstream, b"out").await;
        expect(&mut client, b"out").await;
        let told = bench
            .until(|what| matches!(what, EventKind::TlsEstablished { .. }))
            .await;
        let EventKind::TlsEstablished { peer, version, .. } = told.what else {
            unreachable!()
        };
        assert_eq!((peer, version.as_str()), (Peer::Server, "1.3"));
    });
}

#[test]
fn half_a_handshake_has_ten_seconds_and_costs_the_server_nothing() {
    simulated(async |world| {
        let (mut bench, _own) = terminating(&world, "");
        bench.begin().await;
        let mut client = bench.dial().await;
        // The beginning of a hello.
        send(&mut client, b"\x16\x03\x01\x02\x00\x01\x00").await;
        let (took, end) = world.time(ending(&mut client)).await;
        assert_eq!(end, Ok(Vec::new()));
        assert!(took >= ms(9_999) && took <= ms(10_001), "{took:?}");
        let reason = reason(&mut bench, Peer::Client).await;
        assert!(reason.starts_with("no handshake within 10 s"), "{reason}");
        let (events, _) = bench.finish().await;
        let is_dialled = |event: &chaos_proxy::Event| event.what == EventKind::UpstreamConnected;
        assert!(!events.iter().any(is_dialled));
    });
}

#[test]
fn a_thousand_half_handshakes_keep_nobody_waiting() {
    simulated(async |world| {
        let (bench, own) = terminating(&world, "");
        let mut halves = Vec::new();
        for _ in 0..1_000 {
            let address = bench.addresses[0].to_string();
            let mut half = world.network.dial(&address).await.unwrap();
            half.write_all(b"\x16\x03\x01").await.unwrap();
            halves.push(half);
        }
        let whole = async {
            let mut client = dial(&bench, &world, &own.connector()).await.unwrap();
            send(&mut client, b"whole").await;
            let mut upstream = bench.accept().await;
            expect(&mut upstream, b"whole").await;
        };
        let (took, ()) = world.time(whole).await;
        // Dial, hello, its answer, the end of the handshake, dial, and the bytes.
        assert!(took <= 10 * HOP, "{took:?}");
    });
}

#[test]
fn a_client_without_tls_is_told_what_is_spoken() {
    on_sockets(async |world| {
        let (mut bench, _own) = terminating(&world, "");
        let address = bench.addresses[0].to_string();
        let mut client = world.network.dial(&address).await.unwrap();
        send(&mut client, b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n").await;
        // An alert, and the end.
        let end = ending(&mut client).await.unwrap();
        assert_eq!(end.first(), Some(&21));
        let reason = reason(&mut bench, Peer::Client).await;
        assert_eq!(
            reason,
            "what it speaks is no TLS; clients of this port must speak TLS, as of wss:// and \
             https://"
        );
    });
}

#[test]
fn a_client_that_distrusts_the_authority_is_named_with_what_would_help() {
    on_sockets(async |world| {
        let (mut bench, _own) = terminating(&world, "");
        let stranger = Own::new();
        let error = dial(&bench, &world, &stranger.connector())
            .await
            .unwrap_err();
        assert!(matches!(Problem::of(&error), Some(Problem::Certificate(_))));
        let reason = reason(&mut bench, Peer::Client).await;
        assert!(
            reason.contains("alert unknown_ca") && reason.contains("`chaos ca`"),
            "{reason}"
        );
    });
}

/// A proxy that asks an upstream for TLS.
fn originating(world: &World, server: environment::Listener, connector: Connector) -> Bench {
    let mut setup = Setup::new(world);
    setup.upstream = server.local_addr().to_string();
    setup.server = server;
    setup.tls.server = Some(connector);
    setup.start("")
}

#[test]
fn an_upstream_without_tls_resets_the_client_and_says_what_would_help() {
    on_sockets(async |world| {
        let own = Own::new();
        let mut bench = originating(&world, world.listen_plainly(), own.connector());
        let mut client = bench.dial().await;
        let (mut upstream, _) = tokio::join!(bench.accept(), async {});
        send(&mut upstream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let reason = reason(&mut bench, Peer::Server).await;
        assert_eq!(
            reason,
            "what it speaks is no TLS; an upstream without TLS is given as HOST:PORT"
        );
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn an_upstream_that_is_not_trusted_is_named_with_what_would_help() {
    on_sockets(async |world| {
        let (own, stranger) = (Own::new(), Own::new());
        let mut server = world.listen_plainly();
        server.secure(own.acceptor());
        let mut bench = originating(&world, server, stranger.connector());
        let mut client = bench.dial().await;
        let serving = bench.accept().await;
        let reason = reason(&mut bench, Peer::Server).await;
        assert!(
            reason.contains("no trusted authority has signed it")
                && reason.contains("--upstream-ca FILE"),
            "{reason}"
        );
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        drop(serving);
    });
}

#[test]
fn whoever_is_believed_without_a_look_is_passed_on_to() {
    on_sockets(async |world| {
        let own = Own::new();
        let mut server = world.listen_plainly();
        server.secure(own.acceptor());
        let anybody = Connector::new("example.com", &Trust::Anybody).unwrap();
        let bench = originating(&world, server, anybody);
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"hello").await;
        expect(&mut upstream, b"hello").await;
    });
}

#[test]
fn a_close_is_close_notify_before_fin() {
    on_both(async |world| {
        let bench = Bench::of(&world, "[[fault]]\non.bytes = 4\ninject.close = {}");
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut upstream, b"last").await;
        assert_eq!(ending(&mut client).await.unwrap(), b"last");
        // Without it the status would be that of a stream cut short.
        let is_whole = |status| matches!(status, None | Some(Status::Established(_)));
        assert!(is_whole(client.tls_status()), "{:?}", client.tls_status());
    });
}

#[test]
fn fin_without_close_notify_is_told_and_passed_on_as_an_end() {
    on_sockets(async |world| {
        let (mut bench, own) = terminating(&world, "");
        let mut client = dial(&bench, &world, &own.connector()).await.unwrap();
        let mut upstream = bench.accept().await;
        send(&mut client, b"some").await;
        expect(&mut upstream, b"some").await;
        // Its system sends FIN; nobody has sent close_notify.
        drop(client);
        assert_eq!(ending(&mut upstream).await.unwrap(), b"");
        let cut = EventKind::TlsTruncated { peer: Peer::Client };
        bench.until(|what| *what == cut).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Conservation and order under delays, rates and stalls, whatever the pieces.
    #[test]
    fn what_faults_hold_up_comes_whole_through_tls(
        pieces in prop::collection::vec((1_usize..60_000, 0_u64..40), 1..20),
        fault in prop_oneof![
            Just(r#"inject.latency = { delay = "30ms", jitter = "20ms" }"#),
            Just(r#"inject.bandwidth = { rate = "2MB/s" }"#),
            Just(r#"inject.stall = {}"#),
            Just(r#"inject.slice = { size = "700B" }"#),
        ],
    ) {
        simulated(async |world| {
            let world = world.secured();
            let faults = format!("[[fault]]\nat = \"20ms\"\nfor = \"80ms\"\n{fault}");
            let bench = Bench::of(&world, &faults);
            let (mut client, mut upstream) = bench.pair().await;
            bench.begin().await;
            let total = pieces.iter().map(|(size, _)| size).sum();
            let sent: Vec<u8> = (0..total).map(|at: usize| u8::try_from(at % 251).unwrap()).collect();
            let sending = async {
                let mut rest = &sent[..];
                for (size, pause) in &pieces {
                    let (piece, behind) = rest.split_at(*size);
                    upstream.write_all(piece).await.unwrap();
                    upstream.flush().await.unwrap();
                    world.pass(Duration::from_millis(*pause)).await;
                    rest = behind;
                }
                upstream.shutdown().await.unwrap();
            };
            let mut read = Vec::new();
            let ((), all) = tokio::join!(sending, client.read_to_end(&mut read));
            all.unwrap();
            assert!(read == sent, "{} of {}", read.len(), sent.len());
        });
    }
}
