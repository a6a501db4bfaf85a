//! Files that are whole or not there.

use std::fs;
use std::path::{Path, PathBuf};

use super::ResultsError;

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
