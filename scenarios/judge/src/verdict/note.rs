//! What is to be known beside a verdict: it changes nothing.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::checks::Evidence;
use crate::definitions::Connection;

/// Something to know beside a verdict. It shows itself as a sentence, and in JSON
/// it is one; read back from there it is [`Told`](Self::Told).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// In words.
    Told(String),
    /// These clients had no connection when the run ended, though nobody had told
    /// them to stop.
    NotConnected {
        /// The first of them.
        first: String,
        /// How many more.
        others: usize,
    },
    /// The file does not say what data of its own server is.
    AnyMessage,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(told) => f.write_str(told),
            Self::NotConnected { first, others: 0 } => {
                write!(f, "{first} was not connected at the end")
            }
            Self::NotConnected { first, others } => {
                write!(f, "{first} and {others} more were not connected at the end")
            }
            Self::AnyMessage => f.write_str(
                "any first message of this server counted as recovery: `[server] data` can say what does",
            ),
        }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Told)
    }
}

/// What is to be known beside the verdict of a run.
pub(super) fn notes(evidence: &Evidence<'_>) -> Vec<Note> {
    let is_own = evidence.scenario.own_server.is_some();
    let any = (is_own && evidence.scenario.data.is_none()).then_some(Note::AnyMessage);
    not_connected(evidence).into_iter().chain(any).collect()
}

/// Who polls is connected while an answer is under way, and has it by then.
fn not_connected(evidence: &Evidence<'_>) -> Option<Note> {
    let observed = &evidence.observed;
    let end = observed.marks.drained?;
    let is_there = |connection: &Connection| {
        let is_open = connection.opened().is_some_and(|opened| opened <= end);
        let has_ended = connection.end().is_some_and(|ended| ended < end);
        is_open && !has_ended || !connection.answers.is_empty()
    };
    let names = evidence.scenario.client_names().into_iter();
    let mut away = names.filter(|client| {
        let is_wanted = evidence.owes_until(client) >= end;
        is_wanted && !observed.connections.of(client).any(is_there)
    });
    let first = away.next()?;
    let others = away.count();
    Some(Note::NotConnected { first, others })
}
