//! What is to be started, and how.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::group::Group;
use super::running::Running;

/// A program with its arguments; no shell reads them.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The program, then its arguments; never empty.
    pub(crate) words: Vec<String>,
    /// Where it runs. A program named by a path is found from there.
    pub(crate) folder: PathBuf,
    /// Besides those of this process.
    pub(crate) variables: Vec<(String, String)>,
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to start.
    #[error("an empty command starts nothing")]
    Empty,
    /// The system refuses.
    #[error("`{program}` could not be started: {source}")]
    Refused {
        /// To start what.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StartError {
    fn refused(program: &str) -> impl FnOnce(io::Error) -> Self {
        let program = program.to_owned();
        |source| Self::Refused { program, source }
    }
}

impl Program {
    /// Starts it, with pipes for all that it reads and writes.
    ///
    /// # Errors
    /// The system refuses, or there is no shell to watch over it.
    pub(crate) fn start(&self) -> Result<Running, StartError> {
        let [program, arguments @ ..] = &self.words[..] else {
            return Err(StartError::Empty);
        };
        let group = Group::new().map_err(StartError::refused("sh"))?;
        let mut command = Command::new(self.found(program));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // So that all that it starts can be ended with it.
            .process_group(group.id())
            .kill_on_drop(true);
        let child = command.spawn().map_err(StartError::refused(program))?;
        Ok(Running::new(child, group))
    }

    /// Whether it could be started, as far as that shows beforehand.
    ///
    /// # Errors
    /// There is no such program.
    pub(crate) fn ensure_startable(&self) -> Result<(), StartError> {
        let Some(program) = self.words.first() else {
            return Err(StartError::Empty);
        };
        let found = if program.contains('/') {
            executable(&self.found(program))
        } else {
            self.look_up(program)
        };
        found.map_err(StartError::refused(program))
    }

    /// In the folders of PATH, in the order in which the system looks.
    fn look_up(&self, program: &str) -> io::Result<()> {
        let mut own = self.variables.iter().rev();
        let own = own.find(|(name, _)| name == "PATH");
        let path = own
            .map(|(_, path)| path.into())
            .or_else(|| std::env::var_os("PATH"));
        // The system has its own idea of where to look then.
        let Some(path) = path else { return Ok(()) };
        let nowhere = "not found in any folder of PATH";
        let mut found = Err(io::Error::new(io::ErrorKind::NotFound, nowhere));
        for folder in std::env::split_paths(&path) {
            match executable(&folder.join(program)) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => found = Err(error),
            }
        }
        found
    }

    /// What has a folder in its name is looked for from where it runs; whether
    /// the system would is not the same everywhere, so it is told the whole path.
    fn found(&self, program: &str) -> PathBuf {
        if program.contains('/') {
            let found = self.folder.join(program);
            std::path::absolute(&found).unwrap_or(found)
        } else {
            Path::new(program).to_owned()
        }
    }
}

/// Whether this is a file that may be started by somebody.
fn executable(path: &Path) -> io::Result<()> {
    let metadata = path.metadata()?;
    let is_executable = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    is_executable
        .then_some(())
        .ok_or_else(|| io::ErrorKind::PermissionDenied.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_known_before_it_is_started() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("text"), "").unwrap();
        let check = |word: &str| {
            let program = Program {
                words: vec![word.to_owned()],
                folder: folder.path().to_owned(),
                variables: Vec::new(),
            };
            program
                .ensure_startable()
                .map_err(|error| error.to_string())
        };
        assert_eq!(check("sh"), Ok(()));
        assert_eq!(check("/bin/sh"), Ok(()));
        for (word, part) in [
            ("no-such-program", "not found in any folder of PATH"),
            ("./no-such-program", "No such file"),
            ("./text", "denied"),
        ] {
            let error = check(word).unwrap_err();
            assert!(
                error.contains(&format!("`{word}` could not be started")),
                "{error}"
            );
            assert!(error.contains(part), "{error}");
        }
    }
}
