//! The folder that records go to, while one program writes there.
//!
//! Invariant: two programs never have the same folder at once, however they call
//! it; and whoever dies gives it back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A folder that can be written, and that is ours until this is dropped.
#[derive(Debug)]
pub struct OutFolder {
    path: PathBuf,
    /// Locked. The folder itself, so nothing lies about in it.
    _folder: File,
}

/// A folder that records cannot go to.
#[derive(Debug, thiserror::Error)]
pub enum OutError {
    /// The system refuses.
    #[error("--out {}: nothing can be written there: {source}", path.display())]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else has it.
    #[error("--out {}: another run of chaos writes there; give each a folder of its own", .0.display())]
    Taken(PathBuf),
}

impl OutFolder {
    /// Makes the folder, if it is not there, and takes it.
    ///
    /// # Errors
    /// Somebody else has it, or it cannot be written; then nothing is changed
    /// in it.
    pub fn claim(path: &Path) -> Result<Self, OutError> {
        let failed = |source| OutError::Unwritable {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let folder = File::open(path).map_err(failed)?;
        // Any other error: some file systems of a network have no locks.
        if flock(&folder, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(OutError::Taken(path.to_owned()));
        }
        try_write(path).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            _folder: folder,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes a little and takes it away again.
fn try_write(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(b"\n")?;
    file.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(path: &Path) -> String {
        OutFolder::claim(path).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_is_made_and_is_nobody_elses_until_it_is_given_back() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        let first = OutFolder::claim(&path).unwrap();
        let again = place.path().join("a/../a/b");
        assert!(error(&again).ends_with(
            "a/../a/b: another run of chaos writes there; give each a folder of its own"
        ));
        assert_eq!(fs::read_dir(first.path()).unwrap().count(), 0);
        drop(first);
        OutFolder::claim(&again).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "kept").unwrap();
        assert!(error(&file).contains("file: nothing can be written there: "));
        assert!(error(&file.join("below")).contains("below: nothing can be written there: "));
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        assert!(error(Path::new("/proc/nobody")).contains("/proc/nobody: "));
    }
}
