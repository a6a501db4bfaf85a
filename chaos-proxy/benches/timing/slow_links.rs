//! Delays with a rate, and how much a delay lets pass.

use std::time::Duration;

use environment::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::Rig;
use crate::table::row;
use crate::world::soon;

const MEBIBYTE: usize = 1 << 20;

/// A rate, a delay in ms, and how many bytes pass under both in how long.
const SLOW: [(&str, u32, usize, Duration); 3] = [
    ("5KB/s", 50, 50_000, Duration::from_millis(10_050)),
    ("20KB/s", 100, 100_000, Duration::from_millis(5100)),
    ("1MB/s", 200, 4_000_000, Duration::from_millis(4200)),
];
/// By how much of it that may be missed.
const TOLERANCE: f64 = 0.005;
/// BASELINE: 4 MB through 300 ms.
const SMALL: (usize, Duration) = (4_000_000, Duration::from_millis(450));
/// A delay in ms, how much passes it, and what it should reach, in MiB/s.
const BULK: [(u32, usize, f64, &str); 2] = [
    (
        20,
        512 * MEBIBYTE,
        871.0,
        "≥ 871 MiB/s: Toxiproxy on a quiet machine",
    ),
    (300, 64 * MEBIBYTE, 0.0, ""),
];

pub(crate) async fn measure(rig: &Rig) {
    for (rate, delay, bytes, expected) in SLOW {
        let took = carry(rig, Some(rate), delay, bytes).await;
        let off = took.as_secs_f64() / expected.as_secs_f64() - 1.0;
        row(
            format!(
                "bandwidth {rate} with latency {delay} ms: {} KB",
                bytes / 1000
            ),
            format!("{:.3} s ({:+.2} %)", took.as_secs_f64(), off * 100.0),
            format!("{:.2} s within 0.5 %", expected.as_secs_f64()),
            Some(off.abs() <= TOLERANCE),
        );
    }
    let (bytes, most) = SMALL;
    let took = carry(rig, None, 300, bytes).await;
    row(
        format!("latency 300 ms: {} MB", bytes / 1_000_000),
        format!("{:.3} s", took.as_secs_f64()),
        format!("≤ {:.2} s", most.as_secs_f64()),
        Some(took <= most),
    );
    for (delay, bytes, least, aim) in BULK {
        let took = carry(rig, None, delay, bytes).await;
        let mebibytes = u32::try_from(bytes / MEBIBYTE).unwrap();
        let reached = f64::from(mebibytes) / took.as_secs_f64();
        row(
            format!("bulk through a latency of {delay} ms"),
            format!("{reached:.0} MiB/s"),
            aim,
            (least > 0.0).then_some(reached >= least),
        );
    }
}

/// How long so many bytes take from the first on.
async fn carry(rig: &Rig, rate: Option<&str>, delay: u32, bytes: usize) -> Duration {
    let latency = format!("[[fault]]\nat = \"0s\"\ninject.latency = {{ delay = \"{delay}ms\" }}\n");
    let bandwidth = rate.map(|rate| {
        format!("[[fault]]\nat = \"0s\"\ninject.bandwidth = {{ rate = \"{rate}\" }}\n")
    });
    let proxy = rig.proxy(&(latency + &bandwidth.unwrap_or_default())).await;
    let (mut source, mut sink) = proxy.connect().await;
    let begun = rig.world.clock.now();
    tokio::join!(biased; send(&mut source, bytes), take(&mut sink, bytes));
    let took = rig.world.clock.now().since(begun);
    drop((source, sink));
    proxy.finish().await;
    took
}

async fn send(source: &mut Stream, bytes: usize) {
    let chunk = vec![7; bytes.min(256 * 1024)];
    let mut left = bytes;
    while left > 0 {
        let count = chunk.len().min(left);
        soon(source.write_all(&chunk[..count])).await.unwrap();
        left -= count;
    }
}

async fn take(sink: &mut Stream, bytes: usize) {
    let mut buffer = vec![0; 256 * 1024];
    let mut left = bytes;
    while left > 0 {
        left -= soon(sink.read(&mut buffer)).await.unwrap();
    }
}
