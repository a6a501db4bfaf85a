//! Files that are whole or not there.

use std::path::{Path, PathBuf};
use std::{fs, io};

use chaos_judge::results::Results;

const RESULTS: &str = "results.json";

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("results {}: {source}", path.display())]
pub struct ResultsError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Puts a text at `OUT/<name>`, written beside its place first; says where.
///
/// # Errors
/// When the system refuses; then an older file is still there.
pub fn write_whole(out: &Path, name: &str, text: &str) -> Result<PathBuf, ResultsError> {
    let path = out.join(name);
    let beside = out.join(format!(".{name}.{}", std::process::id()));
    let written = fs::create_dir_all(out)
        .and_then(|()| fs::write(&beside, text))
        .and_then(|()| fs::rename(&beside, &path));
    match written {
        Ok(()) => Ok(path),
        Err(source) => {
            // Half a file helps nobody; if it cannot be removed it stays.
            let _ = fs::remove_file(&beside);
            Err(ResultsError { path, source })
        }
    }
}

/// Writes `OUT/results.json`; says where that is.
///
/// # Errors
/// When the system refuses; then an older file is still there.
pub fn write_results(results: &Results, out: &Path) -> Result<PathBuf, ResultsError> {
    write_whole(out, RESULTS, &results.to_json())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chaos_judge::results::sample::run;
    use chaos_judge::verdict::Verdict;

    use super::*;

    #[test]
    fn a_whole_file_replaces_the_old_one() {
        let out = tempfile::tempdir().unwrap();
        let verdicts = [Verdict::Passed, Verdict::Inconclusive, Verdict::Passed];
        let results = Results::new(verdicts.map(|verdict| run("x", "sim", 1, verdict)).into());
        assert_eq!(
            (results.passed, results.failed, results.inconclusive),
            (2, 0, 1)
        );
        write_results(&Results::new(Vec::new()), out.path()).unwrap();
        let path = write_results(&results, out.path()).unwrap();
        let read: Results = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(read.to_json(), results.to_json());
        assert_eq!(
            fs::read_dir(out.path()).unwrap().count(),
            1,
            "nothing lies beside it"
        );
    }

    #[test]
    fn what_cannot_be_written_names_the_file() {
        let out = tempfile::tempdir().unwrap();
        let file = out.path().join("taken");
        fs::write(&file, "").unwrap();
        let error = write_results(&Results::new(Vec::new()), &file)
            .unwrap_err()
            .to_string();
        assert!(error.contains("taken/results.json: "), "{error}");
    }
}
