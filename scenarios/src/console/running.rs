//! What is going on: a pure picture of the runs that have not ended yet.

use std::time::Duration;

use crate::runner::RunPhase;
use crate::suite::Progress;
use crate::verdict::Verdict;

/// The most lines of runs.
const LINES: usize = 12;

/// The widest label, in characters; a scenario's id is shorter.
const WIDEST: usize = 40;

/// More runs than somebody wants a line about each of.
const MANY: usize = 1000;

/// Between two runs on one line.
const GAP: &str = "    ";

/// The runs of a suite, as far as somebody watches.
#[derive(Debug)]
pub(super) struct Running {
    of: usize,
    passed: usize,
    failed: usize,
    inconclusive: usize,
    not_applicable: usize,
    /// In the order in which they began.
    runs: Vec<Run>,
    /// The widest label so far: it does not shrink, so that nothing jumps.
    width: usize,
}

#[derive(Debug)]
struct Run {
    label: String,
    phase: RunPhase,
    since: Duration,
}

/// A run that has been judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) label: String,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
    /// How many have been judged, of how many.
    pub(super) count: (usize, usize),
}

impl Done {
    /// Of very many runs those that passed are told of now and then only.
    pub(super) fn is_worth_a_line(&self) -> bool {
        let (count, of) = self.count;
        self.verdict != Verdict::Passed || of <= MANY || count % (of / 100) == 0 || count == of
    }
}

impl Running {
    /// Of so many, none has begun.
    pub(super) fn new(of: usize) -> Self {
        Self {
            of,
            passed: 0,
            failed: 0,
            inconclusive: 0,
            not_applicable: 0,
            runs: Vec::new(),
            width: 0,
        }
    }

    /// Takes notice of what happens after so much time.
    pub(super) fn see(&mut self, progress: Progress, now: Duration) -> Option<Done> {
        match progress {
            Progress::RunPhase(label, phase) => {
                self.enter(label, phase, now);
                None
            }
            Progress::Judged(label, verdict) => Some(self.end(label, verdict, now)),
            Progress::Again(_) => {
                // It counted as that.
                self.inconclusive = self.inconclusive.saturating_sub(1);
                None
            }
            Progress::Fewer(_) => None,
        }
    }

    fn enter(&mut self, label: String, phase: RunPhase, now: Duration) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.label == label) {
            run.phase = phase;
            return;
        }
        self.width = self.width.max(label.chars().count()).min(WIDEST);
        self.runs.push(Run {
            label,
            phase,
            since: now,
        });
    }

    fn end(&mut self, label: String, verdict: Verdict, now: Duration) -> Done {
        // One that was never set up has not begun either.
        let run = self.runs.iter().position(|run| run.label == label);
        let took = run.map(|at| now.saturating_sub(self.runs.remove(at).since));
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
            Verdict::NotApplicable => self.not_applicable += 1,
        }
        Done {
            label,
            verdict,
            took: took.unwrap_or_default(),
            count: (self.done(), self.of),
        }
    }

    fn done(&self) -> usize {
        self.passed + self.failed + self.inconclusive + self.not_applicable
    }

    /// One line for all, and below it the runs, those that began first before
    /// the others, for a screen of so many columns and rows.
    pub(super) fn picture(&self, now: Duration, columns: usize, rows: usize) -> String {
        let mut text = self.sums(now);
        let cell = self.width + "  settling  0000s".len();
        let per_line = ((columns + GAP.len()) / (cell + GAP.len())).max(1);
        let most = LINES.min(rows / 2).max(1);
        // The last line may have to say how many are not shown.
        let shown = if self.runs.len() > most * per_line {
            (most - 1) * per_line
        } else {
            self.runs.len()
        };
        for line in self.runs[..shown].chunks(per_line) {
            let cells: Vec<String> = line.iter().map(|run| self.cell(run, now)).collect();
            text += &format!("\n  {}", cells.join(GAP));
        }
        match self.runs.len() - shown {
            0 => {}
            more => text += &format!("\n  … and {more} more"),
        }
        text
    }

    /// `40/62  16s  2 failed  3 starting, 7 running`.
    fn sums(&self, now: Duration) -> String {
        let mut text = format!("{}/{}  {}", self.done(), self.of, clock(now));
        for (count, word) in [
            (self.failed, "failed"),
            (self.inconclusive, "inconclusive"),
            (self.not_applicable, "not applicable"),
        ] {
            if count > 0 {
                text += &format!("  {count} {word}");
            }
        }
        let phases = [
            RunPhase::Starting,
            RunPhase::Running,
            RunPhase::Settling,
            RunPhase::Ending,
        ];
        let counts = phases.map(|phase| {
            let count = self.runs.iter().filter(|run| run.phase == phase).count();
            (count, word(phase))
        });
        let there = counts.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = there
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        text + "  " + &told.join(", ")
    }

    fn cell(&self, run: &Run, now: Duration) -> String {
        let label: String = run.label.chars().take(WIDEST).collect();
        let (phase, time) = (word(run.phase), clock(now.saturating_sub(run.since)));
        format!("{label:<0$}  {phase:<8}  {time:>5}", self.width)
    }
}

