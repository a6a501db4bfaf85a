//! Mistakes that were made once, each held by the test that found it.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Ending, Event, EventKind, Peer, Start};
use tokio::io::AsyncReadExt;

use crate::bench::{Bench, Setup};
use crate::world::{HOP, ending, expect, ms, send, simulated};

/// Longer than whatever must not happen would take.
const LONG: Duration = Duration::from_secs(500);

fn strikes(events: &[Event]) -> usize {
    let struck = |event: &&Event| matches!(event.what, EventKind::Struck { .. });
    events.iter().filter(struck).count()
}

#[test]
fn a_cut_with_fin_does_not_linger() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\non.attempt = 1\ninject.cut = { bytes = 3 }",
        );
        bench.begin().await;
        let (mut client, mut up) = bench.pair().await;
        send(&mut up, b"abcdef").await;
        let (took, end) = world.time(ending(&mut client)).await;
        assert_eq!((took, end), (2 * HOP, Ok(b"abc".to_vec())));
    });
}

/// Under these faults, which hold everything, `close` at 200 ms is a FIN at once.
fn a_close_is_at_once(under: &str) {
    simulated(async |world| {
        let close = "[[fault]]\nat = \"200ms\"\ninject.close = {}";
        let faults = format!("[[fault]]\nat = \"0s\"\ninject.{under}\n{close}");
        let mut bench = Bench::of(&world, &faults);
        let (mut client, mut up) = bench.pair().await;
        let begun = bench.begin().await;
        send(&mut up, b"held").await;
        assert_eq!(ending(&mut client).await, Ok(Vec::new()));
        assert_eq!(world.clock.now(), begun + ms(200) + HOP);
        assert_eq!(bench.struck("close").await.at, begun + ms(200));
    });
}

#[test]
fn close_is_at_once_under_a_stall() {
    a_close_is_at_once("stall = {}");
}

#[test]
fn close_is_at_once_under_a_delay() {
    a_close_is_at_once("latency = { delay = \"3s\" }");
}

#[test]
fn a_cut_that_has_come_is_carried_out_though_healed() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.latency = {delay = \"600ms\"}\n[[fault]]\nat = \"0s\"\nfor = \"300ms\"\ninject.cut = { bytes = 3, how = \"reset\" }",
        );
        let (mut client, mut up) = bench.pair().await;
        bench.begin().await;
        bench.struck("latency").await;
        send(&mut up, b"abcdef").await;
        expect(&mut client, b"abc").await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn a_rule_that_is_over_spares_open_connections() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nat = \"500ms\"\nevery = \"500ms\"\ninject.reset = {}\nuntil_on.attempt = 2",
        );
        let (mut c1, _up1) = bench.pair().await;
        let begun = bench.begin().await;
        assert_eq!(ending(&mut c1).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(world.clock.now(), begun + ms(500) + HOP);
        let (mut c2, _up2) = bench.pair().await;
        assert!(
            world.is_silent(&mut c2, LONG / 10).await,
            "the rule was over with attempt 2, and struck it"
        );
    });
}

#[test]
fn a_connection_that_never_opened_was_never_open() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.frames = true;
        let mut bench = setup.start(
            "[[fault]]\non.attempt = \"2..\"\ninject.reject = {}\nuntil_on = { phase = \"open\" }",
        );
        bench.begin().await;
        let (c1, _u1) = bench.pair().await;
        // The client gives up before it was ever open.
        drop(c1);
        bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset),
            "no connection was ever open, yet the rule is over"
        );
    });
}

#[test]
fn a_rejected_attempt_ends_rules_too() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.stall = {}\nuntil_on.attempt = 2\n[[fault]]\non.attempt = 2\ninject.reject = {}",
        );
        let (mut c1, mut u1) = bench.pair().await;
        bench.begin().await;
        send(&mut u1, b"x").await;
        assert!(world.is_silent(&mut c1, ms(200)).await);
        assert!(bench.dial_to_the_end().await.is_err());
        // Attempt 2 came: the stall is over.
        expect(&mut c1, b"x").await;
    });
}

#[test]
fn a_healed_connect_delay_dials_at_once() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\nfor = \"300ms\"\ninject.connect_delay = { delay = \"4s\" }",
        );
        let begun = bench.begin().await;
        let (_c, _u) = bench.pair().await;
        assert_eq!(world.clock.now(), begun + ms(300) + HOP);
    });
}

#[test]
fn a_stall_holds_the_reset_of_a_failed_dial() {
    simulated(async |world| {
        let gone = world.listen().local_addr();
        let mut bench =
            Setup::toward(&world, gone).start("[[fault]]\nat = \"0s\"\ninject.stall = {}");
        bench.begin().await;
        let mut c = bench.dial().await;
        bench
            .until(|what| matches!(what, EventKind::UpstreamFailed { .. }))
            .await;
        assert!(
            world.is_silent(&mut c, LONG).await,
            "a stalled client was reset by a failed dial"
        );
    });
}

