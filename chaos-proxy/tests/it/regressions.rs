//! Mistakes that were made once, each held by the test that found it.

use crate::bench::{Setup, accept, ending, expect, is_silent, listen, send, soon};
use chaos_proxy::{Ending, EventKind, Peer, Start};
use environment::Environment;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test]
async fn a_cut_with_fin_does_not_linger() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non.attempt = 1\ninject.cut = { bytes = 3 }");
    bench.begin().await;
    let mut client = bench.dial().await;
    let mut up = accept(&server).await;
    send(&mut up, b"abcdef").await;
    expect(&mut client, b"abc").await;
    let t = bench.environment.clock.now();
    let e = ending(&mut client).await;
    let d = bench.environment.clock.now().since(t);
    assert!(d < ms(1000), "{e:?} after {d:?}");
}

#[tokio::test]
async fn close_is_at_once_under_a_stall() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start(
        "[[fault]]\nat = \"0s\"\ninject.stall = {}\n[[fault]]\nat = \"200ms\"\ninject.close = {}",
    );
    let mut client = bench.dial().await;
    let _up = accept(&server).await;
    bench.begin().await;
    bench.struck("close").await;
    assert!(
        !is_silent(&mut client, ms(1500)).await,
        "no FIN 1.5 s after `close` was journalled as struck"
    );
}

#[tokio::test]
async fn close_is_at_once_under_a_delay() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.latency = {delay = \"3s\"}\n[[fault]]\nat = \"200ms\"\ninject.close = {}");
    let mut client = bench.dial().await;
    let _up = accept(&server).await;
    bench.begin().await;
    bench.struck("close").await;
    assert!(
        !is_silent(&mut client, ms(1500)).await,
        "no FIN 1.5 s after `close` was journalled as struck"
    );
}

#[tokio::test]
async fn a_cut_that_has_come_is_carried_out_though_healed() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.latency = {delay = \"600ms\"}\n[[fault]]\nat = \"0s\"\nfor = \"300ms\"\ninject.cut = { bytes = 3, how = \"reset\" }");
    let mut client = bench.dial().await;
    let mut up = accept(&server).await;
    bench.begin().await;
    bench.struck("latency").await;
    send(&mut up, b"abcdef").await;
    expect(&mut client, b"abc").await;
    assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_reset_after_a_fin_is_passed_on() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr()).start("");
    let mut client = bench.dial().await;
    let mut up = accept(&server).await;
    send(&mut up, b"x").await;
    up.shutdown_write().unwrap();
    assert_eq!(ending(&mut client).await.unwrap(), b"x");
    up.reset();
    let clock = bench.environment.clock.clone();
    let t = clock.now();
    clock.sleep(ms(200)).await;
    loop {
        let e = client.write(b"y").await;
        if e.is_err() || clock.now().since(t) > ms(10_000) {
            break;
        }
        clock.sleep(ms(100)).await;
    }
    let d = clock.now().since(t);
    // Long after a reset waits for what came before, and before the peers are given
    // up on.
    assert!(d < ms(4000), "client wrote into the void for {d:?}");
}

#[tokio::test]
async fn a_rule_that_is_over_spares_open_connections() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start(
        "[[fault]]\nat = \"500ms\"\nevery = \"500ms\"\ninject.reset = {}\nuntil_on.attempt = 2",
    );
    let mut c1 = bench.dial().await;
    let _up1 = accept(&server).await;
    bench.begin().await;
    bench.struck("reset").await;
    assert!(ending(&mut c1).await.is_err());
    let mut c2 = bench.dial().await;
    let _up2 = accept(&server).await;
    assert!(
        is_silent(&mut c2, ms(1500)).await,
        "the rule was over with attempt 2, and struck it"
    );
}

#[tokio::test]
async fn a_connection_that_never_opened_was_never_open() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.frames = true;
    let bench = setup.start(
        "[[fault]]\non.attempt = \"2..\"\ninject.reject = {}\nuntil_on = { phase = \"open\" }",
    );
    bench.begin().await;
    let c1 = bench.dial().await;
    let _u1 = accept(&server).await;
    // The client gives up before it was ever open.
    drop(c1);
    bench.environment.clock.sleep(ms(300)).await;
    let clock = bench.environment.clock.clone();
    let end = clock.timeout(ms(1000), bench.dial_to_the_end()).await;
    assert!(
        matches!(end, Ok(Err(_))),
        "no connection was ever open, yet the rule is over: {end:?}"
    );
}

