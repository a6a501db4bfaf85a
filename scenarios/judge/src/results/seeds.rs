//! The seeds that a run goes through: `--seeds 1..200`, both ends.
//!
//! Invariant: at least one, and at most [`Seeds::MOST`].

use std::fmt;
use std::str::FromStr;

use environment::Seed;

/// From one seed to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    last: u64,
}

/// What is no range of seeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedsError {
    /// Not two numbers.
    #[error("expected the first and the last seed, such as 1..200")]
    Form,
    /// The ends are in the wrong order.
    #[error("there is no seed from {first} to {last}; the smaller end comes first")]
    Empty {
        /// The first end.
        first: u64,
        /// The other.
        last: u64,
    },
    /// More than a run may have.
    #[error("more than {} seeds at once", Seeds::MOST)]
    TooMany,
}

impl Seeds {
    /// The most that one run may have.
    pub const MOST: u64 = 10_000;

    /// Only this one.
    pub fn one(Seed(seed): Seed) -> Self {
        Self {
            first: seed,
            last: seed,
        }
    }

    /// As the command line has them.
    pub fn words(self) -> [String; 2] {
        if self.first == self.last {
            ["--seed".to_owned(), self.first.to_string()]
        } else {
            ["--seeds".to_owned(), self.to_string()]
        }
    }

    /// How many there are.
    pub fn count(self) -> u64 {
        // At most `MOST`, so this cannot overflow.
        self.last - self.first + 1
    }

    /// Each of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Seed> {
        (self.first..=self.last).map(Seed)
    }
}

impl FromStr for Seeds {
    type Err = SeedsError;

    fn from_str(text: &str) -> Result<Self, SeedsError> {
        let (first, last) = text.split_once("..").ok_or(SeedsError::Form)?;
        let number = |end: &str| end.parse::<u64>().map_err(|_| SeedsError::Form);
        let (first, last) = (number(first)?, number(last)?);
        match last.checked_sub(first) {
            None => Err(SeedsError::Empty { first, last }),
            Some(steps) if steps >= Self::MOST => Err(SeedsError::TooMany),
            Some(_) => Ok(Self { first, last }),
        }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_it() {
        let seeds: Seeds = "3..5".parse().unwrap();
        let all: Vec<Seed> = seeds.iter().collect();
        assert_eq!(all, [Seed(3), Seed(4), Seed(5)]);
        assert_eq!((seeds.count(), seeds.to_string()), (3, "3..5".to_owned()));
        assert_eq!("7..7".parse(), Ok(Seeds::one(Seed(7))));
        let top = format!("{}..{}", u64::MAX - 9_999, u64::MAX);
        let top: Seeds = top.parse().unwrap();
        assert_eq!((top.count(), top.iter().count()), (10_000, 10_000));
    }

    #[test]
    fn what_is_no_range_says_what_would_be() {
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Seeds>().unwrap_err().to_string();
            assert_eq!(error, expect, "{text}");
        };
        let form = "expected the first and the last seed, such as 1..200";
        for text in [
            "",
            "7",
            "..",
            "1..",
            "..9",
            "a..b",
            "1..=9",
            "1...9",
            "-1..9",
            "1..18446744073709551616",
        ] {
            check(text, form);
        }
        check(
            "5..1",
            "there is no seed from 5 to 1; the smaller end comes first",
        );
        check("1..10001", "more than 10000 seeds at once");
        check("0..18446744073709551615", "more than 10000 seeds at once");
    }
}
