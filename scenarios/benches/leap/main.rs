//! How fast virtual time goes: `cargo bench --package scenarios --bench leap`.
//!
//! Both sides in one go: a bare pair of hyper and tungstenite over an in-memory
//! pipe under tokio's paused clock, which is the least that a message can cost, and
//! whole runs (server, proxy, clients, journal) on the simulated network. Machines
//! are noisy: what counts is the ratio.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench that cannot set itself up has failed; it prints, and it measures the system's time"
)]

mod pair;
mod product;

use std::time::{Duration, Instant};

/// How often each is measured; the median is told.
const ROUNDS: usize = 5;

fn main() {
    println!(
        "messages a second, in one thread (median of {ROUNDS}; the aim is 0.20 of a paced pair)"
    );
    for clients in [1, 10, 100] {
        let (mut bare, mut paced, mut ours) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(rate(|| pair::run(clients, false)));
            paced.push(rate(|| pair::run(clients, true)));
            ours.push(rate(|| product::run(clients)));
        }
        let (bare, paced, ours) = (median(bare), median(paced), median(ours));
        println!(
            "{clients:>4} clients   whole run {ours:>9.0}   bare pair, paced {paced:>9.0}, ratio {:.2}   without any clock {bare:>9.0}, ratio {:.2}",
            ours / paced,
            ours / bare
        );
    }
    let hour = median((0..ROUNDS).map(|_| seconds(product::hour)).collect());
    println!("one client, one hour, 36,000 ticks: {hour:.2} s (the aim is 1)");
    let catalogue = median((0..ROUNDS).map(|_| seconds(product::catalogue)).collect());
    println!("the catalogue on 2 cores, with its files: {catalogue:.2} s (the aim is 3)");
}

/// Messages a second of what makes so many.
fn rate(work: impl FnOnce() -> u32) -> f64 {
    let (mut messages, mut took) = (0, Duration::ZERO);
    took += time(|| messages = work());
    f64::from(messages) / took.as_secs_f64()
}

fn seconds(work: impl FnOnce()) -> f64 {
    time(work).as_secs_f64()
}

fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
