//! A result in sentences: what the console, `junit.xml` and `summary.md` lay out,
//! each in its own way.

use std::fmt;

use crate::checks::{CheckResult, Finding};
use crate::plain::clipped;
use crate::results::{Results, ScenarioResult};
use crate::suite::MOST_RETRIED;
use crate::verdict::{Note, Reason, Verdict};

/// What to do when a verdict is inconclusive.
pub const ADVICE: &str = "An inconclusive run says nothing about the client; its reasons are given above. \
If the machine was too busy: run fewer at a time (--jobs 4), or use a quieter machine. \
If a fault was not applied: `chaos plan FILE` prints when it should be, and to which clients. \
The command beside it runs it again.";

/// Whether [`ADVICE`] is of use: a control is as it should be, whoever interrupted
/// a run knows what to do, and in virtual time no machine is too busy.
pub(crate) fn needs_advice(scenario: &ScenarioResult) -> bool {
    scenario.verdict == Verdict::Inconclusive
        && scenario.control.is_none()
        && scenario.time != "virtual"
        && !was_interrupted(scenario)
        && !never_began(scenario)
}

/// The harness could not begin, and says why: nothing else was observed.
fn never_began(scenario: &ScenarioResult) -> bool {
    matches!(scenario.reasons[..], [Reason::NotBegun(_)])
}

/// Of such a run there is nothing to tell that whoever did it does not know.
pub(crate) fn was_interrupted(scenario: &ScenarioResult) -> bool {
    scenario.verdict == Verdict::Inconclusive && scenario.reasons.contains(&Reason::Interrupted)
}

/// "3 runs were not begun", of an interrupted whole.
pub(crate) fn not_begun(results: &Results) -> Option<String> {
    match results.not_begun {
        0 => None,
        1 => Some("1 run was not begun".to_owned()),
        many => Some(format!("{many} runs were not begun")),
    }
}

/// "2 runs were spoiled by a busy machine and ran again, alone: R01 passed, R18
/// inconclusive", where any was.
pub(crate) fn run_again(results: &Results) -> Option<String> {
    let again: Vec<String> = results.run_again().map(came_to).collect();
    let runs = match again.len() {
        0 => return None,
        1 => "1 run was".to_owned(),
        many => format!("{many} runs were"),
    };
    let told = format!(
        "{runs} spoiled by a busy machine and ran again, alone: {}",
        again.join(", ")
    );
    let others = results.scenarios.iter();
    let others = others.filter(|s| s.retried == 0 && s.is_spoiled()).count();
    let limit = format!("no more than {MOST_RETRIED} run again");
    Some(match others {
        0 => told,
        1 => format!("{told}; 1 more was spoiled, and {limit}"),
        more => format!("{told}; {more} more were spoiled, and {limit}"),
    })
}

/// "R18 inconclusive"; with client and seed where these are others than usual.
fn came_to(scenario: &ScenarioResult) -> String {
    let ScenarioResult {
        id, client, seed, ..
    } = scenario;
    let verdict = scenario.verdict.word();
    format!("{id} ({}, seed {seed}) {verdict}", clipped(client, NAME))
}

/// The longest name in a sentence, in characters.
const NAME: usize = 100;

/// The most sentences about one scenario in a record.
const SENTENCES: usize = 30;

/// The longest of them, in characters.
const SENTENCE: usize = 600;

/// One thing that did not go well.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sentence<'a> {
    /// Why nothing can be said.
    Reason(&'a Reason),
    /// What a check has found.
    Check(&'a CheckResult),
    /// What is to be known beside it.
    Note(&'a Note),
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reason(reason) => reason.fmt(f),
            Self::Note(note) => write!(f, "note: {note}"),
            Self::Check(check) => {
                let CheckResult {
                    name, result, why, ..
                } = check;
                write!(f, "{name} {}: {why}", result.word())
            }
        }
    }
}

/// All that did not go well: first why a run says nothing, then each check
/// that is not OK, then what else is to be known.
pub(crate) fn sentences(scenario: &ScenarioResult) -> impl Iterator<Item = Sentence<'_>> {
    let reasons = scenario.reasons.iter().map(Sentence::Reason);
    let checks = scenario.checks.iter();
    let has_begun = !never_began(scenario);
    let is_said = |check: &CheckResult| {
        let mut reasons = scenario.reasons.iter();
        check.result == Finding::NotObservable && reasons.any(|it| it.to_string() == check.why)
    };
    let wanting = checks
        .filter(move |check| has_begun && check.result != Finding::Ok)
        .filter(move |check| !is_said(check));
    let notes = scenario.notes.iter().filter(move |_| has_begun);
    let notes = notes.map(Sentence::Note);
    reasons.chain(wanting.map(Sentence::Check)).chain(notes)
}

/// Likewise, as text for a record: bounded in number and length.
pub(crate) fn bounded(scenario: &ScenarioResult) -> Vec<String> {
    let mut all = sentences(scenario);
    let mut text: Vec<String> = all
        .by_ref()
        .take(SENTENCES)
        .map(|sentence| clipped(&sentence.to_string(), SENTENCE))
        .collect();
    let more = all.count();
    if more > 0 {
        text.push(format!("… and {more} more, in results.json"));
    }
    text
}