#[tokio::test]
async fn a_rejected_attempt_ends_rules_too() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.stall = {}\nuntil_on.attempt = 2\n[[fault]]\non.attempt = 2\ninject.reject = {}");
    let mut c1 = bench.dial().await;
    let mut u1 = accept(&server).await;
    bench.begin().await;
    send(&mut u1, b"x").await;
    assert!(is_silent(&mut c1, ms(200)).await);
    assert!(bench.dial_to_the_end().await.is_err());
    assert!(
        !is_silent(&mut c1, ms(1000)).await,
        "attempt 2 came, the stall goes on"
    );
}

#[tokio::test]
async fn a_healed_connect_delay_dials_at_once() {
    let server = listen(&Environment::real());
    let mut bench = Setup::toward(server.local_addr()).start(
        "[[fault]]\nat = \"0s\"\nfor = \"300ms\"\ninject.connect_delay = { delay = \"4s\" }",
    );
    bench.begin().await;
    let t = bench.environment.clock.now();
    let _c = bench.dial().await;
    bench.until(|w| matches!(w, EventKind::Healed { .. })).await;
    let _u = accept(&server).await;
    let d = bench.environment.clock.now().since(t);
    assert!(
        d < ms(2000),
        "dialled {d:?} after the accept, healed at 300 ms"
    );
}

#[tokio::test]
async fn a_stall_holds_the_reset_of_a_failed_dial() {
    let gone = listen(&Environment::real()).local_addr();
    let bench = Setup::toward(gone).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
    bench.begin().await;
    let mut c = bench.dial().await;
    assert!(
        is_silent(&mut c, ms(500)).await,
        "a stalled client was reset by a failed dial"
    );
}

#[tokio::test]
async fn a_heal_loses_nothing_before_a_reset() {
    let server = listen(&Environment::real());
    let mut bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
    let mut client = bench.dial().await;
    let mut up = accept(&server).await;
    bench.begin().await;
    bench.struck("stall").await;
    let n = 240_000;
    send(&mut up, &vec![7; n]).await;
    bench.environment.clock.sleep(ms(200)).await;
    up.reset();
    bench.environment.clock.sleep(ms(200)).await;
    bench.control.heal().await;
    bench.environment.clock.sleep(ms(200)).await;
    let mut got = 0;
    let mut buf = vec![0; 65536];
    let end = loop {
        match client.read(&mut buf).await {
            Ok(0) => break Ok(()),
            Ok(k) => got += k,
            Err(e) => break Err(e.kind()),
        }
    };
    assert_eq!((got, end), (n, Err(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn rules_wait_for_what_older_connections_do() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\non = { bytes = 10 }\ninject.reset = {}");
    let mut client = bench.dial().await;
    let mut up = accept(&server).await;
    send(&mut up, b"x").await;
    expect(&mut client, b"x").await;
    bench.begin().await;
    send(&mut up, &[7; 100]).await;
    bench.environment.clock.sleep(ms(300)).await;
    let mut v = Vec::new();
    let e = bench
        .environment
        .clock
        .timeout(ms(500), client.read_to_end(&mut v))
        .await;
    assert!(
        matches!(e, Ok(Err(_))),
        "bytes = 10 was passed after t = 0 and nothing struck: {e:?}"
    );
}

#[tokio::test]
async fn what_was_before_t_0_ends_nothing() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr())
        .start("[[fault]]\nat = \"0s\"\ninject.stall = {}\nuntil_on = { phase = \"closing\" }");
    let c0 = bench.dial().await;
    drop(accept(&server).await);
    drop(c0);
    let mut client = bench.dial().await;
    let mut up = accept(&server).await;
    bench.environment.clock.sleep(ms(200)).await;
    bench.begin().await;
    send(&mut up, b"x").await;
    assert!(
        is_silent(&mut client, ms(500)).await,
        "ended before it began"
    );
}

#[tokio::test]
async fn a_name_taken_late_is_not_struck_again() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.is_shared = true;
    let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.latency = {delay = \"10ms\"}");
    bench.begin().await;
    let mut c = bench.dial().await;
    let mut up = accept(&server).await;
    bench.environment.clock.sleep(ms(100)).await;
    let r = b"GET /ws?client=alice HTTP/1.1\r\n\r\n";
    send(&mut c, r).await;
    expect(&mut up, r).await;
    let (events, _) = bench.finish().await;
    let n = events
        .iter()
        .filter(|e| matches!(e.what, EventKind::Struck { .. }))
        .count();
    assert_eq!(n, 1, "{events:#?}");
}

