//! Each fault as its victims see it, on idle, busy and open connections.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Apply, Ending, Event, EventKind, Fault, Peer, Side, Way};
use environment::Environment;
use tokio::io::AsyncWriteExt;

use crate::bench::{Setup, accept, ending, expect, is_silent, listen, send, soon};

const MOMENT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn refuse_is_seen_as_connection_refused_for_its_window() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\nfor = \"300ms\"\ninject.refuse = {}");
    let mut before = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    let address = bench.addresses[0].to_string();
    // `begin` returns when the window is in force, so no dial slips through.
    let refused = soon(bench.environment.network.dial(&address))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let struck = bench.struck("refuse").await;
    assert_eq!(struck.attempt, 0);
    bench
        .until(|what| matches!(what, EventKind::Healed { .. }))
        .await;
    bench.dial().await;
    // What was open stays open.
    send(&mut before, b"x").await;
    expect(&mut upstream, b"x").await;
}

#[tokio::test]
async fn reject_resets_the_attempts_asked_for_and_no_others() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non.attempt = \"2..3\"\ninject.reject = {}");
    bench.begin().await;
    for attempt in 1..=4 {
        if attempt == 2 || attempt == 3 {
            let end = bench.dial_to_the_end().await;
            assert_eq!(end, Err(ErrorKind::ConnectionReset), "attempt {attempt}");
            assert_eq!(bench.struck("reject").await.attempt, attempt);
        } else {
            let mut client = bench.dial().await;
            let mut upstream = accept(&server).await;
            send(&mut upstream, b"welcome").await;
            expect(&mut client, b"welcome").await;
        }
    }
}

#[tokio::test]
async fn rules_on_attempts_are_not_armed_before_the_beginning() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non.attempt = \"1..\"\ninject.reject = {}");
    let mut early = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut upstream, b"hello").await;
    expect(&mut early, b"hello").await;
    bench.begin().await;
    assert_eq!(
        bench.dial_to_the_end().await,
        Err(ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn accept_silent_never_reaches_the_server_and_is_not_revived() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.accept_silent = {}");
    bench.begin().await;
    let mut silent = bench.dial().await;
    send(&mut silent, b"anybody?").await;
    bench.struck("accept_silent").await;
    // Only later dials are well: the first to reach the server comes after the heal.
    bench.control.heal().await;
    let mut later = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut later, b"hello").await;
    expect(&mut upstream, b"hello").await;
    assert!(is_silent(&mut silent, MOMENT).await);
    drop(silent);
    let left = bench
        .event(|event| event.attempt == 1 && matches!(event.what, EventKind::Closed { .. }))
        .await;
    assert_eq!(
        left.what,
        EventKind::Closed {
            upstream_bytes: 0,
            downstream_bytes: 0
        }
    );
}

#[tokio::test]
async fn stall_holds_everything_and_lets_it_flow_when_healed() {
    let server = listen(&Environment::real());
    let mut bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("stall").await;
    send(&mut client, b"up").await;
    send(&mut upstream, b"down").await;
    upstream.shutdown_write().unwrap();
    assert!(is_silent(&mut client, MOMENT).await);
    assert!(is_silent(&mut upstream, MOMENT / 4).await);
    bench.control.heal().await;
    expect(&mut upstream, b"up").await;
    assert_eq!(ending(&mut client).await.unwrap(), b"down");
    bench
        .until(|what| matches!(what, EventKind::Healed { .. }))
        .await;
    bench.until(|what| *what == EventKind::Resumed).await;
}

#[tokio::test]
async fn a_stall_of_one_way_leaves_the_other_alone() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.stall = { direction = \"downstream\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("stall").await;
    send(&mut client, b"up").await;
    expect(&mut upstream, b"up").await;
    send(&mut upstream, b"down").await;
    assert!(is_silent(&mut client, MOMENT).await);
}

