//! From checks and firings to one verdict with its reasons.

use environment::Direction;
use serde::{Deserialize, Serialize};

use super::applicable::{objections, unjudged, was_withheld};
use super::firing::{Firing, LATE_TOLERANCE, firings};
use super::note::{Note, notes};
use super::reason::Reason;
use super::situation::{SituationResult, excluded, not_come_about, situations};
use crate::checks::{CheckResult, Evidence, Excess, Finding, check};
use crate::definitions::{BrokenOff, Contradiction, Marks};
use crate::journal::{Entry, Header};
use crate::language::{Expectation, Scenario};

/// What a run says about its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They did what they should.
    Passed,
    /// They did not.
    Failed,
    /// Nothing: it is not about such clients.
    NotApplicable,
    /// Nothing.
    Inconclusive,
}

impl Verdict {
    /// Every one, the worst first: as with exit codes, failed is worse than
    /// inconclusive.
    pub const WORST_FIRST: [Self; 4] = [
        Self::Failed,
        Self::Inconclusive,
        Self::NotApplicable,
        Self::Passed,
    ];

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            other => other.key(),
        }
    }

    /// The word of files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotApplicable => "not_applicable",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Whether the run wants to be looked at and had again.
    pub fn is_wanting(self) -> bool {
        matches!(self, Self::Failed | Self::Inconclusive)
    }
}

/// A verdict with all that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive or not applicable; empty otherwise.
    pub reasons: Vec<Reason>,
    /// What is to be known beside it.
    pub notes: Vec<Note>,
    /// Every check, in the order of the file's expectations.
    pub checks: Vec<CheckResult>,
    /// Every rule.
    pub firings: Vec<Firing>,
    /// Whether each client came into the situation of the case.
    pub situation: Vec<SituationResult>,
    /// In what the witnesses contradict each other, whether or not a check hangs on it.
    pub contradictions: Vec<Contradiction>,
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
    let situation = situations(evidence);
    let (verdict, reasons) = verdict(evidence, header, &checks, &firings, &situation);
    Judgement {
        verdict,
        reasons,
        notes: notes(evidence),
        checks,
        firings,
        situation,
        contradictions: evidence.contradictions.clone(),
    }
}

/// The first that is so of failed, not applicable, inconclusive and passed.
fn verdict(
    evidence: &Evidence<'_>,
    header: &Header,
    checks: &[CheckResult],
    firings: &[Firing],
    situation: &[SituationResult],
) -> (Verdict, Vec<Reason>) {
    let contradicted = contradicted(evidence);
    if contradicted.is_empty() && has_failed(evidence, checks, firings) {
        return (Verdict::Failed, Vec::new());
    }
    let objections = objections(evidence, header, checks);
    if !objections.is_empty() {
        return (Verdict::NotApplicable, objections);
    }
    if let Some(cause) = never_began(&evidence.observed.marks) {
        return (Verdict::Inconclusive, vec![cause]);
    }
    let mut reasons = reasons(evidence, header, checks, firings, situation);
    reasons.splice(0..0, contradicted);
    let exclusions = excluded(evidence, situation);
    if !exclusions.is_empty() && reasons.iter().all(Reason::is_of_situation) {
        return (Verdict::NotApplicable, exclusions);
    }
    match reasons[..] {
        [] => (Verdict::Passed, reasons),
        _ => (Verdict::Inconclusive, reasons),
    }
}

/// In what the witnesses contradict each other, as far as an expected check hangs on
/// it.
fn contradicted(evidence: &Evidence<'_>) -> Vec<Reason> {
    let contradictions = evidence.contradictions.iter();
    let told = contradictions.filter(|contradiction| matters(evidence, contradiction));
    told.cloned().map(Reason::Contradiction).collect()
}

/// Whether an expected check hangs on it.
pub(super) fn matters(evidence: &Evidence<'_>, contradiction: &Contradiction) -> bool {
    let facts = contradiction.facts();
    let mut expected = evidence.scenario.expect.iter();
    expected.any(|e| e.check.facts.iter().any(|fact| facts.contains(fact)))
}

