//! Results for tests: one of each verdict.

use crate::checks::{CheckResult, Finding, Measure};
use crate::results::{Results, ScenarioResult};
use crate::subjects::Ability;
use crate::verdict::{Note, Reason, Verdict};

pub(crate) fn check(name: &str, result: Finding, why: &str) -> CheckResult {
    CheckResult {
        name: name.into(),
        result,
        limit: Measure::Count(1),
        observed: Measure::Count(2),
        why: why.into(),
        clients: Vec::new(),
        hangs_on: [].into(),
        excess: None,
        unseen: None,
    }
}

pub(crate) fn scenario(id: &str, verdict: Verdict) -> ScenarioResult {
    ScenarioResult {
        id: id.into(),
        case: id.into(),
        title: format!("The title of {id}"),
        client: "sim".into(),
        time: "real".into(),
        seed: 1,
        verdict,
        reasons: Vec::new(),
        notes: Vec::new(),
        checks: vec![check("lost", Finding::Ok, "no tick was lost")],
        rules: Vec::new(),
        situation: Vec::new(),
        contradictions: Vec::new(),
        flaws: Vec::new(),
        control: None,
        retried: 0,
        repeat: format!("chaos run {id}.toml --seed 1"),
    }
}

/// R01 passed, R23-reset failed, R31 says nothing.
pub(crate) fn results() -> Results {
    let mut failed = scenario("R23-reset", Verdict::Failed);
    let why = "c1 had 2 live connections at 1s; expected at most 1";
    failed.checks.push(check("max_live", Finding::Failed, why));
    failed.flaws.push("leaks_old_socket".into());
    let mut blind = scenario("R31", Verdict::Inconclusive);
    blind.reasons.push("no fault had any effect".into());
    let why = "the server reported no socket";
    blind.checks = vec![check("no_leak", Finding::NotObservable, why)];
    Results::new(vec![scenario("R01", Verdict::Passed), failed, blind])
}

/// Why [`not_applicable`] is.
pub(crate) const CANNOT_PAUSE: &str =
    "the scenario needs clients that can `pause`, which this client cannot";

/// A result that is not applicable.
pub(crate) fn not_applicable(id: &str) -> ScenarioResult {
    let mut result = scenario(id, Verdict::NotApplicable);
    result.reasons = vec![Reason::MissingAbility(Ability::Pause)];
    result.checks = vec![check("state_equal", Finding::NotObservable, CANNOT_PAUSE)];
    result
}

/// Text as somebody who means no good would have it.
pub(crate) const HOSTILE: &str = concat!(
    "<script>alert('1')</script>\"]]>&amp; | ` **x** [a](javascript:b) </table>\n\n",
    "# h\u{0}\u{1b}[31m\u{9b}\u{202e}\u{2066}\u{200b}\u{ffff}\u{fffe}"
);

/// A result of which every text is hostile.
pub(crate) fn hostile() -> ScenarioResult {
    let text = || HOSTILE.to_owned();
    ScenarioResult {
        title: text(),
        client: text(),
        reasons: vec![text().into()],
        notes: vec![Note::Told(text())],
        checks: vec![check(HOSTILE, Finding::Failed, HOSTILE)],
        flaws: vec![text()],
        control: Some(text()),
        repeat: text(),
        ..scenario("R99", Verdict::Failed)
    }
}
