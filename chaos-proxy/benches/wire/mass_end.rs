//! What everybody else notices when thousands of clients end in one instant.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use environment::Clock;
use hdrhistogram::Histogram;
use socket2::SockRef;

use crate::load::{dial_echo, round_trip, round_trips};
use crate::subject::Subject;
use crate::table::Sample;

/// Four descriptors each, two of them the subject's: within 20,000.
const ENDING: usize = 4_000;
/// Sockets in TIME_WAIT, beside those that the rows before have left.
const WAITING: usize = 3_000;
/// For how long from the first end on the bystander counts.
const COUNTED: Duration = Duration::from_secs(1);
/// A bystander who has to wait would have asked as often as this.
const ASKS_EVERY_US: u64 = 1000;

/// A bystander's round trips, from when 4,000 others reset.
pub(crate) fn resets(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    bystander(subject, Some(Duration::ZERO))
}

/// Likewise when they say FIN.
pub(crate) fn fins(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    bystander(subject, None)
}

fn bystander(subject: &Subject, linger: Option<Duration>) -> anyhow::Result<Vec<Sample>> {
    for _ in 0..WAITING {
        drop(dial_echo(subject)?);
    }
    let mut clients = (0..ENDING)
        .map(|_| dial_echo(subject))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for client in &clients {
        SockRef::from(client).set_linger(linger)?;
    }
    // Only what was just written is looked for before a reset is passed on.
    round_trips(&mut clients)?;
    let mut bystander = dial_echo(subject)?;
    let is_begun = AtomicBool::new(false);
    let times = thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&mut bystander, &is_begun));
        is_begun.store(true, Ordering::SeqCst);
        drop(clients);
        let asked = asking.join();
        asked.map_err(|_| anyhow!("the bystander's thread panicked"))?
    })?;
    let millis = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1e3;
    Ok(vec![
        Sample::new("p99 ms", millis(times.value_at_quantile(0.99))),
        Sample::new("longest ms", millis(times.max())),
    ])
}

/// Round trips in µs; whatever would have been asked during one counts as well.
fn ask(stream: &mut TcpStream, is_begun: &AtomicBool) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::new(3)?;
    while !is_begun.load(Ordering::SeqCst) {
        round_trip(stream)?;
    }
    let clock = Clock::start();
    loop {
        let before = clock.now();
        if before.since_origin() >= COUNTED {
            return Ok(times);
        }
        round_trip(stream)?;
        let micros = u64::try_from(clock.now().since(before).as_micros())?;
        times.record_correct(micros, ASKS_EVERY_US)?;
    }
}
