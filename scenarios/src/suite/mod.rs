//! Many runs, some of them at a time, each judged when it has ended: every
//! scenario with every client under test and every seed.
//!
//! Invariant: there is one result for every run that was begun, in the order
//! given, and of a run that has been judged nothing else is kept. After an
//! interrupt the others are counted, however many there are. What the machine has
//! spoiled runs again when all others have ended, one after the other.

mod pace;
mod retries;
mod room;

pub use pace::Jobs;
pub(crate) use retries::MOST as MOST_RETRIED;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use environment::{Clock, Observer, Seed};
use sha2::{Digest, Sha256};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::collect::{Collected, Judged};
use crate::invocation::Invocation;
use crate::language::{Origin, Scenario};
use crate::results::Seeds;
use crate::runner::{self, Folder, RunPhase, Settings, Time};
use crate::shard::partition;
use crate::subjects::Subject;
use crate::trust::Security;
use crate::verdict::{Verdict, known_before};
use pace::Pace;
use retries::Retries;

/// What is to be run, and how.
#[derive(Debug)]
pub struct Suite {
    /// Each scenario with where its text comes from, as it is for each of the
    /// clients under test.
    pub scenarios: Vec<(Origin, Vec<Arc<Scenario>>)>,
    /// Who is under test; no two of one name.
    pub subjects: Vec<Subject>,
    /// What was asked for.
    pub invocation: Invocation,
    /// Where records go.
    pub out: PathBuf,
    /// How many at a time.
    pub jobs: Jobs,
    /// Who dials by TLS.
    pub tls: Security,
    /// How often a run that the machine has spoiled is tried again.
    pub retry: u32,
}

