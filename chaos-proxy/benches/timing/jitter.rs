//! A delay with jitter: whether it is distributed as the rule says.

use std::time::Duration;

use futures_util::future::join_all;

use crate::rig::{Flow, Rig};
use crate::table::{Times, row};

/// The middle of every delay here, in milliseconds.
const MIDDLE: f64 = 20.0;
/// Connections at a time; each draws for itself.
const CONNECTIONS: usize = 20;
/// A message for each segment, so that each has a draw of its own.
const SEGMENT: usize = 1460;

struct Case {
    name: &'static str,
    /// Whatever the distribution measures it by, in milliseconds.
    jitter: f64,
    /// The distribution function, of milliseconds.
    expect: fn(f64) -> f64,
}

const CASES: [Case; 3] = [
    Case {
        name: "uniform",
        jitter: 10.0,
        expect: |x| ((x - 10.0) / 20.0).clamp(0.0, 1.0),
    },
    Case {
        name: "normal",
        jitter: 5.0,
        expect: |x| normal((x - MIDDLE) / 5.0),
    },
    Case {
        name: "lognormal",
        jitter: 5.0,
        expect: |x| normal(libm::log(x / MIDDLE) / (5.0 / MIDDLE)),
    },
];

fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

pub(crate) async fn measure(rig: &Rig) {
    // Farther apart than delays differ, or order would be kept at the cost of the
    // distribution.
    let apart = |count| Flow {
        count,
        length: SEGMENT,
        every: Duration::from_millis(100),
    };
    let usual = Times::of(times(rig, "", CONNECTIONS, apart(10)).await).median();
    for case in &CASES {
        let delays = case.delays(rig, usual, CONNECTIONS, apart(50)).await;
        let (distance, most) = (distance(&delays, case.expect), threshold(delays.len()));
        row(
            format!(
                "latency 20 ms jitter {} ms {}: KS distance",
                case.jitter, case.name
            ),
            format!("{distance:.4}"),
            format!("< {most:.4} (1 %, n = {})", delays.len()),
            Some(distance < most),
        );
    }
    let dense = Flow {
        every: Duration::from_millis(5),
        ..apart(600)
    };
    let delays = CASES[0].delays(rig, usual, 1, dense).await;
    let (mean, deviation) = moments(&delays);
    row(
        "the first, every 5 ms: mean, standard deviation",
        format!("{mean:.2}, {deviation:.2} ms"),
        format!("order kept ({} of {})", delays.len(), 600),
        Some(true),
    );
}

impl Case {
    /// What the rule has added to what is usual, for each message, in milliseconds.
    async fn delays(&self, rig: &Rig, usual: Duration, connections: usize, flow: Flow) -> Vec<f64> {
        let times = times(rig, &self.rule(), connections, flow).await;
        let added = |time: &Duration| time.saturating_sub(usual).as_secs_f64() * 1000.0;
        times.iter().map(added).collect()
    }

    fn rule(&self) -> String {
        let Self { name, jitter, .. } = self;
        format!(
            "[[fault]]\nat = \"0s\"\ninject.latency = {{ delay = \"20ms\", jitter = \"{jitter}ms\", \
             distribution = \"{name}\", direction = \"upstream\" }}"
        )
    }
}

/// How long every message of these flows takes.
async fn times(rig: &Rig, rule: &str, connections: usize, flow: Flow) -> Vec<Duration> {
    let proxy = rig.proxy(rule).await;
    let mut ends = Vec::new();
    for _ in 0..connections {
        ends.push(proxy.connect().await);
    }
    let turn = flow.every / u32::try_from(connections).unwrap();
    let flows = ends
        .iter_mut()
        .zip(0..)
        .map(|((from, to), number)| async move {
            // One after the other, or all of them would be due at once.
            rig.world.clock.sleep(turn * number).await;
            flow.carry(rig, from, to).await
        });
    let times = join_all(flows).await;
    drop(ends);
    proxy.finish().await;
    times.concat()
}

/// Kolmogorov and Smirnov's distance between a sample and what was stated.
fn distance(sample: &[f64], expect: fn(f64) -> f64) -> f64 {
    let mut sample = sample.to_vec();
    sample.sort_by(f64::total_cmp);
    let count = sample.len() as f64;
    let steps = sample.iter().enumerate().map(|(index, &x)| {
        let (below, above) = (index as f64 / count, (index + 1) as f64 / count);
        (expect(x) - below).abs().max((expect(x) - above).abs())
    });
    steps.fold(0.0, f64::max)
}

/// What the distance of a true sample exceeds once in a hundred times.
fn threshold(count: usize) -> f64 {
    1.63 / (count as f64).sqrt()
}

fn moments(sample: &[f64]) -> (f64, f64) {
    let count = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / count;
    let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
