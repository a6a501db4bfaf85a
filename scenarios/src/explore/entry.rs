//! The entries of a schedule: a fault, an action or a server event, each a value
//! that can be left out, moved or made simpler without changing another.
//!
//! Pure. Invariant: an entry is written as one table of a scenario file, and all
//! that its draws hang on (its name, above all) stands in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happens. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A rule of the proxy.
    Fault(Fault),
    /// User actions.
    Action(Action),
    /// What befalls the server.
    Server(ServerEvent),
    /// An action of the base's own file, as it stands there.
    Given(String),
}

/// A fault with its trigger, target and window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Part of each of its draws.
    pub name: String,
    /// When it acts.
    pub trigger: Trigger,
    /// On whom.
    pub target: Target,
    /// Its word, such as `stall`.
    pub word: String,
    /// What it is given, in the order in which it is written.
    pub parameters: Vec<Parameter>,
}

/// When a fault acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// By the clock.
    At {
        /// After t = 0.
        at: u64,
        /// How long it holds; `None`: until the end, or for those that are there.
        lasting: Option<u64>,
        /// From one time to the next, and no later than when.
        every: Option<(u64, u64)>,
    },
    /// On connections.
    On {
        /// Which of a client's.
        attempts: Span,
        /// How far one has come.
        phase: Option<Phase>,
        /// What has been delivered on it.
        progress: Option<Progress>,
        /// How much later.
        after: Option<u64>,
        /// How long it holds.
        lasting: Option<u64>,
    },
}

/// From the first to the last, both included; without a last one: all later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// From 1.
    pub first: u64,
    /// At least `first`.
    pub last: Option<u64>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It was accepted.
    Connect,
    /// Its request has come.
    Upgrade,
    /// The answer has been delivered.
    Open,
    /// A peer has ended its side.
    Closing,
}

/// What has been delivered to the client on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Messages of data.
    Frame(u64),
    /// Bytes.
    Bytes(u64),
}

/// Who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All clients.
    Everybody,
    /// Half of them, by a draw.
    Half,
    /// The client of this number, from 1.
    Client(u64),
}

/// A key of a fault's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub key: String,
    /// What it is set to.
    pub value: Value,
}

/// What a key is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Milliseconds.
    Time(u64),
    /// A count, a code or a status.
    Number(u64),
    /// Bytes.
    Size(u64),
    /// Bytes per second.
    Rate(u64),
    /// Yes or no.
    Flag(bool),
    /// One of a few words.
    Word(String),
    /// Numbers of messages.
    Span(Span),
    /// The header that says in how many seconds to come back.
    RetryAfter(u64),
}

/// User actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Part of the draw of its share.
    pub name: String,
    /// After t = 0.
    pub at: u64,
    /// To whom.
    pub target: Target,
    /// `pause`, `resume`, `stop` or `reconnect`.
    pub word: String,
}

/// What befalls the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvent {
    /// What it is called in results.
    pub name: String,
    /// After t = 0.
    pub at: u64,
    /// How long it stays away.
    pub lasting: u64,
    /// `restart` or `kill`.
    pub word: String,
}

impl Span {
    /// This one alone.
    pub const fn one(number: u64) -> Self {
        let last = Some(number);
        Self {
            first: number,
            last,
        }
    }

    /// The number, if it is one alone.
    pub fn alone(self) -> Option<u64> {
        (self.last == Some(self.first)).then_some(self.first)
    }
}

impl Phase {
    /// In the order in which a connection comes through them.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Upgrade, Self::Open, Self::Closing];

    /// As files have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Upgrade => "upgrade",
            Self::Open => "open",
            Self::Closing => "closing",
        }
    }
}

impl Entry {
    /// The word of what happens; of a given one nothing.
    pub fn word(&self) -> &str {
        match self {
            Self::Fault(fault) => &fault.word,
            Self::Action(action) => &action.word,
            Self::Server(event) => &event.word,
            Self::Given(_) => "",
        }
    }

    /// The fault, if it is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    /// Whom it is about.
    pub fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Fault(fault) => Some(&mut fault.target),
            Self::Action(action) => Some(&mut action.target),
            Self::Server(_) | Self::Given(_) => None,
        }
    }

    /// When it comes by the clock.
    pub fn at(&self) -> Option<u64> {
        match self {
            Self::Fault(fault) => match fault.trigger {
                Trigger::At { at, .. } => Some(at),
                Trigger::On { .. } => None,
            },
            Self::Action(action) => Some(action.at),
            Self::Server(event) => Some(event.at),
            Self::Given(_) => None,
        }
    }

    /// As [`Self::at`], to be changed.
    pub fn at_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::Fault(fault) => match &mut fault.trigger {
                Trigger::At { at, .. } => Some(at),
                Trigger::On { .. } => None,
            },
            Self::Action(action) => Some(&mut action.at),
            Self::Server(event) => Some(&mut event.at),
            Self::Given(_) => None,
        }
    }

    /// How long it holds, if it says so.
    pub fn lasting(&self) -> Option<u64> {
        match self {
            Self::Fault(fault) => fault.lasting(),
            Self::Server(event) => Some(event.lasting),
            Self::Action(_) | Self::Given(_) => None,
        }
    }
}

