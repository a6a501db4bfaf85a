//! What a search adds to the page: which fault struck what, what else came about,
//! and how high the marks rose.

use maud::{Markup, html};

use crate::explore::{Came, Place, Reach, Summary, Watermarks};

/// The head of the page in words, and the sections behind the findings.
pub(super) fn heading(summary: &Summary) -> String {
    let found = match summary.found.len() {
        0 => "nothing found".to_owned(),
        many => format!("{many} found"),
    };
    format!("{found} in {} cases", summary.cases)
}

/// The findings in a list, each with its file.
pub(super) fn findings(summary: &Summary) -> Markup {
    html! {
        section aria-labelledby="findings-title" {
            h2 id="findings-title" { "Findings" }
            @if summary.found.is_empty() {
                p class="note" { "No promise was broken in " (summary.cases) " schedules." }
            }
            ul {
                @for found in &summary.found {
                    @let finding = &found.finding;
                    li {
                        b { (finding.title()) } " "
                        (finding.failure.check) ": " (finding.failure.why) " "
                        span class="soft" {
                            "found/" (finding.id()) ".toml, case " (finding.case) ", "
                            (finding.schedule.entries.len()) " of " (finding.entries_before)
                            " entries left after " (finding.runs) " runs"
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn sections(summary: &Summary) -> Markup {
    html! {
        section aria-labelledby="coverage-title" {
            h2 id="coverage-title" { "Coverage" }
            (coverage(&summary.reach))
            (came(&summary.reach))
        }
        section aria-labelledby="marks-title" {
            h2 id="marks-title" { "Watermarks" }
            (marks(summary))
        }
    }
}

fn coverage(reach: &Reach) -> Markup {
    html! {
        section class="scroll" aria-labelledby="coverage-caption" tabindex="0" {
            table class="matrix" {
                caption id="coverage-caption" {
                    "In how many schedules each fault was applied to which phase of a connection; – where it cannot be."
                }
                thead { tr {
                    th scope="col" { "Fault" }
                    @for place in Place::ALL { th scope="col" { (place.word()) } }
                } }
                tbody {
                    @for fault in Reach::faults() {
                        tr {
                            th scope="row" { (fault) }
                            @for place in Place::ALL { td { (cell(reach, fault, place)) } }
                        }
                    }
                }
            }
        }
    }
}

fn cell(reach: &Reach, fault: &str, place: Place) -> Markup {
    let count = reach.struck(fault, place);
    html! {
        @if count > 0 { (count) }
        @else if let Some(why) = Reach::unreachable(fault, place) { span class="soft" title=(why) { "\u{2013}" } }
        @else { b { "0" } }
    }
}

fn came(reach: &Reach) -> Markup {
    html! {
        table class="matrix" {
            caption { "What else happened, and in how many schedules." }
            thead { tr { th scope="col" { "What" } th scope="col" { "Schedules" } } }
            tbody {
                @for (what, words) in Came::ALL {
                    tr { th scope="row" { (words) } td { (reach.came(what)) } }
                }
            }
        }
    }
}

/// A mark: its name, its unit, and how to read it.
type Mark = (&'static str, &'static str, fn(&Watermarks) -> u64);

const MARKS: [Mark; 4] = [
    ("Longest recovery", "ms", |marks| marks.recovery_us / 1000),
    ("Most dials of a client in a second", "", |marks| {
        marks.dials
    }),
    ("Most connections of a client at once", "", |marks| {
        marks.sockets
    }),
    ("Most bytes held", "B", |marks| marks.held),
];

fn marks(summary: &Summary) -> Markup {
    html! {
        @for (name, unit, of) in MARKS {
            (curve(name, unit, summary, &|(_, _, marks)| of(marks)))
        }
        (curve("States seen", "", summary, &|(_, states, _)| *states as u64))
    }
}

type Step = (u64, usize, Watermarks);

/// A staircase over the cases: 1,000 wide and 60 high, and stretched.
fn curve(name: &str, unit: &str, summary: &Summary, of: &dyn Fn(&Step) -> u64) -> Markup {
    let last = summary.history.last();
    let (cases, most) = last.map_or((1, 0), |step| (step.0.max(1), of(step)));
    let mut path = String::from("M0 60");
    let mut height = 60;
    for step in &summary.history {
        let x = step.0 * 1000 / cases;
        let up = 58_u64
            .saturating_mul(of(step))
            .checked_div(most)
            .unwrap_or_default();
        let y = 60 - up.min(58);
        // A level that goes on needs no point.
        if y != height {
            path += &format!("H{x}V{y}");
            height = y;
        }
    }
    path += "H1000";
    let label = format!("{name}: {most} {unit}").trim_end().to_owned();
    html! {
        figure {
            figcaption { b { (label) } " in " (cases) " cases." }
            svg width="100%" height="62" viewBox="0 0 1000 62" preserveAspectRatio="none" role="img" aria-label=(label) {
                path class="level open" d=(path) {}
            }
        }
    }
}
