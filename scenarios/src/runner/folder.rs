//! Where the records of one run go: `OUT/<id>/<client>/<seed>/`.
//!
//! What an earlier run of the same name left there is replaced; but of a run that
//! the machine has spoiled the journal stays beside that of the next try. With its
//! journal and its scenario's text a folder has all that a verdict needs.

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
const OUTPUT: &str = "output.log";

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
pub struct Folder {
    path: PathBuf,
    /// How many tries of this run were there before.
    retried: u32,
}

impl Folder {
    /// The most tries whose journals are kept.
    pub const MOST_RETRIES: u32 = 9;

    /// The folder of this scenario, client and seed under `out`.
    pub fn new(out: &Path, id: &str, client: &str, seed: Seed) -> Self {
        Self {
            path: out.join(id).join(client).join(seed.to_string()),
            retried: 0,
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The same for another try, beside which the journals of those before stay.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            path: self.path.clone(),
            retried: self.retried + 1,
        }
    }

    /// How many tries of this run were there before.
    pub fn retried(&self) -> u32 {
        self.retried
    }

    /// Where the run's journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Where the journal of this try, from 1, is once there is another.
    fn spoiled(&self, number: u32) -> PathBuf {
        self.path.join(format!("journal.{number}.jsonl"))
    }

    /// Sets the journal of the try before aside; or, of a first try, takes those
    /// away that were set aside in an earlier run.
    fn keep_spoiled(&self) -> io::Result<()> {
        if self.retried > 0 {
            return fs::rename(self.journal(), self.spoiled(self.retried));
        }
        (1..=Self::MOST_RETRIES).try_for_each(|number| remove(&self.spoiled(number)))
    }

    /// Makes the folder, without what was there before and with the scenario's
    /// text, and says where the journal goes.
    pub(super) fn prepare(&self, scenario: &str) -> Result<PathBuf, JournalError> {
        let path = self.journal();
        let failed = |source| JournalError {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&self.path).map_err(failed)?;
        self.keep_spoiled().map_err(failed)?;
        for old in [DECISIONS, OUTPUT] {
            remove(&self.path.join(old)).map_err(failed)?;
        }
        let beside = self.path.join(SCENARIO);
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
        let path = self.path.join(OUTPUT);
        let text = fs::read_to_string(&path).ok()?;
        Some((path, text))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(|source| FolderError { path, source })
    }
}

/// Takes a file away, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journals(folder: &Folder) -> Vec<String> {
        let entries = fs::read_dir(&folder.path).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut journals: Vec<String> = names.filter(|name| name.starts_with("journal")).collect();
        journals.sort();
        journals
    }

    #[test]
    fn journals_of_spoiled_tries_stay_until_the_next_run() {
        let out = tempfile::tempdir().unwrap();
        let first = Folder::new(out.path(), "x", "sim", Seed(1));
        let mut tries = [first.clone(), first.again(), first.again().again()].into_iter();
        let begun = |folder: Folder| {
            let text = folder.retried().to_string();
            fs::write(folder.prepare("").unwrap(), text).unwrap();
            journals(&folder)
        };
        assert_eq!(begun(tries.next().unwrap()), ["journal.jsonl"]);
        let second = begun(tries.next().unwrap());
        assert_eq!(second, ["journal.1.jsonl", "journal.jsonl"]);
        let third = begun(tries.next().unwrap());
        assert_eq!(
            third,
            ["journal.1.jsonl", "journal.2.jsonl", "journal.jsonl"]
        );
        let read = |name: &str| fs::read_to_string(first.path.join(name)).unwrap();
        assert_eq!(
            third.iter().map(|name| read(name)).collect::<String>(),
            "012"
        );
        assert_eq!(begun(first.clone()), ["journal.jsonl"]);
    }
}
