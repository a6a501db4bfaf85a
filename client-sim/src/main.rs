//! `client-sim ws://…`: simulated clients from the command line.

mod args;
mod exit;
mod report;
mod show;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::Parser;
use client_sim::{ClientsConfig, Event, Statistics, fleet};
use environment::{Environment, Observer};
use tokio_util::sync::CancellationToken;

use args::Args;
use report::Report;

fn main() -> ExitCode {
    let args = Args::parse(); // a mistake ends the program with 2 here
    show::init_logs(args.verbose);
    let clients = match args.clients() {
        Ok(clients) => clients,
        Err(error) => return failed(&error, exit::USAGE),
    };
    match run(&args, &clients) {
        Ok((report, was_interrupted)) => {
            show::report(&report, args.json);
            exit::code(&report.summary, clients.count, was_interrupted)
        }
        Err(error) => failed(&error, exit::NOT_CONNECTED),
    }
}

fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    show::error(error);
    ExitCode::from(code)
}

/// Runs the clients; tells the result and whether Ctrl-C cut the time short.
#[tokio::main]
async fn run(args: &Args, clients: &ClientsConfig) -> anyhow::Result<(Report, bool)> {
    let environment = Environment::real();
    let clock = environment.clock;
    let statistics = Arc::new(Mutex::new(Statistics::new()));
    let shutdown = CancellationToken::new();
    let mut fleet = std::pin::pin!(fleet::run(
        environment,
        clients.clone(),
        args.url.clone(),
        args.seed,
        observer(&statistics),
        shutdown.clone(),
    ));
    let summary = || show::locked(&statistics).summary(clock.now());
    let line = show::Line::new(args.duration, std::io::stderr().is_terminal());
    let was_interrupted = tokio::select! {
        biased;
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| true)?,
        () = &mut fleet => false, // all have given up
        () = line.show(clock, summary) => false,
    };
    drop(line);
    // What the clients say while they are sent home is not part of it.
    let report = Report::new(args, clients, clock.now().since_origin(), summary());
    shutdown.cancel();
    tokio::select! {
        biased;
        () = fleet => {}
        _ = tokio::signal::ctrl_c() => {} // twice: without manners
    }
    Ok((report, was_interrupted))
}

fn observer(statistics: &Arc<Mutex<Statistics>>) -> Observer<Event> {
    let statistics = Arc::clone(statistics);
    Observer::new(move |event: Event| {
        tracing::debug!(client = %event.client, at = event.at.as_micros(), what = ?event.what);
        show::locked(&statistics).fold(&event);
    })
}
