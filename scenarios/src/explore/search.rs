//! A search: batches of cases, taken in in the order of their numbers, until time
//! or cases are used up, or enough was found.
//!
//! Invariant: what is found depends on the seed, the corpus it began with and the
//! number of cases alone, not on how many ran side by side; and what was found
//! before an interrupt is kept.

mod findings;
mod record;
mod summary;

pub use findings::Found;
pub use record::SearchRecord;
pub use summary::Summary;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use environment::{Clock, Moment, Observer, Seed};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::case::{Case, Outcome, Runner};
use super::draw::{families, stream};
use super::mutate::mutated;
use super::{Base, Schedule};
use crate::runner::Time;
use crate::shard::Shard;
use crate::verdict::Verdict;

/// So many cases that nobody can run, and none that somebody can, are enough.
const HOPELESS: u64 = 256;

/// By what cases are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guide {
    /// Of those that showed something new.
    Coverage,
    /// By chance alone.
    Random,
}

/// How long a search goes on.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// The most cases.
    pub cases: Option<u64>,
    /// The most time.
    pub time: Option<Duration>,
    /// The most findings.
    pub findings: usize,
}

/// What is looked for, and how.
#[derive(Debug)]
pub struct Search {
    /// How cases are run.
    pub runner: Runner,
    /// Where they begin.
    pub bases: Vec<Base>,
    /// What all draws follow from.
    pub seed: Seed,
    /// By what cases are made.
    pub guide: Guide,
    /// How long it goes on.
    pub budget: Budget,
    /// How many cases at a time.
    pub jobs: usize,
    /// So many cases are made of one state of the corpus; in real time, where nothing
    /// repeats, as many as run at a time.
    pub batch: u64,
    /// The clock.
    pub time: Time,
    /// Schedules that are run first.
    pub first: Vec<Schedule>,
    /// Whether what was found in virtual time is tried on real sockets.
    pub confirms: bool,
    /// Which of the cases are this search's: every N-th. Shards learn nothing of each other.
    pub shard: Shard,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Cases that have ended.
    pub cases: u64,
    /// States that were seen.
    pub states: usize,
    /// Schedules that are kept.
    pub corpus: usize,
    /// Findings.
    pub found: usize,
    /// How long it has taken.
    pub elapsed: Duration,
    /// What is done besides.
    pub doing: &'static str,
}

/// Why a search cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The clients fail without any fault.
    #[error(
        "{base}: the clients fail it without any fault ({check}: {why}); \
        a search would find nothing else"
    )]
    FailsAlready {
        /// Which base.
        base: String,
        /// By which check.
        check: String,
        /// What was seen.
        why: String,
    },
    /// Not a single schedule can be run.
    #[error("no generated schedule can run; the first is refused because of:\n{0}")]
    Empty(String),
    /// The harness itself failed.
    #[error("the harness failed: {0}")]
    Broken(String),
}

/// A case before its run.
struct Planned {
    schedule: Schedule,
    /// The number of the schedule that it was made of.
    parent: Option<u64>,
}

impl Search {
    /// As many cases as are usually made of one state of the corpus: enough for a
    /// few cores to have the same to do.
    pub const BATCH: u64 = 64;

    /// Searches to the end of its budget.
    ///
    /// # Errors
    /// Why it cannot begin, or that all that it does goes wrong.
    pub fn run(
        &self,
        progress: &Observer<Progress>,
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) -> Result<Summary, ExploreError> {
        let clock = Clock::precise();
        let started = clock.now();
        self.ensure_sound_bases(interrupt, runtime)?;
        let mut summary = Summary::default();
        let first = self.first.iter().skip(self.shard.index() as usize - 1);
        let mut first: Vec<_> = first.step_by(self.shard.of() as usize).cloned().collect();
        first.reverse();
        while !self.is_over(&summary, clock.now(), started) && !interrupt.is_cancelled() {
            let batch = self.batch(&summary, &mut first);
            if batch.is_empty() {
                break;
            }
            let cases = self.run_all(&batch, interrupt, runtime);
            for (planned, case) in batch.into_iter().zip(cases) {
                if case == Case::Interrupted {
                    break;
                }
                let told = |doing| {
                    let elapsed = clock.now().since(started);
                    summary_progress(&summary, elapsed, doing)
                };
                let is_failing =
                    matches!(&case, Case::Ran(outcome) if !outcome.failures.is_empty());
                if is_failing {
                    progress.tell(told("making a finding small"));
                }
                self.take(&mut summary, planned, case, interrupt, runtime)?;
                if summary.found.len() >= self.budget.findings {
                    break;
                }
            }
            let marks = summary.watermarks;
            summary
                .history
                .push((summary.cases, summary.reach.count(), marks));
            let elapsed = clock.now().since(started);
            progress.tell(summary_progress(&summary, elapsed, ""));
        }
        summary.was_interrupted = interrupt.is_cancelled();
        self.confirm(&mut summary, interrupt, runtime);
        summary.elapsed = clock.now().since(started);
        Ok(summary)
    }