#[tokio::test]
async fn a_named_clients_second_connection_ends_a_rule() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.is_shared = true;
    let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.stall = {direction = \"downstream\"}\nuntil_on = { attempt = \"2..\" }");
    bench.begin().await;
    let mut cs = Vec::new();
    for _ in 0..2 {
        let mut c = bench.dial().await;
        let mut up = accept(&server).await;
        bench.environment.clock.sleep(ms(100)).await;
        let r = b"GET /ws?client=alice HTTP/1.1\r\n\r\n";
        send(&mut c, r).await;
        expect(&mut up, r).await;
        bench.environment.clock.sleep(ms(100)).await;
        send(&mut up, b"x").await;
        cs.push((c, up));
    }
    let (c, _) = &mut cs[0];
    assert!(
        !is_silent(c, ms(500)).await,
        "alice's second connection came, her first stays stalled"
    );
}

#[tokio::test]
async fn data_after_a_discard_is_told_at_once() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.frames = true;
    let mut bench = setup.start(
        "[[fault]]\nat = \"0s\"\nfor = \"400ms\"\ninject.discard = {direction = \"downstream\"}",
    );
    let mut c = bench.dial().await;
    let mut up = accept(&server).await;
    let a = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi";
    send(&mut c, b"GET /ws HTTP/1.1\r\n\r\n").await;
    send(&mut up, a).await;
    expect(&mut c, a).await;
    bench.begin().await;
    bench.struck("discard").await;
    let mut big = vec![0x82, 0x7e, 0x03, 0xe8];
    big.extend([7; 1000]);
    send(&mut up, &big).await;
    bench.until(|w| matches!(w, EventKind::Healed { .. })).await;
    for _ in 0..20 {
        send(&mut up, b"\x81\x02hi").await;
        expect(&mut c, b"\x81\x02hi").await;
    }
    let (events, _) = bench.finish().await;
    assert!(
        events.iter().any(|e| matches!(e.what, EventKind::Resumed)),
        "20 frames were delivered, none counted"
    );
}

#[tokio::test]
async fn a_close_frame_right_behind_the_answer_is_seen() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.frames = true;
    let bench = setup.start("");
    let mut c = bench.dial().await;
    let mut up = accept(&server).await;
    send(&mut c, b"GET /ws HTTP/1.1\r\n\r\n").await;
    let a = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x88\x02\x03\xe8";
    send(&mut up, a).await;
    expect(&mut c, a).await;
    bench.environment.clock.sleep(ms(100)).await;
    let (events, _) = bench.finish().await;
    assert!(
        events.iter().any(|e| matches!(
            e.what,
            EventKind::PeerEnded {
                peer: Peer::Server,
                how: Ending::CloseFrame,
                ..
            }
        )),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_share_of_connections_takes_the_lowest_draw() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.clients = ["c1", "c2", "c3"].map(str::to_owned).to_vec();
    let bench = setup.start("[[fault]]\non.attempt = 1\ntarget.share = 0.01\ninject.reject = {}");
    bench.begin().await;
    for k in 0..3 {
        let _c = bench.dial_as(k).await;
        bench.environment.clock.sleep(ms(50)).await;
    }
    let (events, decisions) = bench.finish().await;
    assert!(
        events
            .iter()
            .any(|e| matches!(e.what, EventKind::Struck { .. })),
        "nobody was struck; decisions: {decisions:?}"
    );
}

