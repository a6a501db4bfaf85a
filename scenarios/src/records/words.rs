//! Sentences about a scenario, bounded.

use crate::checks::{CheckResult, Finding};
use crate::plain::clipped;
use crate::results::{Results, ScenarioResult};
use crate::verdict::{Reason, Verdict};

/// What to do when a verdict is inconclusive.
pub const ADVICE: &str = "An inconclusive scenario proves nothing and blames nobody; its reasons stand with it. \
If the machine was too busy: run fewer at a time (--jobs 4), or on a quieter machine. \
If a rule did not act: `chaos plan FILE` says when it should, and on whom. \
The command beside it runs it again.";

/// Whether [`ADVICE`] is of use: a control is as it should be, whoever interrupted
/// a run knows what to do, and in virtual time no machine is too busy.
pub(crate) fn needs_advice(scenario: &ScenarioResult) -> bool {
    scenario.verdict == Verdict::Inconclusive
        && scenario.control.is_none()
        && scenario.time != "virtual"
        && !was_interrupted(scenario)
}

/// Of such a run there is nothing to tell that whoever did it does not know.
pub(crate) fn was_interrupted(scenario: &ScenarioResult) -> bool {
    scenario.verdict == Verdict::Inconclusive && scenario.reasons.contains(&Reason::Interrupted)
}

/// The most sentences about one scenario.
const SENTENCES: usize = 30;

/// The longest of them, in characters.
const SENTENCE: usize = 600;

/// All that did not go well, in sentences; none of a scenario in which all did.
pub(super) fn sentences(scenario: &ScenarioResult) -> Vec<String> {
    let checks = scenario.checks.iter();
    let wanting = checks.filter(|check| check.result != Finding::Ok);
    let all = scenario.reasons.iter().map(Reason::to_string);
    let mut all = all.chain(wanting.map(sentence));
    let mut told: Vec<String> = all
        .by_ref()
        .take(SENTENCES)
        .map(|sentence| clipped(&sentence, SENTENCE))
        .collect();
    let more = all.count();
    if more > 0 {
        told.push(format!("… and {more} more, in results.json"));
    }
    told
}

/// The one sentence that says most: the first failed check, or else the first
/// reason.
pub(super) fn headline(scenario: &ScenarioResult) -> String {
    let failed = |check: &&CheckResult| check.result == Finding::Failed;
    let check = scenario.checks.iter().find(failed).map(sentence);
    let reason = scenario.reasons.first().map(Reason::to_string);
    let headline = reason.or(check).unwrap_or_default();
    clipped(&headline, SENTENCE)
}

fn sentence(check: &CheckResult) -> String {
    let CheckResult {
        name, result, why, ..
    } = check;
    format!("{name} {}: {why}", result.word())
}

/// The subjects, in the order in which they come, each with its results.
pub(super) fn by_client(results: &Results) -> Vec<(&str, Vec<&ScenarioResult>)> {
    let mut clients: Vec<(&str, Vec<&ScenarioResult>)> = Vec::new();
    for scenario in &results.scenarios {
        match clients
            .iter_mut()
            .find(|(client, _)| *client == scenario.client)
        {
            Some((_, of_client)) => of_client.push(scenario),
            None => clients.push((&scenario.client, vec![scenario])),
        }
    }
    clients
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample;

    #[test]
    fn sentences_are_bounded_in_number_and_length() {
        let mut scenario = sample::scenario("R01", Verdict::Inconclusive);
        scenario.reasons = (0..1000).map(|_| "ä".repeat(10_000).into()).collect();
        let told = sentences(&scenario);
        assert_eq!(told.len(), SENTENCES + 1);
        assert_eq!(told[0].chars().count(), SENTENCE);
        assert!(told[0].ends_with('…'));
        assert_eq!(told[SENTENCES], "… and 970 more, in results.json");
        assert_eq!(headline(&scenario), told[0]);
    }

    #[test]
    fn the_headline_of_a_failure_is_the_check_that_failed() {
        let results = sample::results();
        let of = |id: &str| {
            let scenario = results.scenarios.iter().find(|s| s.id == id).unwrap();
            headline(scenario)
        };
        assert_eq!(
            of("R23-reset"),
            "max_live failed: c1 had 2 live connections at 1s; expected at most 1"
        );
        assert_eq!(of("R31"), "no rule had any effect");
        assert_eq!(of("R01"), "");
    }
}
