//! Many seeds: what every scenario came to over them, which of them want to be
//! looked at, and how long recovery took.
//!
//! However many seeds there are, what is told of them has a bound; all is in
//! the results.

use super::groups::{Group, groups};
use super::report::{indented, line, words};
use super::screen::Screen;
use super::style::Style;
use crate::checks::span;
use crate::results::{Results, ScenarioResult, Spread, Statistics};
use crate::sentences::{in_brackets, was_interrupted};
use crate::verdict::Verdict;
use std::time::Duration;

/// So many seeds of a scenario and subject are told with their reasons.
const MOST_TOLD: usize = 3;

/// And so many in all; of the rest only which they are.
const MOST_TOLD_IN_ALL: usize = 60;

/// So many more are told by number.
const MOST_NAMED: usize = 20;

/// Every scenario with its sums over the seeds.
pub(super) fn table(results: &Results, style: Style) -> String {
    let groups = groups(&results.scenarios);
    let width = |of: fn(&Group<'_>) -> usize| groups.iter().map(of).max().unwrap_or_default();
    let ids = width(|group| group.id().len());
    let sums = width(|group| group.sums().len());
    let words = words(groups.iter().map(|group| group.worst().0));
    let mut text = String::new();
    for group in &groups {
        let (verdict, _) = group.worst();
        let word = style.verdict(verdict, &format!("{:<words$}", verdict.word()));
        let (id, all, title) = (group.id(), group.sums(), group.title());
        let not_judged = in_brackets(group.runs());
        line(
            &mut text,
            &format!("{word}  {id:<ids$}  {all:<sums$}  {title}{not_judged}"),
        );
    }
    text
}

/// The seeds that did not pass, each with what went wrong and the command that
/// repeats it.
pub(super) fn stories(results: &Results, screen: Screen) -> String {
    let mut text = String::new();
    let mut room = MOST_TOLD_IN_ALL;
    let is_alone = results.clients().len() < 2;
    for group in groups(&results.scenarios) {
        let not_passed = Verdict::WORST_FIRST.into_iter();
        for verdict in not_passed.filter(|verdict| *verdict != Verdict::Passed) {
            let told = group.of(verdict).filter(|run| !was_interrupted(run));
            let runs: Vec<_> = told.collect();
            if !runs.is_empty() {
                let name = if is_alone {
                    group.id().to_owned()
                } else {
                    format!("{} {}", group.id(), group.client())
                };
                let word = screen.style.verdict(verdict, verdict.word());
                let (some, all) = (runs.len(), group.count());
                line(
                    &mut text,
                    &format!("\n{name} {word} with {some} of {all} seeds"),
                );
                text += &seeds(&runs, &mut room, screen);
            }
        }
    }
    text
}

/// The first of them as far as there is room, and the numbers of some more.
fn seeds(runs: &[&ScenarioResult], room: &mut usize, screen: Screen) -> String {
    let mut text = String::new();
    let (told, rest) = runs.split_at(runs.len().min(MOST_TOLD).min(*room));
    *room -= told.len();
    for run in told {
        line(&mut text, &format!("  seed {}", run.seed));
        text += &indented(run, "    ", screen);
        line(&mut text, &format!("    {}", run.repeat));
    }
    if !rest.is_empty() {
        let named = rest.iter().take(MOST_NAMED);
        let mut numbers: Vec<String> = named.map(|run| run.seed.to_string()).collect();
        if rest.len() > MOST_NAMED {
            numbers.push(format!("and {} more", rest.len() - MOST_NAMED));
        }
        let word = if told.is_empty() { "seeds" } else { "also" };
        line(&mut text, &format!("  {word} {}", numbers.join(", ")));
    }
    text
}

/// How long it took to notice and to recover, of every scenario in which
/// anything was affected.
pub(super) fn statistics(results: &Results) -> String {
    let is_alone = results.clients().len() < 2;
    let name = |of: &Statistics| match is_alone {
        true => of.id.clone(),
        false => format!("{} {}", of.id, of.client),
    };
    let names = results.statistics.iter().map(|of| name(of).len());
    let width = names.max().unwrap_or_default();
    let mut rows = String::new();
    for of in &results.statistics {
        let mut called = name(of);
        for (what, spread) in [("detect", of.detect), ("recover", of.recover)] {
            if let Some(spread) = spread {
                line(
                    &mut rows,
                    &format!("{called:<width$}  {what:<7}  {}", row(&spread)),
                );
                called.clear();
            }
        }
    }
    if rows.is_empty() {
        return rows;
    }
    let columns = ["count", "p50", "p90", "p99", "max"].map(|head| format!("{head:>7}"));
    let head = format!("{:<width$}  {:<7}  {}", "", "", columns.join("  "));
    format!("\n{head}\n{rows}")
}

fn row(spread: &Spread) -> String {
    let times = [spread.p50_ms, spread.p90_ms, spread.p99_ms, spread.max_ms];
    let times = times.map(|ms| span(Duration::from_secs_f64(ms / 1000.0)));
    let all = [&[spread.count.to_string()][..], &times].concat();
    let padded: Vec<String> = all.iter().map(|text| format!("{text:>7}")).collect();
    padded.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample::{results, run};
    use Verdict::{Failed, Inconclusive, Passed};

    fn many(id: &str, count: u64, verdict: impl Fn(u64) -> Verdict) -> Vec<ScenarioResult> {
        let seeds = 1..=count;
        seeds
            .map(|seed| run(id, "sim", seed, verdict(seed)))
            .collect()
    }

    #[test]
    fn sums_of_each_scenario_the_seeds_that_went_wrong_and_the_times() {
        let mut all = many("R01", 200, |_| Passed);
        all.extend(many("R23-reset", 200, |seed| match seed {
            17 | 100..105 => Failed,
            140 => Inconclusive,
            _ => Passed,
        }));
        let results = results(all);
        let text = table(&results, Style::Plain)
            + &stories(&results, Screen::PIPE)
            + &statistics(&results);
        insta::assert_snapshot!(text, @r"
        passed        R01        200 passed                            The title of R01
        failed        R23-reset  193 passed, 6 failed, 1 inconclusive  The title of R23-reset

        R23-reset failed with 6 of 200 seeds
          seed 17
            lost failed: c1 lost 2 ticks; expected none
            chaos run R23-reset.toml --client sim --seed 17
          seed 100
            lost failed: c1 lost 2 ticks; expected none
            chaos run R23-reset.toml --client sim --seed 100
          seed 101
            lost failed: c1 lost 2 ticks; expected none
            chaos run R23-reset.toml --client sim --seed 101
          also 102, 103, 104

        R23-reset inconclusive with 1 of 200 seeds
          seed 140
            no fault had any effect
            lost not measured: the server reported no tick
            chaos run R23-reset.toml --client sim --seed 140

                              count      p50      p90      p99      max
        R01        detect       200    100ms    180ms    198ms    200ms
                   recover      200       1s   1800ms   1980ms       2s
        R23-reset  detect       199    100ms    181ms    199ms    200ms
                   recover      199       1s   1810ms   1990ms       2s
        ");
    }

    #[test]
    fn however_many_go_wrong_what_is_told_has_a_bound() {
        let all = (0..60).flat_map(|n| many(&format!("R{n}"), 500, |_| Failed));
        let results = results(all.collect());
        let text = stories(&results, Screen::PIPE);
        assert!(text.lines().count() < 500, "{}", text.lines().count());
        assert_eq!(text.matches("chaos run").count(), MOST_TOLD_IN_ALL);
        assert!(text.contains("R59 failed with 500 of 500 seeds"), "{text}");
        assert!(text.contains("\n  seeds 1, 2, 3,"), "{text}");
    }
}
