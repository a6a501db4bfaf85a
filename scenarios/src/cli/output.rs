//! Words to people and lines to pipes.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chaos_judge::plain;
use environment::{Seed, output};
use scenarios::console::Style;
use scenarios::results::Results;
use scenarios::runner::Folder;
use scenarios::whole::ResultsError;
use tracing_subscriber::EnvFilter;

use super::{EXIT_INCONCLUSIVE, EXIT_PASSED, EXIT_USAGE};

/// The end of stderr is shown of so many runs at most; of the others it is in
/// their folders.
const TAILS: usize = 5;
/// So many lines of each.
const TAIL_LINES: usize = 20;

/// Says something on stderr, of which a terminal obeys nothing.
pub(crate) fn complain(text: &str) {
    output::complain(plain::lines(text.trim_end(), usize::MAX));
}

/// An error with its causes, each said once: some say theirs themselves.
pub(crate) fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        match told.as_str() {
            "" => cause,
            told if told.ends_with(&cause) => told.to_owned(),
            told => format!("{told}: {cause}"),
        }
    })
}

/// What is said of a command line instead of doing what it says: help, or what
/// is wrong with it.
pub(crate) fn answer(answer: &clap::Error) -> ExitCode {
    let code = u8::try_from(answer.exit_code()).unwrap_or(EXIT_USAGE);
    match code {
        EXIT_PASSED => output::ended("chaos", answer.print(), code, EXIT_INCONCLUSIVE),
        _ => output::ended("chaos", answer.print(), code, code),
    }
}

/// Writes data to stdout; whether it is there, or nobody wants it any more.
pub(super) fn print(text: impl fmt::Display) -> bool {
    let written = output::print(text);
    if let Err(error) = &written {
        complain(&format!("chaos: stdout: {error}"));
    }
    written.is_ok()
}

/// Likewise for a command that does nothing else; its exit code.
pub(super) fn print_all(text: impl fmt::Display) -> u8 {
    if print(text) {
        EXIT_PASSED
    } else {
        EXIT_INCONCLUSIVE
    }
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
        // To complain of a full stderr on stderr would be a panic.
        .log_internal_errors(false)
        .init();
}

/// The place of each record of a run or of a judgement, a line each, after
/// whatever kept one from being written has been told; and whether all were.
pub(super) fn places(written: &[Result<PathBuf, ResultsError>]) -> (String, bool) {
    let mut places = String::new();
    for record in written {
        match record {
            Ok(path) => places += &format!("{}\n", path.display()),
            Err(error) => complain(&format!("chaos: {error}")),
        }
    }
    (places, written.iter().all(Result::is_ok))
}

/// Shows the end of what custom clients and servers complained in runs that
/// failed or say nothing: it often tells why.
pub(super) fn print_stderr_tails(results: &Results, out: &Path) {
    let wanting = results.scenarios.iter();
    let wanting = wanting.filter(|result| result.verdict.is_wanting());
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
        complain("\nand more, in the output.log of other runs that did not pass");
    }
}

fn stderr_tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
