//! Delays, rates and both at once: a link is as slow as its rate and later by its
//! delay, and what is under way slows nobody down.

use std::time::Duration;

use chaos_proxy::UnderWay;
use environment::Stream;
use tokio::io::AsyncWriteExt;

use crate::bench::{Bench, Setup};
use crate::world::{HOP, World, accept, expect, ms, send, simulated};

const MEBIBYTE: usize = 1 << 20;

fn rules(injected: &[&str]) -> String {
    let rule = |inject: &&str| format!("[[fault]]\nat = \"0s\"\ninject.{inject}\n");
    injected.iter().map(rule).collect()
}

/// A connection under these faults, and the proxy around it: the client's end, and
/// the server's.
async fn connected(world: &World, injected: &[&str], under_way: UnderWay) -> (Bench, Ends) {
    let setup = Setup {
        under_way,
        ..Setup::new(world)
    };
    let bench = setup.start(&rules(injected));
    bench.begin().await;
    let (client, server) = bench.pair().await;
    (bench, Ends { client, server })
}

struct Ends {
    client: Stream,
    server: Stream,
}

impl Ends {
    /// How long so many bytes take from the server to the client.
    async fn carry(&mut self, world: &World, bytes: usize) -> Duration {
        let sent = vec![7; bytes];
        let passing = async {
            tokio::join!(
                biased;
                send(&mut self.server, &sent),
                expect(&mut self.client, &sent)
            )
        };
        world.time(passing).await.0
    }
}

async fn carried(world: &World, injected: &[&str], bytes: usize) -> Duration {
    let (_bench, mut ends) = connected(world, injected, UnderWay::default()).await;
    ends.carry(world, bytes).await
}

#[track_caller]
fn assert_near(took: Duration, expected: Duration) {
    let off = took.abs_diff(expected);
    assert!(off <= expected / 200, "{took:?} and not {expected:?}");
}

/// Whichever rule comes first.
#[test]
fn a_rate_with_a_delay_takes_the_time_of_the_one_and_then_of_the_other() {
    for (rate, delay, bytes, expected) in [
        ("5KB/s", 50, 50_000, ms(10_050)),
        ("20KB/s", 100, 200_000, ms(10_100)),
        ("50KB/s", 400, 100_000, ms(2400)),
        ("1MB/s", 200, 2_000_000, ms(2200)),
        ("4MB/s", 200, 8_000_000, ms(2200)),
        ("1MB/s", 10, 1_000_000, ms(1010)),
    ] {
        let rate = format!("bandwidth = {{ rate = \"{rate}\", direction = \"downstream\" }}");
        let delay = format!("latency = {{ delay = \"{delay}ms\", direction = \"downstream\" }}");
        simulated(async |world| {
            for order in [[&rate, &delay], [&delay, &rate]] {
                let injected = order.map(String::as_str);
                assert_near(carried(&world, &injected, bytes).await, expected);
            }
        });
    }
}

/// What is sent more slowly than the rate is late by the delay, however long the
/// link has been in use.
#[test]
fn what_comes_below_the_rate_is_late_by_the_delay_alone() {
    simulated(async |world| {
        let injected = [
            "bandwidth = { rate = \"100KB/s\", direction = \"downstream\" }",
            "latency = { delay = \"200ms\", direction = \"downstream\" }",
        ];
        let (_bench, ends) = connected(&world, &injected, UnderWay::default()).await;
        let Ends {
            mut client,
            mut server,
        } = ends;
        let begun = world.clock.now();
        let made_at = |tick: u32| begun + ms(20) * tick;
        let make = async {
            for tick in 0..500 {
                world.clock.sleep_until(made_at(tick)).await;
                send(&mut server, &[7; 100]).await;
            }
        };
        let take = async {
            for tick in 0..500 {
                expect(&mut client, &[7; 100]).await;
                let expected = made_at(tick) + ms(201) + 2 * HOP;
                assert_eq!(world.clock.now(), expected, "tick {tick}");
            }
        };
        tokio::join!(biased; make, take);
    });
}

#[test]
fn a_delay_alone_does_not_limit_what_passes() {
    for delay in [10, 100, 300] {
        let latency = format!("latency = {{ delay = \"{delay}ms\", direction = \"downstream\" }}");
        simulated(async |world| {
            let plain = carried(&world, &[], 4 * MEBIBYTE).await;
            let delayed = carried(&world, &[&latency], 4 * MEBIBYTE).await;
            let more = delayed.saturating_sub(plain);
            assert!(more.abs_diff(ms(delay)) < ms(5), "{more:?} for {delay} ms");
        });
    }
}

/// How much the server can send before it has to wait for longer than `patience`.
async fn taken(world: &World, server: &mut Stream, patience: Duration) -> usize {
    let (chunk, mut taken) = (vec![7; 64 * 1024], 0);
    while let Ok(count) = world.clock.timeout(patience, server.write(&chunk)).await {
        taken += count.unwrap();
    }
    taken
}

