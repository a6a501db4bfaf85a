//! The final table: a pure function of the results.

use std::fmt::Write;

use super::screen::Screen;
use super::style::Style;
use super::{matrix, seeds};
use crate::checks::{CheckResult, Finding};
use crate::results::{Results, ScenarioResult};
use crate::sentences::{
    ADVICE, Sentence, in_brackets, needs_advice, not_begun, run_again, sentences, sums, unjudged,
    was_interrupted,
};
use crate::verdict::Verdict;

/// Every scenario with its verdict, what went wrong where something did, and
/// the sums. Ends with a line end.
pub fn report(results: &Results, screen: Screen) -> String {
    let is_matrix = results.clients().len() > 1;
    let mut text = screen.cut(&match (is_matrix, results.has_many_seeds()) {
        (true, _) => matrix::table(results, screen.style),
        (false, true) => seeds::table(results, screen.style),
        (false, false) => table(&results.scenarios, screen.style),
    });
    if results.has_many_seeds() {
        text += &seeds::stories(results, screen);
        text += &screen.cut(&seeds::statistics(results));
    } else {
        let stories = results.scenarios.iter().filter(|s| !was_interrupted(s));
        text.extend(stories.map(|scenario| story(scenario, is_matrix, screen)));
    }
    if is_matrix {
        text += &not_judged(results, screen);
    }
    if results.scenarios.iter().any(needs_advice) {
        text += &format!("\n{}\n", screen.wrapped(ADVICE));
    }
    let interrupted = results.scenarios.iter().filter(|s| was_interrupted(s));
    match interrupted.count() {
        0 => {}
        1 => text += "\n1 run was interrupted\n",
        many => text += &format!("\n{many} runs were interrupted\n"),
    }
    if let Some(not_begun) = not_begun(results) {
        text += &format!("\n{not_begun}\n");
    }
    if let Some(again) = run_again(results) {
        text += &format!("\n{}\n", screen.wrapped(&again));
    }
    text += &format!("\n{}\n", sums(results));
    text
}

