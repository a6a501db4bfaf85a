//! What goes to the terminal: the live line, the result, errors, logs.
//!
//! The result alone goes to stdout. Used by `main`.

use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client_sim::Summary;
use environment::{Clock, output};
use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;

use crate::exit;
use crate::report::Report;

/// How often the live line changes.
const PERIOD: Duration = Duration::from_millis(200);

/// The live progress line; nothing where stderr is no terminal.
pub(crate) struct Line {
    bar: ProgressBar,
    duration: Duration,
}

impl Line {
    pub(crate) fn new(duration: Duration, is_shown: bool) -> Self {
        let bar = match is_shown {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{spinner} {msg}");
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())),
            duration,
        }
    }

    /// Shows how things stand until the time is up, then clears the line.
    pub(crate) async fn show(&self, clock: Clock, summary: impl Fn() -> Summary) {
        let start = clock.now();
        let end = start + self.duration;
        while clock.now() < end {
            if !self.bar.is_hidden() {
                let elapsed = clock.now().since(start);
                self.bar
                    .set_message(text(&summary(), elapsed, self.duration));
                self.bar.tick();
            }
            clock.sleep_until(end.min(clock.now() + PERIOD)).await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn text(summary: &Summary, elapsed: Duration, duration: Duration) -> String {
    format!(
        "{:.0}/{:.0} s  {} of {} connected  {} reconnects  {} failed dials  {:.2} % available",
        elapsed.as_secs_f64(),
        duration.as_secs_f64(),
        summary.connected,
        summary.clients,
        summary.reconnects,
        summary.failed_dials,
        summary.availability * 100.0
    )
}

/// Prints help, or what is wrong with the command line.
pub(crate) fn answer(answer: &clap::Error) -> ExitCode {
    let code = u8::try_from(answer.exit_code()).unwrap_or(exit::USAGE);
    output::ended("client-sim", answer.print(), code, exit::USAGE)
}

/// Prints the result. What the clients came to is so, whoever hears of it.
pub(crate) fn report(report: &Report, as_json: bool) {
    let text = match as_json {
        true => report.json() + "\n",
        false => report.to_string(),
    };
    if let Err(error) = output::print(text) {
        output::complain(format_args!("client-sim: stdout: {error}"));
    }
}

/// Prints what went wrong, with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    output::complain(format_args!("error: {error:#}"));
}

/// Logs to stderr: what `RUST_LOG` says, else warnings, else with `-v` all that
/// the clients do.
pub(crate) fn init_logs(is_verbose: bool) {
    let level = if is_verbose {
        "client_sim=debug"
    } else {
        "warn"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // To complain of a full stderr on stderr would be a panic.
        .log_internal_errors(false)
        .init();
}

/// A panic elsewhere leaves the numbers as they are, which is good enough.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