#[test]
fn rules_wait_for_what_older_connections_do() {
    simulated(async |world| {
        let bench = Bench::of(&world, "[[fault]]\non = { bytes = 10 }\ninject.reset = {}");
        let (mut client, mut up) = bench.pair().await;
        send(&mut up, b"x").await;
        expect(&mut client, b"x").await;
        bench.begin().await;
        send(&mut up, &[7; 100]).await;
        let end = ending(&mut client).await;
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn what_was_before_t_0_ends_nothing() {
    simulated(async |world| {
        let mut bench = Bench::of(
            &world,
            "[[fault]]\nat = \"0s\"\ninject.stall = {}\nuntil_on = { phase = \"closing\" }",
        );
        let c0 = bench.dial().await;
        drop(bench.accept().await);
        drop(c0);
        bench
            .until(|what| matches!(what, EventKind::Closed { .. }))
            .await;
        let (mut client, mut up) = bench.pair().await;
        bench.begin().await;
        send(&mut up, b"x").await;
        assert!(
            world.is_silent(&mut client, LONG).await,
            "ended before it began"
        );
    });
}

#[test]
fn a_name_taken_late_is_not_struck_again() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.is_shared = true;
        let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.latency = {delay = \"10ms\"}");
        bench.begin().await;
        let (mut c, mut up) = bench.pair().await;
        world.pass(ms(100)).await;
        let r = b"GET /ws?client=alice HTTP/1.1\r\n\r\n";
        send(&mut c, r).await;
        expect(&mut up, r).await;
        let (events, _) = bench.finish().await;
        assert_eq!(strikes(&events), 1, "{events:#?}");
    });
}

#[test]
fn a_named_clients_second_connection_ends_a_rule() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.is_shared = true;
        let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.stall = {direction = \"downstream\"}\nuntil_on = { attempt = \"2..\" }");
        bench.begin().await;
        let connect = async || {
            let (mut c, mut up) = bench.pair().await;
            let r = b"GET /ws?client=alice HTTP/1.1\r\n\r\n";
            send(&mut c, r).await;
            expect(&mut up, r).await;
            send(&mut up, b"x").await;
            (c, up)
        };
        let (mut first, _up) = connect().await;
        assert!(world.is_silent(&mut first, ms(100)).await);
        let (mut second, _up) = connect().await;
        // Alice's second connection came: her first is stalled no more.
        expect(&mut first, b"x").await;
        expect(&mut second, b"x").await;
    });
}

#[test]
fn data_after_a_discard_is_told_at_once() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.frames = true;
        let mut bench = setup.start(
            "[[fault]]\nat = \"0s\"\nfor = \"400ms\"\ninject.discard = {direction = \"downstream\"}",
        );
        let (mut c, mut up) = bench.pair().await;
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
    });
}

#[test]
fn a_close_frame_right_behind_the_answer_is_seen() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.frames = true;
        let mut bench = setup.start("");
        let (mut c, mut up) = bench.pair().await;
        send(&mut c, b"GET /ws HTTP/1.1\r\n\r\n").await;
        let a = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x88\x02\x03\xe8";
        send(&mut up, a).await;
        expect(&mut c, a).await;
        let ended = bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        let expected = EventKind::PeerEnded {
            peer: Peer::Server,
            how: Ending::CloseFrame,
            code: Some(1000),
        };
        assert_eq!(ended.what, expected);
    });
}

#[test]
fn a_share_of_connections_takes_the_lowest_draw() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.clients = ["c1", "c2", "c3"].map(str::to_owned).to_vec();
        let mut bench =
            setup.start("[[fault]]\non.attempt = 1\ntarget.share = 0.01\ninject.reject = {}");
        bench.begin().await;
        for client in 0..3 {
            drop(bench.dial_as(client).await);
        }
        // One of them; whoever waits for nobody is told that nothing is left.
        bench.struck("reject").await;
    });
}

#[test]
fn a_heal_before_the_beginning_is_for_good() {
    simulated(async |world| {
        let bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.stall = {}");
        let (mut c, mut up) = bench.pair().await;
        bench.control.heal().await;
        bench.begin().await;
        send(&mut up, b"x").await;
        let (took, ()) = world.time(expect(&mut c, b"x")).await;
        assert_eq!(took, 2 * HOP);
    });
}

#[test]
fn a_cut_of_both_ways_strikes_once() {
    simulated(async |world| {
        let bench = Bench::of(
            &world,
            "[[fault]]\non.attempt = 1\ninject.cut = { bytes = 3, direction = \"both\", how = \"close\", side = \"client\" }",
        );
        bench.begin().await;
        let (mut c, mut up) = bench.pair().await;
        send(&mut up, b"abcdef").await;
        expect(&mut c, b"abc").await;
        world.pass(ms(100)).await;
        send(&mut c, b"abcdef").await;
        world.pass(LONG).await;
        let (events, _) = bench.finish().await;
        assert_eq!(strikes(&events), 1);
    });
}

#[test]
fn the_first_connection_is_struck_at_t_0() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        setup.start = Start::FirstConnection;
        let bench = setup.start("[[fault]]\nat = \"0s\"\ninject.reset = {}");
        let mut c = bench.dial().await;
        let (took, end) = world.time(c.read(&mut [0; 1])).await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(took <= 3 * HOP, "{took:?}");
    });
}

#[test]
fn a_new_round_lets_go_what_the_old_one_held() {
    simulated(async |world| {
        let mut setup = Setup::new(&world);
        (setup.horizon, setup.repeat) = (ms(700), true);
        let bench = setup.start("[[fault]]\non.attempt = 1\ninject.stall = {}");
        let begun = bench.begin().await;
        let (mut c, mut up) = bench.pair().await;
        send(&mut up, b"x").await;
        expect(&mut c, b"x").await;
        // The horizon heals everything.
        assert_eq!(world.clock.now(), begun + ms(700) + HOP);
    });
}

/// What the server sent before its reset arrives, though a stall held it.
#[test]
fn a_heal_loses_nothing_before_a_reset() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "[[fault]]\nat = \"0s\"\ninject.stall = {}");
        let (mut client, mut upstream) = bench.pair().await;
        bench.begin().await;
        bench.struck("stall").await;
        // What a full link leaves with the system goes with the reset: this fits.
        let sent = vec![7; 190_000];
        send(&mut upstream, &sent).await;
        world.pass(ms(200)).await;
        upstream.reset();
        bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        bench.control.heal().await;
        expect(&mut client, &sent).await;
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    });
}
