//! Resets on a schedule, seen by the client.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Event, EventKind};
use environment::{Clock, Moment, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{Proxied, Rig};
use crate::table::{Times, row};
use crate::world::soon;

const COUNT: u64 = 200;
const RULE: &str = "[[fault]]\nname = \"rst\"\nat = \"500ms\"\nevery = \"25ms\"\ninject.reset = {}";
/// The aim, for the 99th percentile.
const SEEN_WITHIN: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Traffic {
    Idle,
    Busy,
}

pub(crate) async fn measure(rig: &Rig) {
    for (traffic, name) in [
        (Traffic::Idle, "an idle connection"),
        (Traffic::Busy, "a busy one (16 KiB a millisecond)"),
    ] {
        let (seen, told) = run(rig, traffic).await;
        let is_met = seen.quantile(0.99) <= SEEN_WITHIN;
        row(
            format!("reset of {name}: seen after"),
            seen.show(),
            "p99 ≤ 2000 µs",
            Some(is_met),
        );
        row("… by the journal, done after", told.show(), "", None);
    }
}

/// How long after its planned moment each reset was seen by the client, and done
/// by the proxy's own account.
async fn run(rig: &Rig, traffic: Traffic) -> (Times, Times) {
    let (mut seen, mut told) = (Times::new(), Times::new());
    let mut proxy = rig.proxy(RULE).await;
    let clock = rig.world.clock.clone();
    for attempt in 1..=COUNT {
        let (mut client, mut server) = proxy.connect().await;
        let reset_at = match traffic {
            Traffic::Idle => reset_at(&mut client, clock.clone()).await,
            Traffic::Busy => {
                tokio::join!(
                    reset_at(&mut client, clock.clone()),
                    send(&mut server, clock.clone())
                )
                .0
            }
        };
        let (planned, actual) = struck(&mut proxy, attempt).await;
        seen.add(reset_at.since(proxy.zero + planned));
        told.add(actual.saturating_sub(planned));
    }
    proxy.finish().await;
    (seen, told)
}

async fn reset_at(client: &mut Stream, clock: Clock) -> Moment {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match soon(client.read(&mut buffer)).await {
            Ok(0) => panic!("ended without a reset"),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return clock.now();
            }
        }
    }
}

/// Until the proxy resets this side, too.
async fn send(server: &mut Stream, clock: Clock) {
    let (mut next, message) = (clock.now(), vec![0; 16 * 1024]);
    while server.write_all(&message).await.is_ok() {
        next = next + Duration::from_millis(1);
        clock.sleep_until(next).await;
    }
}

/// When the reset of this connection was planned and done, after t = 0. If two
/// were due at once, on a busy machine, the first did it.
async fn struck(proxy: &mut Proxied, attempt: u64) -> (Duration, Duration) {
    let is_its =
        |event: &Event| event.attempt == attempt && matches!(event.what, EventKind::Struck { .. });
    match proxy.bench.event(is_its).await.what {
        EventKind::Struck {
            planned_us: Some(planned),
            actual_us,
            ..
        } => (
            Duration::from_micros(planned),
            Duration::from_micros(actual_us),
        ),
        other => panic!("no timed strike: {other:?}"),
    }
}
