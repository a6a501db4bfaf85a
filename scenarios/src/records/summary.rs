//! `summary.md`: the summary of a pipeline's step.
//!
//! All that comes from scenarios and runs stands in tables of HTML, which
//! GitHub's and GitLab's Markdown take as they are. There `<`, `>` and `&` are
//! all that must be escaped, as long as no line is empty: Markdown would be
//! read again behind it. Invariant: the file is never longer than [`MOST`].

use std::collections::BTreeMap;
use std::fmt::Write;

use super::by_client;
use crate::plain::{clipped, is_unseen};
use crate::results::{Results, ScenarioResult};
use crate::sentences::{self, ADVICE, bounded, needs_advice};
use crate::verdict::Verdict;

/// The longest summary, in bytes: half of what GitHub takes for one step, which
/// may have something else to say, too.
const MOST: usize = 512 * 1024;

/// Of it, what the list of the passed ones may have in any case.
const FOR_PASSED: usize = 128 * 1024;

/// For headings, sums and what stands between the tables.
const FOR_FRAME: usize = 16 * 1024;

/// The longest title or name, in characters.
const NAME: usize = 300;

/// The columns of the table of sums.
const COLUMNS: [Verdict; 4] = [
    Verdict::Passed,
    Verdict::Failed,
    Verdict::Inconclusive,
    Verdict::NotApplicable,
];

/// The most clients under test in the table of sums.
const SUBJECTS: usize = 20;

/// The whole file.
pub fn summary(results: &Results) -> String {
    let mut text = format!("## chaos: {}\n\n", sentences::sums(results));
    if let Some(not_begun) = sentences::not_begun(results) {
        write!(text, "<p>{not_begun}</p>\n\n").expect(INFALLIBLE);
    }
    if let Some(again) = sentences::run_again(results) {
        write!(text, "<p>{}</p>\n\n", html(&again)).expect(INFALLIBLE);
    }
    text += &sums(results);
    text += &wanting(results);
    if results.scenarios.iter().any(needs_advice) {
        write!(text, "<p>{}</p>\n\n", html(ADVICE)).expect(INFALLIBLE);
    }
    text += &all_well(results);
    text
}

const INFALLIBLE: &str = "a String takes everything";

/// A row for each client under test, if there are several.
fn sums(results: &Results) -> String {
    let clients = by_client(results);
    if clients.len() < 2 {
        return String::new();
    }
    let rows = clients.iter().take(SUBJECTS).map(|(client, scenarios)| {
        let count = |verdict| scenarios.iter().filter(|s| s.verdict == verdict).count();
        let cells = COLUMNS.map(|verdict| format!("<td>{}</td>", count(verdict)));
        format!("<tr><td>{}</td>{}</tr>\n", name(client), cells.concat())
    });
    let words = COLUMNS.map(Verdict::word);
    let heads = [&["client"][..], &words].concat();
    table(&heads, rows, FOR_FRAME / 2)
}

/// What did not pass, the worst first.
fn wanting(results: &Results) -> String {
    let of = |verdict| {
        results
            .scenarios
            .iter()
            .filter(move |s| s.verdict == verdict)
    };
    let worst_first = Verdict::WORST_FIRST.into_iter();
    let not_passed = worst_first.filter(|verdict| *verdict != Verdict::Passed);
    let rows = not_passed.flat_map(of).map(|scenario| {
        let sign = match scenario.verdict {
            Verdict::Passed => "✅",
            Verdict::Failed => "❌",
            Verdict::Inconclusive => "⚠️",
            Verdict::NotApplicable => "➖",
        };
        let (word, story) = (scenario.verdict.word(), story(scenario));
        format!("<tr><td>{sign} {word}</td><td>{story}</td></tr>\n")
    });
    table(
        &["verdict", "what happened, and how to repeat it"],
        rows,
        MOST - FOR_PASSED - FOR_FRAME,
    )
}