    fn is_over(&self, summary: &Summary, now: Moment, started: Moment) -> bool {
        let Budget {
            cases,
            time,
            findings,
        } = self.budget;
        cases.is_some_and(|cases| summary.cases >= self.shard.share(cases))
            || time.is_some_and(|time| now.since(started) >= time)
            || summary.found.len() >= findings
    }

    /// Whoever fails without any fault would be found in every case.
    fn ensure_sound_bases(
        &self,
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) -> Result<(), ExploreError> {
        let plain = self.bases.iter().map(|base| {
            let setting = base.plain();
            let entries = setting.actions.iter().cloned();
            Schedule {
                number: 0,
                seed: 1,
                entries: entries.map(super::Entry::Given).collect(),
                setting,
            }
        });
        // Those that are built in are sound for whoever is sound.
        let is_sure = |base: &Base| !matches!(base, Base::File(_)) && self.runner.subject.is_sim();
        let planned = plain.zip(&self.bases).filter(|(_, base)| !is_sure(base));
        let planned: Vec<Planned> = planned
            .map(|(schedule, _)| Planned {
                schedule,
                parent: None,
            })
            .collect();
        for (planned, case) in planned
            .iter()
            .zip(self.run_all(&planned, interrupt, runtime))
        {
            let base = || planned.schedule.setting.base.clone();
            match case {
                Case::Ran(outcome) => {
                    if let Some(failure) = outcome.failures.first() {
                        return Err(ExploreError::FailsAlready {
                            base: base(),
                            check: failure.check.clone(),
                            why: failure.why.clone(),
                        });
                    }
                }
                Case::Broken(why) => return Err(ExploreError::Broken(why)),
                Case::Refused(_) | Case::Interrupted => {}
            }
        }
        Ok(())
    }

    /// The cases that come next.
    fn batch(&self, summary: &Summary, first: &mut Vec<Schedule>) -> Vec<Planned> {
        let size = match self.time {
            Time::Virtual => self.batch.max(1),
            Time::Real => self.jobs.max(1) as u64,
        };
        let left = self
            .budget
            .cases
            .map_or(u64::MAX, |most| self.shard.share(most) - summary.cases);
        let numbers = summary.cases..summary.cases + size.min(left);
        let energies = summary.corpus.energies(&summary.reach);
        let (first_number, shards) = (self.shard.index() - 1, self.shard.of());
        numbers
            .map(|number| number * u64::from(shards) + u64::from(first_number))
            .map(|number| match first.pop() {
                Some(schedule) => Planned {
                    schedule: Schedule { number, ..schedule },
                    parent: None,
                },
                None => self.plan(summary, &energies, number),
            })
            .collect()
    }

    fn plan(&self, summary: &Summary, energies: &[u64], number: u64) -> Planned {
        /// How many cases are made of others.
        const OF_OTHERS: f64 = 0.6;
        let (seed, bases) = (self.seed, &self.bases);
        if self.guide == Guide::Random {
            let schedule = Schedule::draw(seed, number, bases);
            let parent = None;
            return Planned { schedule, parent };
        }
        let mut draw = stream(seed, number, "guide", 0);
        if !summary.corpus.is_empty() && draw.chance(OF_OTHERS) {
            let left = families(&mut draw);
            if let Some(kept) = summary.corpus.choose(energies, &mut draw) {
                let schedule = mutated(seed, number, &summary.corpus, kept, &left);
                let parent = Some(kept.schedule.number);
                return Planned { schedule, parent };
            }
        }
        let schedule = Schedule::draw_some(seed, number, bases);
        let parent = None;
        Planned { schedule, parent }
    }