/// The one sentence that says most: the first reason, or else the first failed
/// check.
pub(crate) fn headline(scenario: &ScenarioResult) -> String {
    let says_most = |sentence: &Sentence<'_>| match sentence {
        Sentence::Reason(_) => true,
        Sentence::Check(check) => check.result == Finding::Failed,
        Sentence::Note(_) => false,
    };
    let headline = sentences(scenario).find(says_most);
    let headline = headline.map(|sentence| sentence.to_string());
    clipped(&headline.unwrap_or_default(), SENTENCE)
}

/// So many checks are named in a line.
const NAMED: usize = 4;

/// "lost, duplicated", of runs with a verdict about their clients: the checks of
/// which they say nothing all the same. Why a run says nothing at all stands with
/// it.
pub(crate) fn unjudged<'a>(runs: impl IntoIterator<Item = &'a ScenarioResult>) -> Option<String> {
    let is_judged = |run: &&ScenarioResult| {
        !matches!(run.verdict, Verdict::Inconclusive | Verdict::NotApplicable)
    };
    let runs = runs.into_iter().filter(is_judged);
    let checks = runs.flat_map(|run| &run.checks);
    let mut names: Vec<&str> = Vec::new();
    for check in checks.filter(|check| check.result == Finding::NotObservable) {
        if !names.contains(&check.name.as_str()) {
            names.push(&check.name);
        }
    }
    let (named, others) = names.split_at(names.len().min(NAMED));
    let more = match others.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| named.join(", ") + &more)
}

/// As [`unjudged`], in brackets to stand behind a title; nothing if all were judged.
pub(crate) fn in_brackets<'a>(runs: impl IntoIterator<Item = &'a ScenarioResult>) -> String {
    let names = unjudged(runs);
    names.map_or_else(String::new, |names| format!(" (not measured: {names})"))
}

/// "5 passed, 1 failed, 0 inconclusive", and what is not applicable where there
/// is any.
pub(crate) fn sums(results: &Results) -> String {
    let Results {
        passed,
        failed,
        inconclusive,
        not_applicable,
        ..
    } = results;
    let sums = format!("{passed} passed, {failed} failed, {inconclusive} inconclusive");
    match not_applicable {
        0 => sums,
        _ => format!("{sums}, {not_applicable} not applicable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample;

    #[test]
    fn what_ran_again_is_named_with_what_it_came_to() {
        let again = |id: &str, verdict| ScenarioResult {
            retried: 1,
            ..sample::scenario(id, verdict)
        };
        let mut runs = vec![
            sample::scenario("R01", Verdict::Passed),
            again("R02", Verdict::Passed),
        ];
        let told = |runs: &[ScenarioResult]| run_again(&Results::new(runs.to_vec()));
        assert_eq!(told(&runs[..1]), None);
        let one =
            "1 run was spoiled by a busy machine and ran again, alone: R02 (sim, seed 1) passed";
        assert_eq!(told(&runs).unwrap(), one);
        runs.push(again("R03", Verdict::Inconclusive));
        let mut spoiled = sample::scenario("R04", Verdict::Inconclusive);
        spoiled.reasons.push(Reason::Late {
            rule: "reset".into(),
            by: std::time::Duration::from_secs(1),
        });
        runs.push(spoiled);
        let both = "2 runs were spoiled by a busy machine and ran again, alone: \
            R02 (sim, seed 1) passed, R03 (sim, seed 1) inconclusive; \
            1 more was spoiled, and no more than 10 run again";
        assert_eq!(told(&runs).unwrap(), both);
    }

    #[test]
    fn what_was_not_judged_of_a_run_that_was_is_named_shortly() {
        let run = |verdict, names: &[&str]| ScenarioResult {
            checks: (names.iter())
                .map(|name| sample::check(name, Finding::NotObservable, "nobody told"))
                .chain([sample::check("max_live", Finding::Ok, "")])
                .collect(),
            ..sample::scenario("R01", verdict)
        };
        let passed = run(Verdict::Passed, &["lost", "no_leak"]);
        assert_eq!(unjudged([&passed]).as_deref(), Some("lost, no_leak"));
        assert_eq!(in_brackets([&passed]), " (not measured: lost, no_leak)");
        assert_eq!(unjudged([&run(Verdict::Passed, &[])]), None);
        assert_eq!(in_brackets([]), "");
        // Of these all is said already.
        assert_eq!(unjudged([&run(Verdict::Inconclusive, &["lost"])]), None);
        assert_eq!(unjudged([&run(Verdict::NotApplicable, &["lost"])]), None);
        let others = run(Verdict::Failed, &["lost", "a", "b", "c", "d"]);
        let both = unjudged([&passed, &others]);
        assert_eq!(both.as_deref(), Some("lost, no_leak, a, b and 2 more"));
    }

    #[test]
    fn sentences_are_bounded_in_number_and_length() {
        let mut scenario = sample::scenario("R01", Verdict::Inconclusive);
        scenario.reasons = (0..1000).map(|_| "ä".repeat(10_000).into()).collect();
        let text = bounded(&scenario);
        assert_eq!(text.len(), SENTENCES + 1);
        assert_eq!(text[0].chars().count(), SENTENCE);
        assert!(text[0].ends_with('…'));
        assert_eq!(text[SENTENCES], "… and 970 more, in results.json");
        assert_eq!(headline(&scenario), text[0]);
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
        assert_eq!(of("R31"), "no fault had any effect");
        assert_eq!(of("R01"), "");
    }
}
