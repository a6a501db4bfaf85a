//! Where the records of one run go: `OUT/<id>/<client>/<seed>/`.
//!
//! What an earlier run of the same name left there is replaced. With its journal
//! and its scenario's text a folder has all that a verdict needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use environment::Seed;

use super::decisions::Decisions;
use super::writer::JournalError;

/// The name of every journal.
pub const JOURNAL: &str = "journal.jsonl";
/// The name, beside it, of the text of the scenario that was run.
pub const SCENARIO: &str = "scenario.toml";
const DECISIONS: &str = "decisions.jsonl";
/// The output of custom clients and servers besides reports, where there is any.
const OUTPUT: &str = "said.txt";

/// A record that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct FolderError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of this scenario, client and seed under `out`.
    pub fn new(out: &Path, id: &str, client: &str, seed: Seed) -> Self {
        Self(out.join(id).join(client).join(seed.to_string()))
    }

    /// Where the run's journal is.
    pub fn journal(&self) -> PathBuf {
        self.0.join(JOURNAL)
    }

    /// Makes the folder, without what was there before and with the scenario's
    /// text, and says where the journal goes.
    pub(super) fn prepare(&self, scenario: &str) -> Result<PathBuf, JournalError> {
        let path = self.journal();
        let failed = |source| JournalError {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&self.0).map_err(failed)?;
        for old in [DECISIONS, OUTPUT] {
            match fs::remove_file(self.0.join(old)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let beside = self.0.join(SCENARIO);
        match fs::write(&beside, scenario) {
            Ok(()) => Ok(path),
            Err(source) => Err(JournalError {
                path: beside,
                source,
            }),
        }
    }

    /// Writes the decisions.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn write_decisions(&self, decisions: &Decisions) -> Result<(), FolderError> {
        let lines = decisions.lines().into_iter();
        let text: String = lines.flat_map(|line| [line, "\n".into()]).collect();
        self.write(DECISIONS, &text)
    }

    /// Writes the other output of custom clients and servers, if there is any.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn write_output(&self, text: &str) -> Result<(), FolderError> {
        if text.is_empty() {
            return Ok(());
        }
        self.write(OUTPUT, text)
    }

    /// The other output of custom clients and servers, and where it stands.
    pub fn output(&self) -> Option<(PathBuf, String)> {
        let path = self.0.join(OUTPUT);
        let text = fs::read_to_string(&path).ok()?;
        Some((path, text))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|source| FolderError { path, source })
    }
}
