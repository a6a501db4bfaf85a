//! The faults of TLS, as their clients see them.

use std::time::Duration;

use chaos_proxy::{Ending, EventKind, Peer, TlsSides};
use environment::Stream;
use environment::tls::{Problem, Status};
use tokio::io::AsyncReadExt;

use crate::bench::{Bench, Setup};
use crate::world::{Own, World, ending, expect, on_sockets, send, simulated};

/// A proxy that speaks TLS with its clients, and one fault on the first attempt.
async fn struck(world: &World, inject: &str) -> (Bench, Own) {
    let own = Own::new();
    let mut setup = Setup::new(world);
    setup.tls = TlsSides {
        client: Some(own.acceptor()),
        server: None,
    };
    let bench = setup.start(&format!("[[fault]]\non.attempt = 1\n{inject}"));
    bench.begin().await;
    (bench, own)
}

async fn dial(bench: &Bench, world: &World, own: &Own) -> std::io::Result<Stream> {
    let address = bench.addresses[0].to_string();
    let mut stream = own.connector().connect(world.network.dial(&address).await?);
    stream.handshake().await?;
    Ok(stream)
}

async fn problem(bench: &Bench, world: &World, own: &Own) -> Problem {
    let error = dial(bench, world, own).await.unwrap_err();
    let problem = Problem::of(&error);
    problem.unwrap_or_else(|| panic!("{error:?}")).clone()
}

/// The next attempt is met as it should be.
async fn works(bench: &Bench, world: &World, own: &Own) {
    let mut client = dial(bench, world, own).await.unwrap();
    let mut upstream = bench.accept().await;
    send(&mut client, b"well").await;
    expect(&mut upstream, b"well").await;
}

#[test]
fn a_bad_certificate_is_shown_on_its_attempt_alone() {
    simulated(async |world| {
        for (kind, reason) in [
            ("expired", "expired"),
            ("not_yet", "not valid yet"),
            ("wrong_host", "localhost"),
            ("self_signed", "no trusted authority"),
            ("untrusted", "no trusted authority"),
        ] {
            let inject = format!("inject.tls_certificate = {{ kind = \"{kind}\" }}");
            let (mut bench, own) = struck(&world, &inject).await;
            let problem = problem(&bench, &world, &own).await.to_string();
            assert!(problem.contains(reason), "{kind}: {problem}");
            bench.struck("tls_certificate").await;
            let failed = bench
                .until(|what| {
                    matches!(
                        what,
                        EventKind::TlsFailed {
                            peer: Peer::Client,
                            ..
                        }
                    )
                })
                .await;
            assert!(
                format!("{failed:?}").contains("alert"),
                "{kind}: {failed:?}"
            );
            works(&bench, &world, &own).await;
        }
    });
}

#[test]
fn a_changed_certificate_is_one_that_is_trusted() {
    simulated(async |world| {
        let inject = "inject.tls_certificate = { kind = \"changed\" }";
        let (mut bench, own) = struck(&world, inject).await;
        works(&bench, &world, &own).await;
        bench.struck("tls_certificate").await;
    });
}

/// How many bytes come before nothing does for a minute.
async fn answer(world: &World, stream: &mut Stream) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    let minute = Duration::from_secs(60);
    while let Ok(read) = world.clock.timeout(minute, stream.read(&mut piece)).await {
        match read.unwrap() {
            0 => panic!("it ended"),
            count => all.extend_from_slice(&piece[..count]),
        }
    }
    all
}

/// A hello as rustls writes it, and what is answered.
async fn answered(world: &World, inject: &str) -> (Vec<u8>, Bench, Own) {
    let (mut bench, own) = struck(world, inject).await;
    let (dialled, mut far, _listener) = {
        let listener = world.listen_plainly();
        let address = listener.local_addr().to_string();
        let dialled = world.network.dial(&address).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        (dialled, far, listener)
    };
    let mut client = own.connector().connect(dialled);
    let address = bench.addresses[0].to_string();
    let mut near = world.network.dial(&address).await.unwrap();
    // Its hello is passed on manually, so that the answer is seen as it comes.
    let hello = async {
        let mut hello = vec![0; 16_384];
        let count = far.read(&mut hello).await.unwrap();
        send(&mut near, &hello[..count]).await;
    };
    tokio::select! {
        biased;
        () = hello => {}
        _ = client.handshake() => panic!("nobody answered"),
    }
    let answer = answer(world, &mut near).await;
    bench.struck("tls_stall").await;
    // Whoever gives up is let go, and nobody was dialled.
    drop(near);
    bench
        .until(|what| matches!(what, EventKind::Closed { .. }))
        .await;
    (answer, bench, own)
}

