//! The faults that end connections or keep them from being made, on both networks:
//! what the system's TCP makes of them is what the simulated one does.

use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::{Bench, Setup};
use crate::world::{World, ending, expect, ms, on_both, on_sockets, send, soon};
use chaos_proxy::{Ending, EventKind, Peer, Start};
use environment::{Environment, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

const MOMENT: Duration = Duration::from_millis(200);

#[test]
fn refuse_is_seen_as_connection_refused_until_it_is_healed() {
    on_both(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.refuse = {}");
        let (mut before, mut upstream) = bench.pair().await;
        bench.begin().await;
        let address = bench.addresses[0].to_string();
        // `begin` returns when the fault is in force, so no dial slips through.
        let refused = world.network.dial(&address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(bench.struck("refuse").await.attempt, 0);
        bench.control.heal().await;
        bench.dial().await;
        // What was open stays open.
        send(&mut before, b"x").await;
        expect(&mut upstream, b"x").await;
    });
}

#[test]
fn reject_resets_the_attempts_asked_for_and_no_others() {
    on_both(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\non.attempt = \"2..3\"\ninject.reject = {}",
        );
        bench.begin().await;
        for attempt in 1..=4 {
            if attempt == 2 || attempt == 3 {
                let end = bench.dial_to_the_end().await;
                assert_eq!(end, Err(ErrorKind::ConnectionReset), "attempt {attempt}");
                assert_eq!(bench.struck("reject").await.attempt, attempt);
            } else {
                let (mut client, mut upstream) = bench.pair().await;
                send(&mut upstream, b"welcome").await;
                expect(&mut client, b"welcome").await;
            }
        }
    });
}

/// What the client does meanwhile is seen while it is held, and reaches the
/// server only after the heal.
#[test]
fn ends_are_seen_under_a_stall_and_held() {
    on_both(async |world| {
        for (how, kind) in [
            (Ending::Fin, None),
            (Ending::Reset, Some(ErrorKind::ConnectionReset)),
        ] {
            let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.stall = {}");
            let (mut client, mut upstream) = bench.pair().await;
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
            assert!(world.is_silent(&mut upstream, MOMENT).await);
            bench.control.heal().await;
            match kind {
                None => assert_eq!(ending(&mut upstream).await.unwrap(), b"last words"),
                // The reset may overtake what the kernel has not yet handed over.
                Some(kind) => assert_eq!(ending(&mut upstream).await, Err(kind)),
            }
        }
    });
}

/// A reset is noticed even when the link is full and nobody reads.
#[test]
fn a_reset_is_seen_though_the_link_is_full() {
    on_both(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.stall = {}");
        let (mut client, _upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("stall").await;
        let chunk = vec![1; 64 * 1024];
        let clock = world.clock.clone();
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
    });
}

#[test]
fn close_is_a_fin_to_both_and_drops_what_was_held() {
    on_both(async |world| {
        let faults = "[[fault]]\nat = \"0s\"\ninject.stall = {}\n[[fault]]\nat = \"300ms\"\ninject.close = {}";
        let mut bench = Bench::of(&world, faults);
        let (mut client, mut upstream) = bench.pair().await;
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
    });
}

/// Idle and open when the reset comes: ECONNRESET 100 of 100, on both sides.
#[test]
fn reset_hits_a_hundred_idle_open_connections() {
    on_both(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.reset = {}");
        let (mut clients, mut upstreams) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let (client, upstream) = bench.connect().await;
            clients.push(client);
            upstreams.push(upstream);
        }
        bench.begin().await;
        for stream in clients.iter_mut().chain(&mut upstreams) {
            assert_eq!(ending(stream).await, Err(ErrorKind::ConnectionReset));
        }
        // It strikes once what is there: a later connection is well.
        let (mut later, mut upstream) = bench.pair().await;
        send(&mut later, b"well").await;
        expect(&mut upstream, b"well").await;
    });
}