impl Fault {
    /// How long it holds, if it says so.
    pub fn lasting(&self) -> Option<u64> {
        match self.trigger {
            Trigger::At { lasting, .. } | Trigger::On { lasting, .. } => lasting,
        }
    }

    /// As [`Self::lasting`], to be changed.
    pub fn lasting_mut(&mut self) -> &mut Option<u64> {
        match &mut self.trigger {
            Trigger::At { lasting, .. } | Trigger::On { lasting, .. } => lasting,
        }
    }

    /// What a key of its own is set to.
    pub fn value(&self, key: &str) -> Option<&Value> {
        let mut all = self.parameters.iter();
        all.find(|one| one.key == key).map(|one| &one.value)
    }

    /// The word that a key is set to.
    pub fn word_of(&self, key: &str) -> Option<&str> {
        match self.value(key) {
            Some(Value::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The number or milliseconds that a key is set to.
    pub fn number_of(&self, key: &str) -> Option<u64> {
        match self.value(key) {
            Some(
                Value::Number(number)
                | Value::Time(number)
                | Value::Size(number)
                | Value::Rate(number)
                | Value::RetryAfter(number),
            ) => Some(*number),
            _ => None,
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            _ if self.alone().is_some() => write!(f, "{}", self.first),
            Some(last) => write!(f, "\"{}..{last}\"", self.first),
            None => write!(f, "\"{}..\"", self.first),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(millis) => write!(f, "{}", quoted(*millis)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Size(bytes) => write!(f, "\"{bytes}B\""),
            Self::Rate(bytes) => write!(f, "\"{bytes}B/s\""),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Word(word) => write!(f, "\"{word}\""),
            Self::Span(span) => write!(f, "{span}"),
            Self::RetryAfter(seconds) => write!(f, "{{ Retry-After = \"{seconds}\" }}"),
        }
    }
}

/// Milliseconds as a file has them.
pub(super) fn quoted(millis: u64) -> String {
    format!("\"{}\"", shown(millis))
}

/// Milliseconds, in whole seconds where they are.
pub(super) fn shown(millis: u64) -> String {
    if millis > 0 && millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { at, lasting, every } => {
                writeln!(f, "at = {}", quoted(*at))?;
                if let Some(lasting) = lasting {
                    writeln!(f, "for = {}", quoted(*lasting))?;
                }
                if let Some((every, until)) = every {
                    writeln!(f, "every = {}\nuntil = {}", quoted(*every), quoted(*until))?;
                }
            }
            Self::On {
                attempts,
                phase,
                progress,
                after,
                lasting,
            } => {
                write!(f, "on = {{ attempt = {attempts}")?;
                if let Some(phase) = phase {
                    write!(f, ", phase = \"{}\"", phase.word())?;
                }
                match progress {
                    Some(Progress::Frame(frames)) => write!(f, ", frame = {frames}")?,
                    Some(Progress::Bytes(bytes)) => write!(f, ", bytes = {bytes}")?,
                    None => {}
                }
                writeln!(f, " }}")?;
                if let Some(after) = after {
                    writeln!(f, "after = {}", quoted(*after))?;
                }
                if let Some(lasting) = lasting {
                    writeln!(f, "for = {}", quoted(*lasting))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => Ok(()),
            Self::Half => writeln!(f, "target.share = 0.5"),
            Self::Client(number) => writeln!(f, "target.clients = [\"c{number}\"]"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[[fault]]\nname = \"{}\"\n{}", self.name, self.trigger)?;
        write!(f, "must_fire = false\n{}", self.target)?;
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|one| format!("{} = {}", one.key, one.value));
        let parameters: Vec<String> = parameters.collect();
        match &parameters[..] {
            [] => writeln!(f, "inject.{} = {{}}", self.word),
            some => writeln!(f, "inject.{} = {{ {} }}", self.word, some.join(", ")),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Action(action) => {
                writeln!(f, "[[action]]\nname = \"{}\"", action.name)?;
                writeln!(f, "at = {}", quoted(action.at))?;
                write!(f, "do = \"{}\"\n{}", action.word, action.target)
            }
            Self::Server(event) => {
                writeln!(f, "[[server_event]]\nname = \"{}\"", event.name)?;
                writeln!(f, "at = {}", quoted(event.at))?;
                writeln!(f, "do = \"{}\"", event.word)?;
                writeln!(f, "for = {}", quoted(event.lasting))
            }
            Self::Given(text) => writeln!(f, "{}", text.trim_end()),
        }
    }
}
