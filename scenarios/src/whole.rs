//! Files that are whole or not there.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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
    match try_write_whole(out, &path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(ResultsError { path, source }),
    }
}

/// A draft that does not take its place is removed: half a file helps nobody.
fn try_write_whole(out: &Path, path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(out)?;
    let everyones = Permissions::from_mode(0o666);
    let mut draft = tempfile::Builder::new()
        .permissions(everyones)
        .tempfile_in(out)?;
    draft.write_all(text.as_bytes())?;
    draft.persist(path)?;
    Ok(())
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
