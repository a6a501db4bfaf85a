//! Many runs, some of them at a time, each judged when it has ended: every
//! scenario with every subject and every seed.
//!
//! Invariant: there is one result for every run that was begun, in the order
//! given, and of a run that has been judged nothing else is kept. After an
//! interrupt the others are counted, however many there are.

use std::path::PathBuf;
use std::sync::Arc;

use environment::{Observer, Seed};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::collect::{Collected, Judged};
use crate::invocation::Invocation;
use crate::language::{Origin, Scenario};
use crate::results::Seeds;
use crate::runner::{self, Folder, RunPhase, Settings};
use crate::subjects::Subject;
use crate::verdict::{Verdict, known_before};

/// What is to be run, and how.
#[derive(Debug)]
pub struct Suite {
    /// Each scenario with where its text comes from, as it is for each of the
    /// subjects.
    pub scenarios: Vec<(Origin, Vec<Arc<Scenario>>)>,
    /// Who is put to the test; no two of one name.
    pub subjects: Vec<Subject>,
    /// What was asked for.
    pub invocation: Invocation,
    /// Where records go.
    pub out: PathBuf,
    /// How many at a time; at least 1.
    pub jobs: usize,
}

/// What happens to a run, which is called by its scenario's id and by what else
/// tells it from the others.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It has come to this part.
    RunPhase(String, RunPhase),
    /// It was judged.
    Judged(String, Verdict),
}

/// One of the suite's runs, with all that it needs.
struct Run {
    name: String,
    scenario: Arc<Scenario>,
    settings: Settings,
    repeat: String,
}

impl Suite {
    /// Runs everything to its verdict. After `interrupt` those that run are
    /// broken off, and the others do not begin.
    pub async fn run(
        self,
        progress: Observer<Progress>,
        interrupt: CancellationToken,
    ) -> Collected {
        let room = Arc::new(Semaphore::new(self.jobs.clamp(1, Semaphore::MAX_PERMITS)));
        let mut running = JoinSet::new();
        let mut collected = Collected::default();
        for (index, run) in self.runs().enumerate() {
            let (progress, interrupt) = (progress.clone(), interrupt.clone());
            // Taken here, so that they begin in their order. Never closed, so
            // there is always a permit in the end.
            let permit = Arc::clone(&room).acquire_owned().await;
            if interrupt.is_cancelled() {
                break;
            }
            running.spawn(async move {
                let judged = run.judged(progress, interrupt).await;
                drop(permit);
                (index, judged)
            });
            while let Some(ended) = running.try_join_next() {
                take(&mut collected, ended);
            }
        }
        while let Some(ended) = running.join_next().await {
            take(&mut collected, ended);
        }
        let begun = collected.count() as u64;
        collected.not_begun(self.count().saturating_sub(begun));
        collected
    }

    /// The seed of one scenario: as asked for, before its own, before 1.
    pub fn seed(scenario: &Scenario, asked: Option<Seed>) -> Seed {
        asked.or(scenario.seed).unwrap_or(Seed(1))
    }

    /// How many runs it has.
    pub fn count(&self) -> u64 {
        let seeds = self.invocation.seeds.map_or(1, Seeds::count);
        let pairs = self.scenarios.len().saturating_mul(self.subjects.len());
        (pairs as u64).saturating_mul(seeds)
    }

    /// One after the other: there may be very many.
    fn runs(&self) -> impl Iterator<Item = Run> {
        self.scenarios.iter().flat_map(move |(origin, fitted)| {
            let subjects = self.subjects.iter().zip(fitted);
            subjects.flat_map(move |(subject, scenario)| {
                let seeds = self.seeds(scenario).iter();
                seeds.map(move |seed| self.one(origin, scenario, subject, seed))
            })
        })
    }

    fn seeds(&self, scenario: &Scenario) -> Seeds {
        let asked = self.invocation.seeds;
        asked.unwrap_or_else(|| Seeds::one(Self::seed(scenario, None)))
    }

    fn one(&self, origin: &Origin, scenario: &Arc<Scenario>, subject: &Subject, seed: Seed) -> Run {
        let invocation = &self.invocation;
        Run {
            name: self.name(scenario, subject, seed),
            scenario: Arc::clone(scenario),
            settings: Settings {
                subject: subject.clone(),
                time: invocation.time,
                must_repeat: invocation.must_repeat,
                seed,
                flaws: invocation.flaws.clone(),
                is_wire: invocation.is_wire,
                folder: Folder::new(&self.out, &scenario.id, subject.name(), seed),
            },
            repeat: invocation.repeat_one(scenario, origin, subject.argument(), seed),
        }
    }

    /// What tells a run from the others.
    fn name(&self, scenario: &Scenario, subject: &Subject, seed: Seed) -> String {
        let mut name = scenario.id.clone();
        if self.subjects.len() > 1 {
            name += &format!(" {}", subject.name());
        }
        if self.invocation.seeds.is_some_and(|seeds| seeds.count() > 1) {
            name += &format!(" seed {seed}");
        }
        name
    }
}

fn take(collected: &mut Collected, ended: Result<(usize, Option<Judged>), JoinError>) {
    match ended {
        Ok((index, Some(judged))) => collected.add(index, judged),
        Ok((_, None)) => {}
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Run {
    /// Whether it would say nothing about this client, whatever happened.
    fn is_known_before(&self) -> bool {
        let Settings {
            subject, is_wire, ..
        } = &self.settings;
        known_before(&self.scenario, subject.traits().as_ref(), *is_wire).is_some()
    }

    /// `None` if it was interrupted before it began: nothing is run or written.
    async fn judged(
        self,
        progress: Observer<Progress>,
        interrupt: CancellationToken,
    ) -> Option<Judged> {
        if interrupt.is_cancelled() {
            return None;
        }
        let phases = {
            let (name, progress) = (self.name.clone(), progress.clone());
            Observer::new(move |phase| progress.tell(Progress::RunPhase(name.clone(), phase)))
        };
        let record = if self.is_known_before() {
            runner::not_applicable(&self.scenario, &self.settings)
        } else {
            let run = runner::run(&self.scenario, &self.settings, phases, interrupt);
            Box::pin(run).await
        };
        let problem = record.problem.map(|problem| problem.to_string());
        let judged = Judged::new(
            &self.scenario,
            &record.header,
            &record.entries,
            problem.as_deref(),
            self.repeat,
        );
        progress.tell(Progress::Judged(self.name, judged.result.verdict));
        Some(judged)
    }
}
