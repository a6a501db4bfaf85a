//! One run of the program: the fleet, until its time is up.
//!
//! The one invariant: what is reported is how things stood when the time was
//! up, before the clients were sent home. Used by `main`.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use client_sim::{ClientsConfig, Event, Statistics, fleet};
use environment::tls::Connector;
use environment::{Environment, Observer};
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::report::Report;
use crate::show;

/// Runs the clients; tells the result and whether Ctrl-C cut the time short.
pub(crate) fn run(
    args: &Args,
    clients: &ClientsConfig,
    tls: Option<Connector>,
) -> anyhow::Result<(Report, bool)> {
    let runtime = tokio::runtime::Runtime::new().context("no runtime to be had")?;
    let result = runtime.block_on(run_fleet(args, clients, tls));
    // Not waiting for threads that still ask what a host name means.
    runtime.shutdown_background();
    result
}

async fn run_fleet(
    args: &Args,
    clients: &ClientsConfig,
    tls: Option<Connector>,
) -> anyhow::Result<(Report, bool)> {
    let environment = Environment::real();
    let clock = environment.clock.clone();
    let statistics = Arc::new(Mutex::new(Statistics::new()));
    let shutdown = CancellationToken::new();
    let mut fleet = std::pin::pin!(fleet::run(
        environment,
        clients.clone(),
        args.url.clone(),
        tls,
        args.seed,
        observer(&statistics),
        shutdown.clone(),
    ));
    let summary = || show::locked(&statistics).summary(clock.now());
    let line = show::Line::new(args.duration, std::io::stderr().is_terminal());
    let end = tokio::select! {
        biased;
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| End::Interrupted)
            .context("no Ctrl-C to wait for")?,
        () = &mut fleet => End::AllGaveUp,
        () = line.show(clock.clone(), summary) => End::OfTime,
    };
    drop(line);
    // What the clients say while they are sent home is not part of it.
    let report = Report::new(args, clients, clock.now().since_origin(), summary());
    shutdown.cancel();
    tokio::select! {
        biased;
        () = fleet, if end != End::AllGaveUp => {}
        _ = tokio::signal::ctrl_c(), if end != End::AllGaveUp => {} // twice: without manners
        else => {}
    }
    Ok((report, end == End::Interrupted))
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
