//! `chaos explore`: the schedule that breaks a client, looked for and made small.
//!
//! A [`Schedule`] is a [`Setting`] (server and clients) and a list of [`Entry`]s:
//! faults, actions and server events. It is drawn, or made of one that had shown
//! something new; written as a scenario file; run and judged; and where a promise
//! of every reference client is broken, made as small as it gets.
//!
//! ```text
//! draw ─▶ Schedule ─▶ text ─▶ case (run, judged) ─▶ coverage ─▶ corpus ─▶ mutate ─┐
//!   ▲                          │ failed                                          │
//!   └──────────────────────────┼─────────────────────────────────────────────────┘
//!                              └─▶ shrink ─▶ finding: a scenario file
//! ```
//!
//! Everything but `search` and its runs is pure. Invariant: a schedule is a
//! function of the seed, its number and the corpus; and results are taken in the
//! order of the cases, in batches of a fixed size, so that a search says the same
//! with any number of jobs.

mod case;
mod corpus;
mod coverage;
mod draw;
mod entry;
mod finding;
mod mutate;
mod parts;
mod promises;
mod reach;
mod search;
mod setting;
mod shrink;
mod table;
mod watermarks;

use std::fmt;

use environment::text::Source;
use environment::{Key, Realm, Seed};
use serde::{Deserialize, Serialize};

pub use case::{Case, Failure, Kind, Outcome, Runner};
pub use corpus::{Corpus, CorpusError};
pub use coverage::{Came, Coverage, Place, State};
pub use entry::{
    Action, Entry, Fault, Parameter, Phase, Progress, ServerEvent, Span, Target, Trigger, Value,
};
pub use finding::Finding;
pub use reach::Reach;
pub use search::{
    Budget, ExploreError, Found, Guide, Progress as SearchProgress, Search, SearchRecord, Summary,
};
pub use setting::{Base, Figures, Setting};
pub use table::Family;
pub use watermarks::Watermarks;

use crate::language::{Scenario, read};
use promises::Promises;

/// A scenario that somebody drew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Which case of its search it was first.
    pub number: u64,
    /// The seed of server, proxy and clients in its run.
    pub seed: u64,
    /// Server and clients.
    pub setting: Setting,
    /// What happens, in no order.
    pub entries: Vec<Entry>,
}

impl Schedule {
    /// The schedule of this number, with entries of every kind.
    pub fn draw(seed: Seed, number: u64, bases: &[Base]) -> Self {
        Self::of_families(seed, number, bases, &Family::ALL.into())
    }

    /// Likewise, with some families left out by chance.
    pub fn draw_some(seed: Seed, number: u64, bases: &[Base]) -> Self {
        let families = draw::families(&mut draw::stream(seed, number, "families", 0));
        Self::of_families(seed, number, bases, &families)
    }

    fn of_families(
        seed: Seed,
        number: u64,
        bases: &[Base],
        families: &std::collections::BTreeSet<Family>,
    ) -> Self {
        let setting = Base::draw_one(bases, &mut draw::stream(seed, number, "base", 0));
        let entries = draw::entries(seed, number, &setting, families);
        Self {
            number,
            seed: run_seed(seed, number),
            setting,
            entries,
        }
        .tidied()
    }

    /// Without what the language forbids: a server event while the server is away.
    fn tidied(mut self) -> Self {
        /// So long it may take until everybody was told.
        const DRAIN: u64 = 500;
        let mut events: Vec<(u64, u64)> = Vec::new();
        self.entries.retain(|entry| {
            let Entry::Server(event) = entry else {
                return true;
            };
            let (from, until) = (event.at, event.at + event.lasting + DRAIN);
            let is_free = events
                .iter()
                .all(|(other, end)| until < *other || *end < from);
            if is_free {
                events.push((from, until));
            }
            is_free
        });
        self
    }

    /// Read as a scenario file is.
    ///
    /// # Errors
    /// What the language finds wrong with it, in words.
    pub fn scenario(&self) -> Result<Scenario, String> {
        let source = Source::new(format!("schedule {}", self.number), self.to_string());
        read(&source).map_err(|mistakes| mistakes.rendered)
    }

    /// What is expected of the clients, by key and line.
    pub fn promises(&self) -> Vec<(String, String)> {
        Promises::of(&self.setting, &self.entries).lines()
    }

    /// As a scenario file, but for its head.
    fn body(&self) -> String {
        let mut text = self.setting.to_string();
        for entry in &self.entries {
            text += &format!("\n{entry}");
        }
        text
    }
}

/// Small enough to be typed.
fn run_seed(seed: Seed, number: u64) -> u64 {
    let key = Key::new(Realm::Proxy, "explore", "seed").index(number);
    1 + seed.draw(&key).below(1_000_000)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = format!("S{}", self.number);
        let head = self.setting.head(&id, &format!("Schedule {}", self.number));
        write!(
            f,
            "{head}seed = {}\n\n{}\n[expect]\n",
            self.seed,
            self.body()
        )?;
        for (_, line) in self.promises() {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
