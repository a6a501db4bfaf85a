//! What is told and left when all runs have ended, and the exit code.

use std::collections::BTreeMap;
use std::path::Path;

use scenarios::collect::Collected;
use scenarios::console::{Screen, report};
use scenarios::known::{Compared, Known, compare};
use scenarios::records;
use scenarios::report::Gallery;
use scenarios::results::Results;
use scenarios::shard::{Part, RECORD};
use scenarios::whole::write_whole;

use super::output::{complain, places, print, print_stderr_tails};
use super::{EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_PASSED};

/// As many commands as somebody may want to choose from.
const MOST_COMMANDS: usize = 100;

/// What is to be done when all runs have ended.
pub(super) struct End<'a> {
    pub(super) out: &'a Path,
    pub(super) badge: Option<&'a Path>,
    pub(super) repeat_all: &'a str,
    pub(super) known: Option<BTreeMap<String, Known>>,
    pub(super) was_interrupted: bool,
}

impl End<'_> {
    /// A shard says nothing of the others: that none of its own runs passed is for all
    /// of them together to judge.
    pub(super) fn conclude_part(&self, part: &Part, collected: Collected) -> u8 {
        let done = collected.done();
        let code = self.conclude(&done);
        if let Err(error) = write_whole(self.out, RECORD, &part.to_json()) {
            complain(&format!("chaos: {error}"));
            return if code == EXIT_PASSED {
                EXIT_INCONCLUSIVE
            } else {
                code
            };
        }
        let (results, _) = &done;
        let says_nothing = results.failed + results.inconclusive + results.passed == 0;
        if code == EXIT_INCONCLUSIVE && says_nothing && !self.was_interrupted {
            EXIT_PASSED
        } else {
            code
        }
    }

    /// Tells what it came to; the exit code.
    pub(super) fn conclude(&self, (results, gallery): &(Results, Gallery)) -> u8 {
        let mut written = records::write(results, gallery, self.out);
        if let Some(badge) = self.badge {
            written.push(records::write_badge(results, badge));
        }
        // Whoever interrupted them knows why they did not pass.
        if !self.was_interrupted {
            print_stderr_tails(results, self.out);
        }
        let mut text = report(results, Screen::stdout());
        let (places, is_written) = places(&written);
        text += &places;
        let compared = self.known.as_ref().map(|known| compare(results, known));
        text += &compared.as_ref().map_or_else(String::new, told);
        let code = code(results, is_written, self.was_interrupted);
        let code = compared.map_or(code, |compared| {
            code_beside(code, results, &compared, is_written)
        });
        text += &match wanting(results) {
            _ if code == EXIT_PASSED => String::new(),
            // The seeds that want repeating have been told, each with its command.
            lines if self.was_interrupted || results.has_many_seeds() || lines.is_empty() => {
                format!("{}\n", self.repeat_all)
            }
            lines => lines,
        };
        // What came of the runs is so, whoever hears of it.
        print(text);
        code
    }
}

/// What has changed beside what is known, a line each.
fn told(compared: &Compared) -> String {
    let known = match compared.as_known {
        1 => "1 deviation is as known".to_owned(),
        many => format!("{many} deviations are as known"),
    };
    let mut text = format!("{known}, {} changed\n", compared.changes.len());
    for change in &compared.changes {
        text += &format!("  {change}\n");
    }
    text
}

/// The exit code where only what has changed is a failure.
fn code_beside(code: u8, results: &Results, compared: &Compared, is_written: bool) -> u8 {
    match code {
        EXIT_PASSED | EXIT_FAILED | EXIT_INCONCLUSIVE if !compared.changes.is_empty() => {
            EXIT_FAILED
        }
        EXIT_FAILED if results.inconclusive > 0 || !is_written => EXIT_INCONCLUSIVE,
        EXIT_FAILED => EXIT_PASSED,
        other => other,
    }
}

/// The commands that repeat what failed or is inconclusive, a line each.
pub(super) fn wanting(results: &Results) -> String {
    let wanting = results.scenarios.iter().filter(|s| s.verdict.is_wanting());
    let lines = wanting.map(|scenario| format!("{}\n", scenario.repeat));
    lines.take(MOST_COMMANDS).collect()
}

pub(super) fn code(results: &Results, is_written: bool, was_interrupted: bool) -> u8 {
    if was_interrupted {
        EXIT_INTERRUPTED
    } else if results.failed > 0 {
        EXIT_FAILED
    } else if results.inconclusive > 0 || results.passed == 0 || !is_written {
        EXIT_INCONCLUSIVE
    } else {
        EXIT_PASSED
    }
}

#[cfg(test)]
mod tests {
    use environment::text::Source;
    use scenarios::results::sample::run;
    use scenarios::verdict::Verdict;

    use super::*;

    #[test]
    fn only_what_has_changed_fails_beside_what_is_known() {
        let text = "[[deviation]]\nscenario = 'a'\nwhy = 'it never looks'\n";
        let known = Known::read(&Source::new("known.toml", text)).unwrap();
        let known = BTreeMap::from([("sim".to_owned(), known)]);
        let check = |verdicts: [(&str, Verdict); 2], is_written, expected| {
            let runs = verdicts.map(|(id, verdict)| run(id, "sim", 1, verdict));
            let results = Results::new(runs.into());
            let plain = code(&results, is_written, false);
            let compared = compare(&results, &known);
            assert_eq!(
                code_beside(plain, &results, &compared, is_written),
                expected,
                "{verdicts:?}"
            );
        };
        let (passed, failed) = (Verdict::Passed, Verdict::Failed);
        check([("a", failed), ("b", passed)], true, EXIT_PASSED);
        check([("a", failed), ("b", passed)], false, EXIT_INCONCLUSIVE);
        check([("a", passed), ("b", passed)], true, EXIT_FAILED);
        check([("a", failed), ("b", failed)], true, EXIT_FAILED);
        check(
            [("a", failed), ("b", Verdict::Inconclusive)],
            true,
            EXIT_INCONCLUSIVE,
        );
    }
}