/// Of several clients under test, which of whose checks were not judged: their cells have no
/// room for it.
fn not_judged(results: &Results, screen: Screen) -> String {
    let mut text = String::new();
    for client in results.clients() {
        let own = results.scenarios.iter().filter(|run| run.client == client);
        if let Some(names) = unjudged(own) {
            let told = format!("not measured for {client} in some scenarios: {names}");
            line(&mut text, &screen.wrapped(&told));
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("\n{text}"),
    }
}

fn table(scenarios: &[ScenarioResult], style: Style) -> String {
    let ids = scenarios.iter().map(|scenario| scenario.id.len());
    let width = ids.max().unwrap_or_default();
    let words = words(scenarios.iter().map(|scenario| scenario.verdict));
    let mut text = String::new();
    for scenario in scenarios {
        let ScenarioResult {
            id, title, verdict, ..
        } = scenario;
        let verdict = style.verdict(*verdict, &format!("{:<words$}", verdict.word()));
        let checks = checks_ok(&scenario.checks);
        let not_judged = in_brackets([scenario]);
        line(
            &mut text,
            &format!("{verdict}  {id:<width$}  {checks}  {title}{not_judged}"),
        );
    }
    text
}

/// How wide the column of these verdicts is: as wide as the words that always
/// may be there, unless it must be wider.
pub(super) fn words(verdicts: impl Iterator<Item = Verdict>) -> usize {
    let least = Verdict::Inconclusive.word().len();
    verdicts.fold(least, |width, verdict| width.max(verdict.word().len()))
}

/// " 6/7 checks ok", of fixed width for any number that a file can have.
fn checks_ok(checks: &[CheckResult]) -> String {
    let ok = checks
        .iter()
        .filter(|check| check.result == Finding::Ok)
        .count();
    let sums = format!("{ok}/{}", checks.len());
    format!("{sums:>5} checks ok")
}

/// What did not go well in a scenario, in sentences; of one that passed nothing,
/// unless there is something to know beside it. Of several clients under test it says which.
fn story(scenario: &ScenarioResult, is_matrix: bool, screen: Screen) -> String {
    let mut text = String::new();
    if scenario.verdict == Verdict::Passed && scenario.notes.is_empty() {
        return text;
    }
    let verdict = screen
        .style
        .verdict(scenario.verdict, scenario.verdict.word());
    let id = &scenario.id;
    if is_matrix {
        line(&mut text, &format!("\n{id} {} {verdict}", scenario.client));
    } else {
        line(&mut text, &format!("\n{id} {verdict}"));
    }
    text + &indented(scenario, "  ", screen)
}

/// The sentences about a scenario, a line each.
pub(crate) fn indented(scenario: &ScenarioResult, indent: &str, screen: Screen) -> String {
    let mut text = String::new();
    for sentence in sentences(scenario) {
        let sentence = match sentence {
            Sentence::Reason(reason) => reason.to_string().replace('\n', &format!("\n{indent}  ")),
            Sentence::Check(check) => check_line(check, screen),
            Sentence::Note(_) => sentence.to_string(),
        };
        line(&mut text, &screen.wrapped(&format!("{indent}{sentence}")));
    }
    text
}

/// As [`Sentence`] shows it, with a colour.
fn check_line(check: &CheckResult, screen: Screen) -> String {
    let CheckResult {
        name, result, why, ..
    } = check;
    let finding = screen.style.finding(*result, result.word());
    format!("{name} {finding}: {why}")
}

pub(super) fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", line.trim_end()).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Measure;
    use crate::verdict::Reason;

    fn check(name: &str, result: Finding, why: &str) -> CheckResult {
        CheckResult {
            name: name.into(),
            result,
            limit: Measure::Count(1),
            observed: Measure::Count(2),
            why: why.into(),
            clients: Vec::new(),
            hangs_on: [].into(),
            excess: None,
            unseen: None,
        }
    }

    fn scenario(
        id: &str,
        verdict: Verdict,
        reasons: Vec<Reason>,
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
            reasons,
            notes: Vec::new(),
            checks,
            rules: Vec::new(),
            situation: Vec::new(),
            contradictions: Vec::new(),
            flaws: Vec::new(),
            control: None,
            retried: 0,
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
            "the server reported no socket",
        );
        Results::new(vec![
            scenario("R01", Verdict::Passed, Vec::new(), vec![ok(), ok()]),
            scenario("R23-reset", Verdict::Failed, Vec::new(), vec![failed, ok()]),
            scenario(
                "R31",
                Verdict::Inconclusive,
                vec!["no fault had any effect".into()],
                vec![blind],
            ),
        ])
    }

    #[test]
    fn a_plain_report() {
        let text = report(&results(), Screen::PIPE).replace(ADVICE, "ADVICE");
        insta::assert_snapshot!(text, @r"
    passed        R01          2/2 checks ok  The title of R01
    failed        R23-reset    1/2 checks ok  The title of R23-reset
    inconclusive  R31          0/1 checks ok  The title of R31

    R23-reset failed
      max_live failed: c1 had 2 live connections at 1s; expected at most 1

    R31 inconclusive
      no fault had any effect
      no_leak not measured: the server reported no socket

    ADVICE

    1 passed, 1 failed, 1 inconclusive
    ");
    }

    #[test]
    fn the_line_of_a_run_names_what_was_not_judged_of_it() {
        let run = |client: &str| ScenarioResult {
            client: client.into(),
            ..scenario(
                "R01",
                Verdict::Passed,
                Vec::new(),
                vec![
                    check("max_live", Finding::Ok, ""),
                    check("lost", Finding::NotObservable, ""),
                ],
            )
        };
        let text = |clients: &[&str]| {
            let runs = clients.iter().map(|client| run(client));
            report(&Results::new(runs.collect()), Screen::PIPE)
        };
        let line = "passed        R01    1/2 checks ok  The title of R01 (not measured: lost)\n";
        assert!(text(&["sim"]).starts_with(line), "{}", text(&["sim"]));
        let both = text(&["sim", "mine"]);
        let told = "\nnot measured for sim in some scenarios: lost\nnot measured for mine in some scenarios: lost\n";
        assert!(both.contains(told), "{both}");
    }

    #[test]
    fn what_is_not_applicable_is_counted_and_named_with_its_reason() {
        use crate::records::sample::{not_applicable, scenario};
        let runs = vec![scenario("R01", Verdict::Passed), not_applicable("R31")];
        let text = report(&Results::new(runs), Screen::PIPE);
        insta::assert_snapshot!(text, @r"
        passed          R01    1/1 checks ok  The title of R01
        not applicable  R31    0/1 checks ok  The title of R31

        R31 not applicable
          the scenario needs clients that can `pause`, which this client cannot

        1 passed, 0 failed, 0 inconclusive, 1 not applicable
        ");
    }

    #[test]
    fn interrupted_runs_are_counted_and_controls_are_not_explained() {
        let many = |reason: Reason, control: Option<&str>| {
            let run = |id| ScenarioResult {
                control: control.map(str::to_owned),
                ..scenario(id, Verdict::Inconclusive, vec![reason.clone()], Vec::new())
            };
            report(&Results::new(vec![run("R01"), run("R02")]), Screen::PIPE)
        };
        let interrupted = many(Reason::Interrupted, None);
        let end = "The title of R02\n\n2 runs were interrupted\n\n0 passed";
        assert!(interrupted.contains(end), "{interrupted}");
        assert!(!interrupted.contains(ADVICE));
        assert!(!many(Reason::Control, Some("wire")).contains(ADVICE));
        assert!(many("too busy".into(), None).contains(ADVICE));
    }

    #[test]
    fn a_narrow_screen_cuts_rows_and_breaks_sentences() {
        let screen = Screen {
            columns: Some(40),
            ..Screen::PIPE
        };
        let text = report(&results(), screen);
        assert!(
            text.lines().all(|line| line.chars().count() <= 40),
            "{text}"
        );
        assert!(
            text.contains("passed        R01          2/2 checks o…\n"),
            "{text}"
        );
        let sentence =
            "  max_live failed: c1 had 2 live\n    connections at 1s; expected at most\n    1\n";
        assert!(text.contains(sentence), "{text}");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let colour = report(
            &results(),
            Screen {
                style: Style::Colour,
                columns: None,
            },
        );
        assert!(colour.contains("\u{1b}["));
        let mut plain = String::new();
        let mut rest = colour.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain += before;
            rest = after.split_once('m').unwrap().1;
        }
        assert_eq!(plain + rest, report(&results(), Screen::PIPE));
    }
}
