//! `junit.xml`: what pipelines show as tests.
//!
//! A client under test is a suite and a scenario under one seed a test. *Failed* is a
//! `failure`; *inconclusive* is an `error` of type `inconclusive`, which is
//! JUnit's word for a test that itself went wrong. `skipped` would be the other
//! choice, and the wrong one: what nobody looks at is then green beside a
//! pipeline that is red, since the exit code is 3. *Not applicable* is `skipped`:
//! nothing is wrong, and there is nothing to have again.
//!
//! Not in it: moments, lengths of time and ids made up for the occasion, so
//! equal results are equal bytes.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::by_client;
use crate::plain::{clipped, is_unseen};
use crate::results::{Results, ScenarioResult};
use crate::sentences::{ADVICE, bounded, headline, needs_advice, not_begun};
use crate::verdict::Verdict;

/// The longest name of a test, in characters.
const NAME: usize = 300;

/// The whole file.
pub fn junit(results: &Results) -> String {
    let mut report = Report::new("chaos");
    for (client, scenarios) in by_client(results) {
        report.add_test_suite(suite(client, &scenarios));
    }
    if let Some(not_begun) = not_begun(results) {
        report.add_test_suite(suite_of_none(&not_begun));
    }
    let xml = report.to_string();
    xml.expect("a String takes everything")
}

fn suite(client: &str, scenarios: &[&ScenarioResult]) -> TestSuite {
    let mut seeds: BTreeMap<&str, usize> = BTreeMap::new();
    for scenario in scenarios {
        *seeds.entry(&scenario.id).or_default() += 1;
    }
    let mut suite = TestSuite::new(legal(&clipped(client, NAME)));
    suite.add_test_cases(scenarios.iter().map(|scenario| {
        let is_one_of_many = seeds[scenario.id.as_str()] > 1;
        test(scenario, is_one_of_many)
    }));
    suite
}

/// Whatever reads this must not take a part for the whole.
fn suite_of_none(not_begun: &str) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_type(Verdict::Inconclusive.word())
        .set_message(not_begun);
    let mut suite = TestSuite::new("interrupted");
    suite.add_test_case(TestCase::new(not_begun, status));
    suite
}

/// A test keeps its name from run to run, so a pipeline can follow it.
fn test(scenario: &ScenarioResult, is_one_of_many: bool) -> TestCase {
    let ScenarioResult {
        id, title, seed, ..
    } = scenario;
    let name = if is_one_of_many {
        format!("{id} [seed {seed}]: {title}")
    } else {
        format!("{id}: {title}")
    };
    let mut test = TestCase::new(one_line(&clipped(&name, NAME)), status(scenario));
    test.set_classname(one_line(&clipped(&scenario.client, NAME)));
    test.set_assertions(scenario.checks.len());
    test.add_properties(properties(scenario));
    test
}

fn status(scenario: &ScenarioResult) -> TestCaseStatus {
    let mut status = match scenario.verdict {
        Verdict::Passed => return TestCaseStatus::success(),
        Verdict::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotApplicable => TestCaseStatus::skipped(),
    };
    status
        .set_type(scenario.verdict.key())
        .set_message(one_line(&headline(scenario)))
        .set_description(legal(&story(scenario)));
    status
}

/// What somebody needs who sees nothing but this.
fn story(scenario: &ScenarioResult) -> String {
    let mut lines = bounded(scenario);
    lines.push(String::new());
    if needs_advice(scenario) {
        lines.extend([ADVICE.to_owned(), String::new()]);
    }
    lines.push("To repeat it:".to_owned());
    lines.push(scenario.repeat.clone());
    lines.join("\n")
}

fn properties(scenario: &ScenarioResult) -> Vec<Property> {
    let mut properties = vec![
        Property::new("seed", scenario.seed.to_string()),
        Property::new("time", one_line(&scenario.time)),
    ];
    if !scenario.flaws.is_empty() {
        let flaws = one_line(&scenario.flaws.join(", "));
        properties.push(Property::new("flaws", flaws));
    }
    if let Some(control) = &scenario.control {
        properties.push(Property::new("control", one_line(control)));
    }
    if scenario.retried > 0 {
        properties.push(Property::new("retried", scenario.retried.to_string()));
    }
    properties
}

