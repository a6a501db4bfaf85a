//! Words to people and lines to pipes.

use std::fmt;
use std::io::{self, Write};

use scenarios::console::Style;
use tracing_subscriber::EnvFilter;

/// Says something on stderr.
#[expect(clippy::print_stderr, reason = "the program's own words")]
pub(crate) fn complain(text: &str) {
    eprintln!("{}", text.trim_end());
}

/// Writes data to stdout. Whoever reads it may have gone, as `head` does; then
/// there is nobody left to tell.
pub(super) fn print(text: impl fmt::Display) {
    let mut out = io::stdout().lock();
    // See above.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Logs of the parts on stderr; `CHAOS_LOG`, where set, is heeded before
/// `verbose`.
pub(crate) fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("CHAOS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(Style::of(&io::stderr()) == Style::Colour)
        .init();
}
