//! Each fault as its victims see it, on idle, busy and open connections.

use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::{Bench, Setup};
use crate::world::{HOP, ending, expect, ms, send, simulated};
use chaos_proxy::{Apply, Event, EventKind, Fault, Side, Way};

const MOMENT: Duration = Duration::from_millis(200);

#[test]
fn rules_on_attempts_are_not_armed_before_the_beginning() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\non.attempt = \"1..\"\ninject.reject = {}",
        );
        let (mut early, mut upstream) = bench.pair().await;
        send(&mut upstream, b"hello").await;
        expect(&mut early, b"hello").await;
        bench.begin().await;
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset)
        );
    });
}

#[test]
fn accept_silent_never_reaches_the_server_and_is_not_revived() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.accept_silent = {}");
        bench.begin().await;
        let mut silent = bench.dial().await;
        send(&mut silent, b"anybody?").await;
        bench.struck("accept_silent").await;
        // Only later dials are well: the first to reach the server comes after the heal.
        bench.control.heal().await;
        let (mut later, mut upstream) = bench.pair().await;
        send(&mut later, b"hello").await;
        expect(&mut upstream, b"hello").await;
        assert!(world.is_silent(&mut silent, MOMENT).await);
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
    });
}

#[test]
fn stall_holds_everything_and_lets_it_flow_when_healed() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.stall = {}");
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("stall").await;
        send(&mut client, b"up").await;
        send(&mut upstream, b"down").await;
        upstream.shutdown_write().unwrap();
        assert!(world.is_silent(&mut client, MOMENT).await);
        assert!(world.is_silent(&mut upstream, MOMENT / 4).await);
        bench.control.heal().await;
        expect(&mut upstream, b"up").await;
        assert_eq!(ending(&mut client).await.unwrap(), b"down");
        bench
            .until(|what| matches!(what, EventKind::Healed { .. }))
            .await;
        bench.until(|what| *what == EventKind::Resumed).await;
    });
}

#[test]
fn a_stall_of_one_way_leaves_the_other_alone() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.stall = { direction = \"downstream\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("stall").await;
        send(&mut client, b"up").await;
        expect(&mut upstream, b"up").await;
        send(&mut upstream, b"down").await;
        assert!(world.is_silent(&mut client, MOMENT).await);
    });
}

#[test]
fn close_of_one_side_is_half_open() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.close = { side = \"client\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        assert_eq!(ending(&mut client).await.unwrap(), b"");
        bench.struck("close").await;
        send(&mut client, b"still heard").await;
        expect(&mut upstream, b"still heard").await;
        drop(client);
        // It was for the client alone: its own end in answer goes no further.
        assert!(world.is_silent(&mut upstream, MOMENT).await);
    });
}

#[test]
fn reset_with_a_window_also_strikes_what_comes_within_it() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\nfor = \"10s\"\ninject.reset = {}",
        );
        bench.begin().await;
        for _ in 0..3 {
            assert_eq!(
                bench.dial_to_the_end().await,
                Err(ErrorKind::ConnectionReset)
            );
        }
        bench.control.heal().await;
        let mut client = bench.dial().await;
        let struck = |event: &Event| {
            matches!(event.what, EventKind::UpstreamConnected) && event.attempt == 4
        };
        bench.event(struck).await;
        assert!(world.is_silent(&mut client, MOMENT).await);
    });
}

#[test]
fn latency_delays_both_ways_and_keeps_order() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.latency = { delay = \"100ms\", jitter = \"40ms\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("latency").await;
        // Each of the seven stretches is late by the delay, give or take the jitter.
        let late = ms(60) + 2 * HOP..=ms(140) + 2 * HOP;
        let sent: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        send(&mut client, &sent).await;
        let (took, ()) = world.time(expect(&mut upstream, &sent)).await;
        assert!(late.contains(&took), "{took:?}");
        send(&mut upstream, b"back").await;
        let (took, ()) = world.time(expect(&mut client, b"back")).await;
        assert!(late.contains(&took), "{took:?}");
    });
}

#[test]
fn latency_without_jitter_is_exact() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.latency = { delay = \"100ms\" }",
        );
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        send(&mut client, b"there").await;
        let (took, ()) = world.time(expect(&mut upstream, b"there")).await;
        assert_eq!(took, ms(100) + 2 * HOP);
    });
}

/// The control of the experiment: planned and decided, and nothing done.
#[test]
fn applying_nothing_is_a_wire_that_still_decides() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.apply = Apply::Nothing;
        let bench = setup.start("[[fault]]\nat = \"0s\"\ntarget.share = 0.5\ninject.reset = {}");
        let (mut client, mut upstream) = bench.pair().await;
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
    });
}

#[test]
fn the_horizon_heals_everything() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.horizon = MOMENT;
        let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
        let (mut client, mut upstream) = bench.pair().await;
        let begun = bench.begin().await;
        send(&mut client, b"held until the end").await;
        expect(&mut upstream, b"held until the end").await;
        assert_eq!(world.clock.now(), begun + MOMENT + HOP);
    });
}

#[test]
fn a_plan_can_begin_again_at_its_end() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        (setup.horizon, setup.repeat) = (MOMENT, true);
        let mut bench = setup.start("[[fault]]\nat = \"50ms\"\ninject.reset = {}");
        let begun = bench.begin().await;
        for round in 0..3 {
            let (mut client, _upstream) = bench.pair().await;
            assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
            let struck = bench.struck("reset").await;
            assert_eq!(struck.at, begun + round * MOMENT + ms(50));
        }
    });
}

#[test]
fn a_fault_can_be_injected_by_hand() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
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
        let refused = world.network.dial(&bench.addresses[0].to_string()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        bench.control.heal().await;
        drop(bench.dial().await);
        bench
            .control
            .inject("cut", Fault::Reset(Side::Both), None)
            .await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    });
}