#[test]
fn reset_hits_a_busy_connection() {
    on_sockets(async |world| {
        let bench = Bench::of(&world, "[[fault]]\nat = \"200ms\"\ninject.reset = {}");
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        let chunk = vec![1; 64 * 1024];
        let busy = async { while upstream.write_all(&chunk).await.is_ok() {} };
        let ((), end) = tokio::join!(busy, ending(&mut client));
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn reset_of_the_client_alone_leaves_the_server_open() {
    on_both(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.reset = { side = \"client\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
        assert!(world.is_silent(&mut upstream, MOMENT).await);
        drop(upstream);
        bench
            .until(|what| matches!(what, EventKind::Closed { .. }))
            .await;
    });
}

#[test]
#[cfg(target_os = "linux")]
fn blackhole_leaves_a_dial_hanging_until_it_is_healed() {
    on_both(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.blackhole = {}");
        bench.begin().await;
        assert_eq!(bench.struck("blackhole").await.attempt, 0);
        let clock = world.clock.clone();
        let dial = world.dial(bench.addresses[0]);
        tokio::pin!(dial);
        assert!(
            clock.timeout(MOMENT, &mut dial).await.is_err(),
            "somebody answered"
        );
        bench.control.heal().await;
        let mut client = dial.await.unwrap();
        let mut upstream = bench.accept().await;
        send(&mut client, b"at last").await;
        expect(&mut upstream, b"at last").await;
        // The proxy's own filler is nobody's attempt.
        let accepted = bench.until(|what| *what == EventKind::Accepted).await;
        assert_eq!(accepted.attempt, 1);
    });
}

async fn cut(world: &World, how: &str, bytes: usize) -> (Result<Vec<u8>, ErrorKind>, Bench) {
    let rule =
        format!("[[fault]]\non.attempt = 1\ninject.cut = {{ bytes = {bytes}, how = \"{how}\" }}");
    let bench = Bench::of(world, &rule);
    bench.begin().await;
    let (mut client, mut upstream) = bench.pair().await;
    let sending = async move {
        // The cut may come while there is still something to send.
        let _ = upstream.write_all(&vec![7; bytes + 100_000]).await;
        let _ = upstream.read(&mut [0]).await;
    };
    let receiving = async move { ending_with(&mut client, bytes).await };
    let ((), end) = tokio::join!(sending, receiving);
    (end, bench)
}

/// Reads what comes, and keeps it whatever the end is.
async fn ending_with(client: &mut Stream, bytes: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut came = vec![0; bytes];
    client
        .read_exact(&mut came)
        .await
        .map_err(|error| error.kind())?;
    ending(client).await.map(|rest| [came, rest].concat())
}

#[test]
fn a_cut_with_fin_comes_after_exactly_so_many_bytes() {
    on_both(async |world| {
        let (end, mut bench) = cut(&world, "close", 1000).await;
        assert_eq!(end.unwrap().len(), 1000);
        bench.struck("cut").await;
    });
}

/// The FIN is the cut's own, and not what is left when everything else has ended.
#[test]
fn a_cut_with_fin_tells_the_client_at_once() {
    on_both(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\non.attempt = 1\ninject.cut = { bytes = 10, side = \"client\" }",
        );
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut upstream, &[7; 20]).await;
        let end = ending_with(&mut client, 10).await;
        assert_eq!(end.unwrap(), [7; 10]);
        bench.struck("cut").await;
        drop(upstream);
    });
}

/// A reset behind data waits until the system has handed the data over.
#[test]
fn a_cut_with_reset_comes_after_the_bytes_before_it() {
    on_both(async |world| {
        for bytes in [0, 1000, 300_000] {
            let (end, mut bench) = cut(&world, "reset", bytes).await;
            assert_eq!(
                end,
                Err(ErrorKind::ConnectionReset),
                "all {bytes} bytes, then the reset"
            );
            bench.struck("cut").await;
        }
    });
}

/// Long before a reset that waits for what came before it is given up on.
#[test]
fn a_reset_after_a_fin_is_passed_on_at_once() {
    on_both(async |world| {
        let bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut upstream, b"x").await;
        upstream.shutdown_write().unwrap();
        assert_eq!(ending(&mut client).await.unwrap(), b"x");
        upstream.reset();
        let (took, ready) = world.time(client.ready(Interest::ERROR)).await;
        assert!(ready.unwrap().is_error());
        assert!(took < ms(4000), "the client was not told for {took:?}");
    });
}

/// Where the first connection makes t = 0, nothing may lie between the two: here
/// other listeners keep the scheduler busy meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_connection_is_under_the_rules_of_t_0() {
    let world = World::new(Environment::real());
    for round in 0..60 {
        let mut setup = Setup::new(&world);
        setup.clients = (1..=6).map(|n| format!("c{n}")).collect();
        setup.start = Start::FirstConnection;
        let bench = setup.start("[[fault]]\nat = \"0s\"\nfor = \"500s\"\ninject.reject = {}");
        let end = soon(bench.dial_to_the_end()).await;
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "round {round}");
        soon(bench.finish()).await;
    }
}

/// A command waits for the listeners, and a listener for the beginning: not for
/// each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heal_and_the_first_connection_do_not_wait_for_each_other() {
    let world = World::new(Environment::real());
    for _ in 0..100 {
        let mut setup = Setup::new(&world);
        setup.start = Start::FirstConnection;
        let bench = setup.start("");
        let (client, ()) = soon(async { tokio::join!(bench.dial(), bench.control.heal()) }).await;
        drop(client);
        soon(bench.finish()).await;
    }
}

/// It once waited for itself.
#[test]
#[cfg(target_os = "linux")]
fn a_port_falls_silent_with_a_dial_in_the_queue() {
    on_both(async |world| {
        let mut listener = world.listen();
        let address = listener.local_addr().to_string();
        let _waiting = world.network.dial(&address).await.unwrap();
        listener.fall_silent().unwrap();
        let dial = world.clock.timeout(ms(300), world.network.dial(&address));
        assert!(dial.await.is_err(), "somebody answered");
    });
}

#[test]
fn a_rule_that_waits_for_a_peer_to_end_resets_the_other() {
    on_sockets(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\non.phase = \"closing\"\ninject.reset = {}",
        );
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        client.shutdown_write().unwrap();
        let ended = bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        assert!(matches!(
            ended.what,
            EventKind::PeerEnded {
                how: Ending::Fin,
                ..
            }
        ));
        bench.struck("reset").await;
        let end = ending(&mut upstream).await;
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    });
}
