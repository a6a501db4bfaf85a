//! `results.json`: what a run of `chaos run` came to, for machines.

#[cfg(any(test, feature = "testing"))]
pub mod sample;
mod seeds;
mod statistics;

pub use seeds::{Seeds, SeedsError};
pub use statistics::{Collection, Spread, Statistics};

use serde::{Deserialize, Serialize};

use crate::checks::CheckResult;
use crate::journal::Header;
use crate::language::Scenario;
use crate::plain;
use crate::verdict::{Firing, Judgement, LATE_TOLERANCE, Note, Reason, SituationResult, Verdict};

/// The longest sentence, in characters: many times what any has that a program
/// did not fill.
const LONGEST_SENTENCE: usize = 10_000;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Always [`Results::VERSION`].
    pub version: u32,
    /// How many scenarios passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many are about other clients than these.
    pub not_applicable: usize,
    /// How many say nothing, those that were not begun included.
    pub inconclusive: usize,
    /// How many were not begun, for somebody interrupted the whole; they are not
    /// among `scenarios`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub not_begun: usize,
    /// How many were run again, for the machine had spoiled them.
    #[serde(default)]
    pub retried: usize,
    /// Later than this a fault counts as not fired in time.
    pub late_tolerance_ms: u64,
    /// Each of them with each client under test and each seed, in the order given.
    pub scenarios: Vec<ScenarioResult>,
    /// Of each scenario with each client under test, over its seeds; not there if every
    /// one had only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<Statistics>,
}

/// One scenario's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// The scenario's id.
    pub id: String,
    /// The case that it covers.
    pub case: String,
    /// Its title.
    pub title: String,
    /// The client under test.
    pub client: String,
    /// `real` or `virtual`.
    pub time: String,
    /// The seed.
    pub seed: u64,
    /// What it came to.
    pub verdict: Verdict,
    /// Why it is inconclusive or not applicable; empty otherwise.
    pub reasons: Vec<Reason>,
    /// What is to be known beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Every check.
    pub checks: Vec<CheckResult>,
    /// What became of every rule.
    pub rules: Vec<RuleResult>,
    /// Whether each client came into the situation of the case; of a case that names
    /// one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub situation: Vec<SituationResult>,
    /// In what proxy, server and clients contradict each other, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<String>,
    /// The flaws that the clients wore.
    pub flaws: Vec<String>,
    /// `wire` for a control without any fault.
    pub control: Option<String>,
    /// How often it was run again, for the machine had spoiled it.
    #[serde(default, skip_serializing_if = "is_never")]
    pub retried: u32,
    /// The command that repeats it.
    pub repeat: String,
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// Its name.
    pub name: String,
    /// On how many connections and listeners it took effect.
    pub strikes: usize,
    /// The latest of them, after it was due.
    pub late_us: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_never(count: &u32) -> bool {
    *count == 0
}

impl Results {
    /// The version that this program writes.
    pub const VERSION: u32 = 2;

    /// Counts the verdicts; without statistics.
    pub fn new(scenarios: Vec<ScenarioResult>) -> Self {
        let count = |verdict| scenarios.iter().filter(|s| s.verdict == verdict).count();
        Self {
            version: Self::VERSION,
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            not_applicable: count(Verdict::NotApplicable),
            inconclusive: count(Verdict::Inconclusive),
            not_begun: 0,
            retried: scenarios.iter().filter(|s| s.retried > 0).count(),
            late_tolerance_ms: u64::try_from(LATE_TOLERANCE.as_millis()).unwrap_or(u64::MAX),
            scenarios,
            statistics: Vec::new(),
        }
    }

    /// Likewise, with the statistics of what was collected of these.
    pub fn with_statistics(scenarios: Vec<ScenarioResult>, collection: Collection) -> Self {
        let statistics = collection.statistics(&scenarios);
        Self {
            statistics,
            ..Self::new(scenarios)
        }
    }

    /// Counts so many runs more, which were not begun and so say nothing.
    pub fn leave_out(&mut self, runs: usize) {
        self.inconclusive += runs;
        self.not_begun += runs;
    }

    /// Whether any scenario was run with several seeds.
    pub fn has_many_seeds(&self) -> bool {
        !self.statistics.is_empty()
    }

    /// The clients under test, in the order in which they come.
    pub fn clients(&self) -> Vec<&str> {
        let mut clients: Vec<&str> = Vec::new();
        for scenario in &self.scenarios {
            if !clients.contains(&scenario.client.as_str()) {
                clients.push(&scenario.client);
            }
        }
        clients
    }

    /// The runs that were repeated, in order.
    pub fn run_again(&self) -> impl Iterator<Item = &ScenarioResult> {
        self.scenarios.iter().filter(|s| s.retried > 0)
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let text =
            serde_json::to_string_pretty(self).expect("names and numbers always have a JSON form");
        text + "\n"
    }
}

impl ScenarioResult {
    /// Whether it says nothing only because the machine had no time for it: then
    /// another run may say something. In virtual time no machine is too busy.
    pub fn is_spoiled(&self) -> bool {
        self.verdict == Verdict::Inconclusive
            && self.time == "real"
            && Reason::are_the_machines(&self.reasons)
    }

    /// A judgement with what was judged.
    pub fn new(scenario: &Scenario, header: &Header, judgement: Judgement, repeat: String) -> Self {
        // A journal may be anybody's, and what a program told stands in it.
        let told = |text: String| plain::lines(&text, LONGEST_SENTENCE);
        let check = |check: CheckResult| CheckResult {
            why: told(check.why),
            ..check
        };
        Self {
            id: scenario.id.clone(),
            case: scenario.case.clone(),
            title: scenario.title.clone(),
            client: header.client.clone(),
            time: header.time.clone(),
            seed: header.seed,
            verdict: judgement.verdict,
            reasons: judgement
                .reasons
                .into_iter()
                .map(Reason::made_plain)
                .collect(),
            notes: judgement.notes,
            checks: judgement.checks.into_iter().map(check).collect(),
            rules: judgement
                .firings
                .into_iter()
                .map(RuleResult::from)
                .collect(),
            situation: judgement.situation,
            contradictions: judgement
                .contradictions
                .iter()
                .map(|one| told(one.to_string()))
                .collect(),
            flaws: header.flaws.clone(),
            control: header.control.clone(),
            retried: header.retried,
            repeat,
        }
    }
}

impl From<Firing> for RuleResult {
    fn from(firing: Firing) -> Self {
        Self {
            name: firing.rule,
            strikes: firing.strikes,
            late_us: u64::try_from(firing.lateness.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
