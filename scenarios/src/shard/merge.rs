//! `chaos merge`: the records of all shards as one run would have left them.
//!
//! Every run is judged again from its journal, so a merged verdict is the one that
//! its journal bears out. Invariant: until all shards have been found to be whole
//! and of one suite, nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Shard;
use super::record::{Part, Parts, RECORD, ShardRun};
use crate::archive::{ArchiveError, judge_as};
use crate::collect::Collected;
use crate::explore::SearchRecord;

/// Why shards cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// No such folder.
    #[error("{}: there is no such folder", .0.display())]
    NoFolder(PathBuf),
    /// Nothing of a shard's.
    #[error("{}: no shard has left its records there: {RECORD} is missing; it is written when a `chaos run` or `chaos explore` with `--shard I/N --out {}` has come to its end", .0.display(), .0.display())]
    NoShard(PathBuf),
    /// Something that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not what a shard writes.
    #[error("{}: {why}", path.display())]
    Strange {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Shards of different suites or programs.
    #[error("{} and {}: {what}", one.display(), other.display())]
    Different {
        /// One shard's folder.
        one: PathBuf,
        /// Another's.
        other: PathBuf,
        /// In what they differ.
        what: String,
    },
    /// One shard twice.
    #[error("{} and {}: both are shard {shard}", one.display(), other.display())]
    Double {
        /// One folder.
        one: PathBuf,
        /// The other.
        other: PathBuf,
        /// Which shard.
        shard: Shard,
    },
    /// Not all are there.
    #[error("of {of} shards, {missing} missing")]
    Missing {
        /// Which, as a sentence has it.
        missing: String,
        /// Of how many.
        of: u32,
    },
    /// A shard that was broken off.
    #[error("{}: shard {shard} was broken off: {not_begun} of its runs were not begun; run it again", path.display())]
    Unfinished {
        /// Its folder.
        path: PathBuf,
        /// Which.
        shard: Shard,
        /// How many are missing.
        not_begun: u64,
    },
    /// The runs of the shards are not those of one suite.
    #[error("{}: run {place} is in another shard, too", path.display())]
    Twice {
        /// A shard's folder.
        path: PathBuf,
        /// Which run.
        place: usize,
    },
    /// Some runs are in none.
    #[error("{there} of {runs} runs are there")]
    Incomplete {
        /// How many are.
        there: usize,
        /// Of how many.
        runs: u64,
    },
    /// A record that cannot be judged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// What the shards came to together.
#[derive(Debug)]
pub struct Merged {
    /// All runs, in their places.
    pub collected: Collected,
    /// The command of the whole suite.
    pub command: String,
}

/// All shards of one suite, none of them changed yet.
#[derive(Debug)]
pub struct Whole {
    parts: Parts,
}

/// Reads what the shards in these folders left.
///
/// # Errors
/// They are not all those of one suite, or something cannot be read.
pub fn read(folders: &[PathBuf]) -> Result<Whole, MergeError> {
    let whole = Whole {
        parts: read_parts(folders)?,
    };
    if whole.search().is_none() {
        by_place(&whole.parts)?;
    }
    Ok(whole)
}

impl Whole {
    /// What each shard of a search came to, in order, and the command of all; `None` of
    /// shards of a suite.
    pub fn search(&self) -> Option<(Vec<SearchRecord>, &str)> {
        let (_, first) = self.parts.first()?;
        let mut parts: Vec<&Part> = self.parts.iter().map(|(_, part)| part).collect();
        parts.sort_by_key(|part| part.shard);
        let records = parts
            .into_iter()
            .map(|part| part.search.as_deref().cloned());
        let records = records.collect::<Option<Vec<SearchRecord>>>()?;
        Some((records, &first.command))
    }

    /// Judges every run, which is told to `judged`, and copies its records to `out`.
    ///
    /// # Errors
    /// A record cannot be judged: then nothing is written; or it cannot be copied.
    pub fn merge(&self, out: &Path, judged: impl Fn(&str)) -> Result<Merged, MergeError> {
        let runs = by_place(&self.parts)?;
        let mut collected = Collected::default();
        for (place, (folder, run)) in &runs {
            let journal = run.folder(folder).journal();
            let one = judge_as(&journal, run.problem.as_deref(), run.repeat.clone())?;
            collected.add(*place, one);
            judged(&run.id);
        }
        for (folder, run) in runs.values() {
            copy(&run.folder(folder).path(), &run.folder(out).path())?;
        }
        let first = self.parts.first();
        Ok(Merged {
            collected,
            command: first.map_or_else(String::new, |(_, part)| part.command.clone()),
        })
    }
}

/// Every shard of one suite, each once.
fn read_parts(folders: &[PathBuf]) -> Result<Parts, MergeError> {
    let read = |folder: &PathBuf| Ok((folder.clone(), Part::read(folder)?));
    let parts = folders
        .iter()
        .map(read)
        .collect::<Result<Parts, MergeError>>()?;
    let Some(((one, first), others)) = parts.split_first() else {
        return Ok(parts);
    };
    for (other, part) in others {
        if let Some(what) = difference(first, part) {
            return Err(MergeError::Different {
                one: one.clone(),
                other: other.clone(),
                what,
            });
        }
    }
    let mut seen: BTreeMap<Shard, &Path> = BTreeMap::new();
    for (folder, part) in &parts {
        if let Some(one) = seen.insert(part.shard, folder) {
            return Err(MergeError::Double {
                one: one.to_owned(),
                other: folder.clone(),
                shard: part.shard,
            });
        }
    }
    ensure_all(first.shard.of(), &seen)?;
    let unfinished = parts.iter().find(|(_, part)| part.not_begun > 0);
    match unfinished {
        Some((path, part)) => Err(MergeError::Unfinished {
            path: path.clone(),
            shard: part.shard,
            not_begun: part.not_begun,
        }),
        None => Ok(parts),
    }
}

/// In what two are not shards of one suite.
fn difference(one: &Part, other: &Part) -> Option<String> {
    if one.program != other.program {
        let (a, b) = (&one.program, &other.program);
        return Some(format!("written by chaos {a} and by chaos {b}"));
    }
    if one.shard.of() != other.shard.of() {
        let (a, b) = (one.shard, other.shard);
        return Some(format!("shard {a} and shard {b} are of different numbers"));
    }
    if one.command != other.command {
        let (a, b) = (&one.command, &other.command);
        return Some(format!("`{a}` and `{b}` are different suites"));
    }
    let is_same = one.suite == other.suite && one.runs == other.runs;
    (!is_same).then(|| {
        "the scenarios, clients or seeds were not the same, though the command was".to_owned()
    })
}

fn ensure_all(of: u32, seen: &BTreeMap<Shard, &Path>) -> Result<(), MergeError> {
    const NAMED: usize = 10;
    let seen: BTreeSet<u32> = seen.keys().map(|shard| shard.index()).collect();
    let missing: Vec<u32> = (1..=of).filter(|index| !seen.contains(index)).collect();
    let named: Vec<String> = missing.iter().take(NAMED).map(u32::to_string).collect();
    let named = named.join(", ");
    let missing = match missing.len() {
        0 => return Ok(()),
        1 => format!("{named} is"),
        many if many > NAMED => format!("{named} and {} more are", many - NAMED),
        _ => format!("{named} are"),
    };
    Err(MergeError::Missing { missing, of })
}

/// All runs with the folder of their shard, by place.
fn by_place(parts: &Parts) -> Result<BTreeMap<usize, (&Path, &ShardRun)>, MergeError> {
    let mut runs: BTreeMap<usize, (&Path, &ShardRun)> = BTreeMap::new();
    for (folder, part) in parts {
        for run in &part.judged {
            if runs.insert(run.place, (folder, run)).is_some() {
                return Err(MergeError::Twice {
                    path: folder.clone(),
                    place: run.place,
                });
            }
        }
    }
    let all = parts.first().map_or(0, |(_, part)| part.runs);
    if runs.len() as u64 != all {
        return Err(MergeError::Incomplete {
            there: runs.len(),
            runs: all,
        });
    }
    Ok(runs)
}

/// The files of one run's folder.
fn copy(from: &Path, to: &Path) -> Result<(), MergeError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| MergeError::Io { path, source }
    };
    fs::create_dir_all(to).map_err(failed(to))?;
    for entry in from.read_dir().map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        // Neither a link, which may lead anywhere, nor a pipe is of a run.
        if entry.file_type().map_err(failed(from))?.is_file() {
            let path = entry.path();
            fs::copy(&path, to.join(entry.file_name())).map_err(failed(&path))?;
        }
    }
    Ok(())
}
