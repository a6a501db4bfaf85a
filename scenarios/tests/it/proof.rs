//! The suite is tested as it tests others: sound clients pass, each flaw fails
//! exactly its check, and without faults nothing passes. On both clocks alike, so
//! that both come to the same verdicts, check by check.

use std::io::Write;
use std::path::Path;

use scenarios::archive::read_journal;
use scenarios::checks::Finding;
use scenarios::files::gather;
use scenarios::journal::{Body, Entry, Header, Mark};
use scenarios::language::{Given, Scenario, read_all};
use scenarios::results::ScenarioResult;
use scenarios::subjects::Ability;
use scenarios::verdict::{LATE_TOLERANCE, Reason, Verdict, judge};
use tokio::task::JoinSet;

use crate::program::{Answer, MACHINE, Place, SMALL, catalogue};

/// How often a run is had again, by itself, after the machine had no time for it.
const AGAIN: usize = 5;

/// How many of these are had again at a time first.
const FEW: usize = 4;

/// How many runs in real time there are at a time, for each core: they mostly wait.
const PER_CORE: usize = 10;

/// The clock that a proof goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// How many runs of it the machine bears at a time.
    fn at_once(self) -> usize {
        let cores = std::thread::available_parallelism().unwrap().get();
        match self {
            Self::Real => PER_CORE * cores,
            Self::Virtual => cores,
        }
    }
}

fn cases() -> Vec<(Given, Scenario)> {
    read_all(gather(&[catalogue()]).unwrap()).unwrap()
}

/// Whether a case is about pages in a browser, and so of nobody here.
fn is_of_pages(scenario: &Scenario) -> bool {
    scenario.requires.contains(&Ability::Page)
}

/// One run of a case, and all that is left of it.
struct Run {
    result: ScenarioResult,
    header: Header,
    entries: Vec<Entry>,
}

impl Run {
    /// Everything after a run is a fold over its journal.
    fn read(place: &Place, scenario: &Scenario, result: ScenarioResult) -> Self {
        let path = place.record(&scenario.id, "journal.jsonl");
        let (header, entries) = read_journal(&path).unwrap();
        let mut again = judge(scenario, &header, &entries);
        // Not in the results.
        again
            .checks
            .iter_mut()
            .for_each(|check| check.excess = None);
        assert_eq!(
            (again.verdict, &again.checks),
            (result.verdict, &result.checks)
        );
        Self {
            result,
            header,
            entries,
        }
    }

    /// Whether the machine withheld time: virtual time never does.
    fn was_starved(&self) -> bool {
        let held_up = |entry: &Entry| matches!(entry.body, Body::Harness(Mark::HeldUp { .. }));
        let mut rules = self.result.rules.iter();
        rules.any(|rule| u128::from(rule.late_us) > LATE_TOLERANCE.as_micros())
            || self.entries.iter().any(held_up)
    }

    /// Nobody is ever blamed for anything but this check, if for that, however busy
    /// the machine.
    #[track_caller]
    fn ensure_blamed_for(&self, check: Option<&str>, scenario: &Scenario) {
        let mut others = scenario.clone();
        others.expect.retain(|e| Some(e.name()) != check);
        let verdict = judge(&others, &self.header, &self.entries).verdict;
        let (id, result) = (&scenario.id, &self.result);
        assert_ne!(
            verdict,
            Verdict::Failed,
            "{id}, blamed wrongly: {result:#?}"
        );
    }

    /// Whether it says what it should: that this check failed and no other, or that
    /// all passed. Only a machine without time is an excuse.
    #[track_caller]
    fn is_settled(&self, fails: Option<&str>, scenario: &Scenario) -> bool {
        self.ensure_blamed_for(fails, scenario);
        let verdict = fails.map_or(Verdict::Passed, |_| Verdict::Failed);
        let expected = |name: &str| match fails == Some(name) {
            true => Finding::Failed,
            false => Finding::Ok,
        };
        let mut checks = self.result.checks.iter();
        let is_so = self.result.verdict == verdict
            && checks.all(|check| check.result == expected(check.name.as_str()));
        let (id, result) = (&scenario.id, &self.result);
        assert!(
            is_so || self.was_starved(),
            "{id} with {fails:?}: {result:#?}"
        );
        is_so
    }
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
    let jobs = time.at_once().to_string();
    let words = [time.words(), &["--jobs", &jobs]].concat();
    let shared = MACHINE.read().await;
    let answer = place.run(&catalogue(), &words).await;
    drop(shared);
    let (results, cases) = (place.results(), cases());
    assert_eq!(results.scenarios.len(), cases.len());
    let mut again = Vec::new();
    for ((given, scenario), result) in cases.into_iter().zip(results.scenarios) {
        if is_of_pages(&scenario) {
            assert_eq!(result.verdict, Verdict::NotApplicable, "{result:#?}");
            continue;
        }
        if !Run::read(&place, &scenario, result).is_settled(None, &scenario) {
            again.push((given, scenario));
        }
    }
    if again.is_empty() {
        answer.expect(0);
    }
    had_again(again, |_| None).await;
}

/// What the machine had no time for is had again with nothing beside it: a few at a
/// time, and what is left of that one by one.
async fn had_again(again: Vec<(Given, Scenario)>, flaw: fn(&Scenario) -> Option<&'static str>) {
    let ids: Vec<String> = again.iter().map(|(_, s)| s.id.clone()).collect();
    let mut runs = again.len();
    let mut left = Vec::new();
    let alone = MACHINE.write().await;
    let mut few = JoinSet::new();
    for (given, scenario) in again {
        if few.len() == FEW {
            left.extend(few.join_next().await.unwrap().unwrap());
        }
        few.spawn(async move {
            let is_settled = one(&given, &scenario, flaw(&scenario), Time::Real).await;
            (!is_settled).then_some((given, scenario))
        });
    }
    left.extend(few.join_all().await.into_iter().flatten());
    drop(alone);
    for (given, scenario) in &left {
        runs += tried_again(given, scenario, flaw(scenario)).await;
    }
    tell(&ids, runs);
}

