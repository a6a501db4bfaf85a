//! The page: its head, its sums, and as much of every run as there is room for.

mod charts;
mod figure;
mod matrix;
mod plot;
mod search;
mod section;
mod stack;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::gallery::Gallery;
use crate::explore::Summary;
use crate::plain::is_unseen;
use crate::results::{Results, ScenarioResult};
use crate::sentences::{not_begun, run_again};
use crate::verdict::Verdict;
use section::{Detail, Run};

/// No report is larger.
pub const MOST_BYTES: usize = 5 * 1024 * 1024;
/// For the sections of the runs; the rest is for the matrix and the page around.
const SECTIONS_BYTES: usize = 7 * MOST_BYTES / 10;
/// Of very many runs, some have figures and the others words, rather than all
/// of them too little for either.
const MOST_SHARES: usize = 200;
/// For the rows of the matrix.
const MATRIX_BYTES: usize = 2 * MOST_BYTES / 10;

const STYLE: &str = include_str!("style.css");
/// Nothing is fetched, run or sent; and no style but the page's own, which is
/// known by its hash (a test says what that is).
const POLICY: &str = "default-src 'none'; style-src 'sha256-wUd8lkSBKuACsL79f3uSEZKkKKWbu3ZKSzXz6PIzPAU='; base-uri 'none'; form-action 'none'";

/// The whole page.
pub fn render(results: &Results, gallery: &Gallery) -> String {
    page(results, gallery, None)
}

/// The page of a search, whose findings are these runs.
pub fn render_search(results: &Results, gallery: &Gallery, summary: &Summary) -> String {
    page(results, gallery, Some(summary))
}

fn page(results: &Results, gallery: &Gallery, search: Option<&Summary>) -> String {
    let runs = ordered(results, gallery);
    let sections = sections(&runs);
    let matrix = matrix::matrix(&runs, &sections, MATRIX_BYTES);
    let title = search.map_or_else(|| sums(results), search::heading);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " \u{b7} chaos report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#verdicts" { "Skip to the verdicts" }
                (plot::patterns())
                (head(results, &runs, &title))
                main {
                    @if let Some(summary) = search { (search::findings(summary)) }
                    section id="verdicts" aria-labelledby="verdicts-title" tabindex="-1" {
                        h2 id="verdicts-title" { "Verdicts" }
                        (matrix)
                    }
                    section aria-labelledby="runs-title" {
                        h2 id="runs-title" { "Runs" }
                        (left_out(runs.len(), sections.len()))
                        @if let Some(not_begun) = not_begun(results) {
                            p class="note" { (not_begun) ": the whole was interrupted." }
                        }
                        @if let Some(again) = run_again(results) {
                            p class="note" { (again) "." }
                        }
                        @for section in &sections { (section) }
                    }
                    @if let Some(summary) = search { (search::sections(summary)) }
                }
                footer { p { "Made by " code { "chaos" } ". Times are counted from t = 0 of each scenario." } }
            }
        }
    };
    without_controls(&page.into_string())
}

/// What did not pass comes first.
fn ordered<'a>(results: &'a Results, gallery: &'a Gallery) -> Vec<Run<'a>> {
    let runs = results.scenarios.iter().enumerate();
    let mut runs: Vec<Run<'_>> = runs
        .map(|(index, result)| Run {
            index,
            result,
            timeline: gallery.get(index),
        })
        .collect();
    runs.sort_by_key(|run| (rank(run.result.verdict), run.index));
    runs
}

/// What catches the eye first.
fn rank(verdict: Verdict) -> usize {
    let mut worst_first = Verdict::WORST_FIRST.iter();
    let place = worst_first.position(|other| *other == verdict);
    place.unwrap_or_default()
}