#[tokio::test]
async fn a_heal_before_the_beginning_is_for_good() {
    let server = listen(&Environment::real());
    let bench =
        Setup::toward(server.local_addr()).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
    let mut c = bench.dial().await;
    let mut up = accept(&server).await;
    bench.control.heal().await;
    bench.begin().await;
    send(&mut up, b"x").await;
    assert!(!is_silent(&mut c, ms(500)).await);
}

#[tokio::test]
async fn a_cut_of_both_ways_strikes_once() {
    let server = listen(&Environment::real());
    let bench = Setup::toward(server.local_addr()).start("[[fault]]\non.attempt = 1\ninject.cut = { bytes = 3, direction = \"both\", how = \"close\", side = \"client\" }");
    bench.begin().await;
    let mut c = bench.dial().await;
    let mut up = accept(&server).await;
    send(&mut up, b"abcdef").await;
    expect(&mut c, b"abc").await;
    bench.environment.clock.sleep(ms(100)).await;
    send(&mut c, b"abcdef").await;
    bench.environment.clock.sleep(ms(300)).await;
    let (events, _) = bench.finish().await;
    let n = events
        .iter()
        .filter(|e| matches!(e.what, EventKind::Struck { .. }))
        .count();
    assert_eq!(n, 1);
}

#[tokio::test]
async fn the_first_connection_is_struck_at_t_0() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    setup.start = Start::FirstConnection;
    let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.reset = {}");
    let mut c = bench.dial().await;
    let _u = bench
        .environment
        .clock
        .timeout(ms(300), server.accept())
        .await;
    let end = bench
        .environment
        .clock
        .timeout(ms(500), c.read(&mut [0; 1]))
        .await;
    assert!(matches!(end, Ok(Err(_))), "{end:?}");
}

#[tokio::test]
async fn a_new_round_lets_go_what_the_old_one_held() {
    let server = listen(&Environment::real());
    let mut setup = Setup::toward(server.local_addr());
    (setup.horizon, setup.repeat) = (ms(700), true);
    let bench = setup.start("[[fault]]\non.attempt = 1\ninject.stall = {}");
    bench.begin().await;
    let mut c = bench.dial().await;
    let mut up = accept(&server).await;
    send(&mut up, b"x").await;
    assert!(
        !is_silent(&mut c, ms(3000)).await,
        "the horizon heals everything, yet the stall goes on"
    );
}

/// Where the first connection makes t = 0, nothing may lie between the two: here
/// other listeners keep the conductor busy meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_connection_is_under_the_rules_of_t_0() {
    let server = listen(&Environment::real());
    for round in 0..60 {
        let mut setup = Setup::toward(server.local_addr());
        setup.clients = (1..=6).map(|n| format!("c{n}")).collect();
        setup.start = Start::FirstConnection;
        let bench = setup.start("[[fault]]\nat = \"0s\"\nfor = \"10s\"\ninject.reject = {}");
        let end = bench.dial_to_the_end().await;
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "round {round}");
        bench.finish().await;
    }
}

/// A command waits for the listeners, and a listener for the beginning: not for
/// each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heal_and_the_first_connection_do_not_wait_for_each_other() {
    let server = listen(&Environment::real());
    for _ in 0..100 {
        let mut setup = Setup::toward(server.local_addr());
        setup.start = Start::FirstConnection;
        let bench = setup.start("");
        let (client, ()) = soon(async { tokio::join!(bench.dial(), bench.control.heal()) }).await;
        drop(client);
        bench.finish().await;
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_port_falls_silent_with_a_dial_in_the_queue() {
    let environment = Environment::real();
    let mut listener = listen(&environment);
    let _waiting = std::net::TcpStream::connect(listener.local_addr()).unwrap();
    let begun = environment.clock.now();
    listener.fall_silent().unwrap();
    assert!(
        environment.clock.now().since(begun) < ms(500),
        "it waited for itself"
    );
    let address = listener.local_addr().to_string();
    let dial = environment
        .clock
        .timeout(ms(300), environment.network.dial(&address))
        .await;
    assert!(dial.is_err(), "somebody answered");
}
