//! The loads: each runs for a stated time, or a stated number of times, and
//! then stops by itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use environment::Clock;

use crate::process::cpu;
use crate::server::{ANSWER, BULK, ECHO, RESET};
use crate::subject::Subject;
use crate::table::Sample;

/// How long each load runs.
const TIME: Duration = Duration::from_secs(1);
/// Nothing may hang the run.
const PATIENCE: Duration = Duration::from_secs(10);
/// Small messages are this long.
const MESSAGE: [u8; 64] = [7; 64];
const GIBIBYTE: f64 = (1_u64 << 30) as f64;

/// Dials and says what the connection is for.
pub(crate) fn dial(subject: &Subject, purpose: u8) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(subject.address())?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[purpose])?;
    Ok(stream)
}

/// Sends a message and waits for its echo.
pub(crate) fn round_trip(stream: &mut TcpStream) -> anyhow::Result<()> {
    stream.write_all(&MESSAGE)?;
    Ok(stream.read_exact(&mut [0; MESSAGE.len()])?)
}

/// Likewise on many, at once.
pub(crate) fn round_trips(streams: &mut [TcpStream]) -> anyhow::Result<()> {
    for stream in &mut *streams {
        stream.write_all(&MESSAGE)?;
    }
    for stream in streams {
        stream.read_exact(&mut [0; MESSAGE.len()])?;
    }
    Ok(())
}

/// Dials for echo; the server is known to be there when this returns.
pub(crate) fn dial_echo(subject: &Subject) -> anyhow::Result<TcpStream> {
    let mut stream = dial(subject, ECHO)?;
    round_trip(&mut stream)?;
    Ok(stream)
}

/// Runs `work` on `count` threads and adds up what they give.
fn on_threads<T: Send>(
    count: usize,
    work: impl Fn() -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&work)).collect();
        let ends = threads.into_iter().map(|thread| {
            thread
                .join()
                .map_err(|_| anyhow!("a load's thread panicked"))?
        });
        ends.collect()
    })
}

/// What `work` gives, and the processor time that the subject spent on it.
fn with_cpu<T>(
    subject: &Subject,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Option<Duration>)> {
    let used = || subject.pid().map(cpu).transpose();
    let before = used()?;
    let result = work()?;
    let spent = before.zip(used()?).map(|(before, after)| after - before);
    Ok((result, spent))
}

pub(crate) fn bulk_1(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    bulk(subject, 1)
}

pub(crate) fn bulk_8(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    bulk(subject, 8)
}

fn bulk(subject: &Subject, connections: usize) -> anyhow::Result<Vec<Sample>> {
    let (rates, cpu) = with_cpu(subject, || on_threads(connections, || download(subject)))?;
    let (bytes, rate) = rates
        .iter()
        .fold((0.0, 0.0), |(bytes, rate), (b, r)| (bytes + b, rate + r));
    let mut samples = vec![Sample::new("GiB/s", rate)];
    samples.extend(cpu.map(|cpu| Sample::new("CPU s per GiB", cpu.as_secs_f64() / bytes)));
    Ok(samples)
}

/// GiB, and GiB per second.
fn download(subject: &Subject) -> anyhow::Result<(f64, f64)> {
    let mut stream = dial(subject, BULK)?;
    let mut buffer = vec![0; 256 * 1024];
    stream.read_exact(&mut buffer[..1])?;
    let clock = Clock::start();
    let mut bytes = 0_usize;
    loop {
        bytes += stream.read(&mut buffer)?;
        let elapsed = clock.now().since_origin();
        if elapsed >= TIME {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let gibibytes = bytes as f64 / GIBIBYTE;
            return Ok((gibibytes, gibibytes / elapsed.as_secs_f64()));
        }
    }
}

/// One connection, one message at a time.
pub(crate) fn ping_pong(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    let mut stream = dial_echo(subject)?;
    let clock = Clock::start();
    let mut times = Vec::new();
    while clock.now().since_origin() < TIME {
        let before = clock.now();
        round_trip(&mut stream)?;
        times.push(clock.now().since(before));
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("no round trip")?;
    Ok(vec![Sample::new("p50 µs", median.as_secs_f64() * 1e6)])
}

/// 100 connections, a message in flight on each.
pub(crate) fn crowd(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    let (counts, cpu) = with_cpu(subject, || on_threads(2, || chatter(subject)))?;
    let trips: u32 = counts.iter().sum();
    let mut samples = vec![Sample::new(
        "round trips/s",
        f64::from(trips) / TIME.as_secs_f64(),
    )];
    samples.extend(cpu.map(|cpu| {
        Sample::new(
            "CPU µs per trip",
            cpu.as_secs_f64() * 1e6 / f64::from(trips),
        )
    }));
    Ok(samples)
}

/// So many connections of each thread.
const CROWD: u32 = 50;

fn chatter(subject: &Subject) -> anyhow::Result<u32> {
    let mut streams: Vec<TcpStream> = (0..CROWD)
        .map(|_| dial_echo(subject))
        .collect::<anyhow::Result<_>>()?;
    let clock = Clock::start();
    let mut trips = 0;
    while clock.now().since_origin() < TIME {
        round_trips(&mut streams)?;
        trips += CROWD;
    }
    Ok(trips)
}

/// Connect, one round trip, close.
pub(crate) fn visits(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    let (counts, cpu) = with_cpu(subject, || on_threads(8, || visit(subject)))?;
    let visits = f64::from(counts.iter().sum::<u32>());
    let mut samples = vec![Sample::new("per s", visits / TIME.as_secs_f64())];
    samples.extend(cpu.map(|cpu| Sample::new("CPU µs each", cpu.as_secs_f64() * 1e6 / visits)));
    Ok(samples)
}

fn visit(subject: &Subject) -> anyhow::Result<u32> {
    let clock = Clock::start();
    let mut visits = 0;
    while clock.now().since_origin() < TIME {
        dial_echo(subject)?;
        visits += 1;
    }
    Ok(visits)
}

/// Whether the server's answer comes back after the client's FIN, and whether
/// its RST arrives as RST.
pub(crate) fn ends(subject: &Subject) -> anyhow::Result<Vec<Sample>> {
    let mut asking = dial(subject, ANSWER)?;
    asking.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    let is_answered = asking.read_to_end(&mut answer).is_ok() && answer == [ANSWER];
    let ended = dial(subject, RESET)?.read(&mut [0; 1]);
    let is_reset = ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    Ok(vec![
        Sample::yes_or_no("half-close", is_answered),
        Sample::yes_or_no("RST", is_reset),
    ])
}
