//! Hostile input, read as the programs read it: what the fuzz targets of
//! `scenarios/fuzz` do, which a test here does with some input of its own.
//!
//! Whatever the bytes are, these return, in bounded time and memory.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use environment::text::Source;
use environment::{Observer, Seed};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::collect::{Collected, Judged};
use crate::console::{Screen, report};
use crate::journal::{self, Body, Mark, encode_header, encode_line};
use crate::language::{Scenario, read};
use crate::records::{junit, summary};
use crate::report::render;
use crate::runner::{Folder, Settings, Time, simulate};
use crate::subjects::{ClientReport, Interpreter, Report, Subject};
use crate::verdict::Verdict;

/// A run in which something of everything happens.
const SCENARIO: &str = r#"
id = "sample"
title = "Something of everything"
duration = "6s"
settle = "4s"
clients.count = 3

[[fault]]
name = "reset"
at = "1s"
target.clients = ["c1"]
inject.reset = {}

[[fault]]
name = "stall"
at = "1500ms"
for = "1s"
inject.stall = {}

[[fault]]
name = "away"
on = { attempt = "2.." }
for = "300ms"
must_fire = false
inject.latency = { delay = "50ms" }

[[fault]]
name = "closed"
at = "3s"
for = "500ms"
inject.refuse = {}

[[server_event]]
at = "4s"
for = "400ms"
do = "kill"

[[action]]
at = "5s"
do = "pause"

[expect]
recover_within = "3s"
detect_within = "5s"
max_live = 1
max_dials = 40
min_dial_gap = "1ms"
availability = 0.1
no_leak = true
state_equal = true
lost = 0
duplicated = 0
reordered = 0
"#;

/// A journal of `SCENARIO`, altered as the bytes say, is refused, or judged and
/// shown in every form; and bytes are no journal.
///
/// # Panics
/// If a journal without t = 0 passes, or the sample itself is not what it should
/// be.
pub fn journals(edits: &[u8]) {
    let (scenario, lines) = sample();
    judge(scenario, &altered(lines, edits));
    judge(scenario, edits);
}

/// Bytes are a scenario with a plan, or have errors that can be told.
pub fn scenario_files(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match read(&Source::new("x.toml", text.to_owned())) {
        Ok(scenario) => drop(scenario.plan(Seed(1))),
        Err(mistakes) => drop(mistakes.rendered),
    }
}

/// Lines are reports of a client that tells of everything, or nothing.
pub fn report_lines(bytes: &[u8]) {
    let all = [
        Report::Dial,
        Report::Open,
        Report::Message,
        Report::Close,
        Report::GaveUp,
        Report::Seq,
    ];
    let mut interpreter = Interpreter::new("c1", BTreeSet::from(all));
    for line in bytes.split(|byte| *byte == b'\n') {
        let report = ClientReport::parse(line);
        drop(report.and_then(|report| interpreter.interpret(report)));
    }
}

fn judge(scenario: &Scenario, bytes: &[u8]) {
    let Ok((header, entries)) = journal::read(Path::new("journal.jsonl"), bytes) else {
        return;
    };
    let has_begun = entries
        .iter()
        .any(|entry| matches!(entry.body, Body::Harness(Mark::TZero)));
    let judged = Judged::new(scenario, &header, &entries, None, String::new());
    assert!(has_begun || judged.result.verdict != Verdict::Passed);
    let mut collected = Collected::default();
    collected.add(0, judged);
    let (results, gallery) = collected.done();
    drop(report(&results, Screen::stdout()));
    drop((summary(&results), junit(&results)));
    drop(render(&results, &gallery));
}

fn sample() -> &'static (Scenario, Vec<String>) {
    static SAMPLE: OnceLock<(Scenario, Vec<String>)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let source = Source::new("sample.toml", SCENARIO.to_owned());
        let scenario = match read(&source) {
            Ok(scenario) => scenario,
            Err(mistakes) => panic!("{}", mistakes.rendered),
        };
        let settings = Settings {
            subject: Subject::Sim,
            time: Time::Virtual,
            must_repeat: false,
            seed: Seed(1),
            flaws: BTreeSet::new(),
            is_wire: false,
            tls: Default::default(),
            folder: Folder::new(Path::new(""), "sample", Subject::SIM, Seed(1)),
        };
        let never = CancellationToken::new();
        let trace = simulate(&scenario, &settings, &Observer::none(), &never);
        let header = encode_header(&trace.header);
        let entries = trace.entries.iter().map(encode_line);
        (scenario, std::iter::once(header).chain(entries).collect())
    })
}

/// One change of a journal.
struct Edit {
    kind: u8,
    line: usize,
    other: usize,
    value: u64,
}

/// A number below `most`, or 0 if there is none.
fn below(value: u64, most: usize) -> usize {
    usize::try_from(value % (most.max(1) as u64)).unwrap_or_default()
}