/// With a sign in place of each character that XML 1.0 cannot hold, and of each
/// that nobody can see.
fn legal(text: &str) -> String {
    let is_legal = |c: char| c == '\n' || !is_unseen(c);
    let sign = char::REPLACEMENT_CHARACTER;
    let legal = text.chars();
    legal.map(|c| if is_legal(c) { c } else { sign }).collect()
}

fn one_line(text: &str) -> String {
    legal(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample;

    #[test]
    fn one_of_each_verdict() {
        let xml = junit(&sample::results()).replace(ADVICE, "ADVICE");
        insta::assert_snapshot!(xml, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="chaos" tests="3" skipped="0" failures="1" errors="1">
            <testsuite name="sim" tests="3" skipped="0" errors="1" failures="1">
                <testcase name="R01: The title of R01" classname="sim" assertions="1">
                    <properties>
                        <property name="seed" value="1"/>
                        <property name="time" value="real"/>
                    </properties>
                </testcase>
                <testcase name="R23-reset: The title of R23-reset" classname="sim" assertions="2">
                    <properties>
                        <property name="seed" value="1"/>
                        <property name="time" value="real"/>
                        <property name="flaws" value="leaks_old_socket"/>
                    </properties>
                    <failure message="max_live failed: c1 had 2 live connections at 1s; expected at most 1" type="failed">max_live failed: c1 had 2 live connections at 1s; expected at most 1

        To repeat it:
        chaos run R23-reset.toml --seed 1</failure>
                </testcase>
                <testcase name="R31: The title of R31" classname="sim" assertions="1">
                    <properties>
                        <property name="seed" value="1"/>
                        <property name="time" value="real"/>
                    </properties>
                    <error message="no fault had any effect" type="inconclusive">no fault had any effect
        no_leak not measured: the server reported no socket

        ADVICE

        To repeat it:
        chaos run R31.toml --seed 1</error>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn what_is_not_applicable_is_skipped_with_its_reason() {
        let xml = junit(&Results::new(vec![sample::not_applicable("R31")]));
        let counts = r#"tests="1" skipped="1" errors="0" failures="0""#;
        assert!(xml.contains(counts), "{xml}");
        let skipped = format!(
            r#"<skipped message="{0}" type="not_applicable">{0}"#,
            sample::CANNOT_PAUSE
        );
        assert!(xml.contains(&skipped), "{xml}");
        assert!(!xml.contains(ADVICE), "{xml}");
    }

    #[test]
    fn subjects_are_suites_and_seeds_have_names_of_their_own() {
        let run = |id: &str, client: &str, seed: u64| ScenarioResult {
            client: client.into(),
            seed,
            ..sample::scenario(id, Verdict::Passed)
        };
        let runs = [
            run("R01", "sim", 1),
            run("R01", "mine", 1),
            run("R01", "sim", 2),
            run("R02", "sim", 1),
        ];
        let report = Report::deserialize_from_str(&junit(&Results::new(runs.into()))).unwrap();
        let told: Vec<(&str, Vec<&str>)> = report
            .test_suites
            .iter()
            .map(|suite| {
                let names = suite.test_cases.iter().map(|test| test.name.as_str());
                (suite.name.as_str(), names.collect())
            })
            .collect();
        let sim = vec![
            "R01 [seed 1]: The title of R01",
            "R01 [seed 2]: The title of R01",
            "R02: The title of R02",
        ];
        assert_eq!(
            told,
            [("sim", sim), ("mine", vec!["R01: The title of R01"])]
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        let xml = junit(&Results::new(vec![sample::hostile()]));
        assert!(xml.chars().all(|c| c == '\n' || !is_unseen(c)));
        let report = Report::deserialize_from_str(&xml).unwrap();
        let [suite] = &report.test_suites[..] else {
            panic!("{xml}")
        };
        let TestCaseStatus::NonSuccess {
            description: Some(description),
            ..
        } = &suite.test_cases[0].status
        else {
            panic!("{xml}")
        };
        let part = "<script>alert('1')</script>\"]]>&amp; | ` **x**";
        assert!(description.as_str().contains(part), "{description:?}");
    }

    #[test]
    fn without_a_scenario_there_is_no_suite() {
        let xml = junit(&Results::new(Vec::new()));
        assert!(
            Report::deserialize_from_str(&xml)
                .unwrap()
                .test_suites
                .is_empty()
        );
    }
}