/// Whether a check failed by the doing of a client.
fn has_failed(evidence: &Evidence<'_>, checks: &[CheckResult], firings: &[Firing]) -> bool {
    let marks = &evidence.observed.marks;
    let has_exceeded = matches!(marks.broken_off, Some(BrokenOff::Exceeded { .. }));
    let is_complete = marks.t_zero.is_some() && (marks.ended.is_some() || has_exceeded);
    // Otherwise a failure may be the harness's own.
    let is_sound = is_complete
        && marks.server_kill.is_none()
        && evidence.observed.connections.upstream_failure().is_none();
    // Of a run that a client's dials have ended only they can be judged.
    let is_meant = |expected: &Expectation| !has_exceeded || expected.check.counts_dials;
    let meant = evidence.scenario.expect.iter().zip(checks);
    let mut meant = meant.filter(|(expected, _)| is_meant(expected));
    is_sound && meant.any(|(_, check)| is_blamed(check, firings) && !is_explained(check, evidence))
}

/// Whether a check failed and every fault that it hangs on fired in time.
fn is_blamed(check: &CheckResult, firings: &[Firing]) -> bool {
    check.result == Finding::Failed
        && firings
            .iter()
            .filter(|firing| check.hangs_on.contains(&firing.rule))
            .all(Firing::is_in_time)
}

/// Who waits for so much of the time, as a part of the whole, may be late.
const ENOUGH_TO_BE_LATE: f64 = 0.1;

/// Whether a starved machine explains the failure: it let the harness, and so
/// the clients, wait for longer than a fault may be late; or it withheld, in
/// all, as much time as a limit was passed by, or of what came late a tenth of
/// the whole. Of what never came only the second is an explanation: who was once
/// kept waiting, and then had all the time that it needed, has no excuse.
fn is_explained(check: &CheckResult, evidence: &Evidence<'_>) -> bool {
    let marks = &evidence.observed.marks;
    let longest = marks.longest_hold_up().map(|(_, late)| late);
    let was_held_up = longest.is_some_and(|late| late > LATE_TOLERANCE);
    match check.excess {
        Some(Excess::Never(excess)) => excess <= marks.withheld(),
        Some(Excess::Late(excess)) => {
            was_held_up
                || evidence.withheld_beyond(ENOUGH_TO_BE_LATE).is_some()
                || excess <= marks.withheld()
        }
        None => was_held_up,
    }
}

/// Everything for which the run says nothing.
fn reasons(
    evidence: &Evidence<'_>,
    header: &Header,
    checks: &[CheckResult],
    firings: &[Firing],
    situation: &[SituationResult],
) -> Vec<Reason> {
    let marks = &evidence.observed.marks;
    let mut reasons: Vec<Reason> = cut_short(marks).into_iter().collect();
    let is_whole = reasons.is_empty();
    let had_no_effect = had_no_effect(evidence, firings);
    if is_idle_control(evidence, header, firings) {
        // As it should be: what follows from that goes without saying.
        reasons.push(Reason::Control);
        return reasons;
    }
    let failure = evidence.observed.connections.upstream_failure();
    reasons.extend(failure.map(|error| Reason::NoServer(error.to_owned())));
    reasons.extend(departures(evidence));
    reasons.extend(killed(marks));
    reasons.extend(old_journal(evidence, header));
    reasons.extend(of_rules(firings));
    reasons.extend(held_up(evidence, checks, firings));
    reasons.extend(had_no_effect.then_some(Reason::NoEffect));
    reasons.extend(not_come_about(situation).filter(|_| is_whole));
    reasons.extend(of_checks(evidence.scenario, checks));
    reasons
}

fn had_no_effect(evidence: &Evidence<'_>, firings: &[Firing]) -> bool {
    !evidence.scenario.is_undisturbed() && firings.iter().all(|firing| firing.strikes == 0)
}

/// Whether it is a control in which, as it should be, nothing was done.
fn is_idle_control(evidence: &Evidence<'_>, header: &Header, firings: &[Firing]) -> bool {
    header.is_wire() && had_no_effect(evidence, firings)
}

/// The harness could not begin: whatever else there is follows from that.
fn never_began(marks: &Marks) -> Option<Reason> {
    match &marks.broken_off {
        Some(BrokenOff::Failed(cause)) if marks.t_zero.is_none() => {
            Some(Reason::NotBegun(cause.clone()))
        }
        _ => None,
    }
}

