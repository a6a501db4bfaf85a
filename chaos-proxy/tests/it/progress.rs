//! A moment ends after finitely many steps, whatever rules come together: a link
//! or a connection that goes on indefinitely without time going on is found by the
//! count of what happens in virtual time.

use std::fmt::Write;
use std::time::Duration;

use environment::{Listener, Simulation, Stall, Stream};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::bench::{Setup, read};
use crate::world::{World, ms};

const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
/// A text, and a masked one.
const DOWN: &[u8] = b"\x81\x0a0123456789";
const UP: &[u8] = b"\x81\x84\0\0\0\0pong";

/// While rules hold, and until everything is over.
const RULED: Duration = Duration::from_secs(4);
const LENGTH: Duration = Duration::from_secs(6);
/// Many times what a client and a server do in that time of which every byte goes
/// by itself, and a fifth of what may happen at one moment.
const MOST_EVENTS: u64 = 200_000;

const FAULTS: [&str; 43] = [
    "refuse = {}",
    "blackhole = {}",
    "reject = {}",
    "accept_silent = {}",
    "connect_delay = { delay = \"300ms\" }",
    "upgrade_reply = { status = 503, body = \"busy\" }",
    "upgrade_reply = { kind = \"garbage\" }",
    "upgrade_reply = { kind = \"wrong_accept\" }",
    "upgrade_delay = { delay = \"200ms\" }",
    "latency = { delay = \"80ms\", jitter = \"80ms\" }",
    "latency = { delay = \"0s\" }",
    "latency = { delay = \"900ms\", direction = \"downstream\" }",
    "bandwidth = { rate = \"0B/s\" }",
    "bandwidth = { rate = \"3B/s\", direction = \"upstream\" }",
    "bandwidth = { rate = \"50B/s\", burst = \"5B\", shared = true }",
    "slice = { size = \"1B\" }",
    "slice = { size = \"3B\", variation = \"2B\", gap = \"7ms\", direction = \"downstream\" }",
    "stall = {}",
    "stall = { direction = \"upstream\" }",
    "stall = { direction = \"downstream\" }",
    "discard = {}",
    "discard = { direction = \"downstream\" }",
    "corrupt = { bytes = 30 }",
    "corrupt = { kind = \"reserved\", index = \"1..\" }",
    "close = {}",
    "close = { side = \"client\" }",
    "close = { side = \"server\" }",
    "reset = {}",
    "reset = { side = \"server\" }",
    "cut = { bytes = 0, how = \"close\" }",
    "cut = { bytes = 90, how = \"reset\", side = \"client\", direction = \"downstream\" }",
    "cut = { frame = 2, part = \"header\", how = \"close\", direction = \"downstream\" }",
    "cut = { frame = 1, part = \"between\", how = \"reset\", direction = \"upstream\" }",
    "close_frame = { code = 1012, side = \"client\", frame = 2 }",
    "drop_frame = { index = \"2..\" }",
    "duplicate_frame = {}",
    "delay_frame = { delay = \"250ms\" }",
    "reorder_frame = { index = \"1..\" }",
    "send_message = { text = \"?\", frame = 2 }",
    "replace_message = { hex = \"00\", index = \"2..\" }",
    "fragment_message = { pieces = 3, ping = true }",
    "slow_close = { delay = \"500ms\" }",
    "idle_timeout = { delay = \"150ms\", how = \"close\" }",
];

const STAGES: [&str; 8] = [
    "attempt = 1",
    "attempt = \"2..\"",
    "attempt = \"1..3\", phase = \"open\"",
    "phase = \"connect\"",
    "phase = \"upgrade\"",
    "phase = \"closing\"",
    "bytes = 70",
    "frame = 2",
];

prop_compose! {
    fn by_time()(
        at in 0_u64..3000,
        lasts in proptest::option::of(1_u64..400),
        every in proptest::option::of(500_u64..1500),
    ) -> String {
        let mut keys = format!("at = \"{at}ms\"\n");
        writeln!(keys, "for = \"{}ms\"", lasts.unwrap_or(250)).unwrap();
        if let Some(every) = every {
            writeln!(keys, "every = \"{every}ms\"").unwrap();
        }
        keys
    }
}

