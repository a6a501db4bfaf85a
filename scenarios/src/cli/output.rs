//! Words to people and lines to pipes.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use environment::Seed;
use scenarios::console::Style;
use scenarios::results::Results;
use scenarios::runner::Folder;
use scenarios::verdict::Verdict;
use scenarios::whole::ResultsError;
use tracing_subscriber::EnvFilter;

/// The end of stderr is shown of so many runs at most; of the others it is in
/// their folders.
const TAILS: usize = 5;
/// So many lines of each.
const TAIL_LINES: usize = 20;

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

/// Names each record of a run or of a judgement, and whatever kept one from being
/// written; whether all were.
pub(super) fn print_records(written: &[Result<PathBuf, ResultsError>]) -> bool {
    for record in written {
        match record {
            Ok(path) => print(format_args!("{}\n", path.display())),
            Err(error) => complain(&format!("chaos: {error}")),
        }
    }
    written.iter().all(Result::is_ok)
}

/// Shows the end of what custom clients and servers complained in runs that did
/// not pass: it often says why.
pub(super) fn print_stderr_tails(results: &Results, out: &Path) {
    let wanting = results.scenarios.iter();
    let wanting = wanting.filter(|result| result.verdict != Verdict::Passed);
    let outputs = wanting.filter_map(|result| {
        let seed = Seed(result.seed);
        Folder::new(out, &result.id, &result.client, seed).output()
    });
    let mut outputs = outputs.peekable();
    for (path, text) in outputs.by_ref().take(TAILS) {
        let tail = stderr_tail(&text);
        complain(&format!("\n{}, at its end:\n{tail}", path.display()));
    }
    if outputs.peek().is_some() {
        complain("\nand more, in the said.txt of other runs that did not pass");
    }
}

fn stderr_tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