/// Who it is, what happened, and how to repeat it: on a line each, all of which
/// may be broken, since one that may not makes its column as wide as it is.
fn story(scenario: &ScenarioResult) -> String {
    let ScenarioResult {
        id,
        title,
        client,
        seed,
        repeat,
        ..
    } = scenario;
    let (id, title, client) = (name(id), name(title), name(client));
    let mut lines = vec![format!("<b>{id}</b> {title} ({client}, seed {seed})")];
    lines.extend(bounded(scenario).iter().map(|sentence| html(sentence)));
    lines.push(format!("<code>{}</code>", escaped(repeat, "&#10;")));
    lines.join("<br>")
}

/// What passed, folded away: a row for each scenario and subject.
fn all_well(results: &Results) -> String {
    let passed = results
        .scenarios
        .iter()
        .filter(|s| s.verdict == Verdict::Passed);
    let mut runs: BTreeMap<(&str, &str), Vec<&ScenarioResult>> = BTreeMap::new();
    for run in passed {
        runs.entry((&run.id, &run.client)).or_default().push(run);
    }
    if runs.is_empty() {
        return String::new();
    }
    let rows = runs.iter().map(|((id, client), runs)| {
        let not_judged = name(&sentences::in_brackets(runs.iter().copied()));
        let title = runs.first().map_or("", |run| &run.title);
        let (id, client, title, runs) = (name(id), name(client), name(title), runs.len());
        format!(
            "<tr><td>{id}</td><td>{title}{not_judged}</td><td>{client}</td><td>{runs}</td></tr>\n"
        )
    });
    let rows = table(&["scenario", "", "client", "runs"], rows, FOR_PASSED);
    let passed = results.passed;
    format!("<details><summary>✅ {passed} passed</summary>\n\n{rows}</details>\n")
}

/// A table with as many rows as fit into so many bytes, and how many did not;
/// nothing without rows.
fn table(heads: &[&str], rows: impl Iterator<Item = String>, most: usize) -> String {
    let (mut text, mut left_out, mut is_empty) = (String::new(), 0_usize, true);
    for row in rows {
        is_empty = false;
        if left_out == 0 && text.len() + row.len() <= most {
            text += &row;
        } else {
            left_out += 1;
        }
    }
    if is_empty {
        return text;
    }
    let heads: String = heads
        .iter()
        .map(|head| format!("<th>{head}</th>"))
        .collect();
    let more = match left_out {
        0 => String::new(),
        _ => format!("<p>… and {left_out} more, in results.json</p>\n\n"),
    };
    format!("<table>\n<tr>{heads}</tr>\n{text}</table>\n\n{more}")
}

fn name(text: &str) -> String {
    html(&clipped(text, NAME))
}

/// A sentence: what stands between backticks is code.
fn html(text: &str) -> String {
    let escaped = escaped(text, " ");
    let mut parts = escaped.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    while let Some(code) = parts.next() {
        match parts.next() {
            Some(after) => html += &format!("<code>{code}</code>{after}"),
            None => html += &format!("`{code}"),
        }
    }
    html
}

