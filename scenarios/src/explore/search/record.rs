//! What a shard of a search leaves to be put together with the others: all that it
//! has come to, and nothing that differs from one time to the next.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Found, Search, Summary};
use crate::explore::corpus::Corpus;
use crate::explore::reach::Reach;
use crate::explore::watermarks::Watermarks;
use crate::explore::{Guide, Schedule};
use crate::runner::Time;

/// What one shard of a search came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRecord {
    is_virtual: bool,
    cases: u64,
    refused: u64,
    passed: u64,
    failed: u64,
    silent: u64,
    broken_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
    found: Vec<Found>,
    reach: Reach,
    watermarks: Watermarks,
    corpus: Vec<Schedule>,
}

impl SearchRecord {
    /// Of a search that has come to its end.
    pub fn new(time: Time, summary: &Summary) -> Self {
        Self {
            is_virtual: time == Time::Virtual,
            cases: summary.cases,
            refused: summary.refused,
            passed: summary.passed,
            failed: summary.failed,
            silent: summary.silent,
            broken_count: summary.broken_count,
            broken: summary.broken.clone(),
            found: summary.found.clone(),
            reach: summary.reach.clone(),
            watermarks: summary.watermarks,
            corpus: summary.corpus.schedules().cloned().collect(),
        }
    }

    /// The clock that it went by.
    pub fn time(&self) -> Time {
        match self.is_virtual {
            true => Time::Virtual,
            false => Time::Real,
        }
    }

    /// Whether its findings can be files, each in the folder of findings.
    pub(crate) fn is_plain(&self) -> bool {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let mut found = self.found.iter();
        found.all(|found| found.finding.id().chars().all(is_word))
    }

    /// What all shards came to together. Of findings of one check and kind the one with
    /// the fewest entries stays, and of such the first.
    pub fn merged(shards: &[Self]) -> Summary {
        let mut summary = Summary::default();
        let mut found: Vec<&Found> = Vec::new();
        let mut corpus: Vec<&Schedule> = Vec::new();
        for shard in shards {
            summary.cases += shard.cases;
            summary.refused += shard.refused;
            summary.passed += shard.passed;
            summary.failed += shard.failed;
            summary.silent += shard.silent;
            summary.broken_count += shard.broken_count;
            if summary.broken.is_none() {
                summary.broken.clone_from(&shard.broken);
            }
            summary.reach.join(&shard.reach);
            summary.watermarks.raise(&shard.watermarks);
            found.extend(&shard.found);
            corpus.extend(&shard.corpus);
        }
        found.sort_by_key(|found| {
            let finding = &found.finding;
            (finding.key(), finding.schedule.entries.len(), finding.case)
        });
        found.dedup_by_key(|found| found.finding.key());
        found.sort_by_key(|found| found.finding.case);
        corpus.sort_by_key(|schedule| schedule.number);
        summary.found = found.into_iter().cloned().collect();
        summary.corpus = Corpus::gathered(corpus.into_iter().cloned());
        // How it came about is each shard's own story.
        let last = (summary.cases, summary.reach.count(), summary.watermarks);
        summary.history.push(last);
        summary
    }
}

impl Search {
    /// Names what decides what this search and all its shards find.
    pub fn fingerprint(&self) -> String {
        let Self { runner, budget, .. } = self;
        let guide = match self.guide {
            Guide::Coverage => "coverage",
            Guide::Random => "random",
        };
        let bases: Vec<String> = self.bases.iter().map(|base| format!("{base:?}")).collect();
        let first: Vec<String> = self.first.iter().map(Schedule::to_string).collect();
        let all = format!(
            "{} {:?} {:?} {guide} {budget:?} {:?} {:?} {bases:?} {first:?}",
            self.seed.0,
            runner.subject.name(),
            runner.subject.traits(),
            runner.flaws,
            self.time,
        );
        let hash = Sha256::digest(all);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