/// Why the run did not go to its end.
fn cut_short(marks: &Marks) -> Option<Reason> {
    match &marks.broken_off {
        Some(BrokenOff::Interrupted) => Some(Reason::Interrupted),
        Some(BrokenOff::Exceeded {
            client,
            bound,
            most,
        }) => Some(Reason::Exceeded {
            client: client.clone(),
            bound: *bound,
            most: *most,
        }),
        Some(BrokenOff::Failed(reason)) => Some(Reason::Told(reason.clone())),
        None if marks.ended.is_none() => Some(Reason::Unfinished),
        None => marks.t_zero.is_none().then_some(Reason::NeverBegan),
    }
}

/// What clients saw of a server that the harness had to kill is no goodbye of
/// the server's.
fn killed(marks: &Marks) -> Option<Reason> {
    marks.server_kill.as_ref().map(|kill| Reason::ServerKilled {
        event: kill.event.clone(),
        after: kill.after,
    })
}

/// A rule that keeps or destroys bytes struck, and the journal is too old to tell
/// which.
fn old_journal(evidence: &Evidence<'_>, header: &Header) -> Option<Reason> {
    let strikes = evidence.observed.connections.strikes();
    let ways = [Direction::Upstream, Direction::Downstream];
    let mut rules = evidence.plan.rules().iter().filter(|rule| {
        let takes = |way: &Direction| rule.fault.withholds(*way) || rule.fault.destroys(*way);
        let has_struck = || strikes.iter().any(|strike| strike.rule == rule.name);
        ways.iter().any(takes) && has_struck()
    });
    let rule = rules.next().filter(|_| !header.tells_losses())?;
    Some(Reason::OldJournal {
        rule: rule.name.clone(),
    })
}

/// The machine withheld what a failure or a pass would have needed, or for so long
/// that a rule may have missed what it was to strike.
fn held_up(evidence: &Evidence<'_>, checks: &[CheckResult], firings: &[Firing]) -> Option<Reason> {
    let marks = &evidence.observed.marks;
    let mut failed = checks.iter().filter(|c| c.result == Finding::Failed);
    let is_the_reason = failed.any(|check| is_explained(check, evidence))
        || was_withheld(evidence.scenario, checks);
    let has_missed = firings.iter().any(|firing| firing.missing.is_some());
    let longest = marks
        .longest_hold_up()
        .filter(|(_, longest)| is_the_reason || has_missed && *longest > LATE_TOLERANCE);
    longest.map(|(at, longest)| Reason::HeldUp {
        at: marks.since_zero(at),
        longest,
        in_all: marks.withheld(),
    })
}

/// What rules did not do, or not in time.
fn of_rules(firings: &[Firing]) -> impl Iterator<Item = Reason> {
    let missing = firings.iter().filter_map(|firing| firing.missing.clone());
    let late = firings.iter().filter(|firing| firing.is_late());
    let late = late.map(|firing| Reason::Late {
        rule: firing.rule.clone(),
        by: firing.lateness,
    });
    missing.map(Reason::Missing).chain(late)
}

/// Why what the checks came to says nothing.
fn of_checks(scenario: &Scenario, checks: &[CheckResult]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let failed = checks.iter().filter(|c| c.result == Finding::Failed);
    if checks.iter().any(|check| check.result == Finding::Ok) {
        reasons.extend(unjudged(scenario, checks));
    } else {
        reasons.push(Reason::NothingHeld);
    }
    // Reached only if no client has failed: then a failure hangs on a rule that
    // did not fire in time, and that is told above, or on a run cut short.
    reasons.extend(failed.map(|check| Reason::NotBlamed {
        check: check.name.clone(),
    }));
    reasons
}

/// Clients whose processes ended by themselves, without having said that they
/// give up and without having been told to stop.
fn departures(evidence: &Evidence<'_>) -> Vec<Reason> {
    let (marks, reports) = (&evidence.observed.marks, &evidence.observed.reports);
    let departures = marks.departures.iter();
    let strange = departures.filter(|departure| {
        let client = &departure.client;
        let was_told = marks.told(client, "stop").any(|told| told <= departure.at);
        !was_told && reports.gave_up(client).is_none()
    });
    strange
        .map(|departure| Reason::ProcessEnded {
            client: departure.client.clone(),
            at: marks.since_zero(departure.at),
            how: departure.how.clone(),
        })
        .collect()
}
