//! The suite is tested as it tests others: sound clients pass, each flaw fails
//! exactly its check, and without faults nothing passes. On both clocks alike, so
//! that both come to the same verdicts, check by check.

use scenarios::archive::{judge_again, read_journal};
use scenarios::checks::Finding;
use scenarios::files::gather;
use scenarios::language::{Given, Scenario, read_all};
use scenarios::results::ScenarioResult;
use scenarios::verdict::{Reason, Verdict, judge};
use tokio::task::JoinSet;

use crate::program::{Place, SMALL, catalogue};

/// On a machine that is busy with other things a fault may come late, and then
/// a run says nothing, as it should. It is given more tries.
const TRIES: usize = 4;

/// How many flawed clients are put to the test at a time.
const AT_ONCE: usize = 16;

/// The clock that a proof goes by.
#[derive(Debug, Clone, Copy)]
enum Time {
    Real,
    Virtual,
}

impl Time {
    /// What to say to the program.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Real => &[],
            Self::Virtual => &["--time", "virtual"],
        }
    }

    /// Whether the machine was too busy for a verdict: real time knows that alone.
    fn was_starved(self, place: &Place, result: &ScenarioResult) -> bool {
        matches!(self, Self::Real) && was_starved(place, result)
    }
}

fn cases() -> Vec<(Given, Scenario)> {
    read_all(gather(&[catalogue()]).unwrap()).unwrap()
}

fn was_starved(place: &Place, result: &ScenarioResult) -> bool {
    let journal = place.record(&result.id, "journal.jsonl");
    let judged = judge_again(&journal, None).unwrap();
    judged.result.reasons.iter().any(Reason::is_busy_machine)
}

#[track_caller]
fn ensure_passed(result: &ScenarioResult) {
    assert_eq!(result.verdict, Verdict::Passed, "{result:#?}");
    assert!(
        result
            .checks
            .iter()
            .all(|check| check.result == Finding::Ok),
        "{result:#?}"
    );
}

#[tokio::test]
async fn sound_clients_pass_the_whole_catalogue() {
    sound_clients_pass(Time::Real).await;
}

#[tokio::test]
async fn sound_clients_pass_the_whole_catalogue_in_virtual_time() {
    sound_clients_pass(Time::Virtual).await;
}

async fn sound_clients_pass(time: Time) {
    let place = Place::new();
    let answer = place.run(&catalogue(), time.words()).await;
    let results = place.results();
    let cases = cases();
    assert_eq!(results.scenarios.len(), cases.len());
    assert_eq!(results.failed, 0, "{}", answer.out);
    for ((given, scenario), result) in cases.iter().zip(&results.scenarios) {
        judged_again(&place, scenario, result);
        if time.was_starved(&place, result) {
            ensure_passed(&tried_again(given).await);
        } else {
            ensure_passed(result);
        }
    }
    let mut results = results.scenarios.iter();
    if !results.any(|result| time.was_starved(&place, result)) {
        answer.expect(0);
    }
}

/// One case by itself, until it says something.
async fn tried_again(given: &Given) -> ScenarioResult {
    let place = Place::new();
    for _ in 2..TRIES {
        place.run(given.source.name().as_ref(), &[]).await;
        if !was_starved(&place, &place.result()) {
            break;
        }
    }
    place.result()
}

/// Everything after a run is a fold over its journal.
fn judged_again(place: &Place, scenario: &Scenario, result: &ScenarioResult) {
    let journal = place.record(&scenario.id, "journal.jsonl");
    let (header, entries) = read_journal(&journal).unwrap();
    let again = judge(scenario, &header, &entries);
    assert_eq!(
        (again.verdict, &again.checks),
        (result.verdict, &result.checks)
    );
}

#[tokio::test]
async fn every_flaw_fails_exactly_the_check_that_it_should() {
    every_flaw_fails(Time::Real).await;
}

#[tokio::test]
async fn every_flaw_fails_exactly_the_check_that_it_should_in_virtual_time() {
    every_flaw_fails(Time::Virtual).await;
}