prop_compose! {
    fn by_stage()(
        on in proptest::sample::select(&STAGES[..]),
        after in proptest::option::of(0_u64..300),
        lasts in proptest::option::of(1_u64..2000),
        until in proptest::option::of(proptest::sample::select(&STAGES[..])),
    ) -> String {
        let mut keys = format!("on = {{ {on} }}\n");
        if let Some(after) = after {
            writeln!(keys, "after = \"{after}ms\"").unwrap();
        }
        if let Some(lasts) = lasts {
            writeln!(keys, "for = \"{lasts}ms\"").unwrap();
        }
        if let Some(until) = until.filter(|until| *until != on) {
            writeln!(keys, "until_on = {{ {until} }}").unwrap();
        }
        keys
    }
}

/// Not every fault may come at every stage.
fn rule() -> impl Strategy<Value = String> {
    let fault = proptest::sample::select(&FAULTS[..]);
    let keys = prop_oneof![by_time(), by_stage()];
    (fault, keys)
        .prop_map(|(fault, keys)| format!("{keys}inject.{fault}\n"))
        .prop_filter("a rule", |rule| {
            let rule = format!("[[fault]]\n{rule}");
            read(&rule, Some(&["c1".to_owned()]), false).is_ok()
        })
}

fn rules() -> impl Strategy<Value = String> {
    proptest::collection::vec(rule(), 1..=5).prop_map(|rules| {
        let named = rules.iter().enumerate();
        named
            .map(|(number, rule)| format!("[[fault]]\nname = \"f{number}\"\n{rule}"))
            .collect()
    })
}

/// Sends one message after the other and reads whatever comes, until the
/// connection ends or nothing has come for so long.
async fn talk(world: &World, stream: &mut Stream, pause: Duration, message: &[u8]) {
    let mut heard_at = world.clock.now();
    let mut next = heard_at + pause;
    let mut buffer = [0; 4096];
    while world.clock.now() < heard_at + ms(1500) {
        tokio::select! {
            biased;
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => heard_at = world.clock.now(),
            },
            () = world.clock.sleep_until(next) => {
                if stream.write_all(message).await.is_err() {
                    return;
                }
                next = world.clock.now() + pause;
            }
        }
    }
}

async fn serve(world: World, listener: Listener) {
    let mut connections = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let world = world.clone();
        connections.spawn(async move {
            let answer = async {
                stream.read_exact(&mut [0; REQUEST.len()]).await?;
                stream.write_all(ANSWER).await
            };
            if matches!(world.clock.timeout(ms(1500), answer).await, Ok(Ok(()))) {
                talk(&world, &mut stream, ms(100), DOWN).await;
            }
        });
    }
}

/// Dials again and again.
async fn dial(world: &World, address: &str) {
    loop {
        let dialled = world.clock.timeout(ms(1000), world.network.dial(address));
        if let Ok(Ok(mut stream)) = dialled.await
            && stream.write_all(REQUEST).await.is_ok()
        {
            talk(world, &mut stream, ms(70), UP).await;
        }
        world.clock.sleep(ms(40)).await;
    }
}

/// A client and a server under these rules, to the end.
async fn run(world: &World, rules: &str) {
    let server = world.listen();
    let mut setup = Setup::toward(world, server.local_addr());
    setup.frames = true;
    setup.horizon = LENGTH;
    let bench = setup.start(rules);
    let mut serving = JoinSet::new();
    serving.spawn(serve(world.clone(), server));
    let address = bench.addresses[0].to_string();
    let course = async {
        bench.begin().await;
        world.clock.sleep(RULED).await;
        bench.control.heal().await;
        world.clock.sleep(LENGTH - RULED).await;
    };
    tokio::select! {
        biased;
        () = course => {}
        () = dial(world, &address) => {}
    }
    bench.finish().await;
}

fn ends(rules: &str) -> Result<(), Stall> {
    let simulation = Simulation::of(MOST_EVENTS).unwrap();
    let world = World::new(simulation.environment());
    simulation.run(async {
        tokio::select! {
            biased;
            stall = world.clock.stalled() => Err(stall),
            () = run(&world, rules) => Ok(()),
        }
    })?
}

proptest! {
    #[test]
    fn a_moment_ends_under_any_chain_of_rules(rules in rules()) {
        prop_assert_eq!(ends(&rules), Ok(()));
    }
}
