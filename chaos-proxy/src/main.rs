//! The proxy as a program: `chaos-proxy --listen … --upstream … --scenario …`.

mod cli;
mod descriptors;
mod expand;
mod service;
mod tls_args;

use std::process::ExitCode;

use clap::Parser;
use cli::Args;
use environment::output;
use service::Service;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

/// Usage, or an error in the scenario: nothing was run.
const USAGE: u8 = 2;
/// The proxy itself failed.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => return answered(&answer),
    };
    start_logging(args.verbose);
    descriptors::take_all();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => finish(runtime, run(args)),
        Err(error) => fail(&error.into(), FAILED),
    }
}

/// Runs to the end, and waits for nothing else: a look-up of a name that hangs
/// cannot be interrupted.
fn finish<T>(runtime: Runtime, main: impl Future<Output = T>) -> T {
    let output = runtime.block_on(main);
    runtime.shutdown_background();
    output
}

async fn run(args: Args) -> ExitCode {
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
        // Of the ways to say what it is to do, the parser names one.
        _ if std::env::args_os().len() < 2 => {
            output::complain(
                "chaos-proxy: needs --upstream HOST:PORT (one proxy in front of a server), --api \
                 (proxies by HTTP) or --config FILE; see --help",
            );
            ExitCode::from(USAGE)
        }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// As a resolver hangs: in a call to the system, on a thread of the runtime's.
    #[test]
    fn a_thread_that_hangs_keeps_nothing_from_ending() {
        let (release, held) = mpsc::channel::<()>();
        let (started, is_hanging) = mpsc::channel();
        let runtime = Runtime::new().unwrap();
        let output = finish(runtime, async move {
            let hanging = tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                held.recv()
            });
            drop(hanging);
            is_hanging.recv().unwrap();
            7
        });
        assert_eq!(output, 7);
        // It had to wait for nobody to be released.
        assert_eq!(release.send(()), Ok(()));
    }
}
