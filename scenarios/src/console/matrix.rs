//! Several clients under test side by side: a line for each scenario, a column for each
//! subject.

use super::groups::{Group, groups};
use super::report::line;
use super::style::Style;
use crate::results::Results;
use crate::verdict::Verdict;

/// What one subject came to in one scenario: its verdict; of several seeds the
/// worst one, and how many had it.
fn cell(group: &Group<'_>) -> (Verdict, String) {
    let (verdict, count) = group.worst();
    let text = match (group.count(), verdict) {
        (1, _) => verdict.word().to_owned(),
        (all, Verdict::Passed) => format!("passed {all}"),
        (all, _) => format!("{} {count}/{all}", verdict.word()),
    };
    (verdict, text)
}

/// The names of the clients under test, each scenario's verdicts under them, and how many
/// each of them passed.
pub(super) fn table(results: &Results, style: Style) -> String {
    let groups = groups(&results.scenarios);
    let mut ids: Vec<&str> = groups.iter().map(Group::id).collect();
    // Those of one scenario follow each other, but for records given manually.
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    let mut lines = vec![String::new()];
    lines.extend(ids.iter().map(|id| (*id).to_owned()));
    lines.push(Verdict::Passed.word().to_owned());
    let width = lines.iter().map(String::len).max().unwrap_or_default();
    for line in &mut lines {
        *line = format!("{line:<width$}");
    }
    for client in results.clients() {
        let of_client = groups.iter().filter(|group| group.client() == client);
        let cells: Vec<_> = of_client.map(|group| (group.id(), cell(group))).collect();
        append(&mut lines, client, &ids, &cells, style);
    }
    let mut text = String::new();
    lines.iter().for_each(|one| line(&mut text, one));
    text
}

/// Puts a column to the right of all lines.
fn append(
    lines: &mut [String],
    client: &str,
    ids: &[&str],
    cells: &[(&str, (Verdict, String))],
    style: Style,
) {
    let passed = cells
        .iter()
        .filter(|(_, (verdict, _))| *verdict == Verdict::Passed);
    let sum = format!("{} of {}", passed.count(), cells.len());
    let texts = cells.iter().map(|(_, (_, text))| text.len());
    let width = texts
        .chain([client.len(), sum.len()])
        .max()
        .unwrap_or_default();
    let column = ids.iter().map(|id| {
        let found = cells.iter().find(|(of, _)| of == id);
        found.map_or_else(
            || format!("{:<width$}", "-"),
            |(_, (verdict, text))| style.verdict(*verdict, &format!("{text:<width$}")),
        )
    });
    let head = [format!("{client:<width$}")];
    let foot = [format!("{sum:<width$}")];
    for (line, cell) in lines
        .iter_mut()
        .zip(head.into_iter().chain(column).chain(foot))
    {
        *line += "  ";
        *line += &cell;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample::{results, run};
    use Verdict::{Failed, Inconclusive, NotApplicable, Passed};

    #[test]
    fn every_subject_has_its_column() {
        let results = results(vec![
            run("R01", "sim", 1, Passed),
            run("R01", "websockets", 1, Failed),
            run("R23-reset", "sim", 1, Passed),
            run("R23-reset", "websockets", 1, Inconclusive),
            run("R31", "sim", 1, Passed),
            run("R31", "websockets", 1, NotApplicable),
        ]);
        insta::assert_snapshot!(table(&results, Style::Plain), @r"
                   sim     websockets
        R01        passed  failed
        R23-reset  passed  inconclusive
        R31        passed  not applicable
        passed     3 of 3  0 of 3
        ");
    }

    #[test]
    fn over_seeds_a_cell_is_its_worst_verdict_and_how_many_had_it() {
        let seeds = |id: &'static str, client: &'static str, verdicts: [Verdict; 3]| {
            let verdicts = verdicts.into_iter().zip(1..);
            verdicts.map(move |(verdict, seed)| run(id, client, seed, verdict))
        };
        let all = [
            seeds("R01", "sim", [Passed, Passed, Passed]),
            seeds("R01", "websockets", [Failed, Passed, Failed]),
            seeds("R02", "sim", [Inconclusive, Passed, Passed]),
            seeds("R02", "websockets", [Inconclusive, Failed, Passed]),
        ];
        let results = results(all.into_iter().flatten().collect());
        insta::assert_snapshot!(table(&results, Style::Plain), @r"
                sim               websockets
        R01     passed 3          failed 2/3
        R02     inconclusive 1/3  failed 1/3
        passed  1 of 2            0 of 2
        ");
    }
}
