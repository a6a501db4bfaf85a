//! `chaos judge`: verdicts on what earlier runs left.
//!
//! Each journal is read, judged and let go before the next; whatever is in one,
//! the others are judged.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use scenarios::archive::{ArchiveError, find, judge_again};
use scenarios::collect::{Collected, Judged};
use scenarios::console::{Screen, report};
use scenarios::language::Expectation;
use scenarios::out_folder::OutFolder;
use scenarios::records;

use super::args::JudgeArgs;
use super::end::{code, wanting};
use super::output::{complain, places, print};
use super::{EXIT_PASSED, EXIT_USAGE, files};

/// The same table and exit code as of the runs; what cannot be judged is told
/// beside, and makes it 2, or as an inconclusive run where that is the harness's
/// own error.
pub(super) fn judge(args: &JudgeArgs) -> anyhow::Result<u8> {
    let expect = match &args.expect {
        None => None,
        Some(file) => match expectations(file)? {
            Some(expect) => Some(expect),
            None => return Ok(EXIT_USAGE),
        },
    };
    let out = args.out.as_deref().map(OutFolder::claim).transpose()?;
    let all = judge_all(&args.paths, |journal| {
        judge_again(journal, expect.as_deref())
    });
    let (results, gallery) = all.collected.done();
    let mut text = String::new();
    if !results.scenarios.is_empty() {
        text += &report(&results, Screen::stdout());
    }
    let is_written = out
        .as_ref()
        .is_none_or(|out| match all.was_refused || all.has_panicked {
            false => {
                let (places, is_written) = places(&records::write(&results, &gallery, out.path()));
                text += &places;
                is_written
            }
            true => {
                // Records of a part would look as if that were all.
                let out = out.path().display();
                complain(&format!(
                    "chaos: nothing is written to {out}: not every journal could be checked"
                ));
                false
            }
        });
    let code = code(&results, is_written && !all.has_panicked, false);
    if code != EXIT_PASSED {
        text += &wanting(&results);
    }
    print(text);
    Ok(if all.was_refused { EXIT_USAGE } else { code })
}

/// What another file expects, or `None` after its errors have been told.
fn expectations(file: &Path) -> anyhow::Result<Option<Vec<Expectation>>> {
    let shown = file.display();
    ensure!(
        !file.is_dir(),
        "--expect {shown}: a folder; name one scenario file"
    );
    let read = files::read(&[file.to_owned()]);
    Ok(read.and_then(|mut scenarios| scenarios.pop().map(|(_, scenario)| scenario.expect)))
}

/// What came of all journals.
#[derive(Default)]
struct JudgedAll {
    collected: Collected,
    /// Something is no journal, or was not there.
    was_refused: bool,
    /// Judging one panicked.
    has_panicked: bool,
}

/// Every journal's result, each journal once.
fn judge_all(
    paths: &[PathBuf],
    judge: impl Fn(&Path) -> Result<Judged, ArchiveError>,
) -> JudgedAll {
    let mut all = JudgedAll::default();
    let mut judged = BTreeSet::new();
    for path in paths {
        let journals = find(path).unwrap_or_else(|error| {
            all.tell(&error);
            Vec::new()
        });
        for journal in journals {
            if judged.insert(journal.clone()) {
                all.judge(&journal, &judge);
            }
        }
    }
    all
}

impl JudgedAll {
    /// A panic is an error of the harness, and takes no other journal with it: what
    /// was being judged is let go, and nothing else was touched.
    fn judge(&mut self, journal: &Path, judge: impl Fn(&Path) -> Result<Judged, ArchiveError>) {
        match catch_unwind(AssertUnwindSafe(|| judge(journal))) {
            Ok(Ok(run)) => self.collected.add(self.collected.count(), run),
            Ok(Err(error)) => self.tell(&error),
            Err(_) => {
                let journal = journal.display();
                complain(&format!(
                    "chaos: {journal}: a bug of the harness: checking it panicked, as shown above"
                ));
                self.has_panicked = true;
            }
        }
    }

    fn tell(&mut self, error: &ArchiveError) {
        complain(&format!("chaos: {error}"));
        self.was_refused = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_takes_no_other_journal_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
        for path in &paths {
            std::fs::write(path, "").unwrap();
        }
        let seen = std::cell::RefCell::new(Vec::new());
        let all = judge_all(&paths, |path| {
            seen.borrow_mut().push(path.to_owned());
            assert!(!path.ends_with("b"), "a mistake");
            Err(ArchiveError::Empty(path.to_owned()))
        });
        assert_eq!(*seen.borrow(), paths);
        assert!(all.was_refused && all.has_panicked);
        assert!(
            !judge_all(&paths[..1], |path| Err(ArchiveError::Empty(
                path.to_owned()
            )))
            .has_panicked
        );
    }
}
