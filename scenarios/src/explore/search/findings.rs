//! What becomes of a failure that nobody has found yet: made small, written as a file,
//! tried on real sockets, and shown.

use std::collections::BTreeSet;

use environment::Seed;
use environment::text::Source;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Search, Summary};
use crate::collect::Collected;
use crate::explore::Schedule;
use crate::explore::case::{Case, Failure, Kind, Outcome, Runner};
use crate::explore::finding::{Confirmed, FIRST_WORDS, Finding, Form};
use crate::explore::shrink::shrunk;
use crate::language::{Scenario, read};
use crate::report::Gallery;
use crate::results::Results;
use crate::runner::Time;
use crate::verdict::Verdict;

/// The most runs by which a finding is made small.
const SHRINKING: u64 = 300;

/// Likewise on real sockets, where each takes as long as it says.
const SHRINKING_REAL: u64 = 24;

/// How often a finding of real time must fail before it is told.
const CONFIRMATIONS: u32 = 3;

/// A finding with its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// What it is.
    pub finding: Finding,
    /// The scenario file.
    pub text: String,
}

impl Found {
    /// Whether a file's text was written for a finding.
    pub fn is_text_of_one(text: &str) -> bool {
        text.starts_with(FIRST_WORDS)
    }
}

impl Search {
    /// The first failure that nobody has found yet, made small.
    pub(super) fn find(
        &self,
        summary: &Summary,
        schedule: &Schedule,
        outcome: &Outcome,
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) -> Option<Found> {
        let known = |failure: &&Failure| {
            let key = (failure.check.clone(), failure.kind);
            let mut found = summary.found.iter();
            !found.any(|found| found.finding.key() == key)
        };
        let failure = outcome.failures.iter().find(known)?;
        let (check, kind) = (failure.check.clone(), failure.kind);
        let mut fails = |schedule: &Schedule| match self.run_one(schedule, interrupt, runtime) {
            Case::Ran(outcome) => outcome.has(&check, kind),
            _ => false,
        };
        let confirmed = match self.time {
            Time::Virtual => Confirmed::Untried,
            Time::Real => {
                if !(0..CONFIRMATIONS).all(|_| fails(schedule)) {
                    return None;
                }
                Confirmed::Often(CONFIRMATIONS, CONFIRMATIONS)
            }
        };
        let most = match self.time {
            Time::Virtual => SHRINKING,
            Time::Real => SHRINKING_REAL,
        };
        let (small, runs) = shrunk(schedule, most, &mut fails);
        let last = match self.run_one(&small, interrupt, runtime) {
            Case::Ran(last) => last,
            _ => Box::new(outcome.clone()),
        };
        let others = last.failures.iter().map(|failure| failure.check.clone());
        let others: BTreeSet<String> = others.filter(|other| *other != check).collect();
        let mut told = last.failures.iter();
        let told = told.find(|told| told.check == check && told.kind == kind);
        let finding = Finding {
            failure: told.unwrap_or(failure).clone(),
            entries_before: schedule.entries.len(),
            case: schedule.number + 1,
            schedule: small,
            runs,
            seed: self.seed.0,
            client: self.runner.subject.argument().to_owned(),
            flaws: self.runner.flaws.iter().copied().collect(),
            others: others.into_iter().collect(),
            confirmed,
        };
        let form = self.form(&finding, kind, interrupt);
        let text = finding.text(form);
        Some(Found { finding, text })
    }

    /// The strictest form in which the file fails as it should, and passes without
    /// the flaw.
    fn form(&self, finding: &Finding, kind: Kind, interrupt: &CancellationToken) -> Form {
        let lax = Form {
            must_fire: false,
            has_proof: false,
        };
        if self.time == Time::Real {
            return lax;
        }
        let strict = Form {
            must_fire: true,
            has_proof: true,
        };
        let forms = [
            strict,
            Form {
                must_fire: false,
                ..strict
            },
        ];
        let is_good = |form: &Form| {
            let Some(scenario) = scenario_of(finding, *form) else {
                return false;
            };
            let seed = Seed(finding.schedule.seed);
            let worn = self.runner.run_scenario(&scenario, seed, interrupt);
            let has_failed = match &worn {
                Case::Ran(outcome) => outcome.has(&finding.failure.check, kind),
                _ => false,
            };
            let sound = Runner {
                flaws: BTreeSet::new(),
                ..self.runner.clone()
            };
            let passes = || match sound.run_scenario(&scenario, seed, interrupt) {
                Case::Ran(outcome) => outcome.verdict == Verdict::Passed,
                _ => false,
            };
            has_failed && (self.runner.flaws.is_empty() || passes())
        };
        forms.into_iter().find(is_good).unwrap_or(lax)
    }

    /// Tries what was found in virtual time on real sockets, all at once.
    pub(super) fn confirm(
        &self,
        summary: &mut Summary,
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) {
        if self.time == Time::Real || !self.confirms || interrupt.is_cancelled() {
            return;
        }
        let found = summary.found.iter();
        let scenarios: Vec<Option<(Scenario, Seed)>> = found
            .map(|found| {
                let source = Source::new(found.finding.id(), found.text.clone());
                let seed = Seed(found.finding.schedule.seed);
                read(&source).ok().map(|scenario| (scenario, seed))
            })
            .collect();
        let confirmed = runtime.block_on(async {
            let mut running = tokio::task::JoinSet::new();
            for (index, one) in scenarios.into_iter().enumerate() {
                let Some((scenario, seed)) = one else {
                    continue;
                };
                let (runner, interrupt) = (self.runner.clone(), interrupt.clone());
                running.spawn(async move {
                    let case = runner.said_by_sockets(&scenario, seed, interrupt).await;
                    (index, case)
                });
            }
            running.join_all().await
        });
        for (index, case) in confirmed {
            let Found { finding, text } = &mut summary.found[index];
            let before = finding.text_comment();
            finding.confirmed = match case {
                Case::Ran(outcome) => {
                    let mut failures = outcome.failures.iter();
                    match failures.any(|failure| failure.check == finding.failure.check) {
                        true => Confirmed::Fails,
                        false if outcome.verdict == Verdict::Inconclusive => Confirmed::Silent,
                        false => Confirmed::Passes,
                    }
                }
                _ => Confirmed::Untried,
            };
            *text = text.replacen(&before, &finding.text_comment(), 1);
        }
    }
}

fn scenario_of(finding: &Finding, form: Form) -> Option<Scenario> {
    let source = Source::new(finding.id(), finding.text(form));
    read(&source).ok()
}

impl Search {
    /// The runs of what was found, for a report: `repeat` makes the command of each
    /// from its file's name.
    pub fn shown(
        runner: &Runner,
        time: Time,
        summary: &Summary,
        runtime: &Handle,
        repeat: &dyn Fn(&Finding) -> String,
    ) -> (Results, Gallery) {
        let mut collected = Collected::default();
        for (index, found) in summary.found.iter().enumerate() {
            let source = Source::new(found.finding.id(), found.text.clone());
            let Ok(scenario) = read(&source) else {
                continue;
            };
            let run = runner.shown(scenario, time, repeat(&found.finding));
            if let Some(judged) = runtime.block_on(run) {
                collected.add(index, judged);
            }
        }
        collected.done()
    }
}