    /// What came of each, in their order.
    fn run_all(
        &self,
        batch: &[Planned],
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) -> Vec<Case> {
        match self.time {
            Time::Virtual => self.run_virtually(batch, interrupt),
            Time::Real => runtime.block_on(self.run_really(batch, interrupt)),
        }
    }

    fn run_virtually(&self, batch: &[Planned], interrupt: &CancellationToken) -> Vec<Case> {
        let next = AtomicUsize::new(0);
        let cases: Mutex<Vec<Option<Case>>> = Mutex::new(vec![None; batch.len()]);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(planned) = batch.get(index) else {
                    return;
                };
                let case = if interrupt.is_cancelled() {
                    Case::Interrupted
                } else {
                    self.runner.run(&planned.schedule, interrupt)
                };
                // A panic elsewhere leaves it whole.
                let mut cases = cases.lock().unwrap_or_else(PoisonError::into_inner);
                cases[index] = Some(case);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(batch.len()) {
                scope.spawn(work);
            }
        });
        let cases = cases.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cases = cases.into_iter();
        cases
            .map(|case| case.unwrap_or(Case::Interrupted))
            .collect()
    }

    async fn run_really(&self, batch: &[Planned], interrupt: &CancellationToken) -> Vec<Case> {
        let mut running = tokio::task::JoinSet::new();
        for (index, planned) in batch.iter().enumerate() {
            let (runner, schedule) = (self.runner.clone(), planned.schedule.clone());
            let interrupt = interrupt.clone();
            running.spawn(async move { (index, runner.run_real(&schedule, interrupt).await) });
        }
        let mut cases = vec![Case::Interrupted; batch.len()];
        while let Some(ended) = running.join_next().await {
            let (index, case) =
                ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            cases[index] = case;
        }
        cases
    }

    /// Takes in what came of a case.
    fn take(
        &self,
        summary: &mut Summary,
        planned: Planned,
        case: Case,
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) -> Result<(), ExploreError> {
        summary.cases += 1;
        let outcome = match case {
            Case::Ran(outcome) => outcome,
            Case::Refused(why) => {
                summary.refused += 1;
                if summary.refused == summary.cases && summary.cases >= HOPELESS {
                    return Err(ExploreError::Empty(why));
                }
                return Ok(());
            }
            Case::Broken(why) => {
                summary.broken_count += 1;
                summary.broken.get_or_insert(why.clone());
                if summary.broken_count == summary.cases && summary.cases >= HOPELESS {
                    return Err(ExploreError::Broken(why));
                }
                return Ok(());
            }
            Case::Interrupted => return Ok(()),
        };
        match outcome.verdict {
            Verdict::Passed => summary.passed += 1,
            Verdict::Failed => summary.failed += 1,
            Verdict::Inconclusive | Verdict::NotApplicable => summary.silent += 1,
        }
        if !outcome.failures.is_empty() {
            let found = self.find(summary, &planned.schedule, &outcome, interrupt, runtime);
            summary.found.extend(found);
        }
        self.learn(summary, planned, *outcome);
        Ok(())
    }

    fn learn(&self, summary: &mut Summary, planned: Planned, outcome: Outcome) {
        let states = outcome.coverage.states;
        let is_new = summary.reach.add(&states);
        let is_higher = summary.watermarks.raise(&outcome.watermarks);
        let is_worth = is_new || is_higher;
        if let Some(parent) = planned.parent {
            summary.corpus.note(parent, is_worth);
        }
        if is_worth && outcome.failures.is_empty() && self.guide == Guide::Coverage {
            let (schedule, recoveries) = (planned.schedule, outcome.recoveries);
            summary.corpus.keep(schedule, states, recoveries);
        }
    }

    fn run_one(
        &self,
        schedule: &Schedule,
        interrupt: &CancellationToken,
        runtime: &Handle,
    ) -> Case {
        match self.time {
            Time::Virtual => self.runner.run(schedule, interrupt),
            Time::Real => runtime.block_on(self.runner.run_real(schedule, interrupt.clone())),
        }
    }
}

fn summary_progress(summary: &Summary, elapsed: Duration, doing: &'static str) -> Progress {
    Progress {
        cases: summary.cases,
        states: summary.reach.count(),
        corpus: summary.corpus.len(),
        found: summary.found.len(),
        elapsed,
        doing,
    }
}
