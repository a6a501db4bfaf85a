//! Triggers: windows in time, or the number of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use environment::text::{Mismatch, Table, Value};

use crate::fault::{Ordinals, Way};
use crate::pattern::Pattern;

/// When a rule acts. Times count from t = 0.
#[derive(Debug, Clone, PartialEq)]
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
        /// end, one-shot faults hit what is there.
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
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The connection's number.
    pub attempts: Ordinals,
    /// It has reached this phase.
    pub phase: Phase,
    /// This many bytes have been delivered to the client.
    pub bytes: u64,
    /// This many messages of data (RFC 6455 §5.6) have been delivered to it.
    pub frames: u64,
    /// A message of data like this has been passed on.
    pub message: Option<Arc<Spoken>>,
}

/// What one of the peers has said.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Which way it went.
    pub way: Way,
    /// What it says.
    pub pattern: Pattern,
}

/// What a table allows as its `on`, and how it says what is missing.
#[derive(Debug, Clone, Copy)]
pub struct ConditionGrammar {
    /// Reads the value of `phase`.
    pub phase: fn(Value<'_>) -> Result<Phase, Mismatch>,
    /// Whether `bytes`, `frame` and `message` are keys of it.
    pub counts: bool,
    /// What is said of a condition without a key.
    pub empty: &'static str,
    /// What would be right then.
    pub example: &'static str,
}

impl When {
    /// At t = 0, or when it is added.
    pub(crate) fn at_once(lasting: Option<Duration>) -> Self {
        Self::Timed {
            at: Duration::ZERO,
            every: None,
            until: None,
            lasting,
        }
    }
}

/// How far one connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The phases that it has been through.
    pub(crate) reached: Reached,
    /// Bytes delivered to the client.
    pub(crate) bytes: u64,
    /// Messages of data delivered to the client.
    pub(crate) frames: u64,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
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

/// The phases that a connection has been through. Not every one comes to each:
/// a connection may close without ever having been open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached(u8);

impl Reached {
    /// Accepted, and no more.
    pub(crate) const ACCEPTED: Self = Self(1 << Phase::Connect as u8);

    /// As one byte, for keeping.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// What [`Reached::bits`] gave.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits | Self::ACCEPTED.0)
    }

    /// The last one of them.
    pub(crate) fn last(self) -> Phase {
        let phases = [Phase::Closing, Phase::Open, Phase::Upgrade];
        let last = phases.into_iter().find(|phase| self.has(*phase));
        last.unwrap_or(Phase::Connect)
    }

    /// It has come to this one too.
    pub(crate) fn add(&mut self, phase: Phase) {
        self.0 |= 1 << phase as u8;
    }

    /// Whether it has come to this one.
    pub(crate) fn has(self, phase: Phase) -> bool {
        self.0 & (1 << phase as u8) != 0
    }
}

impl Default for Condition {
    /// Every connection, as it is accepted.
    fn default() -> Self {
        Self {
            attempts: Ordinals::ALL,
            phase: Phase::Connect,
            bytes: 0,
            frames: 0,
            message: None,
        }
    }
}

impl Condition {
    /// The connection of this number, as it is accepted.
    pub fn attempt(number: u64) -> Self {
        Self {
            attempts: Ordinals::only(number),
            ..Self::default()
        }
    }

    /// Reads `{ attempt = …, phase = … }`. `None`: it is wrong, and reported.
    #[doc(hidden)]
    pub fn read(on: &mut Table<'_>, grammar: &ConditionGrammar) -> Option<Self> {
        let phase = on.optional_with("phase", grammar.phase);
        let attempts = on.optional::<Ordinals>("attempt");
        let mut count = |key| grammar.counts.then(|| on.optional::<u64>(key)).flatten();
        let (bytes, frames) = (count("bytes"), count("frame"));
        let message = grammar.counts.then(|| Spoken::read(on)).flatten();
        let read = [
            ("phase", phase.is_some()),
            ("attempt", attempts.is_some()),
            ("bytes", bytes.is_some()),
            ("frame", frames.is_some()),
            ("message", message.is_some()),
        ];
        let is_known = |key| grammar.counts || ["phase", "attempt"].contains(&key);
        if read
            .iter()
            .any(|(key, is_read)| is_known(key) && on.has(key) && !is_read)
        {
            return None;
        }
        if read.iter().all(|(_, is_read)| !is_read) {
            on.error_with_help(on.span(), grammar.empty, grammar.example);
            return None;
        }
        Some(Self {
            attempts: attempts.unwrap_or(Ordinals::ALL),
            phase: phase.unwrap_or(Phase::Connect),
            bytes: bytes.unwrap_or(0),
            frames: frames.unwrap_or(0),
            message: message.map(Arc::new),
        })
    }

    /// Whether it is met by the mere accept of a connection.
    pub fn is_about_accept(&self) -> bool {
        let counts = self.bytes > 0 || self.frames > 0;
        self.phase == Phase::Connect && !counts && self.message.is_none()
    }

    /// Whether connection `attempt`, having come so far, meets it, but for the
    /// message that it may ask for.
    pub(crate) fn is_met(&self, attempt: u64, progress: Progress) -> bool {
        self.attempts.contains(attempt)
            && progress.reached.has(self.phase)
            && progress.bytes >= self.bytes
            && progress.frames >= self.frames
    }
}

impl Spoken {
    fn read(on: &mut Table<'_>) -> Option<Self> {
        let mut message = on.table("message")?;
        let way = message.or("direction", Way::Both);
        let pattern = Pattern::read(&mut message)?;
        Some(Self { way, pattern })
    }
}

impl fmt::Display for Condition {
    /// As in `on = { … }`, without the braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.attempts)?;
        if self.phase > Phase::Connect {
            write!(f, ", phase {}", self.phase.word())?;
        }
        if self.bytes > 0 {
            write!(f, ", {} bytes", self.bytes)?;
        }
        if self.frames > 0 {
            write!(f, ", frame {}", self.frames)?;
        }
        if let Some(message) = &self.message {
            write!(f, ", message {}", message.pattern)?;
        }
        Ok(())
    }
}

impl Phase {
    /// Each with its word, in their order.
    pub(crate) const WORDS: [(&'static str, Self); 4] = [
        ("connect", Self::Connect),
        ("upgrade", Self::Upgrade),
        ("open", Self::Open),
        ("closing", Self::Closing),
    ];

    /// The word of scenario files.
    pub fn word(self) -> &'static str {
        Self::WORDS[self as usize].0
    }
}
