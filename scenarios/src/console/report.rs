//! The final table: a pure function of the results.

use std::fmt::Write;

use super::style::Style;
use super::{matrix, seeds};
use crate::checks::{CheckResult, Finding};
use crate::results::{Results, ScenarioResult};
use crate::verdict::Verdict;

/// Every scenario with its verdict, what went wrong where something did, and
/// the sums. Ends with a line end.
pub fn report(results: &Results, style: Style) -> String {
    let is_matrix = results.clients().len() > 1;
    let mut text = match (is_matrix, results.has_many_seeds()) {
        (true, _) => matrix::table(results, style),
        (false, true) => seeds::table(results, style),
        (false, false) => table(&results.scenarios, style),
    };
    if results.has_many_seeds() {
        text += &seeds::stories(results, style);
        text += &seeds::statistics(results);
    } else {
        for scenario in &results.scenarios {
            text += &story(scenario, is_matrix, style);
        }
    }
    let Results {
        passed,
        failed,
        inconclusive,
        ..
    } = results;
    text += &format!("\n{passed} passed, {failed} failed, {inconclusive} inconclusive\n");
    text
}

fn table(scenarios: &[ScenarioResult], style: Style) -> String {
    let ids = scenarios.iter().map(|scenario| scenario.id.len());
    let width = ids.max().unwrap_or_default();
    let mut text = String::new();
    for scenario in scenarios {
        let ScenarioResult {
            id, title, verdict, ..
        } = scenario;
        let verdict = style.verdict(*verdict, &format!("{:<12}", verdict.word()));
        let checks = sums(&scenario.checks);
        line(
            &mut text,
            &format!("{verdict}  {id:<width$}  {checks}  {title}"),
        );
    }
    text
}

/// " 6/7 checks ok", of fixed width for any number that a file can have.
fn sums(checks: &[CheckResult]) -> String {
    let ok = checks
        .iter()
        .filter(|check| check.result == Finding::Ok)
        .count();
    let sums = format!("{ok}/{}", checks.len());
    format!("{sums:>5} checks ok")
}

/// What did not go well in a scenario, in sentences; nothing of one that passed.
/// Of several subjects it says which.
fn story(scenario: &ScenarioResult, is_matrix: bool, style: Style) -> String {
    let mut text = String::new();
    if scenario.verdict == Verdict::Passed {
        return text;
    }
    let verdict = style.verdict(scenario.verdict, scenario.verdict.word());
    let id = &scenario.id;
    if is_matrix {
        line(&mut text, &format!("\n{id} {} {verdict}", scenario.client));
    } else {
        line(&mut text, &format!("\n{id} {verdict}"));
    }
    text + &sentences(scenario, "  ", style)
}

/// Why a run is inconclusive, and what each check has to say that is not OK.
pub(crate) fn sentences(scenario: &ScenarioResult, indent: &str, style: Style) -> String {
    let mut text = String::new();
    for reason in &scenario.reasons {
        line(&mut text, &format!("{indent}{reason}"));
    }
    for check in scenario
        .checks
        .iter()
        .filter(|check| check.result != Finding::Ok)
    {
        let CheckResult {
            name, result, why, ..
        } = check;
        let finding = style.finding(*result, result.word());
        line(&mut text, &format!("{indent}{name} {finding}: {why}"));
    }
    text
}

pub(super) fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", line.trim_end()).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Measure;

    fn check(name: &str, result: Finding, why: &str) -> CheckResult {
        CheckResult {
            name: name.into(),
            result,
            limit: Measure::Count(1),
            observed: Measure::Count(2),
            why: why.into(),
            hangs_on: [].into(),
            excess: None,
        }
    }

    fn scenario(
        id: &str,
        verdict: Verdict,
        reasons: &[&str],
        checks: Vec<CheckResult>,
    ) -> ScenarioResult {
        ScenarioResult {
            id: id.into(),
            case: id.into(),
            title: format!("The title of {id}"),
            client: "sim".into(),
            time: "real".into(),
            seed: 1,
            verdict,
            reasons: reasons.iter().map(|&reason| reason.into()).collect(),
            checks,
            rules: Vec::new(),
            flaws: Vec::new(),
            control: None,
            repeat: String::new(),
        }
    }

    fn results() -> Results {
        let ok = || check("lost", Finding::Ok, "no tick was lost");
        let failed = check(
            "max_live",
            Finding::Failed,
            "c1 had 2 live connections at 1s; expected at most 1",
        );
        let blind = check(
            "no_leak",
            Finding::NotObservable,
            "the server told of no socket",
        );
        Results::new(vec![
            scenario("R01", Verdict::Passed, &[], vec![ok(), ok()]),
            scenario("R23-reset", Verdict::Failed, &[], vec![failed, ok()]),
            scenario(
                "R31",
                Verdict::Inconclusive,
                &["no rule had any effect"],
                vec![blind],
            ),
        ])
    }

    #[test]
    fn a_plain_report() {
        insta::assert_snapshot!(report(&results(), Style::Plain), @r"
    passed        R01          2/2 checks ok  The title of R01
    failed        R23-reset    1/2 checks ok  The title of R23-reset
    inconclusive  R31          0/1 checks ok  The title of R31

    R23-reset failed
      max_live failed: c1 had 2 live connections at 1s; expected at most 1

    R31 inconclusive
      no rule had any effect
      no_leak not observable: the server told of no socket

    1 passed, 1 failed, 1 inconclusive
    ");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let colour = report(&results(), Style::Colour);
        assert!(colour.contains("\u{1b}["));
        let mut plain = String::new();
        let mut rest = colour.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain += before;
            rest = after.split_once('m').unwrap().1;
        }
        assert_eq!(plain + rest, report(&results(), Style::Plain));
    }
}
