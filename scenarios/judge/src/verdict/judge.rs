//! From checks and firings to one verdict with its reasons.

use serde::{Deserialize, Serialize};

use super::firing::{Firing, LATE_TOLERANCE, firings};
use crate::checks::{CheckResult, Evidence, Excess, Finding, check, span};
use crate::definitions::Marks;
use crate::journal::{Entry, Header};
use crate::language::Scenario;

/// What a run says about its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They did what they should.
    Passed,
    /// They did not.
    Failed,
    /// Nothing.
    Inconclusive,
}

impl Verdict {
    /// The word of results and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A verdict with all that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive; empty otherwise.
    pub reasons: Vec<String>,
    /// Every check, in the order of the file's expectations.
    pub checks: Vec<CheckResult>,
    /// Every rule.
    pub firings: Vec<Firing>,
}

/// Judges a run from its scenario and its journal, and from nothing else.
pub fn judge(scenario: &Scenario, header: &Header, entries: &[Entry]) -> Judgement {
    judge_evidence(&Evidence::new(scenario, header, entries), header)
}

/// Judges a run whose journal has been folded already.
pub fn judge_evidence(evidence: &Evidence<'_>, header: &Header) -> Judgement {
    let expected = evidence.scenario.expect.iter();
    let checks: Vec<CheckResult> = expected.map(|e| check(evidence, *e)).collect();
    let firings = firings(evidence);
    let reasons = reasons(evidence, header, &checks, &firings);
    let is_complete = evidence.observed.marks.ended.is_some();
    // Otherwise a failure may be the harness's own.
    let is_sound = is_complete
        && !header.is_wire()
        && evidence.observed.connections.upstream_failure().is_none();
    let marks = &evidence.observed.marks;
    let has_failed = checks
        .iter()
        .any(|check| is_blamed(check, &firings) && !is_explained(check, marks));
    let (verdict, reasons) = if is_sound && has_failed {
        (Verdict::Failed, Vec::new())
    } else if reasons.is_empty() {
        (Verdict::Passed, reasons)
    } else {
        (Verdict::Inconclusive, reasons)
    };
    Judgement {
        verdict,
        reasons,
        checks,
        firings,
    }
}

/// Whether a check failed and every fault that it hangs on fired in time.
fn is_blamed(check: &CheckResult, firings: &[Firing]) -> bool {
    check.result == Finding::Failed
        && firings
            .iter()
            .filter(|firing| check.hangs_on.contains(&firing.rule))
            .all(Firing::is_in_time)
}

/// Whether a starved machine explains the failure: it let the harness, and so
/// the clients, wait for longer than a fault may be late; or it withheld, in
/// all, as much time as a limit was passed by. Of what never came only the
/// second is an explanation: who was once kept waiting, and then had all the
/// time that it needed, has no excuse.
fn is_explained(check: &CheckResult, marks: &Marks) -> bool {
    let longest = marks.longest_hold_up().map(|(_, late)| late);
    let was_held_up = longest.is_some_and(|late| late > LATE_TOLERANCE);
    match check.excess {
        Some(Excess::Never(excess)) => excess <= marks.withheld(),
        Some(Excess::Late(excess)) => was_held_up || excess <= marks.withheld(),
        None => was_held_up,
    }
}

/// Everything for which the run says nothing.
fn reasons(
    evidence: &Evidence<'_>,
    header: &Header,
    checks: &[CheckResult],
    firings: &[Firing],
) -> Vec<String> {
    let mut reasons = Vec::new();
    let marks = &evidence.observed.marks;
    if let Some(reason) = &marks.broken_off {
        reasons.push(reason.clone());
    } else if marks.ended.is_none() {
        reasons.push("the journal ends before the run does".to_owned());
    }
    if header.is_wire() {
        // That no rule had any effect goes without saying.
        reasons.push("a control: every fault was planned and none applied".to_owned());
        return reasons;
    }
    if let Some(error) = evidence.observed.connections.upstream_failure() {
        reasons.push(format!("the proxy could not reach the server: {error}"));
    }
    reasons.extend(departures(evidence));
    if let Some(ability) = evidence.shapeless() {
        let word = ability.word();
        reasons.push(format!(
            "the case is about clients that `{word}` when told to, which this client cannot"
        ));
    }
    reasons.extend(firings.iter().filter_map(|firing| firing.missing.clone()));
    let late = firings.iter().filter(|firing| firing.is_late());
    reasons.extend(late.map(|firing| {
        let (late, most) = (span(firing.lateness), span(LATE_TOLERANCE));
        let rule = &firing.rule;
        format!("`{rule}` was {late} late, more than {most}: the machine was too busy")
    }));
    let failed = || {
        checks
            .iter()
            .filter(|check| check.result == Finding::Failed)
    };
    if failed().any(|check| is_explained(check, marks)) {
        reasons.extend(marks.longest_hold_up().map(|(at, late)| {
            let (at, late) = (span(marks.since_zero(at)), span(late));
            let all = span(marks.withheld());
            format!("the machine let the harness wait, for {late} at {at}, {all} in all: it was too busy")
        }));
    }
    if firings.iter().all(|firing| firing.strikes == 0) {
        reasons.push("no rule had any effect".to_owned());
    }
    if !checks.iter().any(|check| check.result == Finding::Ok) {
        reasons.push("no check could be judged ok".to_owned());
    }
    // Reached only if nothing is blamed: then a failure hangs on a rule that
    // did not fire in time, and that is told above, or on a run cut short.
    for check in failed() {
        reasons.push(format!(
            "`{}` failed, but not by the client's doing",
            check.name
        ));
    }
    reasons
}

/// Clients whose processes ended by themselves, without having said that they
/// give up and without having been told to stop.
fn departures(evidence: &Evidence<'_>) -> Vec<String> {
    let (marks, reports) = (&evidence.observed.marks, &evidence.observed.reports);
    let departures = marks.departures.iter();
    let strange = departures.filter(|departure| {
        let client = &departure.client;
        let was_told = marks.told(client, "stop").any(|told| told <= departure.at);
        !was_told && reports.gave_up(client).is_none()
    });
    strange
        .map(|departure| {
            let at = span(marks.since_zero(departure.at));
            let (client, how) = (&departure.client, &departure.how);
            format!("the process of {client} ended by itself at {at}: {how}")
        })
        .collect()
}
