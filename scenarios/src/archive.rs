//! What runs left, found and judged again from files alone.
//!
//! A record is a folder with a journal and, beside it, the text of the scenario
//! that was run. Invariant: nothing is run and nothing is written, and a record
//! that was not touched is judged as it was in the end of its run.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use client_sim::Flaw;

use crate::collect::Judged;
use crate::files::{FileError, gather};
use crate::invocation::Invocation;
use crate::journal::{self, Entry, Header, ReadError};
use crate::language::{Expectation, Origin, Scenario, read_for};
use crate::plain;
use crate::runner::{JOURNAL, SCENARIO, Time};
use crate::subjects::Traits;

/// How deep journals are looked for: a run writes them three folders down.
const DEPTH: usize = 8;

/// So much of an id is told that nobody has read yet, in characters.
const MOST_OF_ID: usize = 100;

/// A record that cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A folder or file that cannot be looked at.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder without any journal beneath.
    #[error("{}: there is no {JOURNAL} beneath", .0.display())]
    Empty(PathBuf),
    /// The journal is none.
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// The scenario beside it is not there, or no text.
    #[error("{source}; a journal is judged with the {SCENARIO} of its run beside it")]
    Scenario {
        /// Why.
        #[source]
        source: FileError,
    },
    /// The scenario beside it has errors: each as `FILE:LINE:COLUMN: message`.
    #[error("{0}")]
    Mistakes(String),
    /// The scenario beside it is another.
    #[error(
        "journal {}: a run of `{ran}` with {clients} clients, and the {SCENARIO} beside it is `{beside}` with {wanted}",
        path.display()
    )]
    Stranger {
        /// Which journal.
        path: PathBuf,
        /// The id in its header.
        ran: String,
        /// How many clients its header has.
        clients: usize,
        /// The id of the scenario beside it.
        beside: String,
        /// How many clients that has.
        wanted: usize,
    },
}

/// Every journal that the paths name: a file is one, whatever its name; of a
/// folder all beneath it, in the order of their paths, each once.
///
/// # Errors
/// A path that is not there, or has no journal beneath.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    if !metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, DEPTH, &mut found)?;
    if found.is_empty() {
        return Err(ArchiveError::Empty(path.to_owned()));
    }
    // As the files of a folder of scenarios are: `R15-close` before `R15`.
    found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(found)
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, ArchiveError> {
    path.metadata().map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Follows no symbolic link to a folder: it may lead round in a circle.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), ArchiveError> {
    let unreadable = |source| failed(folder, source);
    for entry in folder.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if depth > 1 {
                walk(&entry.path(), depth - 1, found)?;
            }
        } else if entry.file_name() == JOURNAL {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Judges one journal by its own scenario's expectations, or by others.
///
/// # Errors
/// What is wrong with the journal, or with the scenario beside it.
pub fn judge_again(path: &Path, expect: Option<&[Expectation]>) -> Result<Judged, ArchiveError> {
    let (header, entries, mut scenario) = read_record(path)?;
    if let Some(expect) = expect {
        scenario.expect = expect.to_vec();
    }
    let repeat = repeat(&scenario, &header, path.with_file_name(SCENARIO));
    Ok(Judged::new(&scenario, &header, &entries, None, repeat))
}

/// Judges one journal as its run did, which knew what is no part of a journal.
///
/// # Errors
/// What is wrong with the journal, or with the scenario beside it.
pub(crate) fn judge_as(
    path: &Path,
    problem: Option<&str>,
    repeat: String,
) -> Result<Judged, ArchiveError> {
    let (header, entries, scenario) = read_record(path)?;
    Ok(Judged::new(&scenario, &header, &entries, problem, repeat))
}

fn read_record(path: &Path) -> Result<(Header, Vec<Entry>, Scenario), ArchiveError> {
    let (header, entries) = read_journal(path)?;
    let beside = path.with_file_name(SCENARIO);
    let scenario = scenario(&beside, header.subject.as_ref())?;
    ensure_same(path, &header, &scenario)?;
    Ok((header, entries, scenario))
}

fn scenario(path: &Path, subject: Option<&Traits>) -> Result<Scenario, ArchiveError> {
    let unreadable = |errors: Vec<FileError>| match errors.into_iter().next() {
        Some(source) => ArchiveError::Scenario { source },
        None => ArchiveError::Empty(path.to_owned()),
    };
    let given = gather(&[path.to_owned()]).map_err(unreadable)?;
    let one = given.into_iter().next();
    let one = one.ok_or_else(|| ArchiveError::Empty(path.to_owned()))?;
    read_for(&one.source, subject).map_err(|mistakes| ArchiveError::Mistakes(mistakes.rendered))
}

fn ensure_same(path: &Path, header: &Header, scenario: &Scenario) -> Result<(), ArchiveError> {
    let names = scenario.client_names();
    if header.id == scenario.id && header.clients == names {
        return Ok(());
    }
    Err(ArchiveError::Stranger {
        path: path.to_owned(),
        ran: plain::line(&header.id, MOST_OF_ID),
        clients: header.clients.len(),
        beside: scenario.id.clone(),
        wanted: names.len(),
    })
}

/// Reads a journal file.
///
/// # Errors
/// It is no file, or its first line that is none of a journal.
pub fn read_journal(path: &Path) -> Result<(Header, Vec<Entry>), ReadError> {
    let failed = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    // A pipe or a device might never end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(ReadError::Strange(path.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    journal::read(path, BufReader::new(file))
}

/// The command that runs the same again, from the scenario's text in the record.
fn repeat(scenario: &Scenario, header: &Header, beside: PathBuf) -> String {
    let own = scenario.flaws(&[].into());
    let worn = header
        .flaws
        .iter()
        .filter_map(|word| word.parse::<Flaw>().ok());
    let invocation = Invocation {
        flaws: worn.filter(|flaw| !own.contains(flaw)).collect(),
        is_wire: header.is_wire(),
        clients: vec![header.client.clone()],
        time: Time::of(&header.time),
        ..Invocation::default()
    };
    invocation.repeat_one(
        scenario,
        &Origin::File(beside),
        &header.client,
        header.seed(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_are_found_in_the_order_of_their_scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let runs = ["R15/sim/1", "R15-close/sim/1", "R15/sim/2"];
        for run in runs.map(|run| folder.path().join(run)) {
            std::fs::create_dir_all(&run).unwrap();
            std::fs::write(run.join(JOURNAL), "").unwrap();
            std::fs::write(run.join("decisions.jsonl"), "").unwrap();
        }
        // Round in a circle.
        std::os::unix::fs::symlink(folder.path(), folder.path().join("R15/again")).unwrap();
        let found = find(folder.path()).unwrap();
        let runs = ["R15-close/sim/1", "R15/sim/1", "R15/sim/2"];
        let expected = runs.map(|run| folder.path().join(run).join(JOURNAL));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_file_is_no_journal() {
        let error = |path: &str| read_journal(Path::new(path)).unwrap_err().to_string();
        assert_eq!(error("/dev/null"), "journal /dev/null: this is not a file");
        assert!(error("missing").starts_with("journal missing: No such file"));
    }
}
