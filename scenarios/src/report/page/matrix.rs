//! The matrix at the top: scenarios by clients, each cell a link.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::section::Run;
use super::{rank, sign};
use crate::checks::Finding;
use crate::report::timeline::clipped;
use crate::verdict::Verdict;

/// So many seeds of one cell are named.
const MOST_SEEDS: usize = 8;

/// One scenario's runs, by client.
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    /// In the order of the page: what did not pass is in front.
    cells: BTreeMap<usize, Vec<&'a Run<'a>>>,
}

/// A table of what `most` bytes can hold; what did not pass is in it first.
/// The first runs have sections to link to, as many as there are of these.
pub(super) fn matrix(runs: &[Run<'_>], sections: &[Markup], most: usize) -> Markup {
    let clients = clients(runs);
    let linked: BTreeSet<usize> = runs.iter().take(sections.len()).map(|r| r.index).collect();
    let mut rows = rows(runs, &clients);
    let mut room = most;
    let mut shown: Vec<Markup> = Vec::new();
    for row in &mut rows {
        let row = row_of(row, &clients, &linked);
        if row.0.len() > room {
            break;
        }
        room -= row.0.len();
        shown.push(row);
    }
    let more = rows.len() - shown.len();
    html! {
        section class="scroll" aria-labelledby="matrix-caption" tabindex="0" {
            table class="matrix" {
                caption id="matrix-caption" { "Every scenario with every client; what did not pass comes first. A verdict leads to its run." }
                thead { tr {
                    th scope="col" { "Scenario" }
                    th scope="col" { "What should happen" }
                    @for client in &clients { th scope="col" { (client) } }
                } }
                tbody { @for row in &shown { (row) } }
            }
        }
        @if more > 0 {
            p class="note" { "There is no room for " (more) " more scenarios; results.json has them all." }
        }
    }
}

/// In the order in which they were run.
fn clients<'a>(runs: &[Run<'a>]) -> Vec<&'a str> {
    let mut by_index: Vec<&Run<'_>> = runs.iter().collect();
    by_index.sort_by_key(|run| run.index);
    let mut clients: Vec<&str> = Vec::new();
    for run in by_index {
        if !clients.contains(&run.result.client.as_str()) {
            clients.push(&run.result.client);
        }
    }
    clients
}

/// In the order of the page, so a scenario stands where its worst run does.
fn rows<'a>(runs: &'a [Run<'a>], clients: &[&str]) -> Vec<Row<'a>> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for run in runs {
        let result = run.result;
        let place = *places.entry(&result.id).or_insert(rows.len());
        if place == rows.len() {
            rows.push(Row {
                id: &result.id,
                title: &result.title,
                cells: BTreeMap::new(),
            });
        }
        let client = clients.iter().position(|client| *client == result.client);
        let cells = &mut rows[place].cells;
        cells
            .entry(client.unwrap_or_default())
            .or_default()
            .push(run);
    }
    rows
}

fn row_of(row: &Row<'_>, clients: &[&str], linked: &BTreeSet<usize>) -> Markup {
    html! {
        tr {
            th scope="row" { (row.id) }
            td class="what" { (clipped(row.title, 200)) }
            @for client in 0..clients.len() {
                td { @match row.cells.get(&client).map(Vec::as_slice) {
                    None => span class="soft" { "not run" },
                    Some([run]) => (one(run, linked)),
                    Some(runs) => (many(runs, linked)),
                } }
            }
        }
    }
}

fn one(run: &Run<'_>, linked: &BTreeSet<usize>) -> Markup {
    let verdict = run.result.verdict;
    let label = html! { (sign(verdict)) " " (verdict.word()) };
    html! {
        (link(run, linked, verdict, &label))
        @if let Some(reason) = reason(run) { " " span class="reason" { (reason) } }
    }
}

/// Several seeds: how many of each verdict, and links to what did not pass.
fn many(runs: &[&Run<'_>], linked: &BTreeSet<usize>) -> Markup {
    html! {
        @for verdict in Verdict::WORST_FIRST {
            @let own = of_verdict(runs, verdict);
            @let named = if rank(verdict) < rank(Verdict::Passed) { MOST_SEEDS } else { 1 };
            @if !own.is_empty() {
                div {
                    span class={ "badge " (verdict.key()) } { (sign(verdict)) " " (own.len()) " " (verdict.word()) }
                    @if own.len() == 1 { " seed" } @else { " seeds" }
                    @for run in own.iter().take(named) {
                        " " (link(run, linked, verdict, &html! { (run.result.seed) }))
                    }
                    @if own.len() > named { " and " (own.len() - named) " more" }
                }
            }
        }
    }
}

/// By seed.
fn of_verdict<'a>(runs: &[&'a Run<'a>], verdict: Verdict) -> Vec<&'a Run<'a>> {
    let own = runs.iter().filter(|run| run.result.verdict == verdict);
    let mut own: Vec<&Run<'_>> = own.copied().collect();
    own.sort_by_key(|run| (run.result.seed, run.index));
    own
}

fn link(run: &Run<'_>, linked: &BTreeSet<usize>, verdict: Verdict, label: &Markup) -> Markup {
    html! {
        @if linked.contains(&run.index) {
            a class={ "badge " (verdict.key()) } href={ "#" (run.anchor()) } { (label) }
        } @else {
            span class={ "badge " (verdict.key()) } { (label) }
        }
    }
}

/// In a word or two, why it did not pass.
fn reason(run: &Run<'_>) -> Option<String> {
    match run.result.verdict {
        Verdict::Passed => None,
        Verdict::Inconclusive | Verdict::NotApplicable => run
            .result
            .reasons
            .first()
            .map(|reason| clipped(&reason.to_string(), 90)),
        Verdict::Failed => {
            let checks = run.result.checks.iter();
            let failed = checks.filter(|check| check.result == Finding::Failed);
            let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
            Some(names.join(", "))
        }
    }
}
