//! Bare timers, and a delay without jitter: one way, and to and fro.

use std::time::Duration;

use environment::{Clock, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{Flow, Rig};
use crate::table::{Times, row};

const DELAY: Duration = Duration::from_millis(20);
const FAULT: &str =
    "[[fault]]\nat = \"0s\"\ninject.latency = { delay = \"20ms\", direction = \"upstream\" }";
/// All is measured in turn, so that the machine's moods fall on all alike.
const ROUNDS: usize = 10;
/// What the aims grant beyond the bare timer, at each percentile.
const GRANTED: [(f64, Duration); 2] = [
    (0.5, Duration::from_micros(80)),
    (0.99, Duration::from_micros(250)),
];

/// What was measured of one way to send.
struct Way {
    plain: Times,
    delayed: Times,
}

pub(crate) async fn measure(rig: &Rig) {
    let (mut bare, mut coarse) = (Times::new(), Times::new());
    let new = || Way {
        plain: Times::new(),
        delayed: Times::new(),
    };
    let (mut one_way, mut to_and_fro) = (new(), new());
    let (plain, delayed) = (rig.proxy("").await, rig.proxy(FAULT).await);
    let (mut plain_ends, mut delayed_ends) = (plain.connect().await, delayed.connect().await);
    for _ in 0..ROUNDS {
        rig.beside_proxy(sleep(Clock::precise()))
            .await
            .for_each(|late| bare.add(late));
        rig.beside_proxy(sleep(Clock::start()))
            .await
            .for_each(|late| coarse.add(late));
        flow(rig, 60, &mut plain_ends, &mut one_way.plain).await;
        flow(rig, 90, &mut delayed_ends, &mut one_way.delayed).await;
        ping_pong(rig, DELAY, &mut plain_ends, &mut to_and_fro.plain).await;
        ping_pong(
            rig,
            Duration::ZERO,
            &mut delayed_ends,
            &mut to_and_fro.delayed,
        )
        .await;
    }
    drop((plain_ends, delayed_ends));
    plain.finish().await;
    delayed.finish().await;
    row(
        "bare timer, 20 ms: late by",
        bare.show(),
        "the yardstick",
        None,
    );
    row("tokio's timer, 20 ms: late by", coarse.show(), "", None);
    one_way.show("one way, every 5 ms", &bare);
    to_and_fro.show("ping-pong", &bare);
}

async fn sleep(clock: Clock) -> impl Iterator<Item = Duration> {
    let mut late = Vec::new();
    for _ in 0..30 {
        let due = clock.now() + DELAY;
        clock.sleep_until(due).await;
        late.push(clock.now().since(due));
    }
    late.into_iter()
}

async fn flow(rig: &Rig, count: u64, ends: &mut (Stream, Stream), times: &mut Times) {
    let flow = Flow {
        count,
        length: 64,
        every: Duration::from_millis(5),
    };
    for time in flow.carry(rig, &mut ends.0, &mut ends.1).await {
        times.add(time);
    }
}

/// With a rest before each, where the fault gives none: a machine that has rested
/// wakes more slowly, and that is not the fault's.
async fn ping_pong(rig: &Rig, rest: Duration, ends: &mut (Stream, Stream), times: &mut Times) {
    let clock = rig.world.clock.clone();
    let (client, server) = ends;
    let mut message = [0; 64];
    for _ in 0..30 {
        clock.sleep(rest).await;
        let sent = clock.now();
        client.write_all(&message).await.unwrap();
        server.read_exact(&mut message).await.unwrap();
        server.write_all(&message).await.unwrap();
        client.read_exact(&mut message).await.unwrap();
        times.add(clock.now().since(sent));
    }
}

impl Way {
    fn show(&self, name: &str, bare: &Times) {
        row(
            format!("no fault, {name}: takes"),
            self.plain.show(),
            "",
            None,
        );
        let usual = self.plain.median();
        let error = |quantile| {
            self.delayed
                .quantile(quantile)
                .saturating_sub(DELAY + usual)
        };
        for (quantile, granted) in GRANTED {
            let most = bare.quantile(quantile) + granted;
            let error = error(quantile);
            let percent = quantile * 100.0;
            row(
                format!("latency 20 ms, {name}: error p{percent:.0}"),
                format!("{} µs", error.as_micros()),
                format!("bare + {} = {} µs", granted.as_micros(), most.as_micros()),
                Some(error <= most),
            );
        }
    }
}