fn word(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Starting => "starting",
        RunPhase::Running => "running",
        RunPhase::Settling => "settling",
        RunPhase::Ending => "ending",
    }
}

/// Whole seconds, from a minute and a half on minutes too.
pub(super) fn clock(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..90 => format!("{seconds}s"),
        seconds => format!("{}m{:02}", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn running(labels: &[&str]) -> Running {
        let mut running = Running::new(62);
        for (second, label) in (0..).zip(labels) {
            let began = Progress::RunPhase((*label).to_owned(), RunPhase::Starting);
            assert_eq!(running.see(began, at(second)), None);
        }
        running
    }

    #[test]
    fn those_that_run_stand_in_their_order_with_phase_and_time() {
        let mut running = running(&["R18-peak", "R01", "R02"]);
        running.see(Progress::RunPhase("R01".into(), RunPhase::Settling), at(9));
        let expected = "\
0/62  17s  2 starting, 1 settling
  R18-peak  starting    17s
  R01       settling    16s
  R02       starting    15s";
        assert_eq!(running.picture(at(17), 40, 24), expected);
    }

    #[test]
    fn what_has_ended_is_counted_and_gone() {
        let mut running = running(&["R01", "R02"]);
        let done = running.see(Progress::Judged("R01".into(), Verdict::Failed), at(12));
        let expected = Done {
            label: "R01".into(),
            verdict: Verdict::Failed,
            took: at(12),
            count: (1, 62),
        };
        assert_eq!(done, Some(expected));
        running.see(
            Progress::Judged("R03".into(), Verdict::Inconclusive),
            at(13),
        );
        let expected = "2/62  13s  1 failed  1 inconclusive  1 starting\n  R02  starting    12s";
        assert_eq!(running.picture(at(13), 40, 24), expected);
    }

    #[test]
    fn what_runs_again_counts_once() {
        let mut running = running(&["R01"]);
        running.see(
            Progress::Judged("R01".into(), Verdict::Inconclusive),
            at(12),
        );
        running.see(Progress::Again("R01".into()), at(12));
        running.see(Progress::RunPhase("R01".into(), RunPhase::Starting), at(13));
        let expected = "0/62  14s  1 starting\n  R01  starting     1s";
        assert_eq!(running.picture(at(14), 40, 24), expected);
        let done = running.see(Progress::Judged("R01".into(), Verdict::Passed), at(20));
        assert_eq!(done.unwrap().count, (1, 62));
    }

    #[test]
    fn a_wide_screen_has_several_on_a_line_and_a_small_one_says_how_many_more() {
        let labels: Vec<String> = (0..40).map(|number| format!("R{number:02}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let running = running(&labels);
        for (columns, rows) in [(200, 50), (80, 24), (30, 10), (1, 1), (10_000, 1)] {
            let picture = running.picture(at(50), columns, rows);
            let lines: Vec<&str> = picture.lines().skip(1).collect();
            assert!(lines.len() <= LINES.min(rows / 2).max(1), "{picture}");
            let shown = picture.matches(" starting  ").count();
            let more = format!("\n  … and {} more", 40 - shown);
            assert_eq!(picture.ends_with(&more), shown < 40, "{picture}");
            let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns.max(30), "{picture}");
        }
    }

    #[test]
    fn of_very_many_that_passed_every_hundredth_part_is_told() {
        let told = |verdict: Verdict, of: usize| {
            let done = |count| Done {
                label: String::new(),
                verdict,
                took: at(0),
                count: (count, of),
            };
            (1..=of)
                .filter(|&count| done(count).is_worth_a_line())
                .count()
        };
        assert_eq!(told(Verdict::Passed, 1000), 1000);
        assert_eq!(told(Verdict::Passed, 100_000), 100);
        assert_eq!(told(Verdict::Passed, 1_999), 106);
        assert_eq!(told(Verdict::Failed, 5_000), 5_000);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(clock(at(0)), "0s");
        assert_eq!(clock(at(89)), "89s");
        assert_eq!(clock(at(90)), "1m30");
        assert_eq!(clock(at(3 * 3600 + 4)), "180m04");
    }
}
