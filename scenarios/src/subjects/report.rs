//! What a client may tell of itself.

use environment::text::{FromToml, Mismatch, Value, choice};
use serde::{Deserialize, Serialize};

/// Something that a client tells whenever it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It begins to connect.
    Dial,
    /// It is connected.
    Open,
    /// Its application got a message.
    Message,
    /// Its messages carry their text, so that the ticker's sessions and
    /// sequence numbers can be read from them.
    Seq,
    /// A dial failed, or its connection ended.
    Close,
    /// It will not dial again by itself.
    GaveUp,
}

impl Report {
    /// Every one with its word.
    pub const ALL: [(&'static str, Self); 6] = [
        ("dial", Self::Dial),
        ("open", Self::Open),
        ("message", Self::Message),
        ("seq", Self::Seq),
        ("close", Self::Close),
        ("gave_up", Self::GaveUp),
    ];

    /// The word of files.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, report)| *report == self)
            .map_or("", |(word, _)| word)
    }
}

impl FromToml for Report {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::ALL)
    }
}
