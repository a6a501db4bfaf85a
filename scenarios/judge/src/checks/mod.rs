//! The checks: pure functions of what was observed.
//!
//! A check that had nothing to judge is not OK: it is not observable, and says
//! why. Invariant: every check names the rules that it hangs on, so that a
//! failure is not blamed on the client when the fault itself went wrong.

mod availability;
mod close_code;
mod deadlines;
mod detect_within;
mod dial_gaps_grow;
mod evidence;
mod first_delay_spread;
mod max_dials;
mod max_live;
mod measure;
mod min_dial_gap;
mod no_leak;
mod peak_dials;
mod quiet_after_stop;
mod recover_within;
mod result;
mod sequence;
mod sight;
#[cfg(test)]
mod sight_tests;
mod stale_flagged_within;
mod state_equal;
#[cfg(test)]
mod tests;

pub use dial_gaps_grow::runs_of;
pub use evidence::Evidence;
pub use measure::Measure;
pub use measure::span;
pub use result::{CheckResult, Excess, Finding};
pub use sight::{blindness, stretched};

use crate::language::Expectation;

/// Judges one expectation.
pub fn check(evidence: &Evidence<'_>, expected: Expectation) -> CheckResult {
    if let Some(why) = sight::blindness(evidence, expected) {
        return evidence.overall(expected, evidence::Seen::nothing(why));
    }
    let judged = sight::stretched(evidence, expected);
    let found = judge(evidence, judged);
    let found = sight::told_of_stretch(found, expected, judged);
    sight::tempered(evidence, expected, found)
}

fn judge(evidence: &Evidence<'_>, expected: Expectation) -> CheckResult {
    match expected {
        Expectation::RecoverWithin(limit) => recover_within::check(evidence, limit),
        Expectation::DetectWithin(limit) => detect_within::check(evidence, limit),
        Expectation::MaxLive(limit) => max_live::check(evidence, limit),
        Expectation::MaxDials(budget) => max_dials::check(evidence, budget),
        Expectation::MinDialGap(limit) => min_dial_gap::check(evidence, limit),
        Expectation::DialGapsGrow => dial_gaps_grow::check(evidence),
        Expectation::PeakDials(limit) => peak_dials::check(evidence, limit),
        Expectation::FirstDelaySpread(limit) => first_delay_spread::check(evidence, limit),
        Expectation::Availability(limit) => availability::check(evidence, limit),
        Expectation::Lost(limit) => sequence::lost(evidence, limit),
        Expectation::Duplicated(limit) => sequence::duplicated(evidence, limit),
        Expectation::Reordered(limit) => sequence::reordered(evidence, limit),
        Expectation::StateEqual => state_equal::check(evidence),
        Expectation::QuietAfterStop => quiet_after_stop::check(evidence),
        Expectation::NoLeak => no_leak::check(evidence),
        Expectation::StaleFlaggedWithin(limit) => stale_flagged_within::check(evidence, limit),
        Expectation::CloseCode(code) => close_code::check(evidence, code),
    }
}
