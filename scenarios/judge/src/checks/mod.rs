//! The checks: pure functions of what was observed.
//!
//! A check that had nothing to judge is not OK: it is not measured, and says
//! why. Invariant: every check names the rules that it hangs on, so that a
//! failure is not counted against the client when the fault itself went wrong.

mod at_once;
mod availability;
mod check;
mod close_code;
mod deadlines;
mod detect_within;
mod dial_gaps_grow;
mod evidence;
mod first_delay_spread;
mod found;
mod limit;
mod max_dials;
mod max_live;
mod max_open;
mod measure;
mod min_dial_gap;
mod no_bad_certificate;
mod no_leak;
mod observability;
#[cfg(test)]
mod observability_tests;
mod peak_dials;
mod quiet_after_stop;
mod recover_within;
mod result;
#[cfg(test)]
mod return_tests;
mod sending;
#[cfg(test)]
mod sending_tests;
mod sequence;
mod stale_flagged_within;
mod state_equal;
#[cfg(test)]
mod tests;

pub use check::Check;
pub use dial_gaps_grow::runs_of;
pub use evidence::Evidence;
pub use limit::{DialBudget, DialPeak, Limit};
pub use measure::{Measure, span};
pub use observability::{blindness, stretched};
pub use result::{CheckResult, Excess, Finding, Unseen};

use crate::language::Expectation;
use found::Found;

/// Every check, in the order in which they are read, judged and shown.
pub const ALL: [&Check; 24] = [
    &recover_within::CHECK,
    &detect_within::CHECK,
    &max_live::CHECK,
    &max_open::CHECK,
    &max_dials::CHECK,
    &min_dial_gap::CHECK,
    &dial_gaps_grow::CHECK,
    &peak_dials::CHECK,
    &first_delay_spread::CHECK,
    &availability::CHECK,
    &sequence::LOST,
    &sequence::DUPLICATED,
    &sequence::REORDERED,
    &sending::QUEUE,
    &sending::LOST,
    &sending::DUPLICATED,
    &sending::REORDERED,
    &sending::EARLY,
    &state_equal::CHECK,
    &quiet_after_stop::CHECK,
    &no_leak::CHECK,
    &stale_flagged_within::CHECK,
    &close_code::CHECK,
    &no_bad_certificate::CHECK,
];

/// Of how soon clients are back.
pub const RECOVER_WITHIN: &Check = &recover_within::CHECK;
/// Of how often clients dial.
pub const MAX_DIALS: &Check = &max_dials::CHECK;
/// Of how soon clients reconnect.
pub const MIN_DIAL_GAP: &Check = &min_dial_gap::CHECK;
/// Of ticks that are lost.
pub const LOST: &Check = &sequence::LOST;
/// Of ticks that are applied again.
pub const DUPLICATED: &Check = &sequence::DUPLICATED;
/// Of ticks that are applied late.
pub const REORDERED: &Check = &sequence::REORDERED;

/// Of how much clients hold while nobody takes it.
pub const QUEUE_AT_MOST: &Check = &sending::QUEUE;

/// Judges one expectation.
pub fn check(evidence: &Evidence<'_>, expected: Expectation) -> CheckResult {
    let check = expected.check;
    if let Some((unseen, why)) = observability::blindness(evidence, check) {
        return result(evidence, expected, Found::unseen(unseen, why));
    }
    let judged = observability::stretched(evidence, expected);
    let mut found = (check.judge)(evidence, judged.limit);
    found.why = observability::with_stretch(found.why, expected, judged);
    let found = observability::tempered(evidence, check, found);
    let found = replaced(evidence, check, found);
    result(evidence, judged, found)
}

/// Where the case is content with clients that give up, that they did so stands in
/// for what it is about, if nobody is left to judge that of.
fn replaced(evidence: &Evidence<'_>, check: &Check, found: Found) -> Found {
    let is_defining = evidence.scenario.defining().contains(&check.key);
    if !is_defining || found.unseen != Some(Unseen::Nothing) {
        return found;
    }
    let names = evidence.scenario.client_names().into_iter();
    let mut gave_up = names.filter_map(|client| Some((evidence.gave_up_well(&client)?, client)));
    match gave_up.next() {
        Some((at, client)) => {
            let at = evidence.at(at);
            let why = format!(
                "{client} gave up {at} and said so, which is a good outcome of this scenario{}",
                evidence::and_more(gave_up.count() + 1)
            );
            Found::ok(Measure::Unknown, why)
        }
        None => found,
    }
}

fn result(evidence: &Evidence<'_>, expected: Expectation, found: Found) -> CheckResult {
    let names = evidence.scenario.client_names().into_iter();
    CheckResult {
        name: expected.name().to_owned(),
        result: found.result,
        limit: expected.limit.measure(),
        observed: found.observed,
        why: found.why,
        clients: names.filter(|name| found.clients.contains(name)).collect(),
        hangs_on: found.rules.unwrap_or_else(|| evidence.acting_rules()),
        excess: found.excess,
        unseen: found.unseen,
    }
}
