//! The faults that act on bytes and on the ways a connection begins and ends, as
//! their victims see them.

use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::{Bench, Setup};
use crate::world::{HOP, ending, expect, ms, send, simulated};
use chaos_proxy::{Ending, EventKind};
use tokio::io::AsyncReadExt;

const MOMENT: Duration = Duration::from_millis(200);

fn damaged(events: &[chaos_proxy::Event]) -> Option<(u64, u64)> {
    events.iter().find_map(|event| match event.what {
        EventKind::Damaged {
            discarded_bytes,
            corrupted_bytes,
        } => Some((discarded_bytes, corrupted_bytes)),
        _ => None,
    })
}

#[test]
fn connect_delay_accepts_at_once_and_keeps_the_bytes() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\non.attempt = 1\ninject.connect_delay = { delay = \"300ms\" }",
        );
        let begun = bench.begin().await;
        let mut client = bench.dial().await;
        send(&mut client, b"early").await;
        let mut upstream = bench.accept().await;
        assert_eq!(world.clock.now(), begun + ms(300) + 2 * HOP);
        expect(&mut upstream, b"early").await;
    });
}

#[test]
fn bandwidth_takes_its_time() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.bandwidth = { rate = \"100KB/s\", direction = \"downstream\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        let sent = vec![7; 50_000];
        let passing =
            async { tokio::join!(send(&mut upstream, &sent), expect(&mut client, &sent)) };
        let (took, _) = world.time(passing).await;
        assert_eq!(took, ms(500) + 2 * HOP);
        // The other way is not limited.
        let passing =
            async { tokio::join!(send(&mut client, &sent), expect(&mut upstream, &sent)) };
        let (took, _) = world.time(passing).await;
        assert_eq!(took, 2 * HOP);
    });
}

#[test]
fn a_shared_bandwidth_is_one_for_all() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.bandwidth = { rate = \"100KB/s\", shared = true }",
        );
        let (mut one, mut upstream_one) = bench.pair().await;
        let (mut two, mut upstream_two) = bench.pair().await;
        bench.begin().await;
        let sent = vec![7; 25_000];
        let passing = async {
            tokio::join!(
                send(&mut upstream_one, &sent),
                send(&mut upstream_two, &sent),
                expect(&mut one, &sent),
                expect(&mut two, &sent),
            )
        };
        let (took, _) = world.time(passing).await;
        assert_eq!(took, ms(500) + 2 * HOP);
    });
}

#[test]
fn slice_sends_small_pieces() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.slice = { size = \"3B\", gap = \"50ms\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("slice").await;
        let begun = world.clock.now();
        send(&mut upstream, b"abcdefghij").await;
        for (piece, after) in [(&b"abc"[..], 0), (b"def", 50), (b"ghi", 100), (b"j", 150)] {
            let mut read = [0; 10];
            let count = client.read(&mut read).await.unwrap();
            assert_eq!(&read[..count], piece);
            assert_eq!(world.clock.now(), begun + ms(after) + 2 * HOP);
        }
    });
}

#[test]
fn discard_swallows_and_keeps_the_connection() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.discard = { direction = \"downstream\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("discard").await;
        send(&mut upstream, b"never seen").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        bench.control.heal().await;
        bench
            .until(|what| matches!(what, EventKind::Healed { .. }))
            .await;
        send(&mut upstream, b"seen").await;
        expect(&mut client, b"seen").await;
        drop((client, upstream));
        bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        let (events, _) = bench.finish().await;
        assert_eq!(damaged(&events), Some((10, 0)));
    });
}

#[test]
fn corrupt_flips_what_it_says_and_no_more() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.corrupt = { direction = \"downstream\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("corrupt").await;
        send(&mut upstream, &[0; 14_600]).await;
        let mut came = vec![0; 14_600];
        client.read_exact(&mut came).await.unwrap();
        assert_eq!(came.iter().map(|byte| byte.count_ones()).sum::<u32>(), 10);
        drop((client, upstream));
        bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        let (events, _) = bench.finish().await;
        assert_eq!(damaged(&events), Some((0, 10)));
    });
}