/// What the client does meanwhile is seen while it is held, and reaches the
/// server only after the heal.
#[tokio::test]
async fn ends_are_seen_under_a_stall_and_held() {
    for (how, kind) in [
        (Ending::Fin, None),
        (Ending::Reset, Some(ErrorKind::ConnectionReset)),
    ] {
        let server = listen(&Environment::real());
        let mut bench =
            Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
        let mut client = bench.dial().await;
        let mut upstream = accept(&server).await;
        bench.begin().await;
        bench.struck("stall").await;
        send(&mut client, b"last words").await;
        match how {
            Ending::Reset => client.reset(),
            _ => drop(client),
        }
        let seen = bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        assert_eq!(
            seen.what,
            EventKind::PeerEnded {
                peer: Peer::Client,
                how,
                code: None
            }
        );
        assert!(is_silent(&mut upstream, MOMENT).await);
        bench.control.heal().await;
        match kind {
            None => assert_eq!(ending(&mut upstream).await.unwrap(), b"last words"),
            // The reset may overtake what the kernel has not yet handed over.
            Some(kind) => assert_eq!(ending(&mut upstream).await, Err(kind)),
        }
    }
}

/// A reset is noticed even when the link is full and nobody reads.
#[tokio::test]
async fn a_reset_is_seen_though_the_link_is_full() {
    let server = listen(&Environment::real());
    let mut bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
    let mut client = bench.dial().await;
    let _upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("stall").await;
    let chunk = vec![1; 64 * 1024];
    let clock = bench.environment.clock.clone();
    while clock.timeout(MOMENT, client.write(&chunk)).await.is_ok() {}
    client.reset();
    let seen = bench
        .until(|what| matches!(what, EventKind::PeerEnded { .. }))
        .await;
    assert_eq!(
        seen.what,
        EventKind::PeerEnded {
            peer: Peer::Client,
            how: Ending::Reset,
            code: None
        }
    );
}

#[tokio::test]
async fn close_is_a_fin_to_both_and_drops_what_was_held() {
    let server = listen(&Environment::real());
    let faults =
        "[[fault]]\nat = \"0s\"\ninject.stall = {}\n[[fault]]\nat = \"300ms\"\ninject.close = {}";
    let mut bench = Setup::toward(server.local_addr()).start(faults);
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("stall").await;
    send(&mut upstream, b"never seen").await;
    bench.struck("close").await;
    bench.control.heal().await;
    assert_eq!(ending(&mut client).await.unwrap(), b"");
    assert_eq!(ending(&mut upstream).await.unwrap(), b"");
    drop((client, upstream));
    bench
        .until(|what| matches!(what, EventKind::Closed { .. }))
        .await;
}

#[tokio::test]
async fn close_of_one_side_is_half_open() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.close = { side = \"client\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    assert_eq!(ending(&mut client).await.unwrap(), b"");
    bench.struck("close").await;
    send(&mut client, b"still heard").await;
    expect(&mut upstream, b"still heard").await;
    drop(client);
    assert_eq!(ending(&mut upstream).await.unwrap(), b"");
}

/// Idle and open when the reset comes: ECONNRESET 100 of 100, on both sides.
#[tokio::test]
async fn reset_hits_a_hundred_idle_open_connections() {
    let server = listen(&Environment::real());
    let bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.reset = {}");
    let (mut clients, mut upstreams) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        clients.push(bench.dial().await);
        upstreams.push(accept(&server).await);
    }
    bench.begin().await;
    for stream in clients.iter_mut().chain(&mut upstreams) {
        assert_eq!(ending(stream).await, Err(ErrorKind::ConnectionReset));
    }
    // It strikes once what is there: a later connection is well.
    let mut later = bench.dial().await;
    let mut upstream = accept(&server).await;
    send(&mut later, b"well").await;
    expect(&mut upstream, b"well").await;
}

