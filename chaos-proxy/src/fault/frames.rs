//! Which frames of a WebSocket a fault is about, and `drop_frame`,
//! `duplicate_frame`, `reorder_frame` and `delay_frame`, which need no more.
//!
//! These act on whole messages: on all fragments of one (RFC 6455 §5.4), or on
//! one control frame.

use std::sync::Arc;
use std::time::Duration;

use environment::text::{FromToml, Mismatch, Table, Value, choice};

use super::{Ordinals, Way};
use crate::pattern::Pattern;
use crate::websocket::Opcode;

/// A choice of frames by their opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcodes {
    /// Text and binary, with their continuations. The default everywhere:
    /// control frames come by the clock, so a count of them repeats less well.
    Data,
    /// Text.
    Text,
    /// Binary.
    Binary,
    /// Ping.
    Ping,
    /// Pong.
    Pong,
    /// Close.
    Close,
    /// Ping, pong and close.
    Control,
    /// Every frame.
    Any,
}

impl Opcodes {
    const WORDS: [(&'static str, Self); 8] = [
        ("data", Self::Data),
        ("text", Self::Text),
        ("binary", Self::Binary),
        ("ping", Self::Ping),
        ("pong", Self::Pong),
        ("close", Self::Close),
        ("control", Self::Control),
        ("any", Self::Any),
    ];

    /// Whether a message that begins with such a frame is meant.
    #[doc(hidden)]
    pub fn covers(self, opcode: Opcode) -> bool {
        match self {
            Self::Data => !opcode.is_control(),
            Self::Text => opcode == Opcode::Text,
            Self::Binary => opcode == Opcode::Binary,
            Self::Ping => opcode == Opcode::Ping,
            Self::Pong => opcode == Opcode::Pong,
            Self::Close => opcode == Opcode::Close,
            Self::Control => opcode.is_control(),
            Self::Any => true,
        }
    }

    /// Whether all of them carry data.
    pub(crate) fn are_data(self) -> bool {
        matches!(self, Self::Data | Self::Text | Self::Binary)
    }

    /// Whether any of them carries data, and so may be compressed.
    pub(crate) fn include_data(self) -> bool {
        matches!(self, Self::Data | Self::Text | Self::Binary | Self::Any)
    }
}

impl FromToml for Opcodes {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &Self::WORDS)
    }
}

/// A choice of messages of data.
struct DataOpcodes(Opcodes);

impl FromToml for DataOpcodes {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let words = Opcodes::WORDS.into_iter();
        let words: Vec<_> = words.filter(|(_, opcodes)| opcodes.are_data()).collect();
        choice(value, &words).map(Self)
    }
}

/// Some messages of some links.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// Which links.
    pub way: Way,
    /// What kinds.
    pub opcodes: Opcodes,
    /// What they say, if that matters. A message of data alone is looked into,
    /// and of at most 64 KiB.
    pub message: Option<Arc<Pattern>>,
    /// Which of those on a link, counted from when the rule takes hold.
    pub index: Ordinals,
}

/// `delay_frame`: a message goes on later, and what comes behind it waits.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayFrame {
    /// Which messages.
    pub frames: Frames,
    /// How much later.
    pub delay: Duration,
}

impl Frames {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let opcodes = table.or("opcode", Opcodes::Data);
        Self::read_of(table, opcodes)
    }

    /// Likewise, of messages of data alone.
    pub(super) fn read_data(table: &mut Table<'_>) -> Option<Self> {
        let DataOpcodes(opcodes) = table.or("opcode", DataOpcodes(Opcodes::Data));
        Self::read_of(table, opcodes)
    }

    fn read_of(table: &mut Table<'_>, opcodes: Opcodes) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let index = table.or("index", Ordinals::ALL);
        Some(Self {
            way,
            opcodes,
            message: read_message(table, opcodes)?,
            index,
        })
    }
}

/// Reads `message`: what a message says. `None`: it is wrong, and reported.
pub(super) fn read_message(
    table: &mut Table<'_>,
    opcodes: Opcodes,
) -> Option<Option<Arc<Pattern>>> {
    let pattern = table
        .table("message")
        .map(|mut message| Pattern::read(&mut message));
    if !table.has("message") {
        return Some(None);
    }
    let pattern = pattern??;
    if !opcodes.are_data() {
        table.error_with_help(
            table.key_span("message"),
            "`message` never matches here: control frames are not looked into",
            "leave out `opcode`, or make it `data`, `text` or `binary`",
        );
        return None;
    }
    Some(Some(Arc::new(pattern)))
}

impl DelayFrame {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let frames = Frames::read(table);
        let delay = table.required("delay")?;
        Some(Self {
            frames: frames?,
            delay,
        })
    }
}