/// One case, with its flaw or without, by itself until the machine has time for it;
/// how many runs that took.
async fn tried_again(given: &Given, scenario: &Scenario, flaw: Option<&str>) -> usize {
    for run in 1..=AGAIN {
        let _alone = MACHINE.write().await;
        if one(given, scenario, flaw, Time::Real).await {
            return run;
        }
    }
    panic!(
        "{} with {flaw:?}: the machine had no time, {AGAIN} times over",
        scenario.id
    );
}

/// Past what keeps the words of tests that pass.
fn tell(ids: &[String], runs: usize) {
    if let (count @ 1.., ids) = (ids.len(), ids.join(", ")) {
        let told =
            format!("the machine had no time for {count}, had again in {runs} runs: {ids}\n");
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
}

/// One run of a case in a place of its own; whether the machine had time for it.
async fn one(given: &Given, scenario: &Scenario, flaw: Option<&str>, time: Time) -> bool {
    let place = Place::new();
    let flaws: Vec<&str> = flaw.into_iter().flat_map(|flaw| ["--flaw", flaw]).collect();
    let words = [time.words(), &flaws].concat();
    let answer = place.run(given.source.name().as_ref(), &words).await;
    let proof = scenario.proof.as_ref().unwrap();
    let fails = flaw.map(|_| proof.fails);
    let run = Run::read(&place, scenario, place.result());
    let is_settled = run.is_settled(fails, scenario);
    if is_settled && flaw.is_some() {
        ensure_repeatable(&answer, &run.result, given, time);
    }
    is_settled
}

/// It ends with the command that repeats it.
fn ensure_repeatable(answer: &Answer, result: &ScenarioResult, given: &Given, time: Time) {
    answer.expect(1);
    let (path, flaw) = (given.source.name(), &result.flaws[0]);
    let clock = match time {
        Time::Real => "",
        Time::Virtual => " --time virtual",
    };
    let repeat = format!("chaos run {path}{clock} --seed 1 --flaw {flaw}");
    assert_eq!(
        (answer.last_line(), result.repeat.as_str()),
        (repeat.as_str(), repeat.as_str())
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
    let (mut seen, mut again) = (0, Vec::new());
    let of_sim = cases().into_iter();
    for (given, scenario) in of_sim.filter(|(_, scenario)| !is_of_pages(scenario)) {
        if runs.len() == time.at_once() {
            again.extend(runs.join_next().await.unwrap().unwrap());
        }
        seen += 1;
        runs.spawn(async move {
            let _shared = MACHINE.read().await;
            let is_settled = one(&given, &scenario, Some(flaw_of(&scenario)), time).await;
            (!is_settled).then_some((given, scenario))
        });
    }
    again.extend(runs.join_all().await.into_iter().flatten());
    let of_pages = cases().iter().filter(|(_, s)| is_of_pages(s)).count();
    assert_eq!(seen + of_pages, cases().len());
    had_again(again, |scenario| Some(flaw_of(scenario))).await;
}

fn flaw_of(scenario: &Scenario) -> &'static str {
    let proof = scenario.proof.as_ref().unwrap();
    proof.flaw.sim().unwrap().word()
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
    // All at once: what is not applied cannot come late.
    let all = ["--control", "wire", "--jobs", "256"];
    let words = [time.words(), &all].concat();
    let shared = MACHINE.read().await;
    let results = control(&catalogue(), &words).await;
    drop(shared);
    assert_eq!(results.len(), cases().len());
    for ((given, scenario), result) in cases().iter().zip(&results) {
        if scenario.is_undisturbed() || is_of_pages(scenario) {
            assert_eq!(result.verdict, Verdict::NotApplicable, "{result:#?}");
            continue;
        }
        let mut runs = 0;
        let mut is_alone = has_reason_alone(result);
        while !is_alone && time == Time::Real && runs < AGAIN {
            let _alone = MACHINE.write().await;
            let again = control(given.source.name().as_ref(), &all).await;
            is_alone = has_reason_alone(&again[0]);
            runs += 1;
        }
        assert!(is_alone, "{}: {result:#?}", scenario.id);
    }
}

/// Runs these under a control. That nothing passes or fails is so however busy the
/// machine is.
async fn control(path: &Path, words: &[&str]) -> Vec<ScenarioResult> {
    let place = Place::new();
    let answer = place.run(path, words).await;
    answer.expect(3);
    let results = place.results();
    assert_eq!((results.passed, results.failed), (0, 0));
    let struck = |run: &ScenarioResult| run.rules.iter().any(|rule| rule.strikes > 0);
    assert!(!results.scenarios.iter().any(struck));
    let last = answer.last_line();
    assert!(last.ends_with("--control wire"), "{}", answer.out);
    results.scenarios
}

/// On a busy machine who had no message in time is told, too, or alone.
fn has_reason_alone(result: &ScenarioResult) -> bool {
    let reasons = result.reasons.iter().map(Reason::to_string);
    reasons.eq([Reason::Control.to_string()])
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
    assert_eq!(json["version"], 2);
    for key in [
        "passed",
        "failed",
        "not_applicable",
        "inconclusive",
        "scenarios",
    ] {
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
