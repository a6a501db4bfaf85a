//! One run: what was judged, in words, beside what was seen.

use maud::{Markup, html};

use super::{charts, figure, sign};
use crate::checks::{CheckResult, Finding};
use crate::report::timeline::{Timeline, clipped};
use crate::results::{RuleResult, ScenarioResult};
use crate::sentences::unjudged;
use crate::verdict::Verdict;

/// So many bytes of a sentence are shown.
const MOST_SENTENCE: usize = 2 * 1024;
/// What to do when a run says nothing.
const ADVICE: &str = "If the machine was too busy: run fewer at a time (--jobs 4), or use a quieter machine. If a fault was not applied: chaos plan FILE prints when it should be, and to which clients.";
/// So many rows of a table.
const MOST_ROWS: usize = 50;

/// How much of a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Full,
    /// Without the texts that appear under a pointer.
    Plain,
    /// Without figures.
    Words,
}

/// One run, with what was kept of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    /// Where its result stands in the results.
    pub(super) index: usize,
    pub(super) result: &'a ScenarioResult,
    pub(super) timeline: Option<&'a Timeline>,
}

impl Run<'_> {
    /// The id of what is in its section.
    pub(super) fn anchor(&self) -> String {
        format!("run-{}", self.index + 1)
    }
}

pub(super) fn section(run: &Run<'_>, detail: Detail) -> Markup {
    let ScenarioResult { verdict, .. } = run.result;
    let title = format!("{}-title", run.anchor());
    html! {
        article class={ "run " (verdict.key()) } aria-labelledby=(title) {
            details open[verdict.is_wanting()] {
                (summary(run, &title))
                // Within what can be closed: who follows a link to it opens it.
                div id=(run.anchor()) class="body" {
                    (outcome(run.result))
                    (about(run))
                    div class="beside" {
                        (checks(run.result))
                        (figures(run, detail))
                    }
                    (rules(&run.result.rules))
                    (repeat(run.result))
                    (text(run, detail))
                }
            }
        }
    }
}

fn summary(run: &Run<'_>, title: &str) -> Markup {
    let result = run.result;
    let ok = result
        .checks
        .iter()
        .filter(|c| c.result == Finding::Ok)
        .count();
    html! {
        summary {
            h3 id=(title) {
                span class={ "badge " (result.verdict.key()) } { (sign(result.verdict)) " " (result.verdict.word()) }
                " " span class="id" { (result.id) } " "
                span class="title" { (clipped(&result.title, 300)) }
            }
            " "
            span class="meta" {
                (result.client) " \u{b7} seed " (result.seed) " \u{b7} " (result.time) " time \u{b7} "
                (ok) " of " (result.checks.len()) " checks ok"
                @if let Some(names) = unjudged([result]) { " \u{b7} not measured: " (clipped(&names, 300)) }
            }
        }
    }
}

/// The verdict, in the sentences that it rests on.
fn outcome(result: &ScenarioResult) -> Markup {
    let failed = result.checks.iter().filter(|c| c.result == Finding::Failed);
    html! {
        div class={ "outcome " (result.verdict.key()) } {
            @match result.verdict {
                Verdict::Passed => p { "Every fault was applied on schedule, and no check failed." },
                Verdict::Failed => ul {
                    @for check in failed {
                        li { code { (check.name) } " failed: " (sentence(&check.why)) "." }
                    }
                },
                Verdict::NotApplicable => {
                    p { "The scenario is not about such a client:" }
                    (reasons(result))
                }
                Verdict::Inconclusive => {
                    p { "This run says nothing about the client:" }
                    (reasons(result))
                    @if result.control.is_none() { p { (ADVICE) } }
                }
            }
            @for note in &result.notes { p { "Note: " (sentence(&note.to_string())) "." } }
        }
    }
}

fn reasons(result: &ScenarioResult) -> Markup {
    html! {
        ul { @for reason in result.reasons.iter().take(MOST_ROWS) { li { (sentence(&reason.to_string())) } } }
    }
}

fn sentence(text: &str) -> String {
    clipped(text.trim_end_matches('.'), MOST_SENTENCE)
}

fn about(run: &Run<'_>) -> Markup {
    let ScenarioResult {
        title,
        flaws,
        control,
        ..
    } = run.result;
    let timeline = run.timeline;
    html! {
        dl class="facts" {
            div { dt { "What should happen" } dd { (clipped(title, MOST_SENTENCE)) } }
            @if let Some(why) = timeline.map(|t| t.why.as_str()).filter(|why| !why.is_empty()) {
                div { dt { "What goes wrong otherwise" } dd { (why) } }
            }
            @if let Some(source) = timeline.map(|t| t.source.as_str()).filter(|s| !s.is_empty()) {
                div { dt { "Seen at" } dd { (link(source)) } }
            }
            @if !flaws.is_empty() {
                div { dt { "Flaws enabled" } dd { (flaws.join(", ")) " (on purpose: the reference client has none)" } }
            }
            @if let Some(control) = control {
                div { dt { "Control" } dd { (control) ": every fault was scheduled and none applied" } }
            }
        }
    }
}

