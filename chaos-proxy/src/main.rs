//! The proxy as a program: `chaos-proxy --listen … --upstream … --scenario …`.

mod cli;
mod descriptors;
mod service;

use std::process::ExitCode;

use clap::Parser;
use cli::Args;
use environment::output;
use service::Service;
use tracing_subscriber::EnvFilter;

/// Usage, or a mistake in the scenario: nothing was run.
const USAGE: u8 = 2;
/// The proxy itself failed.
const FAILED: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => return answered(&answer),
    };
    start_logging(args.verbose);
    descriptors::take_all();
    let service = match Service::prepare(&args).await {
        Ok(service) => service,
        Err(error) => return fail(&error, USAGE),
    };
    match service.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    output::complain(format_args!("chaos-proxy: {error:#}"));
    ExitCode::from(code)
}

/// Help, or what is wrong with the command line.
fn answered(answer: &clap::Error) -> ExitCode {
    match u8::try_from(answer.exit_code()) {
        Ok(0) => output::ended("chaos-proxy", answer.print(), 0, FAILED),
        _ => output::ended("chaos-proxy", answer.print(), USAGE, USAGE),
    }
}

fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let use_colour = std::env::var_os("NO_COLOR").is_none()
        && std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("CHAOS_LOG").unwrap_or_else(|_| EnvFilter::new(level)),
        )
        .with_writer(std::io::stderr)
        .with_ansi(use_colour)
        .without_time()
        // To complain of a full stderr on stderr would be a panic.
        .log_internal_errors(false)
        .init();
}
