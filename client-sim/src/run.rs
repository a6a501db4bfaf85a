//! One run of the program: the fleet, until its time is up.
//!
//! The one invariant: what is reported is how things stood when the time was
//! up, before the clients were sent home. Used by `main`.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use client_sim::fleet::{self, Fleet};
use client_sim::{Event, Sources, Statistics};
use environment::{Clock, Environment, Moment, Network, Observer};
use rustix::process::{Resource, getrlimit};
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::report::Report;
use crate::{merge, show, start};

/// What the program itself has open.
const SPARE_DESCRIPTORS: u64 = 16;

/// What no clients would come of is told before anything is dialled.
pub(crate) fn ensure_possible(args: &Args, fleet: Fleet) -> anyhow::Result<Fleet> {
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        let (count, needed) = (fleet.count(), u64::from(fleet.count()) + SPARE_DESCRIPTORS);
        ensure!(
            needed <= limit,
            "{count} clients need {needed} open files, and this process may have {limit}: raise `ulimit -n`, or share them out with --shard"
        );
    }
    for source in fleet.sources.into_iter().flat_map(Sources::all) {
        let ours = Network::tcp().ensure_ours(source);
        ours.with_context(|| format!("--source {source}: no address of this machine"))?;
    }
    if let Some(start) = args.start_at {
        start::ensure_ahead(start)?;
    }
    args.histogram
        .as_deref()
        .map_or(Ok(()), merge::ensure_writable)?;
    Ok(fleet)
}

/// Runs the clients; tells the result and whether Ctrl-C cut the time short.
pub(crate) fn run(args: &Args, fleet: &Fleet) -> anyhow::Result<(Report, bool)> {
    let runtime = tokio::runtime::Runtime::new().context("no runtime to be had")?;
    let result = runtime.block_on(run_fleet(args, fleet));
    // Not waiting for threads that still ask what a host name means.
    runtime.shutdown_background();
    result
}

async fn run_fleet(args: &Args, fleet: &Fleet) -> anyhow::Result<(Report, bool)> {
    let environment = Environment::real();
    let clock = environment.clock.clone();
    let statistics = Arc::new(Mutex::new(Statistics::new()));
    let shutdown = CancellationToken::new();
    let summary = || show::locked(&statistics).summary(clock.now());
    let Some(begun) = begin(args, &clock).await? else {
        return Ok((Report::new(args, fleet, Duration::ZERO, summary()), true));
    };
    let mut running = std::pin::pin!(fleet::run(
        environment,
        fleet.clone(),
        observer(&statistics),
        shutdown.clone(),
    ));
    let line = show::Line::new(args.duration, std::io::stderr().is_terminal());
    let end = tokio::select! {
        biased;
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| End::Interrupted)
            .context("no Ctrl-C to wait for")?,
        () = &mut running => End::AllGaveUp,
        () = line.show(clock.clone(), summary) => End::OfTime,
    };
    drop(line);
    // What the clients say while they are sent home is not part of it.
    let report = Report::new(args, fleet, clock.now().since(begun), summary());
    let recoveries = show::locked(&statistics).recoveries().clone();
    shutdown.cancel();
    tokio::select! {
        biased;
        () = running, if end != End::AllGaveUp => {}
        _ = tokio::signal::ctrl_c(), if end != End::AllGaveUp => {} // twice: without manners
        else => {}
    }
    if let Some(path) = &args.histogram {
        merge::write(path, &recoveries)?;
    }
    Ok((report, end == End::Interrupted))
}

/// Waits until it is time to start; nothing, where Ctrl-C came before.
async fn begin(args: &Args, clock: &Clock) -> anyhow::Result<Option<Moment>> {
    if let Some(start) = args.start_at {
        tokio::select! {
            biased;
            pressed = tokio::signal::ctrl_c() => {
                return pressed.map(|()| None).context("no Ctrl-C to wait for");
            }
            () = start::wait(start, clock) => {}
        }
    }
    Ok(Some(clock.now()))
}

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
enum End {
    OfTime,
    AllGaveUp,
    Interrupted,
}

fn observer(statistics: &Arc<Mutex<Statistics>>) -> Observer<Event> {
    let statistics = Arc::clone(statistics);
    Observer::new(move |event: Event| {
        tracing::debug!(client = %event.client, at = event.at.as_micros(), what = ?event.what);
        show::locked(&statistics).fold(&event);
    })
}