/// Only what is plainly an address of the web is a link.
fn link(source: &str) -> Markup {
    let is_plain = |c: char| c.is_ascii_graphic();
    let is_address = source.starts_with("https://") || source.starts_with("http://");
    html! {
        @if is_address && source.chars().all(is_plain) {
            a href=(source) rel="noreferrer noopener" { (source) }
        } @else {
            (source)
        }
    }
}

/// Each check. Those that held stand aside where others did not.
fn checks(result: &ScenarioResult) -> Markup {
    let of = |finding| {
        result
            .checks
            .iter()
            .filter(move |check| check.result == finding)
    };
    let wanting: Vec<&CheckResult> = of(Finding::Failed)
        .chain(of(Finding::NotObservable))
        .collect();
    let held: Vec<&CheckResult> = of(Finding::Ok).collect();
    html! {
        div class="checks" {
            h4 { "Checks" }
            @if !wanting.is_empty() { ul { @for check in &wanting { (card(check)) } } }
            @if !held.is_empty() {
                details open[wanting.is_empty()] {
                    summary { (held.len()) " that held" }
                    ul { @for check in &held { (card(check)) } }
                }
            }
        }
    }
}

fn card(check: &CheckResult) -> Markup {
    let (class, sign) = match check.result {
        Finding::Ok => ("passed", "\u{2713}"),
        Finding::Failed => ("failed", "\u{2717}"),
        Finding::NotObservable => ("inconclusive", "?"),
    };
    html! {
        li class={ "check " (class) } {
            p class="name" {
                code { (check.name) } " "
                span class={ "badge " (class) } { (sign) " " (check.result.word()) }
            }
            p class="numbers" {
                "limit " b { (check.limit) } ", seen " b { (clipped(&check.observed.to_string(), 200)) }
            }
            p class="sentence" { (clipped(&check.why, MOST_SENTENCE)) }
        }
    }
}

fn figures(run: &Run<'_>, detail: Detail) -> Markup {
    let timeline = run.timeline.filter(|_| detail != Detail::Words);
    let anchor = run.anchor();
    html! {
        div class="figures" {
            h4 { "What happened" }
            @match timeline {
                None => p class="note" {
                    "There are too many runs for figures of all of them; the command below makes them again."
                },
                Some(timeline) if timeline.is_empty() => p class="note" { "No client was seen." },
                Some(timeline) => {
                    (figure::timeline(timeline, &anchor, detail))
                    (charts::connections(timeline, &anchor))
                    div class="pair" {
                        (charts::recoveries(timeline, &anchor))
                        (charts::waits(timeline, &anchor))
                    }
                }
            }
        }
    }
}

fn rules(rules: &[RuleResult]) -> Markup {
    html! {
        @if !rules.is_empty() {
            div class="scroll" {
                table class="rules" {
                    caption { "Faults: how often each was applied, and how late" }
                    thead { tr {
                        th scope="col" { "Fault" }
                        th scope="col" { "Applied" }
                        th scope="col" { "Max delay" }
                    } }
                    tbody { @for rule in rules.iter().take(MOST_ROWS) { tr {
                        th scope="row" { (rule.name) }
                        td { (times(rule.strikes)) }
                        td { (lateness(rule)) }
                    } } }
                }
                @if rules.len() > MOST_ROWS { p class="note" { "and " (rules.len() - MOST_ROWS) " more" } }
            }
        }
    }
}

fn times(strikes: usize) -> String {
    match strikes {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        many => format!("{many} times"),
    }
}

fn lateness(rule: &RuleResult) -> String {
    if rule.strikes == 0 {
        return "\u{2013}".to_owned();
    }
    format!("{}.{:03} ms", rule.late_us / 1000, rule.late_us % 1000)
}

fn repeat(result: &ScenarioResult) -> Markup {
    html! {
        @if !result.repeat.is_empty() {
            div {
                h4 { "Repeat this run" }
                pre class="copy" tabindex="0" { (clipped(&result.repeat, 8 * 1024)) }
            }
        }
    }
}

fn text(run: &Run<'_>, detail: Detail) -> Markup {
    let timeline = run.timeline.filter(|_| detail != Detail::Words);
    html! {
        @if let Some(timeline) = timeline.filter(|timeline| !timeline.text.is_empty()) {
            details class="text" {
                summary { "The scenario file" }
                pre tabindex="0" { (timeline.text) }
            }
        }
    }
}
