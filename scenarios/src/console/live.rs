//! The live line: how many are done, and what the others are about.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::runner::Phase;
use crate::suite::Progress;

/// Drawn on stderr, and only if that is a terminal.
pub struct Live {
    bar: ProgressBar,
    running: Mutex<BTreeMap<String, Phase>>,
}

impl Live {
    /// For so many runs.
    pub fn new(runs: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template("{spinner} {pos}/{len}  {elapsed}  {wide_msg}");
        bar.set_style(style.expect("a template without a mistake"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self {
            bar,
            running: Mutex::default(),
        }
    }

    /// Takes notice.
    pub fn tell(&self, progress: Progress) {
        // A panic elsewhere leaves the map whole.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Phase(id, phase) => {
                running.insert(id, phase);
            }
            Progress::Judged(id, verdict) => {
                running.remove(&id);
                self.bar.inc(1);
                self.bar.println(format!("{:<12}  {id}", verdict.word()));
            }
        }
        let running = running
            .iter()
            .map(|(id, phase)| format!("{id} {}", word(*phase)));
        self.bar.set_message(running.collect::<Vec<_>>().join(", "));
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Running => "running",
        Phase::Settling => "settling",
        Phase::Ending => "ending",
    }
}
