//! `OUT/shard.json`: what a shard leaves beside its records, so that they can be
//! put together with the others'.
//!
//! Invariant: it is written when everything else of the shard is there; whatever
//! stands in it is checked before it is believed.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use environment::Seed;
use serde::{Deserialize, Serialize};

use super::Shard;
use super::merge::MergeError;
use crate::collect::Collected;
use crate::explore::SearchRecord;
use crate::runner::Folder;

/// The name of the file.
pub const RECORD: &str = "shard.json";

const FORMAT: &str = "chaos-shard";
const VERSION: u32 = 1;

/// 100,000 runs with the longest lines that repeat one.
const MOST_BYTES: u64 = 1 << 30;

/// One run that a shard has judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardRun {
    /// Its place among the runs of all shards, from 0.
    pub place: usize,
    /// The scenario's id.
    pub id: String,
    /// The client's name.
    pub client: String,
    /// The seed.
    pub seed: u64,
    /// The command that repeats it.
    pub repeat: String,
    /// What the harness has to say of it that its journal could not keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A shard's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    format: String,
    version: u32,
    /// The version of the program.
    pub program: String,
    /// Which of how many.
    pub shard: Shard,
    /// What the whole suite is: its scenarios' texts, clients, seeds and flags.
    pub suite: String,
    /// The command of the whole suite.
    pub command: String,
    /// How many runs there are in all shards.
    pub runs: u64,
    /// How many of its own were not begun: it was interrupted.
    pub not_begun: u64,
    /// What it has judged, by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged: Vec<ShardRun>,
    /// What it came to, if it is a shard of a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Box<SearchRecord>>,
}

impl ShardRun {
    /// Where its records are.
    pub(super) fn folder(&self, out: &Path) -> Folder {
        Folder::new(out, &self.id, &self.client, Seed(self.seed))
    }

    /// Whether its names are names of folders, and lead nowhere else.
    fn is_plain(&self) -> bool {
        [&self.id, &self.client]
            .into_iter()
            .all(|name| !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\0']))
    }
}

impl Part {
    /// What this program would leave of such a shard.
    pub fn new(shard: Shard, suite: String, command: String, runs: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            shard,
            suite,
            command,
            runs,
            not_begun: 0,
            judged: Vec::new(),
            search: None,
        }
    }

    /// Of a search that came to this, `not_run` cases before its end.
    #[must_use]
    pub fn of_search(mut self, record: SearchRecord, not_run: u64) -> Self {
        self.not_begun = not_run;
        self.search = Some(Box::new(record));
        self
    }

    /// With what came of its runs.
    #[must_use]
    pub fn with(mut self, collected: &Collected) -> Self {
        self.not_begun = collected.not_begun_count();
        let all = collected.by_place().into_iter();
        let judged = all.map(|(place, result, problem)| ShardRun {
            place,
            id: result.id.clone(),
            client: result.client.clone(),
            seed: result.seed,
            repeat: result.repeat.clone(),
            problem: problem.map(str::to_owned),
        });
        self.judged = judged.collect();
        self
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("strings and numbers can be written") + "\n"
    }

    /// What an earlier shard left in `out` is of no shard any more.
    ///
    /// # Errors
    /// It cannot be taken away.
    pub fn forget(out: &Path) -> std::io::Result<()> {
        match fs::remove_file(out.join(RECORD)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads what a shard left in its folder.
    ///
    /// # Errors
    /// Nothing is there, or it is none.
    pub(super) fn read(folder: &Path) -> Result<Self, MergeError> {
        let path = folder.join(RECORD);
        let text = text(folder, &path)?;
        let strange = |why: String| MergeError::Strange {
            path: path.clone(),
            why,
        };
        let part: Self = serde_json::from_str(&text).map_err(|error| strange(error.to_string()))?;
        if part.format != FORMAT || part.version != VERSION {
            return Err(strange(format!("not a {FORMAT} of version {VERSION}")));
        }
        Shard::new(part.shard.index(), part.shard.of()).map_err(|e| strange(e.to_string()))?;
        let wrong = part.judged.iter().find(|run| {
            !run.is_plain() || u64::try_from(run.place).is_ok_and(|place| place >= part.runs)
        });
        if part
            .search
            .as_ref()
            .is_some_and(|search| !search.is_plain())
        {
            return Err(strange("a finding in it cannot be a file".to_owned()));
        }
        match wrong {
            Some(run) => Err(strange(format!("there can be no run {run:?} in it"))),
            None => Ok(part),
        }
    }
}

fn text(folder: &Path, path: &Path) -> Result<String, MergeError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound if folder.is_dir() => MergeError::NoShard(folder.to_owned()),
        std::io::ErrorKind::NotFound => MergeError::NoFolder(folder.to_owned()),
        _ => MergeError::Io {
            path: path.to_owned(),
            source,
        },
    };
    // A pipe or a device might never end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(MergeError::NoShard(folder.to_owned()));
    }
    let mut text = String::new();
    let mut file = File::open(path).map_err(failed)?.take(MOST_BYTES);
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Of the folders that were given, each with what its shard left.
pub(super) type Parts = Vec<(PathBuf, Part)>;
