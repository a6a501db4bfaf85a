//! Ends after a time, as the control API asks for them.

use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::Bench;
use crate::world::{HOP, ending, expect, send, simulated};
use chaos_proxy::{Expiry, Fault, How, Way};
use tokio::io::AsyncWriteExt;

const TIME: Duration = Duration::from_millis(500);

fn reset_after(delay: Duration) -> Fault {
    Fault::Expiry(Expiry {
        delay: Some(delay),
        awaits_bytes: false,
        how: How::Reset,
        swallows: None,
        ends_when_healed: false,
    })
}

fn silence(delay: Option<Duration>) -> Fault {
    Fault::Expiry(Expiry {
        delay,
        awaits_bytes: false,
        how: How::Close,
        swallows: Some(Way::Upstream),
        ends_when_healed: true,
    })
}

#[test]
fn a_reset_comes_after_its_time_to_the_idle_the_busy_and_the_new() {
    simulated(async |world| {
        let mut bench = Bench::of(&world, "");
        let (mut idle, mut busy) = (bench.dial().await, bench.dial().await);
        let (_held, mut upstream) = (bench.accept().await, bench.accept().await);
        let begun = world.clock.now();
        bench.control.inject("late", reset_after(TIME), None).await;
        let mut new = bench.dial().await;
        // Bytes flow as if nothing were to come.
        send(&mut busy, b"x").await;
        expect(&mut upstream, b"x").await;
        for (client, hops) in [(&mut idle, 1), (&mut busy, 1), (&mut new, 2)] {
            assert_eq!(ending(client).await, Err(ErrorKind::ConnectionReset));
            assert_eq!(world.clock.now(), begun + TIME + hops * HOP);
        }
        assert_eq!(ending(&mut upstream).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(bench.struck("late").await.at, begun + TIME);
    });
}

#[test]
fn a_reset_that_counts_down_can_be_taken_back() {
    simulated(async |world| {
        let bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        bench.control.inject("late", reset_after(TIME), None).await;
        bench.control.lift("late").await;
        assert!(world.is_silent(&mut client, 2 * TIME).await);
        send(&mut client, b"alive").await;
        expect(&mut upstream, b"alive").await;
    });
}

#[test]
fn what_flows_does_not_start_the_time_again() {
    simulated(async |world| {
        let bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        let begun = world.clock.now();
        bench
            .control
            .inject("silence", silence(Some(TIME)), None)
            .await;
        // For as long as the connection stands, more often than the time.
        let talking = async {
            while client.write_all(b"x").await.is_ok() {
                world.pass(TIME / 50).await;
            }
        };
        let swallowed = async {
            let end = ending(&mut upstream).await;
            (end, world.clock.now())
        };
        let (swallowed, ()) = tokio::join!(swallowed, talking);
        assert_eq!(swallowed, (Ok(Vec::new()), begun + TIME + HOP));
    });
}

#[test]
fn the_end_of_a_silence_without_end_ends_the_connection() {
    simulated(async |world| {
        let bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        bench.control.inject("silence", silence(None), None).await;
        send(&mut client, b"lost").await;
        // The other way nothing is swallowed.
        send(&mut upstream, b"heard").await;
        expect(&mut client, b"heard").await;
        assert!(world.is_silent(&mut upstream, TIME).await);
        bench.control.lift("silence").await;
        assert_eq!(ending(&mut client).await.unwrap(), b"");
        assert_eq!(ending(&mut upstream).await.unwrap(), b"");
    });
}

/// As Toxiproxy's `reset_peer`.
fn reset_after_bytes(delay: Duration, way: Way) -> Fault {
    Fault::Expiry(Expiry {
        delay: Some(delay),
        awaits_bytes: true,
        how: How::Reset,
        swallows: Some(way),
        ends_when_healed: false,
    })
}

#[test]
fn a_new_connection_is_reset_after_its_first_bytes_which_are_swallowed() {
    for (way, delay) in [
        (Way::Upstream, TIME),
        (Way::Downstream, TIME),
        (Way::Upstream, Duration::ZERO),
        (Way::Downstream, Duration::ZERO),
    ] {
        simulated(async |world| {
            let mut bench = Bench::of(&world, "");
            let fault = reset_after_bytes(delay, way);
            bench.control.inject("late", fault, None).await;
            let (mut client, mut upstream) = bench.pair().await;
            // Until then it stands, and the other way its bytes flow.
            let (from, to) = match way {
                Way::Upstream => (&mut client, &mut upstream),
                _ => (&mut upstream, &mut client),
            };
            send(to, b"other way").await;
            expect(from, b"other way").await;
            assert!(world.is_silent(from, 2 * TIME).await);
            let begun = world.clock.now();
            send(from, b"swallowed").await;
            for peer in [from, to] {
                assert_eq!(ending(peer).await, Err(ErrorKind::ConnectionReset));
                assert_eq!(world.clock.now(), begun + HOP + delay + HOP);
            }
            assert_eq!(bench.struck("late").await.at, begun + HOP + delay);
        });
    }
}

#[test]
fn an_end_without_bytes_begins_the_time_and_is_swallowed_too() {
    simulated(async |world| {
        let bench = Bench::of(&world, "");
        let fault = reset_after_bytes(TIME, Way::Upstream);
        bench.control.inject("late", fault, None).await;
        let (mut client, mut upstream) = bench.pair().await;
        let begun = world.clock.now();
        client.shutdown_write().unwrap();
        assert_eq!(ending(&mut upstream).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(world.clock.now(), begun + HOP + TIME + HOP);
    });
}
