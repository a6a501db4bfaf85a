//! Which part of several a program has to do, and how it is told.
//!
//! What is shared out, and how, is the business of whoever does the work; here is
//! only the name of a part. `auto` asks the engine that began the program.

mod auto;

pub use auto::{AutoError, auto};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of several parts, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// What is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not two numbers.
    #[error("`{0}` is no shard; I/N is one, such as 1/3, or `auto`")]
    Strange(String),
    /// Not one of them.
    #[error("there is no shard {index} of {of}: they count from 1/{of} to {of}/{of}")]
    Beyond {
        /// Which was asked for.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// None, or too many.
    #[error("{0} shards: there can be 1 to {most}", most = Shard::MOST)]
    Count(u32),
}

impl Shard {
    /// There are no more of one suite.
    pub const MOST: u32 = 10_000;

    /// The one part of what is not shared out.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// The shard `index`, from 1, of so many.
    ///
    /// # Errors
    /// There is no such shard.
    pub fn new(index: u32, of: u32) -> Result<Self, ShardError> {
        if !(1..=Self::MOST).contains(&of) {
            return Err(ShardError::Count(of));
        }
        if !(1..=of).contains(&index) {
            return Err(ShardError::Beyond { index, of });
        }
        Ok(Self { index, of })
    }

    /// Which, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    pub fn of(self) -> u32 {
        self.of
    }

    /// How many of `count` things are this shard's where they are dealt out in turn.
    pub fn share(self, count: u64) -> u64 {
        (count + u64::from(self.of - self.index)) / u64::from(self.of)
    }

    /// Those of `count` things, by number from 0, that are this shard's where they
    /// are dealt out in turn.
    pub fn dealt(self, count: u32) -> impl Iterator<Item = u32> {
        // One that is beyond the last thing has none.
        (self.index - 1..count).step_by(self.of as usize)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let strange = || ShardError::Strange(text.escape_debug().to_string());
        let number = |digits: &str| digits.parse().ok();
        let (index, of) = text
            .split_once('/')
            .and_then(|(index, of)| Some((number(index)?, number(of)?)))
            .ok_or_else(strange)?;
        Self::new(index, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dealt_out_goes_to_one_shard_each() {
        let dealt = |index, of, count| Shard::new(index, of).unwrap().dealt(count);
        assert_eq!(dealt(2, 3, 7).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(dealt(3, 3, 2).count(), 0);
        for (index, count) in [(1, 7), (2, 7), (3, 7), (3, 2), (2, 0)] {
            let shard = Shard::new(index, 3).unwrap();
            assert_eq!(
                shard.share(u64::from(count)),
                shard.dealt(count).count() as u64
            );
        }
        assert!(Shard::WHOLE.dealt(5).eq(0..5));
        let mut all: Vec<u32> = (1..=4).flat_map(|index| dealt(index, 4, 10)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..10));
    }

    #[test]
    fn a_shard_is_read_as_it_is_shown_and_nothing_else_is_one() {
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        let error = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        let beyond = |index| format!("there is no shard {index} of 3: they count from 1/3 to 3/3");
        assert_eq!(error("0/3"), beyond(0));
        assert_eq!(error("4/3"), beyond(4));
        assert_eq!(error("1/0"), "0 shards: there can be 1 to 10000");
        for strange in ["", "1", "1/", "/3", "1/2/3", "-1/3", "a/b"] {
            let expected = format!("`{strange}` is no shard; I/N is one, such as 1/3, or `auto`");
            assert_eq!(error(strange), expected);
        }
    }
}
