//! One scenario file, read for a test.

use std::path::{Path, PathBuf};

use super::Scenario;
use crate::files::{FileError, gather};
use crate::language::read;

/// A scenario that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read as text.
    #[error(transparent)]
    File(#[from] FileError),
    /// This is a folder.
    #[error("scenario {}: a folder; name one file", .0.display())]
    Folder(PathBuf),
    /// It has errors: each as `FILE:LINE:COLUMN: message`.
    #[error("\n{0}")]
    Mistakes(String),
}

impl Scenario {
    /// Reads a scenario file; a path that is not absolute counts from where the
    /// process runs, which under `cargo test` is the package's folder.
    ///
    /// # Errors
    /// It cannot be read, or it has errors, which are told all at once.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let folder = || LoadError::Folder(path.to_owned());
        if path.is_dir() {
            return Err(folder());
        }
        let first = |errors: Vec<FileError>| errors.into_iter().next();
        let given = gather(&[path.to_owned()])
            .map_err(|errors| first(errors).map_or_else(folder, LoadError::File))?;
        let given = given.into_iter().next().ok_or_else(folder)?;
        match read(&given.source) {
            Ok(scenario) => Ok(Self::new(scenario)),
            Err(mistakes) => Err(LoadError::Mistakes(mistakes.rendered)),
        }
    }
}
