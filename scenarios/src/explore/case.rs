//! One case: a schedule that is run and judged.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use client_sim::Flaw;
use environment::{Observer, Seed};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Schedule;
use super::coverage::Coverage;
use super::watermarks::Watermarks;
use crate::checks::{CheckResult, Evidence, Excess, Finding};
use crate::journal::{Entry, Header};
use crate::language::Scenario;
use crate::runner::{self, Folder, Settings, Time, simulate};
use crate::subjects::Subject;
use crate::verdict::{Verdict, judge_evidence};

/// What kind of failure it is: two of one check and one kind are one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It came too late.
    Late,
    /// It never came.
    Never,
    /// It is not about a time.
    Wrong,
}

impl Kind {
    /// In names of files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Never => "never",
            Self::Wrong => "wrong",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Its key.
    pub check: String,
    /// What kind of failure.
    pub kind: Kind,
    /// What was seen, in a sentence.
    pub why: String,
    /// How many clients failed.
    pub clients: Vec<String>,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    /// The language has something against it.
    Refused(String),
    /// Somebody interrupted it.
    Interrupted,
    /// The harness itself failed.
    Broken(String),
    /// It ran.
    Ran(Box<Outcome>),
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Every check that failed, if the client is the cause.
    pub failures: Vec<Failure>,
    /// What came about.
    pub coverage: Coverage,
    /// How far it went.
    pub watermarks: Watermarks,
    /// Recoveries: whose connection of which number.
    pub recoveries: Vec<(String, u64)>,
}

impl Outcome {
    /// Whether this check failed in this way.
    pub fn has(&self, check: &str, kind: Kind) -> bool {
        let mut failures = self.failures.iter();
        failures.any(|failure| failure.check == check && failure.kind == kind)
    }
}

/// How cases are run.
#[derive(Debug, Clone)]
pub struct Runner {
    /// Who is under test.
    pub subject: Subject,
    /// Flaws of simulated clients.
    pub flaws: BTreeSet<Flaw>,
    /// Where runs on real sockets leave their records.
    pub out: PathBuf,
}

impl Runner {
    /// Runs and judges a schedule in virtual time.
    pub fn run(&self, schedule: &Schedule, interrupt: &CancellationToken) -> Case {
        match schedule.scenario() {
            Ok(scenario) => self.run_scenario(&scenario, Seed(schedule.seed), interrupt),
            Err(why) => Case::Refused(why),
        }
    }

    /// Runs and judges a scenario in virtual time.
    pub fn run_scenario(
        &self,
        scenario: &Scenario,
        seed: Seed,
        interrupt: &CancellationToken,
    ) -> Case {
        let settings = self.settings(scenario, seed, Time::Virtual);
        let trace = simulate(scenario, &settings, &Observer::none(), interrupt);
        if interrupt.is_cancelled() {
            return Case::Interrupted;
        }
        match trace.problem {
            Some(problem) => Case::Broken(problem.to_string()),
            None => judged(scenario, &trace.header, &trace.entries),
        }
    }

    /// Runs and judges a schedule on real sockets.
    pub async fn run_real(&self, schedule: &Schedule, interrupt: CancellationToken) -> Case {
        let scenario = match schedule.scenario() {
            Ok(scenario) => scenario,
            Err(why) => return Case::Refused(why),
        };
        self.run_scenario_real(&scenario, Seed(schedule.seed), interrupt)
            .await
    }

    /// Runs and judges a scenario on real sockets.
    pub async fn run_scenario_real(
        &self,
        scenario: &Scenario,
        seed: Seed,
        interrupt: CancellationToken,
    ) -> Case {
        let settings = self.settings(scenario, seed, Time::Real);
        let run = runner::run(scenario, &settings, Observer::none(), interrupt.clone());
        let record = Box::pin(run).await;
        if interrupt.is_cancelled() {
            return Case::Interrupted;
        }
        match record.problem {
            Some(problem) => Case::Broken(problem.to_string()),
            None => judged(scenario, &record.header, &record.entries),
        }
    }

    fn settings(&self, scenario: &Scenario, seed: Seed, time: Time) -> Settings {
        Settings {
            subject: self.subject.clone(),
            time,
            must_repeat: false,
            seed,
            flaws: self.flaws.clone(),
            is_wire: false,
            tls: Default::default(),
            folder: Folder::new(&self.out, &scenario.id, self.subject.name(), seed),
        }
    }
}

fn judged(scenario: &Scenario, header: &Header, entries: &[Entry]) -> Case {
    let evidence = Evidence::new(scenario, header, entries);
    let judgement = judge_evidence(&evidence, header);
    let failures = match judgement.verdict {
        Verdict::Failed => judgement.checks.iter().filter_map(failure).collect(),
        _ => Vec::new(),
    };
    let coverage = Coverage::of(entries, &evidence);
    let back = evidence.outages.iter().filter_map(|outage| {
        let data = outage.data?;
        let mut own = evidence.observed.connections.of(&outage.client);
        let connection = own.find(|one| {
            one.live(evidence.observed.last)
                .is_some_and(|(from, until)| from <= data && data <= until)
        })?;
        Some((outage.client.to_string(), connection.attempt))
    });
    Case::Ran(Box::new(Outcome {
        verdict: judgement.verdict,
        failures,
        watermarks: Watermarks::of(entries, &evidence),
        recoveries: back.collect(),
        coverage,
    }))
}

fn failure(check: &CheckResult) -> Option<Failure> {
    (check.result == Finding::Failed).then(|| Failure {
        check: check.name.clone(),
        kind: match check.excess {
            Some(Excess::Late(_)) => Kind::Late,
            Some(Excess::Never(_)) => Kind::Never,
            None => Kind::Wrong,
        },
        why: check.why.clone(),
        clients: check.clients.clone(),
    })
}

impl Runner {
    /// What real sockets say of a scenario: a run that the machine has spoiled is
    /// tried again.
    pub(super) async fn said_by_sockets(
        &self,
        scenario: &Scenario,
        seed: Seed,
        interrupt: CancellationToken,
    ) -> Case {
        /// Then it is too busy.
        const TRIES: u32 = 3;
        let mut case = Case::Interrupted;
        for _ in 0..TRIES {
            case = self
                .run_scenario_real(scenario, seed, interrupt.clone())
                .await;
            match &case {
                Case::Ran(outcome) if outcome.verdict == Verdict::Inconclusive => {}
                _ => break,
            }
        }
        case
    }

    /// Runs a scenario once more, for people to look at.
    pub async fn shown(
        &self,
        scenario: Scenario,
        time: Time,
        repeat: String,
    ) -> Option<crate::collect::Judged> {
        let seed = scenario.seed.unwrap_or(Seed(1));
        let settings = self.settings(&scenario, seed, time);
        let never = CancellationToken::new();
        let run = runner::run(&scenario, &settings, Observer::none(), never);
        let record = Box::pin(run).await;
        record.problem.is_none().then(|| {
            let (header, entries) = (&record.header, &record.entries);
            crate::collect::Judged::new(&scenario, header, entries, None, repeat)
        })
    }
}
