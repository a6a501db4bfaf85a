//! What a search came to, told and written.

use std::path::{Path, PathBuf};

use scenarios::explore::{Found, Summary};
use scenarios::whole::{ResultsError, write_whole};

use super::output::{complain, print};
use super::{EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_PASSED};

/// Where findings go, within the folder.
pub(super) const FOUND: &str = "found";

/// Tells what it came to; the exit code.
pub(super) fn conclude(
    out: &Path,
    corpus: Option<&Path>,
    summary: &Summary,
    report: Result<PathBuf, ResultsError>,
) -> u8 {
    let mut is_whole = true;
    let mut text = String::new();
    for found in &summary.found {
        let name = format!("{}.toml", found.finding.id());
        match write_whole(&out.join(FOUND), &name, &found.text) {
            Ok(path) => text += &told(found, &path),
            Err(error) => {
                is_whole = false;
                complain(&format!("chaos: {error}"));
                text += &format!("{}\n{}\n", found.finding.title(), found.text);
            }
        }
    }
    if let Some(folder) = corpus
        && let Err(error) = summary.corpus.write(folder)
    {
        is_whole = false;
        complain(&format!("chaos: {error}"));
    }
    text += &summary.text();
    match report {
        Ok(path) => text += &format!("{}\n", path.display()),
        Err(error) => {
            is_whole = false;
            complain(&format!("chaos: {error}"));
        }
    }
    if let Some(why) = &summary.broken {
        complain(&format!(
            "chaos: the harness failed in {} cases, first with: {why}",
            summary.broken_count
        ));
    }
    // Of several searches nobody knows how long they took.
    if !summary.elapsed.is_zero() {
        let seconds = summary.elapsed.as_secs_f64().max(0.001);
        let rate = summary.cases as f64 / seconds;
        complain(&format!("chaos: {rate:.0} cases a second"));
    }
    is_whole &= print(text);
    match (is_whole, summary.found.is_empty(), &summary.broken) {
        (false, ..) => EXIT_INCONCLUSIVE,
        (true, false, _) => EXIT_FAILED,
        (true, true, None) => EXIT_PASSED,
        (true, true, Some(_)) => EXIT_INCONCLUSIVE,
    }
}

fn told(found: &Found, path: &Path) -> String {
    let finding = &found.finding;
    format!(
        "{}\n  {}: {}\n  case {}, {} of {} entries left after {} runs\n{}\n\n",
        finding.title(),
        finding.failure.check,
        finding.failure.why,
        finding.case,
        finding.schedule.entries.len(),
        finding.entries_before,
        finding.runs,
        path.display()
    )
}