#[tokio::test]
async fn reset_hits_a_busy_connection() {
    let server = listen(&Environment::real());
    let bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"200ms\"\ninject.reset = {}");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    let chunk = vec![1; 64 * 1024];
    let busy = async { while upstream.write_all(&chunk).await.is_ok() {} };
    let ((), end) = soon(async { tokio::join!(busy, ending(&mut client)) }).await;
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn reset_with_a_window_also_strikes_what_comes_within_it() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\nfor = \"10s\"\ninject.reset = {}");
    bench.begin().await;
    for _ in 0..3 {
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset)
        );
    }
    bench.control.heal().await;
    let mut client = bench.dial().await;
    let struck =
        |event: &Event| matches!(event.what, EventKind::UpstreamConnected) && event.attempt == 4;
    bench.event(struck).await;
    assert!(is_silent(&mut client, MOMENT).await);
}

#[tokio::test]
async fn reset_of_the_client_alone_leaves_the_server_open() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.reset = { side = \"client\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    assert!(is_silent(&mut upstream, MOMENT).await);
    drop(upstream);
    bench
        .until(|what| matches!(what, EventKind::Closed { .. }))
        .await;
}

#[tokio::test]
async fn latency_delays_both_ways_and_keeps_order() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.latency = { delay = \"100ms\", jitter = \"40ms\" }");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    bench.struck("latency").await;
    let clock = bench.environment.clock.clone();
    let sent: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
    let begun = clock.now();
    send(&mut client, &sent).await;
    expect(&mut upstream, &sent).await;
    // Each of the seven stretches was late by at least delay − jitter.
    assert!(clock.now().since(begun) >= Duration::from_millis(60));
    let begun = clock.now();
    send(&mut upstream, b"back").await;
    expect(&mut client, b"back").await;
    assert!(clock.now().since(begun) >= Duration::from_millis(60));
}

/// The control of the experiment: planned and decided, and nothing done.
#[tokio::test]
async fn applying_nothing_is_a_wire_that_still_decides() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.apply = Apply::Nothing;
    let bench = setup.start("[[fault]]\nat = \"0s\"\ntarget.share = 0.5\ninject.reset = {}");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    send(&mut client, b"untouched").await;
    expect(&mut upstream, b"untouched").await;
    let (events, decisions) = bench.finish().await;
    assert!(
        !events
            .iter()
            .any(|event| matches!(event.what, EventKind::Struck { .. }))
    );
    assert_eq!(decisions.len(), 1);
}

#[tokio::test]
async fn the_horizon_heals_everything() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.horizon = MOMENT;
    let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench.begin().await;
    send(&mut client, b"held until the end").await;
    expect(&mut upstream, b"held until the end").await;
}

#[tokio::test]
async fn a_plan_can_begin_again_at_its_end() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    (setup.horizon, setup.repeat) = (MOMENT, true);
    let mut bench = setup.start("[[fault]]\nat = \"50ms\"\ninject.reset = {}");
    bench.begin().await;
    for _ in 0..3 {
        let mut client = bench.dial().await;
        let _upstream = accept(&server).await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        bench.struck("reset").await;
    }
}

#[tokio::test]
async fn a_fault_can_be_injected_by_hand() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start("");
    let mut client = bench.dial().await;
    let mut upstream = accept(&server).await;
    bench
        .control
        .inject("wire", Fault::Stall(Way::Both), Some(MOMENT))
        .await;
    bench.struck("wire").await;
    send(&mut client, b"held").await;
    bench
        .until(|what| matches!(what, EventKind::Healed { .. }))
        .await;
    expect(&mut upstream, b"held").await;
    bench.control.inject("gone", Fault::Refuse, None).await;
    let refused = bench
        .environment
        .network
        .dial(&bench.addresses[0].to_string())
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    bench.control.heal().await;
    drop(bench.dial().await);
    bench
        .control
        .inject("cut", Fault::Reset(Side::Both), None)
        .await;
    assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
}
