//! What is kept of runs once they are judged, and what it comes to in all.
//!
//! Invariant: the order in which runs end changes nothing; and of a run that
//! has been judged nothing else is kept.

use std::collections::BTreeMap;

use crate::checks::Evidence;
use crate::definitions::Times;
use crate::journal::{Entry, Header};
use crate::language::Scenario;
use crate::report::{Gallery, Timeline};
use crate::results::{Collection, Results, ScenarioResult};
use crate::verdict::{Reason, Verdict, judge_evidence};

/// One run, judged.
#[derive(Debug)]
pub struct Judged {
    /// For the results.
    pub result: ScenarioResult,
    /// For the statistics.
    pub times: Times,
    /// For the report.
    pub timeline: Timeline,
    /// What the harness has to say that the journal could not keep.
    pub problem: Option<String>,
}

/// Takes in one run after the other.
#[derive(Debug, Default)]
pub struct Collected {
    results: Vec<(usize, ScenarioResult)>,
    not_begun: u64,
    collection: Collection,
    gallery: Gallery,
    problems: BTreeMap<usize, String>,
}

impl Judged {
    /// Judges a run from its journal; unless the harness has something to say
    /// that the journal could not keep.
    pub fn new(
        scenario: &Scenario,
        header: &Header,
        entries: &[Entry],
        problem: Option<&str>,
        repeat: String,
    ) -> Self {
        let evidence = Evidence::new(scenario, header, entries);
        let mut judgement = judge_evidence(&evidence, header);
        if let Some(problem) = problem {
            judgement.verdict = Verdict::Inconclusive;
            // The journal may have it, too.
            let is_said = |reason: &Reason| reason.to_string() == problem;
            if !judgement.reasons.iter().any(is_said) {
                let problem = Reason::Told(problem.to_owned());
                judgement.reasons.insert(0, problem);
            }
        }
        Self {
            times: Times::of(&evidence.outages, &evidence.effects),
            timeline: Timeline::of(&evidence, &judgement.checks),
            result: ScenarioResult::new(scenario, header, judgement, repeat),
            problem: problem.map(str::to_owned),
        }
    }
}

impl Collected {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.results.len()
    }

    /// Adds the run that has this place among all.
    pub fn add(&mut self, index: usize, judged: Judged) {
        let Judged {
            result,
            times,
            timeline,
            problem,
        } = judged;
        self.problems
            .extend(problem.map(|problem| (index, problem)));
        self.collection.add(&result, &times);
        self.gallery.add(index, result.verdict, timeline);
        self.results.push((index, result));
    }

    /// So many more were to be run, and were not begun.
    pub fn not_begun(&mut self, runs: u64) {
        self.not_begun = runs;
    }

    /// Each run's place and result, and what the harness has to say of it that its
    /// journal could not keep; by place.
    pub fn by_place(&self) -> Vec<(usize, &ScenarioResult, Option<&str>)> {
        let problem = |index| self.problems.get(index).map(String::as_str);
        let all = self.results.iter();
        let mut all: Vec<_> = all
            .map(|(index, result)| (*index, result, problem(index)))
            .collect();
        all.sort_by_key(|(index, ..)| *index);
        all
    }

    /// How many were to be run, and were not begun.
    pub fn not_begun_count(&self) -> u64 {
        self.not_begun
    }

    /// All results in their places, and the timelines that are shown.
    pub fn done(mut self) -> (Results, Gallery) {
        self.results.sort_by_key(|(index, _)| *index);
        let results = self.results.into_iter().map(|(_, result)| result);
        let mut results = Results::with_statistics(results.collect(), self.collection);
        results.leave_out(usize::try_from(self.not_begun).unwrap_or(usize::MAX));
        (results, self.gallery)
    }
}
