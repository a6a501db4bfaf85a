//! `chaos judge`: verdicts on what earlier runs left.
//!
//! Each journal is read, judged and let go before the next.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use scenarios::archive::{find, judge_again};
use scenarios::collect::Collected;
use scenarios::console::{Screen, report};
use scenarios::language::Expectation;
use scenarios::out_folder::OutFolder;
use scenarios::records;

use super::args::JudgeArgs;
use super::output::{complain, places, print};
use super::run::{code, wanting};
use super::{EXIT_PASSED, EXIT_USAGE, files};

/// The same table and exit code as of the runs; what cannot be judged is told
/// beside, and makes it 2.
pub(super) fn judge(args: &JudgeArgs) -> anyhow::Result<u8> {
    let expect = match &args.expect {
        None => None,
        Some(file) => match expectations(file)? {
            Some(expect) => Some(expect),
            None => return Ok(EXIT_USAGE),
        },
    };
    let out = args.out.as_deref().map(OutFolder::claim).transpose()?;
    let (collected, is_whole) = judge_all(&args.paths, expect.as_deref());
    let (results, gallery) = collected.done();
    let mut text = String::new();
    if !results.scenarios.is_empty() {
        text += &report(&results, Screen::stdout());
    }
    let is_written = out.as_ref().is_none_or(|out| match is_whole {
        true => {
            let (places, is_written) = places(&records::write(&results, &gallery, out.path()));
            text += &places;
            is_written
        }
        false => {
            // Records of a part would look as if that were all.
            let out = out.path().display();
            complain(&format!(
                "chaos: nothing is written to {out}: not every journal could be judged"
            ));
            false
        }
    });
    let code = code(&results, is_written, false);
    if code != EXIT_PASSED {
        text += &wanting(&results);
    }
    print(text);
    Ok(if is_whole { code } else { EXIT_USAGE })
}

/// What another file expects, or `None` after its mistakes have been told.
fn expectations(file: &Path) -> anyhow::Result<Option<Vec<Expectation>>> {
    let shown = file.display();
    ensure!(
        !file.is_dir(),
        "--expect {shown}: a folder; name one scenario file"
    );
    let read = files::read(&[file.to_owned()]);
    Ok(read.and_then(|mut scenarios| scenarios.pop().map(|(_, scenario)| scenario.expect)))
}

/// Every journal's result, each journal once, and whether all could be judged.
fn judge_all(paths: &[PathBuf], expect: Option<&[Expectation]>) -> (Collected, bool) {
    let (mut collected, mut is_whole) = (Collected::default(), true);
    let mut judged = BTreeSet::new();
    let mut tell = |error: &dyn std::error::Error| {
        complain(&format!("chaos: {error}"));
        is_whole = false;
    };
    for path in paths {
        let journals = match find(path) {
            Ok(journals) => journals,
            Err(error) => {
                tell(&error);
                continue;
            }
        };
        for journal in journals {
            if !judged.insert(journal.clone()) {
                continue;
            }
            match judge_again(&journal, expect) {
                Ok(run) => {
                    collected.add(collected.count(), run);
                }
                Err(error) => tell(&error),
            }
        }
    }
    (collected, is_whole)
}
