//! Schedules that have shown something new, and how often each is taken up again.
//!
//! Pure but for reading and writing its file, [`Corpus::FILE`]: a header and a
//! schedule a line.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use environment::Draw;
use serde::{Deserialize, Serialize};

use super::coverage::State;
use super::reach::Reach;
use super::{Base, Schedule};
use crate::whole::{ResultsError, write_whole};

/// As many as are kept; the least promising go first.
const MOST: usize = 2000;

/// One of them.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The schedule.
    pub schedule: Schedule,
    /// Recoveries in its run: whose connection of which number.
    pub recoveries: Vec<(String, u64)>,
    /// What it showed that was new then.
    states: BTreeSet<State>,
    /// How often it was taken up.
    taken: u64,
    /// How often what was made of it showed something new.
    paid: u64,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    kept: Vec<Kept>,
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

const FORMAT: &str = "chaos-corpus";
const VERSION: u32 = 1;

/// A corpus that cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The system says no.
    #[error("--corpus {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no corpus.
    #[error("--corpus {}: line {line}: {why}", path.display())]
    Strange {
        /// Which file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Why.
        why: String,
    },
    /// Of another program.
    #[error(
        "--corpus {}: of version {version}, and this program has {VERSION}; \
        give it a folder of its own, or delete the file", path.display()
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// The version.
        version: u32,
    },
}

impl Corpus {
    /// What it is called in its folder.
    pub const FILE: &str = "corpus.jsonl";

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps a schedule that has shown these for the first time.
    pub fn keep(
        &mut self,
        schedule: Schedule,
        states: BTreeSet<State>,
        recoveries: Vec<(String, u64)>,
    ) {
        self.kept.push(Kept {
            schedule,
            recoveries,
            states,
            taken: 0,
            paid: 0,
        });
        if self.kept.len() > MOST {
            let worst = self.kept.iter().enumerate();
            let worst = worst.min_by_key(|(_, kept)| (kept.paid, u64::MAX - kept.taken));
            if let Some((index, _)) = worst {
                self.kept.remove(index);
            }
        }
    }

    /// Of several searches.
    pub(super) fn gathered(schedules: impl Iterator<Item = Schedule>) -> Self {
        let mut gathered = Self::default();
        for schedule in schedules {
            gathered.keep(schedule, BTreeSet::new(), Vec::new());
        }
        gathered
    }

    /// How often each has its turn, beside the others: those that showed what is
    /// rare, that are not used up, and of which something new was made, have it more
    /// often.
    pub fn energies(&self, reach: &Reach) -> Vec<u64> {
        self.kept.iter().map(|kept| kept.energy(reach)).collect()
    }

    /// One whose turn it is, by these energies.
    pub fn choose(&self, energies: &[u64], draw: &mut Draw) -> Option<&Kept> {
        let mut rest = draw.below(energies.iter().sum());
        let mut all = self.kept.iter().zip(energies);
        all.find(|(_, energy)| {
            let is_it = rest < **energy;
            rest = rest.saturating_sub(**energy);
            is_it
        })
        .map(|(kept, _)| kept)
        .or_else(|| self.kept.last())
    }

    /// Any of them.
    pub fn any(&self, draw: &mut Draw) -> Option<&Kept> {
        let index = usize::try_from(draw.below(self.kept.len() as u64)).unwrap_or(0);
        self.kept.get(index)
    }

    /// Something was made of the schedule of this number; whether it was worth it.
    pub fn note(&mut self, number: u64, was_new: bool) {
        let mut kept = self.kept.iter_mut();
        if let Some(kept) = kept.find(|kept| kept.schedule.number == number) {
            kept.taken += 1;
            kept.paid += u64::from(was_new);
        }
    }

    /// The schedules, in the order in which they were kept.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.kept.iter().map(|kept| &kept.schedule)
    }

    /// What is kept in a folder, of these bases; nothing if there is none.
    ///
    /// # Errors
    /// What is there cannot be read, or is of another version.
    pub fn read(folder: &Path, bases: &[Base]) -> Result<Vec<Schedule>, CorpusError> {
        let path = folder.join(Self::FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(CorpusError::Io { path, source }),
        };
        let mut lines = text.lines().enumerate();
        let strange = |line: usize, why: String| CorpusError::Strange {
            path: path.clone(),
            line: line + 1,
            why,
        };
        let (_, first) = lines
            .next()
            .ok_or_else(|| strange(0, "the file is empty".to_owned()))?;
        let header: Header = serde_json::from_str(first).map_err(|e| strange(0, e.to_string()))?;
        if header.format != FORMAT {
            return Err(strange(0, format!("no {FORMAT}")));
        }
        if header.version != VERSION {
            let version = header.version;
            return Err(CorpusError::Version { path, version });
        }
        let mut schedules = Vec::new();
        for (line, text) in lines {
            let schedule: Schedule =
                serde_json::from_str(text).map_err(|e| strange(line, e.to_string()))?;
            let is_of = |base: &Base| base.name() == schedule.setting.base;
            if bases.iter().any(is_of) {
                schedules.push(schedule);
            }
        }
        Ok(schedules)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the system refuses; then an older file is still there.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, ResultsError> {
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
        };
        let mut text = serde_json::to_string(&header).unwrap_or_default() + "\n";
        for schedule in self.schedules() {
            text += &serde_json::to_string(schedule).unwrap_or_default();
            text.push('\n');
        }
        write_whole(folder, Self::FILE, &text)
    }
}

impl Kept {
    fn energy(&self, reach: &Reach) -> u64 {
        let rarity = match reach.rarest(&self.states) {
            0..=2 => 8,
            3..=8 => 4,
            9..=40 => 2,
            _ => 1,
        };
        (rarity * 16 * (1 + self.paid) / (1 + self.taken)).clamp(1, 256)
    }
}
