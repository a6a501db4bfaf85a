//! What a subject or a server does not show, and so cannot be judged of it.
//!
//! The simulated client and the ticker show everything; somebody else's say
//! beforehand what they can do and what they tell. Invariant: nobody is blamed,
//! or praised, for what nobody could see.

use std::time::Duration;

use super::evidence::{Evidence, Seen};
use super::measure::span;
use super::result::{CheckResult, Finding};
use crate::language::Expectation;
use crate::subject::{Ability, Report};

/// Why this cannot be judged, whatever has happened.
pub fn blindness(evidence: &Evidence<'_>, expected: Expectation) -> Option<String> {
    if let Some(ability) = evidence.shapeless() {
        let word = ability.word();
        return Some(format!(
            "the case is about clients that `{word}` when told to, which this client cannot"
        ));
    }
    of_server(evidence, expected).or_else(|| of_client(evidence, expected))
}

fn of_server(evidence: &Evidence<'_>, expected: Expectation) -> Option<String> {
    let what = match expected {
        Expectation::Lost(_) => "the ticks that it makes",
        Expectation::StateEqual => "its sessions",
        Expectation::NoLeak => "its sockets",
        _ => return None,
    };
    let is_own = evidence.scenario.own_server.is_some();
    is_own.then(|| format!("a server that is not the ticker does not tell of {what}"))
}

fn of_client(evidence: &Evidence<'_>, expected: Expectation) -> Option<String> {
    use Expectation as E;
    let (abilities, reports): (&[Ability], &[Report]) = match expected {
        E::Lost(_) => (&[Ability::Resume], &[Report::Seq]),
        // Whose number comes twice is for those to see who go by numbers.
        E::Duplicated(_) | E::Reordered(_) if evidence.requires(Ability::Resume) => {
            (&[Ability::Resume], &[Report::Seq])
        }
        E::Duplicated(_) | E::Reordered(_) => (&[], &[Report::Seq]),
        E::StateEqual => (&[Ability::Pause], &[Report::Seq]),
        E::QuietAfterStop => (&[Ability::Stop], &[]),
        E::CloseCode(_) => (&[], &[Report::Dial, Report::Open, Report::Close]),
        E::StaleFlaggedWithin(_) if !evidence.is_sim() => {
            return Some("this client does not tell whether what it shows is live".to_owned());
        }
        E::DialGapsGrow | E::PeakDials(_) | E::FirstDelaySpread(_) | E::MinDialGap(_) => {
            return evidence.has_unseen_dials().then(|| UNSEEN.to_owned());
        }
        _ => return None,
    };
    let inability = abilities.iter().find(|ability| !evidence.can(**ability));
    let silence = reports.iter().find(|report| !evidence.tells(**report));
    match (inability, silence) {
        (Some(ability), _) => Some(format!("this client cannot `{}`", ability.word())),
        (None, Some(report)) => Some(format!("this client does not report `{}`", report.word())),
        (None, None) => None,
    }
}

const UNSEEN: &str =
    "dials that found no listener are seen by nobody, for this client does not report `dial`";

/// Takes back what was found to hold of dials, some of which nobody saw.
pub(super) fn tempered(
    evidence: &Evidence<'_>,
    expected: Expectation,
    found: CheckResult,
) -> CheckResult {
    match (expected, found.result) {
        (Expectation::MaxDials(_), Finding::Ok) if evidence.has_unseen_dials() => {
            evidence.overall(expected, Seen::nothing(UNSEEN))
        }
        _ => found,
    }
}

/// The expectation with as much time as this subject says that it needs.
pub fn stretched(evidence: &Evidence<'_>, expected: Expectation) -> Expectation {
    let subject = evidence.subject.as_ref();
    let longer = |limit: Duration, own: Option<Duration>| limit.max(own.unwrap_or_default());
    match expected {
        Expectation::RecoverWithin(limit) => {
            let own = subject.and_then(|s| evidence.scenario.time_to_be_back(s));
            Expectation::RecoverWithin(longer(limit, own))
        }
        Expectation::DetectWithin(limit) => {
            Expectation::DetectWithin(longer(limit, subject.and_then(|s| s.liveness())))
        }
        other => other,
    }
}

/// Says so, where the time is not the file's.
pub(super) fn told_of_stretch(
    result: CheckResult,
    expected: Expectation,
    judged: Expectation,
) -> CheckResult {
    match (expected.within(), judged.within()) {
        (Some(of_file), Some(of_client)) if of_file != of_client => CheckResult {
            why: format!(
                "{}; the file says {}, and this client asks for {}",
                result.why,
                span(of_file),
                span(of_client)
            ),
            ..result
        },
        _ => result,
    }
}