/// What happens to a run, which is called by its scenario's id and by what else
/// tells it from the others.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It has come to this part.
    RunPhase(String, RunPhase),
    /// It was judged.
    Judged(String, Verdict),
    /// The machine has spoiled it, and it is run again.
    Again(String),
    /// From now on there are only so many runs at a time.
    Fewer(usize),
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
        let own = self.own();
        let count = own.count();
        let pace = Arc::new(Mutex::new(Pace::new(self.jobs.most.min(count))));
        let _watching = self.watch(&pace, &progress);
        let mut outcome = Outcome {
            collected: Collected::default(),
            retries: Retries::new(self.retry),
        };
        let mut running = JoinSet::new();
        let runs = self.runs().enumerate();
        for (index, run) in runs.filter(|(place, _)| own.contains(*place)) {
            while running.len() >= locked(&pace).at_a_time() {
                outcome.extend(running.join_next().await);
            }
            if interrupt.is_cancelled() {
                break;
            }
            let (progress, interrupt) = (progress.clone(), interrupt.clone());
            running.spawn(async move {
                let judged = run.judged(&progress, interrupt).await;
                (index, run, judged)
            });
            outcome.extend(std::iter::from_fn(|| running.try_join_next()));
        }
        while let Some(ended) = running.join_next().await {
            outcome.extend([ended]);
        }
        let mut collected = outcome.run_again(&progress, &interrupt).await;
        let begun = collected.count() as u64;
        collected.not_begun((count as u64).saturating_sub(begun));
        collected
    }

    /// The runs that are this shard's, or all.
    fn own(&self) -> Own {
        let all = usize::try_from(self.count()).unwrap_or(usize::MAX);
        let Some(shard) = self.invocation.shard else {
            return Own::All(all);
        };
        let owners = partition(&self.lengths(), shard.of());
        let places = owners.iter().map(|owner| *owner == shard.index());
        Own::Some(places.collect())
    }

    /// Without this client.
    pub fn leave_out(&mut self, index: usize) {
        self.subjects.remove(index);
        for (_, fitted) in &mut self.scenarios {
            fitted.remove(index);
        }
    }

    /// How many of its runs are this shard's.
    pub fn own_count(&self) -> u64 {
        self.own().count() as u64
    }

    /// How long each run is expected to take: on real sockets it lasts as long as it
    /// says; in virtual time it takes what its clients do meanwhile.
    fn lengths(&self) -> Vec<u64> {
        let length = |scenario: &Scenario| {
            let lasts = scenario.duration + scenario.settle;
            let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
            match self.invocation.time {
                Time::Real => lasts,
                Time::Virtual => lasts.saturating_mul(scenario.clients.count.into()),
            }
        };
        let each = self.scenarios.iter().flat_map(|(_, fitted)| fitted);
        let lengths = each.flat_map(|scenario| {
            let seeds = self.seeds(scenario).iter();
            seeds.map(move |_| length(scenario))
        });
        lengths.collect()
    }

    /// Names the whole suite: equal for two only if they run the same scenarios,
    /// clients and seeds in the same way.
    pub fn fingerprint(&self) -> String {
        let mut all = Sha256::new();
        let mut add = |part: &str| {
            all.update((part.len() as u64).to_be_bytes());
            all.update(part);
        };
        add(&self.invocation.repeat_suite());
        for (_, fitted) in &self.scenarios {
            for (scenario, subject) in fitted.iter().zip(&self.subjects) {
                add(&scenario.text);
                add(subject.name());
                add(&format!("{:?}", subject.traits()));
                let seeds = self.seeds(scenario);
                add(&format!("{seeds:?}"));
            }
        }
        let hash = all.finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Has fewer runs at a time when timers of the harness's own come late, until
    /// dropped. Virtual time is never late.
    fn watch(&self, pace: &Arc<Mutex<Pace>>, progress: &Observer<Progress>) -> JoinSet<()> {
        let mut watching = JoinSet::new();
        if self.jobs.adapts && self.invocation.time == Time::Real {
            let (pace, progress, clock) = (Arc::clone(pace), progress.clone(), Clock::precise());
            watching.spawn(async move {
                let tell = |late| {
                    let fewer = locked(&pace).see(late, clock.now());
                    if let Some(fewer) = fewer {
                        progress.tell(Progress::Fewer(fewer));
                    }
                };
                match runner::watch_lateness(clock.clone(), tell).await {}
            });
        }
        watching
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
                tls: self.tls.clone(),
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

/// Which runs are this program's.
enum Own {
    /// All of so many.
    All(usize),
    /// Those whose places say so.
    Some(Vec<bool>),
}

impl Own {
    fn contains(&self, place: usize) -> bool {
        match self {
            Self::All(_) => true,
            Self::Some(places) => places.get(place).is_some_and(|is_own| *is_own),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::All(all) => *all,
            Self::Some(places) => places.iter().filter(|is_own| **is_own).count(),
        }
    }
}

/// A panic elsewhere leaves it whole.
fn locked(pace: &Mutex<Pace>) -> MutexGuard<'_, Pace> {
    pace.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the runs came to that have ended.
struct Outcome {
    collected: Collected,
    retries: Retries<(Run, Judged)>,
}

/// A run with its place among all; not judged if it was interrupted before it began.
type Ended = Result<(usize, Run, Option<Judged>), JoinError>;

impl Extend<Ended> for Outcome {
    fn extend<I: IntoIterator<Item = Ended>>(&mut self, ended: I) {
        for ended in ended {
            match ended {
                Ok((place, run, Some(judged))) => self.add(place, run, judged),
                Ok((_, _, None)) => {}
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }
}

impl Outcome {
    fn add(&mut self, place: usize, run: Run, judged: Judged) {
        if !self.retries.are_due(&judged.result) {
            self.collected.add(place, judged);
        } else if let Some((place, (_, judged))) = self.retries.keep(place, (run, judged)) {
            self.collected.add(place, judged);
        }
    }

    /// Tries what the machine has spoiled again, alone.
    async fn run_again(
        mut self,
        progress: &Observer<Progress>,
        interrupt: &CancellationToken,
    ) -> Collected {
        while let Some((place, (mut run, mut judged))) = self.retries.next() {
            while self.retries.are_due(&judged.result) {
                progress.tell(Progress::Again(run.name.clone()));
                run.settings.folder = run.settings.folder.again();
                match run.judged(progress, interrupt.clone()).await {
                    Some(again) => judged = again,
                    None => break,
                }
            }
            self.collected.add(place, judged);
        }
        self.collected
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
        &self,
        progress: &Observer<Progress>,
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
            self.repeat.clone(),
        );
        progress.tell(Progress::Judged(self.name.clone(), judged.result.verdict));
        Some(judged)
    }
}