async fn every_flaw_fails(time: Time) {
    let mut runs = JoinSet::new();
    for (given, scenario) in cases() {
        if runs.len() == AT_ONCE {
            runs.join_next().await.unwrap().unwrap();
        }
        runs.spawn(async move {
            let path = given.source.name().to_owned();
            flawed(&path, &scenario, time).await;
        });
    }
    while let Some(ended) = runs.join_next().await {
        ended.unwrap();
    }
}

async fn flawed(path: &str, scenario: &Scenario, time: Time) {
    let proof = scenario.proof.as_ref().unwrap();
    let flaw = proof.flaw.word();
    for attempt in 1..=TRIES {
        let place = Place::new();
        let words = [time.words(), &["--flaw", flaw]].concat();
        let answer = place.run(path.as_ref(), &words).await;
        let result = place.result();
        if attempt < TRIES && time.was_starved(&place, &result) {
            continue;
        }
        answer.expect(1);
        for check in &result.checks {
            let expected = if check.name == proof.fails {
                Finding::Failed
            } else {
                Finding::Ok
            };
            assert_eq!(
                check.result, expected,
                "{} with {flaw}: {check:#?}",
                scenario.id
            );
        }
        assert_eq!(result.verdict, Verdict::Failed);
        let clock = match time {
            Time::Real => "",
            Time::Virtual => " --time virtual",
        };
        let repeat = format!("chaos run {path}{clock} --seed 1 --flaw {flaw}");
        assert_eq!(
            (answer.last_line(), result.repeat.as_str()),
            (repeat.as_str(), repeat.as_str())
        );
        return;
    }
}

#[tokio::test]
async fn without_faults_nothing_passes() {
    nothing_passes(Time::Real).await;
}

#[tokio::test]
async fn without_faults_nothing_passes_in_virtual_time() {
    nothing_passes(Time::Virtual).await;
}

async fn nothing_passes(time: Time) {
    let place = Place::new();
    let folder = catalogue();
    // All at once: what is not applied cannot come late.
    let all = ["--control", "wire", "--jobs", "256"];
    let words = [time.words(), &all].concat();
    let answer = place.run(&folder, &words).await;
    answer.expect(3);
    let results = place.results();
    assert_eq!((results.passed, results.failed), (0, 0));
    assert_eq!(results.inconclusive, cases().len());
    for scenario in &results.scenarios {
        let [reason] = &scenario.reasons[..] else {
            panic!("{:?}", scenario.reasons);
        };
        assert_eq!(reason.to_string(), Reason::Control.to_string());
        assert!(scenario.rules.iter().all(|rule| rule.strikes == 0));
    }
    assert!(
        answer.last_line().ends_with("--control wire"),
        "{}",
        answer.out
    );
}

#[tokio::test]
async fn a_fault_that_cannot_fire_is_inconclusive() {
    let place = Place::new();
    let text = SMALL.replace("at = \"500ms\"", "on = { attempt = 99 }");
    let file = place.file("never.toml", &text);
    let answer = place.run(&file, &[]).await;
    answer.expect(3);
    let result = place.result();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    let reason = "no connection came to attempt 99 while `half of them` was armed";
    assert_eq!(result.reasons[0].to_string(), reason);
}

#[tokio::test]
async fn results_have_the_keys_that_are_relied_on() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    place.run(&file, &[]).await;
    let text = std::fs::read_to_string(place.path("out/results.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["version"], 1);
    for key in ["passed", "failed", "inconclusive", "scenarios"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    let scenario = &json["scenarios"][0];
    let keys = [
        "id", "case", "title", "client", "time", "seed", "verdict", "checks", "repeat",
    ];
    for key in keys {
        assert!(scenario.get(key).is_some(), "{key}");
    }
    assert_eq!(
        (&scenario["client"], &scenario["time"]),
        (&"sim".into(), &"real".into())
    );
    for key in ["name", "result", "limit", "observed", "why"] {
        assert!(scenario["checks"][0].get(key).is_some(), "{key}");
    }
}
