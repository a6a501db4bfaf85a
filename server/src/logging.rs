//! Logs for people, on stderr; colour only for a terminal, and not under
//! `NO_COLOR`. Used by `main`.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts logging; `RUST_LOG`, where set, is heeded before `verbose`.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => "info",
        1 => "ticker_server=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(!plain && io::stderr().is_terminal())
        .with_target(false)
        // Complaining about a closed stderr on stderr would be a panic.
        .log_internal_errors(false)
        .init();
}