/// Without anything that HTML obeys, and on one line; with a sign in place of
/// what nobody can see.
fn escaped(text: &str, line_end: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => html += line_end,
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            _ if is_unseen(c) => html.push(char::REPLACEMENT_CHARACTER),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample;

    #[test]
    fn one_of_each_verdict() {
        let text = summary(&sample::results()).replace(&html(ADVICE), "ADVICE");
        insta::assert_snapshot!(text, @r"
        ## chaos: 1 passed, 1 failed, 1 inconclusive

        <table>
        <tr><th>verdict</th><th>what happened, and how to repeat it</th></tr>
        <tr><td>❌ failed</td><td><b>R23-reset</b> The title of R23-reset (sim, seed 1)<br>max_live failed: c1 had 2 live connections at 1s; expected at most 1<br><code>chaos run R23-reset.toml --seed 1</code></td></tr>
        <tr><td>⚠️ inconclusive</td><td><b>R31</b> The title of R31 (sim, seed 1)<br>no fault had any effect<br>no_leak not measured: the server reported no socket<br><code>chaos run R31.toml --seed 1</code></td></tr>
        </table>

        <p>ADVICE</p>

        <details><summary>✅ 1 passed</summary>

        <table>
        <tr><th>scenario</th><th></th><th>client</th><th>runs</th></tr>
        <tr><td>R01</td><td>The title of R01</td><td>sim</td><td>1</td></tr>
        </table>

        </details>
        ");
    }

    #[test]
    fn what_is_not_applicable_is_counted_and_named_with_its_reason() {
        let runs = vec![
            sample::scenario("R01", Verdict::Passed),
            sample::not_applicable("R31"),
        ];
        let text = summary(&Results::new(runs));
        let sums = "## chaos: 1 passed, 0 failed, 0 inconclusive, 1 not applicable\n";
        assert!(text.starts_with(sums), "{text}");
        let row = format!(
            "<tr><td>➖ not applicable</td><td><b>R31</b> The title of R31 (sim, seed 1)<br>{}<br>",
            html(sample::CANNOT_PAUSE)
        );
        assert!(text.contains(&row), "{text}");
        assert!(!text.contains(&html(ADVICE)), "{text}");
    }

    #[test]
    fn what_was_not_judged_of_one_that_passed_is_named() {
        use crate::checks::Finding;
        let mut run = sample::scenario("R01", Verdict::Passed);
        let why = "the server reported no socket";
        run.checks
            .push(sample::check("no_leak", Finding::NotObservable, why));
        let text = summary(&Results::new(vec![run]));
        let row = "<td>The title of R01 (not measured: no_leak)</td>";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn a_control_is_not_explained() {
        let control = ScenarioResult {
            control: Some("wire".into()),
            ..sample::scenario("R01", Verdict::Inconclusive)
        };
        let text = summary(&Results::new(vec![control]));
        assert!(!text.contains(&html(ADVICE)), "{text}");
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = summary(&Results::new(vec![sample::hostile()]));
        assert!(
            !text.contains("<script") && !text.contains("</table>\n\n#"),
            "{text}"
        );
        assert!(!text.chars().any(|c| c != '\n' && is_unseen(c)), "{text}");
        let rows = text.lines().filter(|line| line.starts_with("<tr><td>"));
        assert_eq!(rows.count(), 1, "{text}");
        // Between its ends a table has no empty line, behind which Markdown would be read.
        let table = text
            .split_once("<table>")
            .unwrap()
            .1
            .split_once("\n</table>")
            .unwrap()
            .0;
        assert!(!table.contains("\n\n"), "{table}");
        assert!(
            table.contains("&#10;&#10;# h"),
            "a command keeps its lines: {table}"
        );
    }

    #[test]
    fn several_subjects_and_seeds_have_their_sums() {
        let run = |client: &str, seed, verdict| ScenarioResult {
            client: client.into(),
            seed,
            ..sample::scenario("R01", verdict)
        };
        let runs = [
            run("sim", 1, Verdict::Passed),
            run("sim", 2, Verdict::Passed),
            run("mine", 1, Verdict::Failed),
            run("mine", 2, Verdict::Passed),
            run("mine", 3, Verdict::NotApplicable),
        ];
        let text = summary(&Results::new(runs.into()));
        for row in [
            "<th>passed</th><th>failed</th><th>inconclusive</th><th>not applicable</th>",
            "<tr><td>sim</td><td>2</td><td>0</td><td>0</td><td>0</td></tr>",
            "<tr><td>mine</td><td>1</td><td>1</td><td>0</td><td>1</td></tr>",
            "<tr><td>R01</td><td>The title of R01</td><td>sim</td><td>2</td></tr>",
        ] {
            assert!(text.contains(row), "{text}");
        }
    }

    #[test]
    fn it_stays_within_its_bound_and_says_what_is_missing() {
        let runs = |verdict, id: char| {
            (0..1000).map(move |number| ScenarioResult {
                reasons: vec!["<".repeat(1000).into(); 50],
                title: "<".repeat(1000),
                ..sample::scenario(&format!("{id}{number}"), verdict)
            })
        };
        let all = runs(Verdict::Failed, 'f').chain(runs(Verdict::Passed, 'p'));
        let text = summary(&Results::new(all.collect()));
        assert!(text.len() <= MOST, "{}", text.len());
        assert!(text.len() > MOST / 2, "{}", text.len());
        assert_eq!(text.matches(" more, in results.json</p>").count(), 2);
        assert!(text.starts_with("## chaos: 1000 passed, 1000 failed, 0 inconclusive\n"));
    }
}