/// Every run in the greatest detail that there is room for: what did not pass
/// may take a quarter of what is left for its figures, what passed its share of
/// it. Words may take all that is left.
fn sections(runs: &[Run<'_>]) -> Vec<Markup> {
    let mut sections = Vec::new();
    let mut room = SECTIONS_BYTES;
    for (number, run) in runs.iter().enumerate() {
        let share = room / (runs.len() - number).min(MOST_SHARES);
        let figures = match run.result.verdict {
            Verdict::Passed | Verdict::NotApplicable => share,
            Verdict::Failed | Verdict::Inconclusive => share.max(room / 4),
        };
        let details = [
            (Detail::Full, figures),
            (Detail::Plain, figures),
            (Detail::Words, room),
        ];
        let mut tries = details
            .into_iter()
            .map(|(detail, most)| (section::section(run, detail), most));
        let Some((section, _)) = tries.find(|(section, most)| section.0.len() <= *most) else {
            break;
        };
        room -= section.0.len();
        sections.push(section);
    }
    sections
}

fn left_out(runs: usize, shown: usize) -> Markup {
    html! {
        @if shown < runs {
            p class="note" { "There is no room for " (runs - shown) " more runs; results.json has them all." }
        }
    }
}

fn sums(results: &Results) -> String {
    let parts = [
        (results.failed, "failed"),
        (results.inconclusive, "inconclusive"),
        (results.not_applicable, "not applicable"),
        (results.passed, "passed"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        return "nothing was run".to_owned();
    }
    parts.join(", ")
}

fn head(results: &Results, runs: &[Run<'_>], title: &str) -> Markup {
    let all: Vec<&ScenarioResult> = runs.iter().map(|run| run.result).collect();
    html! {
        header {
            p class="brand" { "chaos report" }
            h1 { (title) }
            p class="tiles" {
                (tile(Verdict::Failed, results.failed, "the client did not do what it should"))
                (tile(Verdict::Inconclusive, results.inconclusive, "the run says nothing about the client"))
                @if results.not_applicable > 0 {
                    (tile(Verdict::NotApplicable, results.not_applicable, "the scenario is not about such a client"))
                }
                (tile(Verdict::Passed, results.passed, "the client did what it should"))
            }
            dl class="facts" {
                @for (term, text) in facts(&all) {
                    div { dt { (term) } dd { (text) } }
                }
            }
        }
    }
}

fn tile(verdict: Verdict, count: usize, meaning: &str) -> Markup {
    let class = if count == 0 { "none" } else { verdict.key() };
    html! {
        span class={ "tile " (class) } {
            b { (sign(verdict)) " " (count) " " (verdict.word()) } " "
            span { (meaning) }
        }
    }
}

/// What was run, in pairs.
fn facts(results: &[&ScenarioResult]) -> Vec<(&'static str, String)> {
    let ids: BTreeSet<&str> = results.iter().map(|result| result.id.as_str()).collect();
    let clients = distinct(results, |result| result.client.clone());
    let times = distinct(results, |result| result.time.clone());
    let seeds: BTreeSet<u64> = results.iter().map(|result| result.seed).collect();
    let flaws: BTreeSet<&str> = results
        .iter()
        .flat_map(|result| result.flaws.iter().map(String::as_str))
        .collect();
    let mut facts = vec![
        ("Scenarios", ids.len().to_string()),
        ("Runs", results.len().to_string()),
        ("Client", clients),
        ("Seeds", seeds_in_words(&seeds)),
        ("Clock", times),
    ];
    if !flaws.is_empty() {
        let flaws: Vec<&str> = flaws.into_iter().take(12).collect();
        facts.push(("Flaws enabled by clients", flaws.join(", ")));
    }
    if results.iter().any(|result| result.control.is_some()) {
        let control = "every fault scheduled and none applied, so nothing may pass";
        facts.push(("Control", control.to_owned()));
    }
    facts
}

fn distinct(results: &[&ScenarioResult], of: impl Fn(&ScenarioResult) -> String) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in results.iter().map(|result| of(result)) {
        if words.len() < 12 && !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

fn seeds_in_words(seeds: &BTreeSet<u64>) -> String {
    const MOST: usize = 6;
    let (Some(first), Some(last)) = (seeds.first(), seeds.last()) else {
        return "none".to_owned();
    };
    if seeds.len() <= MOST {
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        return seeds.join(", ");
    }
    format!("{} of them, from {first} to {last}", seeds.len())
}

/// A verdict for whoever sees no colours.
fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "\u{2713}",
        Verdict::Failed => "\u{2717}",
        Verdict::Inconclusive => "?",
        Verdict::NotApplicable => "\u{2013}",
    }
}

/// Texts may hold what nobody can see, such as what turns the order of letters
/// around: in its place stands the sign for what cannot be shown.
fn without_controls(page: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        _ if is_unseen(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    };
    page.chars().map(shown).collect()
}
