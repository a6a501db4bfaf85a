//! What a client under test or a server does not show, and so cannot be judged of it.
//!
//! The simulated client and the ticker show everything; somebody else's say
//! beforehand what they can do and what they tell. Invariant: no client is failed,
//! or praised, for what nobody could see.

use super::check::{Check, DialsSeen, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::Limit;
use super::measure::span;
use super::result::{Finding, Unseen};
use crate::language::Expectation;
use crate::verdict::Reason;

/// Why this cannot be judged, whatever has happened: whose doing that is, and a
/// sentence.
pub fn blindness(evidence: &Evidence<'_>, check: &Check) -> Option<(Unseen, String)> {
    if let Some(ability) = evidence.missing_ability() {
        let why = Reason::MissingAbility(ability).to_string();
        return Some((Unseen::Client, why));
    }
    if let Some(contradiction) = evidence.contradicted(check.facts) {
        return Some((Unseen::Witnesses, contradiction.to_string()));
    }
    let needs = (check.needs)(evidence);
    let of_server = of_server(evidence, &needs).map(|why| (Unseen::Server, why));
    of_server.or_else(|| of_client(evidence, &needs).map(|why| (Unseen::Client, why)))
}

fn of_server(evidence: &Evidence<'_>, needs: &Needs) -> Option<String> {
    let what = needs.of_server?;
    let is_own = evidence.scenario.own_server.is_some();
    is_own.then(|| format!("your own server does not report {what}"))
}

fn of_client(evidence: &Evidence<'_>, needs: &Needs) -> Option<String> {
    if needs.freshness && !evidence.is_sim() {
        return Some("this client does not report whether what it shows is live".to_owned());
    }
    if needs.numbers && !evidence.is_sim() {
        return Some("this client does not tell what it sends under which number".to_owned());
    }
    if needs.dials == DialsSeen::All && evidence.has_unseen_dials() {
        return Some(UNSEEN.to_owned());
    }
    let mut abilities = needs.abilities.iter();
    if let Some(ability) = abilities.find(|ability| !evidence.can(**ability)) {
        return Some(format!("this client cannot `{}`", ability.word()));
    }
    let mut reports = needs.reports.iter();
    let silence = reports.find(|report| !evidence.tells(**report))?;
    Some(format!("this client does not report `{}`", silence.word()))
}

const UNSEEN: &str =
    "dials that found no listener are not visible: this client does not report `dial`";

/// Who has so much less time, as a part of the whole, dials visibly less.
const ENOUGH_TO_DO_LESS: f64 = 0.25;

/// Takes back what was found to hold of dials, some of which nobody saw, or for
/// which the machine left the clients no time: who does too much does less then.
pub(super) fn tempered(evidence: &Evidence<'_>, check: &Check, found: Found) -> Found {
    if found.result != Finding::Ok {
        return found;
    }
    if (check.needs)(evidence).dials == DialsSeen::AllToHold && evidence.has_unseen_dials() {
        return Found::unseen(Unseen::Client, UNSEEN);
    }
    if let Some(withheld) = evidence
        .withheld_beyond(ENOUGH_TO_DO_LESS)
        .filter(|_| check.counts_dials)
    {
        let why = format!(
            "{}, but the machine withheld {}, so that proves nothing",
            found.why,
            span(withheld)
        );
        return Found::unseen(Unseen::Machine, why);
    }
    found
}

/// The expectation with as much time as this client says that it needs.
pub fn stretched(evidence: &Evidence<'_>, expected: Expectation) -> Expectation {
    let limit = match expected.limit {
        Limit::Within(time) => {
            let asked = (expected.check.asked)(evidence).unwrap_or_default();
            Limit::Within(time.max(asked))
        }
        other => other,
    };
    Expectation { limit, ..expected }
}

/// Says so, where the time is not the file's.
pub(super) fn with_stretch(why: String, expected: Expectation, judged: Expectation) -> String {
    match (expected.within(), judged.within()) {
        (Some(file), Some(client)) if file != client => format!(
            "{why}; the file says {}, and this client asks for {}",
            span(file),
            span(client)
        ),
        _ => why,
    }
}
