//! The `ticker-server` program: [`ticker_server::run`] on real TCP.

mod args;
mod logging;
mod signals;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use args::Args;
use clap::Parser;
use environment::{Environment, Observer, output};
use tokio_util::sync::CancellationToken;

/// Usage, configuration, or a port that cannot be had.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => return answered(&answer),
    };
    logging::start(args.verbose);
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// Help, or what is wrong with the command line.
fn answered(answer: &clap::Error) -> ExitCode {
    let code = u8::try_from(answer.exit_code()).unwrap_or(EXIT_USAGE);
    output::ended("ticker-server", answer.print(), code, EXIT_USAGE)
}

#[tokio::main]
async fn serve(args: &Args) -> anyhow::Result<()> {
    let config = args
        .config()
        .context("failed to accept the configuration")?;
    let environment = Environment::real();
    let tls = args.tls().context("failed to speak TLS")?;
    let mut listener = environment
        .network
        .listen(args.listen)
        .with_context(|| format!("failed to listen on {}", args.listen))?;
    let address = listener.local_addr();
    if !address.ip().is_loopback() {
        tracing::warn!("{address} can be reached from other machines, without authentication");
    }
    announce(address, tls.is_some());
    if let Some(tls) = tls {
        listener.secure(tls);
    }
    let shutdown = CancellationToken::new();
    let mut signals = signals::watch(shutdown.clone()).context("failed to watch for signals")?;
    let served = ticker_server::run(environment, listener, config, Observer::none(), shutdown);
    let result = served.await;
    signals.abort_all();
    result.context("failed to serve")
}

/// The addresses, on stdout: what a person clicks and a script waits for. Where
/// they cannot be written, that is no reason not to serve.
fn announce(address: SocketAddr, is_tls: bool) {
    let s = if is_tls { "s" } else { "" };
    let said = output::print(format_args!(
        "ticker   http{s}://{address}/\n\
         echo     http{s}://{address}/websocket.html\n\
         sockets  ws{s}://{address}/ws  ws{s}://{address}/echo\n"
    ));
    if let Err(error) = said {
        output::complain(format_args!(
            "ticker-server: stdout: {error}; http{s}://{address}/"
        ));
    }
}
