//! What a run leaves for people and for pipelines, beside its journals:
//! `results.json`, `report.html`, `junit.xml` and `summary.md`.
//!
//! Invariant: each is a pure function of the results, without a clock or the
//! name of a folder in it; each file is whole or as it was before.

mod badge;
mod junit;
#[cfg(test)]
pub(crate) mod sample;
mod summary;

pub use crate::sentences::ADVICE;
pub use badge::badge;
pub use junit::junit;
pub use summary::summary;

use std::path::{Path, PathBuf};

use crate::report::{self, Gallery};
use crate::results::{Results, ScenarioResult};
use crate::whole::{ResultsError, write_results, write_whole};

/// The name of the file for whatever reads JUnit's XML.
pub const JUNIT: &str = "junit.xml";
/// The name of the file for the summary of a pipeline's step.
pub const SUMMARY: &str = "summary.md";

/// Writes all of them to `out`, and says of each where it is, or why it could
/// not be written: one that fails does not keep the others from being there.
pub fn write(
    results: &Results,
    gallery: &Gallery,
    out: &Path,
) -> Vec<Result<PathBuf, ResultsError>> {
    vec![
        write_results(results, out),
        report::write(results, gallery, out),
        write_whole(out, JUNIT, &junit(results)),
        write_whole(out, SUMMARY, &summary(results)),
    ]
}

/// Writes the badge to this file; says where.
///
/// # Errors
/// When the system refuses; then an older file is still there.
pub fn write_badge(results: &Results, file: &Path) -> Result<PathBuf, ResultsError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    write_whole(folder, &name, &badge(results))
}

/// The clients under test, in the order in which they come, each with its results.
fn by_client(results: &Results) -> Vec<(&str, Vec<&ScenarioResult>)> {
    let mut clients: Vec<(&str, Vec<&ScenarioResult>)> = Vec::new();
    for scenario in &results.scenarios {
        match clients
            .iter_mut()
            .find(|(client, _)| *client == scenario.client)
        {
            Some((_, of_client)) => of_client.push(scenario),
            None => clients.push((&scenario.client, vec![scenario])),
        }
    }
    clients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_there_and_one_that_cannot_be_written_does_not_stop_the_others() {
        let out = tempfile::tempdir().unwrap();
        let results = sample::results();
        let written: Result<Vec<PathBuf>, _> = write(&results, &Gallery::default(), out.path())
            .into_iter()
            .collect();
        let names = ["results.json", "report.html", JUNIT, SUMMARY];
        assert_eq!(written.unwrap(), names.map(|name| out.path().join(name)));

        std::fs::remove_file(out.path().join(JUNIT)).unwrap();
        std::fs::create_dir(out.path().join(JUNIT)).unwrap();
        let again = write(&results, &Gallery::default(), out.path());
        let errors: Vec<String> = again
            .iter()
            .filter_map(|written| written.as_ref().err().map(ToString::to_string))
            .collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("junit.xml: "), "{errors:?}");
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 4);
    }
}
