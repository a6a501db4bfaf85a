//! How far the runs are, while they run.
//!
//! On a terminal: a picture that changes, and above it a line for each that has
//! ended. In a pipe: only these lines, so that the log of a pipeline shows that
//! something happens. All of it on stderr.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::running::{Done, Running, clock};
use super::style::Style;
use crate::suite::Progress;

/// How often the picture changes, in a second.
const RATE: u8 = 10;

/// What somebody sees who waits.
pub struct Live {
    /// Hidden where there is no terminal.
    bar: ProgressBar,
    running: Arc<Mutex<Running>>,
    style: Style,
}

impl Live {
    /// For so many runs.
    pub fn new(runs: u64) -> Self {
        let runs = usize::try_from(runs).unwrap_or(usize::MAX);
        let running = Arc::new(Mutex::new(Running::new(runs)));
        let target = if console::is_dumb() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(RATE)
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(Arc::clone(&running)));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_secs(1) / u32::from(RATE));
        }
        Self {
            bar,
            running,
            style: Style::of(&io::stderr()),
        }
    }

    /// Takes notice.
    pub fn tell(&self, progress: Progress) {
        let now = self.bar.elapsed();
        let (is_end, news) = (matches!(progress, Progress::Judged(..)), news(&progress));
        let see = || locked(&self.running).see(progress, now);
        if let Some(news) = news {
            see();
            self.say(&news);
            return;
        }
        if !is_end {
            see();
            return;
        }
        // The bar locks itself and then, to draw, the runs. In this order only,
        // and so the lines come in the order of their counts, too.
        self.bar.suspend(|| {
            if let Some(done) = see().filter(Done::is_worth_a_line) {
                write(&line(&done, self.style));
            }
        });
    }

    /// A line that stays, above what changes.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| write(text));
    }

    /// Takes the picture away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

fn write(line: &str) {
    // Whoever reads it may have gone; then there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A panic elsewhere leaves it whole.
fn locked(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The spinner's two columns, and then the picture.
fn style(running: Arc<Mutex<Running>>) -> ProgressStyle {
    let picture = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        let (rows, columns) = Term::stderr().size();
        let (rows, columns) = (rows.into(), usize::from(columns).saturating_sub(2));
        let picture = locked(&running).picture(state.elapsed(), columns, rows);
        let lines = picture.lines();
        let lines: Vec<_> = lines
            .map(|line| console::truncate_str(line, columns, "…"))
            .collect();
        // Into a string that the bar makes: it takes everything.
        let _ = out.write_str(&lines.join("\n"));
    };
    let style = ProgressStyle::with_template("{spinner} {picture}");
    let style = style.expect("a template without a mistake");
    style.with_key("picture", picture)
}

/// What is told at once, besides verdicts.
fn news(progress: &Progress) -> Option<String> {
    match progress {
        Progress::Again(label) => Some(format!(
            "chaos: the machine was too busy for {label}: it runs again, alone"
        )),
        Progress::Fewer(runs) => Some(format!(
            "chaos: the machine has no time for so many; from now on {runs} at a time"
        )),
        Progress::RunPhase(..) | Progress::Judged(..) => None,
    }
}

fn line(done: &Done, style: Style) -> String {
    let Done {
        label,
        verdict,
        took,
        count: (count, of),
    } = done;
    let verdict = style.verdict(*verdict, &format!("{:<12}", verdict.word()));
    let (took, width) = (clock(*took), of.to_string().len());
    format!("{verdict}  {took:>5}  {count:>width$}/{of}  {label}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_run_that_has_ended_is_a_line() {
        let done = Done {
            label: "R23-reset".into(),
            verdict: Verdict::Failed,
            took: Duration::from_secs(14),
            count: (3, 62),
        };
        let expected = "failed          14s   3/62  R23-reset";
        assert_eq!(line(&done, Style::Plain), expected);
    }
}
