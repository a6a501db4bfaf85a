//! Many scenarios, some of them at a time, each judged when it has ended.
//!
//! Invariant: there is one result for every scenario given, in the order given,
//! also when the whole is interrupted.

use std::path::PathBuf;
use std::sync::Arc;

use environment::{Observer, Seed};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::language::{Origin, Scenario};
use crate::results::{Invocation, ScenarioResult};
use crate::runner::{self, Folder, Phase, Record, Settings};
use crate::subjects::Subject;
use crate::verdict::{Judgement, Verdict, judge};

/// What is to be run, and how.
#[derive(Debug)]
pub struct Suite {
    /// Each scenario with where its text comes from.
    pub scenarios: Vec<(Origin, Scenario)>,
    /// What was asked for.
    pub invocation: Invocation,
    /// Where records go.
    pub out: PathBuf,
    /// How many at a time; at least 1.
    pub jobs: usize,
}

/// What happens to a scenario, for whoever watches.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It has come to this part.
    Phase(String, Phase),
    /// It was judged.
    Judged(String, Verdict),
}

/// One of the suite's runs, with all that it needs.
struct Run {
    scenario: Scenario,
    settings: Settings,
    repeat: String,
}

impl Suite {
    /// Runs every scenario to its verdict. After `interrupt` those that run are
    /// broken off, and the others do not begin.
    pub async fn run(
        self,
        progress: Observer<Progress>,
        interrupt: CancellationToken,
    ) -> Vec<ScenarioResult> {
        let room = Arc::new(Semaphore::new(self.jobs.clamp(1, Semaphore::MAX_PERMITS)));
        let mut runs = JoinSet::new();
        for (index, run) in self.runs().into_iter().enumerate() {
            let (progress, interrupt) = (progress.clone(), interrupt.clone());
            // Taken here, so that they begin in their order. Never closed, so
            // there is always a permit in the end.
            let permit = Arc::clone(&room).acquire_owned().await;
            runs.spawn(async move {
                let result = run.judged(progress, interrupt).await;
                drop(permit);
                (index, result)
            });
        }
        let mut results = Vec::new();
        while let Some(ended) = runs.join_next().await {
            match ended {
                Ok(result) => results.push(result),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// The seed of one scenario: as asked for, before its own, before 1.
    pub fn seed(scenario: &Scenario, asked: Option<Seed>) -> Seed {
        asked.or(scenario.seed).unwrap_or(Seed(1))
    }

    fn runs(self) -> Vec<Run> {
        let Self {
            scenarios,
            invocation,
            out,
            ..
        } = self;
        let runs = scenarios.into_iter().map(|(origin, scenario)| {
            let seed = Self::seed(&scenario, invocation.seed);
            Run {
                settings: Settings {
                    subject: Subject::Sim,
                    time: invocation.time,
                    must_repeat: invocation.must_repeat,
                    seed,
                    flaws: invocation.flaws.clone(),
                    is_wire: invocation.is_wire,
                    folder: Folder::new(&out, &scenario.id, Subject::SIM, seed),
                },
                repeat: invocation.repeat_one(&scenario, &origin, seed),
                scenario,
            }
        });
        runs.collect()
    }
}

impl Run {
    async fn judged(
        self,
        progress: Observer<Progress>,
        interrupt: CancellationToken,
    ) -> ScenarioResult {
        let id = self.scenario.id.clone();
        let phases = {
            let (id, progress) = (id.clone(), progress.clone());
            Observer::new(move |phase| progress.tell(Progress::Phase(id.clone(), phase)))
        };
        let run = runner::run(&self.scenario, &self.settings, phases, interrupt);
        let record = Box::pin(run).await;
        let judgement = judgement(&self.scenario, &record);
        progress.tell(Progress::Judged(id, judgement.verdict));
        ScenarioResult::new(&self.scenario, &record.header, judgement, self.repeat)
    }
}

/// The journal's judgement, unless the harness has something to say that the
/// journal could not keep.
fn judgement(scenario: &Scenario, record: &Record) -> Judgement {
    let mut judgement = judge(scenario, &record.header, &record.entries);
    if let Some(problem) = &record.problem {
        judgement.verdict = Verdict::Inconclusive;
        judgement.reasons.retain(|reason| reason != problem);
        judgement.reasons.insert(0, problem.clone());
    }
    judgement
}
