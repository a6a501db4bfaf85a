//! The rows, what was measured of them, and how that is printed.

use std::fmt::Write as _;

use crate::subject::Subject;
use crate::{held, load, mass_end};

/// One load and how it is named on the command line.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) measure: fn(&Subject) -> anyhow::Result<Vec<Sample>>,
}

/// In the order in which they are measured.
pub(crate) const ROWS: [Row; 9] = [
    Row {
        name: "bulk, 1 connection",
        measure: load::bulk_1,
    },
    Row {
        name: "bulk, 8 connections",
        measure: load::bulk_8,
    },
    Row {
        name: "64 B ping-pong",
        measure: load::ping_pong,
    },
    Row {
        name: "64 B × 100 connections",
        measure: load::crowd,
    },
    Row {
        name: "connect, echo, close",
        measure: load::visits,
    },
    Row {
        name: "held connections",
        measure: held::memory,
    },
    Row {
        name: "4,000 reset, a bystander",
        measure: mass_end::resets,
    },
    Row {
        name: "4,000 FINs, a bystander",
        measure: mass_end::fins,
    },
    Row {
        name: "ends",
        measure: load::ends,
    },
];

/// BASELINE's aims, by row and part; the rest is there to be looked at.
const AIMS: [(&str, &str, &str); 11] = [
    ("bulk", "GiB/s", "≥ 1.2 × the best peer"),
    ("bulk", "CPU s per GiB", "≤ 0.5 × HAProxy"),
    ("64 B ping-pong", "added p50 µs", "≤ HAProxy"),
    ("64 B ×", "round trips/s", "≥ HAProxy"),
    ("64 B ×", "CPU µs per trip", "≤ HAProxy"),
    ("connect", "per s", "≥ HAProxy"),
    ("held", "KiB each", "≤ 3.0"),
    ("held", "MiB after", "back near the start"),
    ("4,000 reset", "p99 ms", "≤ 5"),
    ("4,000 FINs", "p99 ms", "≤ 5"),
    ("ends", "", "1: yes, always"),
];

/// A figure of a row.
pub(crate) struct Sample {
    pub(crate) part: &'static str,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn new(part: &'static str, value: f64) -> Self {
        Self { part, value }
    }

    /// A promise that is kept or not.
    pub(crate) fn yes_or_no(part: &'static str, is_so: bool) -> Self {
        Self::new(part, f64::from(u8::from(is_so)))
    }
}

/// The samples of one line, by column.
struct Line {
    row: &'static str,
    part: &'static str,
    columns: Vec<Vec<f64>>,
}

/// See the module. The first column is the bare loopback, the second ours.
pub(crate) struct Table {
    columns: &'static [&'static str],
    lines: Vec<Line>,
}

impl Table {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self {
            columns,
            lines: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, row: &'static str, part: &'static str, column: usize, value: f64) {
        let is_it = |line: &Line| line.row == row && line.part == part;
        let index = self.lines.iter().position(is_it).unwrap_or_else(|| {
            self.lines.push(Line {
                row,
                part,
                columns: vec![Vec::new(); self.columns.len()],
            });
            self.lines.len() - 1
        });
        self.lines[index].columns[column].push(value);
    }

    /// Medians with their spread, the ratio of ours to HAProxy's, and the aim.
    pub(crate) fn render(&self) -> String {
        let mut text = format!("{:40}", "");
        for column in self.columns {
            // Writing to a string does not fail, here and below.
            let _ = write!(text, "{column:>24}");
        }
        if self.columns.len() < 3 {
            text.push_str("  (HAProxy is not installed)");
        }
        text.push_str("   ratio  aim\n");
        for row in &ROWS {
            for line in self.lines.iter().filter(|line| line.row == row.name) {
                line.render(&mut text);
                if line.part == "p50 µs" {
                    line.added().render(&mut text);
                }
            }
        }
        text
    }
}

impl Line {
    fn render(&self, text: &mut String) {
        let name = format!("{}: {}", self.row, self.part);
        let _ = write!(text, "{name:40}");
        for samples in &self.columns {
            let _ = write!(text, "{:>24}", spread(samples));
        }
        let ratio = match &self.columns[..] {
            [_, ours, peer] => median(ours).zip(median(peer)),
            _ => None,
        };
        let ratio = ratio.map_or_else(String::new, |(ours, peer)| format!("{:.2}", ours / peer));
        let _ = writeln!(text, "{ratio:>8}  {}", self.aim());
    }

    fn aim(&self) -> &'static str {
        let is_its = |&&(row, part, _): &&(&str, &str, &str)| {
            self.row.starts_with(row) && (part.is_empty() || self.part == part)
        };
        AIMS.iter().find(is_its).map_or("", |(_, _, aim)| aim)
    }

    /// What the subjects add to the bare loopback's median.
    fn added(&self) -> Self {
        let base = median(&self.columns[0]).unwrap_or_default();
        let added = |samples: &Vec<f64>| samples.iter().map(|sample| sample - base).collect();
        let mut columns: Vec<Vec<f64>> = self.columns.iter().map(added).collect();
        columns[0].clear();
        Self {
            row: self.row,
            part: "added p50 µs",
            columns,
        }
    }
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn median(samples: &[f64]) -> Option<f64> {
    sorted(samples).get(samples.len() / 2).copied()
}

fn spread(samples: &[f64]) -> String {
    let sorted = sorted(samples);
    match (sorted.first(), median(samples), sorted.last()) {
        (Some(least), Some(median), Some(most)) => {
            format!("{} [{}–{}]", short(median), short(*least), short(*most))
        }
        _ => "–".to_owned(),
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}