#[test]
fn slow_close_passes_the_fin_on_late() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.slow_close = { delay = \"300ms\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("slow_close").await;
        send(&mut upstream, b"bye").await;
        drop(upstream);
        let (took, end) = world.time(ending(&mut client)).await;
        assert_eq!((took, end), (ms(300) + 2 * HOP, Ok(b"bye".to_vec())));
    });
}

#[test]
fn idle_timeout_ends_a_silence_and_spares_a_conversation() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.idle_timeout = { delay = \"1s\", how = \"reset\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        // Said within the time, for longer than it.
        for _ in 0..10 {
            send(&mut client, b"x").await;
            expect(&mut upstream, b"x").await;
            world.pass(ms(990)).await;
        }
        let (took, end) = world.time(ending(&mut client)).await;
        assert_eq!((took, end), (ms(10), Err(ErrorKind::ConnectionReset)));
        bench.struck("idle_timeout").await;
    });
}

#[test]
fn a_rule_can_wait_for_the_upgrade_to_be_done() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.frames = true;
        let mut bench = setup.start(
        "[[fault]]\non = { attempt = 1, phase = \"open\" }\nafter = \"100ms\"\ninject.reset = {}",
    );
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"GET /ws HTTP/1.1\r\n\r\n").await;
        assert!(
            world.is_silent(&mut client, MOMENT).await,
            "not before the answer"
        );
        send(&mut upstream, b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
        let upgraded = bench
            .until(|what| matches!(what, EventKind::Upgraded { .. }))
            .await;
        let struck = bench.struck("reset").await;
        assert_eq!(struck.at, upgraded.at + ms(100));
        let mut answer = Vec::new();
        let end = client.read_to_end(&mut answer).await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_rule_can_wait_for_the_request_and_hold_it() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.frames = true;
        let mut bench = setup.start(
            "[[fault]]\non.phase = \"upgrade\"\ninject.stall = { direction = \"upstream\" }",
        );
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"GET /ws HTTP/1.1\r\n\r\n").await;
        bench.struck("stall").await;
        assert!(world.is_silent(&mut upstream, MOMENT).await);
    });
}

#[test]
fn a_rule_can_wait_for_bytes() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\non.bytes = 10\ninject.close = {}");
        bench.begin().await;
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut upstream, b"nine more").await;
        expect(&mut client, b"nine more").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
        send(&mut upstream, b"!").await;
        bench.struck("close").await;
        assert_eq!(ending(&mut client).await.unwrap(), b"!");
    });
}

#[test]
fn a_rule_can_wait_for_a_peer_to_end() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\non.phase = \"closing\"\nafter = \"1s\"\ninject.reset = {}",
        );
        bench.begin().await;
        let (mut client, mut upstream) = bench.connect().await;
        client.shutdown_write().unwrap();
        let ended = bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        let how = Ending::Fin;
        assert!(matches!(ended.what, EventKind::PeerEnded { how: known, .. } if known == how));
        assert_eq!(ending(&mut upstream).await, Ok(Vec::new()));
        assert_eq!(bench.struck("reset").await.at, ended.at + ms(1000));
    });
}

/// Nobody is at home until the third connection; what held the first two is let
/// go then.
#[test]
fn a_rule_can_end_with_a_later_connection() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\nuntil_on.attempt = 3\ninject.stall = {}",
        );
        bench.begin().await;
        let (mut first, mut upstream) = bench.pair().await;
        send(&mut first, b"held").await;
        let _second = (bench.dial().await, bench.accept().await);
        assert!(world.is_silent(&mut upstream, MOMENT).await);
        let (mut third, mut upstream_third) = bench.pair().await;
        send(&mut third, b"free").await;
        expect(&mut upstream_third, b"free").await;
        expect(&mut upstream, b"held").await;
        bench
            .until(|what| matches!(what, EventKind::Healed { .. }))
            .await;
    });
}
