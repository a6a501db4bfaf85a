//! What a run in a test came to.

use std::fmt;
use std::path::PathBuf;

use crate::console::{Screen, indented};
use crate::results::ScenarioResult;
use crate::verdict::Verdict;

/// The verdict of a run, with all that it rests on. It shows itself in
/// sentences.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a verdict that nobody looks at fails no test"]
pub struct Outcome {
    /// Every check, and what became of every rule.
    pub result: ScenarioResult,
    /// Where the run's journal is, and beside it what else it left.
    pub journal: PathBuf,
    /// Where the run is shown as a page; or why it is not.
    pub report: Result<PathBuf, String>,
}

impl Outcome {
    /// The verdict alone.
    pub fn verdict(&self) -> Verdict {
        self.result.verdict
    }

    /// Does nothing if the run has passed.
    ///
    /// # Panics
    /// It has failed, or says nothing: with the sentences of the verdict and how
    /// to repeat it.
    #[track_caller]
    pub fn assert_passed(&self) {
        if self.verdict() != Verdict::Passed {
            panic!("{self}");
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScenarioResult {
            id,
            title,
            client,
            seed,
            verdict,
            repeat,
            ..
        } = &self.result;
        let verdict = verdict.word();
        writeln!(
            f,
            "{id} {verdict}, of the client {client} with seed {seed}: {title}"
        )?;
        f.write_str(&indented(&self.result, "  ", Screen::PIPE))?;
        writeln!(f, "journal: {}", self.journal.display())?;
        match &self.report {
            Ok(report) => writeln!(f, "report: {}", report.display())?,
            Err(problem) => writeln!(f, "no report: {problem}")?,
        }
        write!(f, "again: {repeat}")
    }
}