#[test]
fn a_stalled_handshake_is_never_answered_and_lasts() {
    simulated(async |world| {
        let (answer, bench, own) = answered(&world, "inject.tls_stall = {}").await;
        assert_eq!(answer, b"");
        works(&bench, &world, &own).await;
    });
}

#[test]
fn a_handshake_can_end_with_the_servers_hello() {
    simulated(async |world| {
        let inject = "inject.tls_stall = { server_hello = \"only\" }";
        let (answer, bench, own) = answered(&world, inject).await;
        // One whole record of the handshake (22): the hello (2).
        assert_eq!((answer[0], answer[5]), (22, 2));
        let length = usize::from(u16::from_be_bytes([answer[3], answer[4]]));
        assert_eq!(answer.len(), 5 + length);
        works(&bench, &world, &own).await;
    });
}

#[test]
fn an_alert_answers_the_hello() {
    on_sockets(async |world| {
        for (alert, expected) in [
            ("handshake_failure", "handshake_failure"),
            ("unrecognized_name", "unrecognised_name"),
            ("internal_error", "internal_error"),
        ] {
            let inject = format!("inject.tls_alert = {{ alert = \"{alert}\" }}");
            let (mut bench, own) = struck(&world, &inject).await;
            let problem = problem(&bench, &world, &own).await;
            assert_eq!(problem, Problem::Alert(expected.to_owned()));
            bench.struck("tls_alert").await;
            let how = Ending::Fin;
            bench.until(|what| *what == EventKind::Ended { how }).await;
            works(&bench, &world, &own).await;
        }
    });
}

#[test]
fn plain_http_answers_the_hello() {
    on_sockets(async |world| {
        let (mut bench, own) = struck(&world, "inject.tls_plain = {}").await;
        assert_eq!(problem(&bench, &world, &own).await, Problem::NoTls);
        bench.struck("tls_plain").await;
        works(&bench, &world, &own).await;
    });
}

#[test]
fn h2_strikes_those_who_have_offered_it_alone() {
    simulated(async |world| {
        let inject = "inject.tls_alpn = { protocol = \"h2\" }";
        let (mut bench, own) = struck(&world, inject).await;
        // Our own clients offer http/1.1 and nothing else.
        works(&bench, &world, &own).await;
        let told = bench
            .until(|what| matches!(what, EventKind::Powerless { .. }))
            .await;
        assert!(format!("{told:?}").contains("not offered h2"), "{told:?}");

        let (mut bench, own) = struck(&world, inject).await;
        let address = bench.addresses[0].to_string();
        let dialled = world.network.dial(&address).await.unwrap();
        let mut client = own.connector().offering_h2().connect(dialled);
        client.handshake().await.unwrap();
        bench.struck("tls_alpn").await;
        let Some(Status::Established(made)) = client.tls_status() else {
            panic!("{:?}", client.tls_status());
        };
        assert_eq!(made.alpn.as_deref(), Some("h2"));
    });
}

#[test]
fn a_truncated_end_is_fin_without_close_notify() {
    simulated(async |world| {
        let own = Own::new();
        let mut setup = Setup::new(&world);
        setup.tls.client = Some(own.acceptor());
        let faults = "[[fault]]\non.bytes = 4\ninject.tls_truncate = {}";
        let mut bench = setup.start(faults);
        bench.begin().await;
        let mut client = dial(&bench, &world, &own).await.unwrap();
        let mut upstream = bench.accept().await;
        send(&mut upstream, b"some").await;
        assert_eq!(ending(&mut client).await.unwrap(), b"some");
        let cut = Some(Status::Failed(Problem::Truncated));
        assert_eq!(client.tls_status(), cut);
        bench.struck("tls_truncate").await;
        assert_eq!(ending(&mut upstream).await.unwrap(), b"");
    });
}

#[test]
fn without_tls_such_a_rule_says_that_it_is_powerless() {
    simulated(async |world| {
        for inject in ["tls_stall = {}", "tls_alert = {}", "tls_plain = {}"] {
            let mut bench = Bench::of(
                &world,
                &format!("[[fault]]\non.attempt = 1\ninject.{inject}"),
            );
            bench.begin().await;
            let (mut client, mut upstream) = bench.pair().await;
            send(&mut client, b"plain").await;
            expect(&mut upstream, b"plain").await;
            let told = bench
                .until(|what| matches!(what, EventKind::Powerless { .. }))
                .await;
            assert!(format!("{told:?}").contains("do not speak TLS"), "{told:?}");
        }
    });
}