/// How many bytes make one.
const EDIT: usize = 10;

impl Edit {
    fn of(bytes: &[u8], lines: usize) -> Self {
        let at = |index: usize| u64::from(bytes.get(index).copied().unwrap_or_default());
        let line = |index: usize| below(at(index) << 8 | at(index + 1), lines);
        let value = (6..EDIT).fold(0, |value, index| value << 8 | at(index));
        Self {
            kind: bytes[0],
            line: line(1),
            other: line(3),
            // At every size that a number can have.
            value: value << (at(5) % 33) | value,
        }
    }

    fn make(&self, lines: &mut Vec<String>) {
        let (line, other) = (self.line, self.other);
        let is_there = line < lines.len() && other < lines.len();
        match self.kind % 8 {
            _ if !is_there => {}
            0 => lines.swap(line, other),
            1 => drop(lines.remove(line)),
            2 => lines.insert(other, lines[line].clone()),
            3 => {
                let moved = lines.remove(line);
                lines.insert(other.min(lines.len()), moved);
            }
            4 => self.set(&mut lines[line], "t_us", self.value.into()),
            5 => self.set_any(lines, true),
            6 => self.set_any(lines, false),
            _ => {
                let keep = below(self.value, lines[line].len() + 1);
                let text = lines[line].as_bytes()[..keep].to_vec();
                lines[line] = String::from_utf8_lossy(&text).into_owned();
            }
        }
    }

    fn set(&self, line: &mut String, key: &str, value: Value) {
        if let Ok(mut event) = serde_json::from_str::<Map<String, Value>>(line) {
            event.insert(key.to_owned(), value);
            *line = Value::Object(event).to_string();
        }
    }

    /// One of its values becomes a number, or that of another line.
    fn set_any(&self, lines: &mut [String], is_number: bool) {
        let event = |line: &String| serde_json::from_str::<Map<String, Value>>(line);
        let (Ok(own), Ok(other)) = (event(&lines[self.line]), event(&lines[self.other])) else {
            return;
        };
        let from = if is_number { &own } else { &other };
        let Some((key, value)) = from.iter().nth(below(self.value, from.len())) else {
            return;
        };
        let value = if is_number {
            self.value.into()
        } else {
            value.clone()
        };
        self.set(&mut lines[self.line], key, value);
    }
}

fn altered(lines: &[String], edits: &[u8]) -> Vec<u8> {
    let mut lines = lines.to_vec();
    for edit in edits.chunks(EDIT) {
        let edit = Edit::of(edit, lines.len());
        edit.make(&mut lines);
    }
    (lines.join("\n") + "\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const REPORTS: &str = r#"{"event":"dial"}
{"event":"open"}
{"event":"message","data":"{\"type\":\"tick\",\"seq\":1}"}
{"event":"close","code":1006}
{"event":"gave_up"}
"#;

    /// A text in which some bytes are others.
    fn spoiled(text: &str, changes: &[(usize, u8)]) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = *byte;
        }
        bytes
    }

    #[test]
    fn the_sample_is_a_sound_run() {
        let (scenario, lines) = sample();
        let text = lines.join("\n");
        let (header, entries) = journal::read(Path::new("j"), text.as_bytes()).unwrap();
        let judged = Judged::new(scenario, &header, &entries, None, String::new());
        assert_eq!(
            judged.result.verdict,
            Verdict::Passed,
            "{:?}",
            judged.result
        );
    }

    #[test]
    fn without_t_zero_nothing_passes() {
        let (scenario, lines) = sample();
        let lines = lines.iter().filter(|line| !line.contains("t_zero"));
        let text = lines.cloned().collect::<Vec<_>>().join("\n");
        let (header, entries) = journal::read(Path::new("j"), text.as_bytes()).unwrap();
        let judged = Judged::new(scenario, &header, &entries, None, String::new());
        let result = judged.result;
        assert_eq!(result.verdict, Verdict::Inconclusive);
        let why = "the journal has no `t_zero`: the run never began";
        assert_eq!(result.reasons[0].to_string(), why);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Few changes leave most of a journal to be judged.
        #[test]
        fn altered_journals_are_refused_or_judged(edits in vec(any::<u8>(), 0..8 * EDIT)) {
            journals(&edits);
        }
    }

    proptest! {
        #[test]
        fn spoiled_scenarios_are_read_or_have_mistakes(
            changes in vec((any::<usize>(), any::<u8>()), 0..8)
        ) {
            scenario_files(&spoiled(SCENARIO, &changes));
        }

        #[test]
        fn spoiled_reports_are_read_or_passed_over(
            changes in vec((any::<usize>(), any::<u8>()), 0..8)
        ) {
            report_lines(&spoiled(REPORTS, &changes));
        }
    }
}
