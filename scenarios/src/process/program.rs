//! What is to be started, and how.

use std::io;
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
    #[error("a command of no words starts nothing")]
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

    /// What has a folder in its name is looked for from where it runs; whether
    /// the system would is not the same everywhere.
    fn found(&self, program: &str) -> PathBuf {
        if program.contains('/') {
            self.folder.join(program)
        } else {
            Path::new(program).to_owned()
        }
    }
}
