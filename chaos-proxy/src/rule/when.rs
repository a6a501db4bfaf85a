//! Triggers: windows in time, or the number of a connection.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When a rule acts. Times count from t = 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// At a time, once or again and again.
    Timed {
        /// The first time.
        at: Duration,
        /// How long from one time to the next; never zero.
        every: Option<Duration>,
        /// No time after this one.
        until: Option<Duration>,
        /// How long each one holds; `None`: faults that last stay until the
        /// end, those that strike once strike what is there.
        lasting: Option<Duration>,
    },
    /// On some connections of each client, when they have come so far.
    On {
        /// Which connections, and how far.
        condition: Condition,
        /// How much later.
        after: Duration,
        /// How long it holds each of them; `None`: until the end.
        lasting: Option<Duration>,
    },
}

/// A connection, and how far it has come. All parts must be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The connection's number.
    pub attempts: Attempts,
    /// It has reached this stage.
    pub stage: Stage,
    /// This many bytes have been delivered to the client.
    pub bytes: u64,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is accepted.
    Connect,
    /// The head of the client's upgrade request has been read.
    Upgrade,
    /// The answer 101 has been delivered; on a stream that is no WebSocket, the
    /// first byte to the client.
    Open,
    /// One of the peers has sent FIN, RST or a close frame.
    Closing,
}

/// The stages that a connection has been through. Not every one comes to each:
/// a connection may close without ever having been open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached(u8);

impl Reached {
    /// Accepted, and no more.
    pub const ACCEPTED: Self = Self(1 << Stage::Connect as u8);

    /// It has come to this one too.
    pub fn add(&mut self, stage: Stage) {
        self.0 |= 1 << stage as u8;
    }

    /// Whether it has come to this one.
    pub fn has(self, stage: Stage) -> bool {
        self.0 & (1 << stage as u8) != 0
    }
}

impl Condition {
    /// Whether it is met by the mere accept of a connection.
    pub fn is_about_accept(&self) -> bool {
        self.stage == Stage::Connect && self.bytes == 0
    }

    /// Whether connection `attempt`, having come so far, meets it.
    pub fn is_met(&self, attempt: u64, reached: Reached, bytes: u64) -> bool {
        self.attempts.contains(attempt) && reached.has(self.stage) && bytes >= self.bytes
    }
}

/// A range of connection numbers, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// The first.
    pub first: u64,
    /// The last, included; `None`: all from the first on.
    pub last: Option<u64>,
}

impl fmt::Display for Condition {
    /// As in `on = { … }`, without the braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.attempts)?;
        if self.stage > Stage::Connect {
            write!(f, ", phase {}", self.stage.word())?;
        }
        if self.bytes > 0 {
            write!(f, ", {} bytes", self.bytes)?;
        }
        Ok(())
    }
}

impl Stage {
    /// The word of scenario files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Upgrade => "upgrade",
            Self::Open => "open",
            Self::Closing => "closing",
        }
    }
}

impl Attempts {
    /// Every connection.
    pub const ALL: Self = Self {
        first: 1,
        last: None,
    };

    /// Whether this connection is one of them.
    pub fn contains(&self, attempt: u64) -> bool {
        attempt >= self.first && self.last.is_none_or(|last| attempt <= last)
    }

    /// Whether every one of them has been passed by the time that connection
    /// `attempt` is there.
    pub fn are_over_at(&self, attempt: u64) -> bool {
        self.last.is_some_and(|last| attempt >= last)
    }
}

impl FromStr for Attempts {
    type Err = String;

    /// `"2"`, `"2..5"` (both ends), `"2.."`, `"..5"`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let problem = || format!("`{part}` is not a connection number; they count from 1");
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

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) if last == self.first => write!(f, "{last}"),
            Some(last) => write!(f, "{}..{last}", self.first),
            None => write!(f, "{}..", self.first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<(u64, Option<u64>), &str>) {
        match (text.parse::<Attempts>(), expect) {
            (Ok(read), Ok((first, last))) => {
                assert_eq!(read, Attempts { first, last }, "{text}");
                assert_eq!(read.to_string().parse(), Ok(read), "{text}");
            }
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{text}: {problem}"),
            (read, expect) => panic!("{text}: {read:?}, not {expect:?}"),
        }
    }

    #[test]
    fn ranges_of_attempts_are_read() {
        check("2", Ok((2, Some(2))));
        check("2..5", Ok((2, Some(5))));
        check("2..", Ok((2, None)));
        check("..5", Ok((1, Some(5))));
        check("..", Ok((1, None)));
        check("0", Err("count from 1"));
        check("5..2", Err("ends before it begins"));
        check("two", Err("not a connection number"));
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = Attempts {
            first: 2,
            last: Some(3),
        };
        let inside: Vec<u64> = (0..6).filter(|&n| range.contains(n)).collect();
        assert_eq!(inside, [2, 3]);
        assert!(!range.are_over_at(2) && range.are_over_at(3));
    }
}