/// What two networks hold by themselves while nobody reads.
async fn held_by_sockets(world: &World) -> usize {
    let listener = world.listen();
    let address = listener.local_addr().to_string();
    let mut source = world.network.dial(&address).await.unwrap();
    let _deaf = accept(&listener).await;
    2 * taken(world, &mut source, ms(1000)).await
}

#[test]
fn a_fast_source_before_a_deaf_peer_is_held_up_by_the_bound_of_the_delay() {
    simulated(async |world| {
        let latency = ["latency = { delay = \"300ms\", direction = \"downstream\" }"];
        let sockets = held_by_sockets(&world).await;
        for bound in [MEBIBYTE, 8 * MEBIBYTE, UnderWay::LINK] {
            let under_way = UnderWay::new(bound, UnderWay::ALL);
            let (_bench, mut ends) = connected(&world, &latency, under_way).await;
            let held = taken(&world, &mut ends.server, ms(2000)).await;
            assert!(held <= bound + sockets, "{held} of {bound} and {sockets}");
            assert!(held >= bound / 2, "{held} of {bound}");
        }
    });
}

#[test]
fn all_connections_together_have_a_bound() {
    simulated(async |world| {
        let setup = Setup {
            under_way: UnderWay::new(4 * MEBIBYTE, 6 * MEBIBYTE),
            ..Setup::new(&world)
        };
        let latency = ["latency = { delay = \"300ms\", direction = \"downstream\" }"];
        let bench = setup.start(&rules(&latency));
        bench.begin().await;
        let (mut held, mut ends) = (0, Vec::new());
        for _ in 0..4 {
            let (client, mut upstream) = bench.pair().await;
            held += taken(&world, &mut upstream, ms(2000)).await;
            ends.push((client, upstream));
        }
        let sockets = 4 * held_by_sockets(&world).await;
        // 256 KiB of each do not count.
        assert!(held <= 7 * MEBIBYTE + sockets, "{held} and {sockets}");
    });
}

#[test]
fn what_a_stall_or_a_rate_holds_back_is_bounded_by_less() {
    for inject in ["stall = {}", "bandwidth = { rate = \"1B/s\" }"] {
        simulated(async |world| {
            let latency = "latency = { delay = \"300ms\" }";
            let sockets = held_by_sockets(&world).await;
            let injected = [inject, latency];
            let (_bench, mut ends) = connected(&world, &injected, UnderWay::default()).await;
            let held = taken(&world, &mut ends.server, ms(2000)).await;
            assert!(held <= 256 * 1024 + sockets, "{held} under {inject}");
        });
    }
}

/// One message from the server, in a frame of its own.
fn message(length: u64) -> Vec<u8> {
    let mut frame = vec![0x82, 127];
    frame.extend(length.to_be_bytes());
    frame.resize(frame.len() + usize::try_from(length).unwrap(), 7);
    frame
}

/// When a message arrives whole that leaves the server at once, after the upgrade.
async fn message_takes(world: &World, injected: &[&str], length: u64) -> Duration {
    let setup = Setup {
        frames: true,
        ..Setup::new(world)
    };
    let bench = setup.start(&rules(injected));
    bench.begin().await;
    let (mut client, mut upstream) = bench.pair().await;
    upgrade(&mut client, &mut upstream).await;
    let sent = message(length);
    let passing = async {
        tokio::join!(
            biased;
            send(&mut upstream, &sent),
            expect(&mut client, &sent)
        )
    };
    world.time(passing).await.0
}

async fn upgrade(client: &mut Stream, server: &mut Stream) {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    send(client, REQUEST).await;
    expect(server, REQUEST).await;
    send(server, ANSWER).await;
    expect(client, ANSWER).await;
}

const LATE: &str = "delay_frame = { delay = \"300ms\", direction = \"downstream\" }";

#[test]
fn a_late_message_is_paced_by_the_rate_and_not_held_back_by_its_lateness() {
    simulated(async |world| {
        let rate = "bandwidth = { rate = \"100KB/s\", direction = \"downstream\" }";
        for order in [[rate, LATE], [LATE, rate]] {
            let took = message_takes(&world, &order, 100_000).await;
            // The answer to the upgrade went at the same rate.
            assert_near(took, ms(1300));
        }
    });
}

/// The editor holds back no more than a frame's header of it.
#[test]
fn a_late_message_may_be_large() {
    simulated(async |world| {
        for length in [4_000_000, 20_000_000] {
            let plain = message_takes(&world, &[], length).await;
            let late = message_takes(&world, &[LATE], length).await;
            let more = late.saturating_sub(plain);
            assert!(more.abs_diff(ms(300)) < ms(10), "{more:?} for {length}");
        }
    });
}
