//! A range of things that are counted from 1: connections of a client, frames
//! of a stream.

use std::fmt;
use std::str::FromStr;

use environment::text::{FromToml, Mismatch, Value};

/// A range of numbers, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordinals {
    /// The first.
    pub first: u64,
    /// The last, included; `None`: all from the first on.
    pub last: Option<u64>,
}

impl Ordinals {
    /// Every one.
    pub const ALL: Self = Self {
        first: 1,
        last: None,
    };

    /// This one alone.
    pub const fn only(number: u64) -> Self {
        Self {
            first: number,
            last: Some(number),
        }
    }

    /// Whether this number is one of them.
    pub fn contains(&self, number: u64) -> bool {
        number >= self.first && self.last.is_none_or(|last| number <= last)
    }

    /// Whether none of them comes after this number.
    pub fn are_over_at(&self, number: u64) -> bool {
        self.last.is_some_and(|last| number >= last)
    }
}

impl FromStr for Ordinals {
    type Err = String;

    /// `"2"`, `"2..5"` (both ends), `"2.."`, `"..5"`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let problem = || match part.contains('-') {
                true => format!(
                    "`{part}` is not a number from 1 on; a range has two dots, such as \"2..4\""
                ),
                false => format!("`{part}` is not a number from 1 on"),
            };
            part.trim()
                .parse::<u64>()
                .ok()
                .filter(|&n| n > 0)
                .ok_or_else(problem)
        };
        let Some((first, last)) = text.split_once("..") else {
            let only = number(text)?;
            return Ok(Self {
                first: only,
                last: Some(only),
            });
        };
        let first = if first.trim().is_empty() {
            1
        } else {
            number(first)?
        };
        let last = if last.trim().is_empty() {
            None
        } else {
            Some(number(last)?)
        };
        if last.is_some_and(|last| last < first) {
            return Err(format!("`{text}` is empty: it ends before it begins"));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for Ordinals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) if last == self.first => write!(f, "{last}"),
            Some(last) => write!(f, "{}..{last}", self.first),
            None => write!(f, "{}..", self.first),
        }
    }
}

impl FromToml for Ordinals {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = match (value.as_integer(), value.as_str()) {
            (Some(number), _) => number.to_string(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => {
                return Err(value.mismatch("a number such as 2, or a range such as \"2..\""));
            }
        };
        text.parse()
            .map_err(|problem: String| Mismatch::new(value.span(), problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<(u64, Option<u64>), &str>) {
        match (text.parse::<Ordinals>(), expect) {
            (Ok(read), Ok((first, last))) => {
                assert_eq!(read, Ordinals { first, last }, "{text}");
                assert_eq!(read.to_string().parse(), Ok(read), "{text}");
            }
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{text}: {problem}"),
            (read, expect) => panic!("{text}: {read:?}, not {expect:?}"),
        }
    }

    #[test]
    fn ranges_are_read() {
        check("2", Ok((2, Some(2))));
        check("2..5", Ok((2, Some(5))));
        check("2..", Ok((2, None)));
        check("..5", Ok((1, Some(5))));
        check("..", Ok((1, None)));
        check("0", Err("from 1 on"));
        check("5..2", Err("ends before it begins"));
        check("two", Err("not a number"));
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = Ordinals {
            first: 2,
            last: Some(3),
        };
        let inside: Vec<u64> = (0..6).filter(|&n| range.contains(n)).collect();
        assert_eq!(inside, [2, 3]);
        assert!(!range.are_over_at(2) && range.are_over_at(3));
    }
}
