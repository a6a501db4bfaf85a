//! Results for tests.

use std::time::Duration;

use crate::checks::{CheckResult, Finding, Measure, Unseen};
use crate::definitions::Times;
use crate::results::{Collection, Results, ScenarioResult};
use crate::subject::Ability;
use crate::verdict::{Reason, Verdict};

/// One run with one check.
pub fn run(id: &str, client: &str, seed: u64, verdict: Verdict) -> ScenarioResult {
    let (result, unseen, why) = match verdict {
        Verdict::Passed => (Finding::Ok, None, "no tick was lost"),
        Verdict::Failed => (Finding::Failed, None, "c1 lost 2 ticks; expected none"),
        Verdict::NotApplicable => (
            Finding::NotObservable,
            Some(Unseen::Client),
            "this client cannot `resume`",
        ),
        Verdict::Inconclusive => (
            Finding::NotObservable,
            Some(Unseen::Nothing),
            "the server reported no tick",
        ),
    };
    let check = CheckResult {
        name: "lost".into(),
        result,
        limit: Measure::Count(0),
        observed: Measure::Count(2),
        why: why.into(),
        clients: Vec::new(),
        hangs_on: [].into(),
        excess: None,
        unseen,
    };
    ScenarioResult {
        id: id.into(),
        case: id.into(),
        title: format!("The title of {id}"),
        client: client.into(),
        time: "real".into(),
        seed,
        verdict,
        reasons: match verdict {
            Verdict::Inconclusive => vec![Reason::NoEffect],
            Verdict::NotApplicable => vec![Reason::MissingAbility(Ability::Resume)],
            Verdict::Passed | Verdict::Failed => Vec::new(),
        },
        notes: Vec::new(),
        checks: vec![check],
        rules: Vec::new(),
        situation: Vec::new(),
        contradictions: Vec::new(),
        flaws: Vec::new(),
        control: None,
        retried: 0,
        repeat: format!("chaos run {id}.toml --client {client} --seed {seed}"),
    }
}

/// A client that took as many milliseconds to notice as the run's seed is, and
/// ten times as many to recover.
pub fn times(run: &ScenarioResult) -> Times {
    Times {
        detect: vec![Duration::from_millis(run.seed)],
        recover: vec![Duration::from_millis(run.seed * 10)],
    }
}

/// Of these runs.
pub fn results(runs: Vec<ScenarioResult>) -> Results {
    let mut collection = Collection::default();
    runs.iter().for_each(|run| collection.add(run, &times(run)));
    Results::with_statistics(runs, collection)
}
