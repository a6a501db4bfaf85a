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
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Program {
    /// Starts it, with pipes for all that it reads and writes.
    ///
    /// # Errors
    /// As the system says it, in words that name the program.
    pub(crate) fn start(&self) -> Result<Running, String> {
        let [program, arguments @ ..] = &self.words[..] else {
            return Err("a command of no words starts nothing".to_owned());
        };
        let failed = |source: io::Error| format!("`{program}` could not be started: {source}");
        let group = Group::new();
        let group = group.map_err(|error| format!("`sh` could not be started: {error}"))?;
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
        let child = command.spawn().map_err(failed)?;
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
