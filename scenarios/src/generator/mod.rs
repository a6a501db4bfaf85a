//! Random schedules: scenarios that nobody had in mind.
//!
//! A schedule is a base (server and clients) and a few entries: faults, actions
//! and server events, each a table of a scenario file. What a sound client
//! promises follows from the base and from what the entries may destroy, so the
//! simulated client must pass every one of them, and a judge that blames it errs.
//!
//! Invariant: a schedule is a function of its number alone.

mod base;
mod entries;

use std::fmt;

use environment::text::Source;
use environment::{Draw, Key, Realm, Seed};

pub use base::Base;
pub use entries::Entry;

use crate::language::{Scenario, read};

/// The most entries of a schedule.
const MOST_ENTRIES: u64 = 4;

/// A scenario of random parts.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its number.
    pub number: u64,
    /// Server and clients.
    pub base: Base,
    /// What happens, in no order.
    pub entries: Vec<Entry>,
}

impl Schedule {
    /// The schedule of this number.
    pub fn new(number: u64) -> Self {
        let key = Key::new(Realm::Proxy, "schedule", "schedule");
        let mut draw = Seed(number).draw(&key);
        let base = Base::draw(&mut draw);
        let count = 1 + draw.below(MOST_ENTRIES);
        let entries = (1..=count).map(|index| Entry::draw(index, &base, &mut draw));
        Self {
            number,
            entries: entries.collect(),
            base,
        }
    }

    /// Read as a scenario file is.
    ///
    /// # Errors
    /// What the language finds wrong with it, in words.
    pub fn scenario(&self) -> Result<Scenario, String> {
        let text = self.to_string();
        let source = Source::new(format!("schedule {}", self.number), text);
        read(&source).map_err(|mistakes| mistakes.rendered)
    }

    /// What a sound client keeps under it, one key of `[expect]` a line.
    fn promises(&self) -> Vec<String> {
        let any = |is: fn(&Entry) -> bool| self.entries.iter().any(is);
        let damages = any(Entry::damages);
        let mut promises = vec![
            // A silence is noticed at the latest when it has lasted so long.
            format!("detect_within = \"{}ms\"", self.base.liveness + 500),
            // A dead connection, a dial that hangs, a delay, a tick.
            format!("recover_within = \"{}ms\"", self.base.time_to_be_back()),
            "max_live = 1".to_owned(),
        ];
        if !any(Entry::leaves_server_open) || self.base.pings {
            promises.push("no_leak = true".to_owned());
        }
        // Damaged numbers are other numbers.
        if !damages {
            promises.push("duplicated = 0".to_owned());
            promises.push("reordered = 0".to_owned());
        }
        // What is destroyed on a connection that goes on is not asked for again.
        if self.base.resumes && !damages && !any(Entry::destroys) {
            promises.push("lost = 0".to_owned());
        }
        if any(Entry::stops) {
            promises.push("quiet_after_stop = true".to_owned());
        }
        if any(Entry::pauses) && !damages && !any(Entry::destroys) {
            promises.push("state_equal = true".to_owned());
        }
        promises
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "id = \"S{}\"", self.number)?;
        writeln!(f, "title = \"Schedule {}\"", self.number)?;
        self.base.fmt(f)?;
        for entry in &self.entries {
            write!(f, "\n{entry}")?;
        }
        writeln!(f, "\n[expect]")?;
        for promise in self.promises() {
            writeln!(f, "{promise}")?;
        }
        Ok(())
    }
}

/// One of these.
fn one_of<'a, T: ?Sized>(draw: &mut Draw, choices: &[&'a T]) -> &'a T {
    let index = draw.below(choices.len() as u64);
    choices[usize::try_from(index).unwrap_or(0)]
}
