//! What a search came to, for people.

use std::time::Duration;

use super::findings::Found;
use crate::explore::corpus::Corpus;
use crate::explore::reach::Reach;
use crate::explore::watermarks::Watermarks;

/// What a search came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Cases that were run.
    pub cases: u64,
    /// Of them, those of which the language would have none.
    pub refused: u64,
    /// Of them, those that passed.
    pub passed: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Of them, those that say nothing.
    pub silent: u64,
    /// What the harness itself could not do, of the first such case.
    pub broken: Option<String>,
    /// In how many cases that was so.
    pub broken_count: u64,
    /// What was found.
    pub found: Vec<Found>,
    /// What was seen.
    pub reach: Reach,
    /// The highest that was seen.
    pub watermarks: Watermarks,
    /// After how many cases how many states there were, and how high the marks.
    pub history: Vec<(u64, usize, Watermarks)>,
    /// What is kept.
    pub corpus: Corpus,
    /// Whether somebody broke it off.
    pub was_interrupted: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Summary {
    /// What it came to, the same for the same search.
    pub fn text(&self) -> String {
        let Self {
            cases,
            passed,
            failed,
            silent,
            refused,
            ..
        } = self;
        let mut text = self.reach.table();
        let holes: Vec<String> = self
            .reach
            .holes()
            .into_iter()
            .filter(|hole| hole.why.is_none())
            .map(|hole| hole.what)
            .collect();
        if !holes.is_empty() {
            text += &format!("not reached: {}\n", holes.join("; "));
        }
        let Watermarks {
            recovery_us,
            dials,
            sockets,
            held,
        } = self.watermarks;
        text += &format!(
            "\nlongest recovery {}ms, most dials in a second {dials}, most connections at once \
            {sockets}, most bytes held {held}\n",
            recovery_us / 1000
        );
        let broken = match self.was_interrupted {
            true => ", interrupted",
            false => "",
        };
        text + &format!(
            "{cases} cases: {passed} passed, {failed} failed, {silent} inconclusive, {refused} refused; \
            {} states, {} kept; {} found{broken}\n",
            self.reach.count(),
            self.corpus.len(),
            self.found.len()
        )
    }
}
