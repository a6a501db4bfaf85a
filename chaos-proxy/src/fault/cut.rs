//! `cut`: the connection ends after so many bytes, in the middle of whatever
//! they are; or inside a chosen part of a chosen frame.

use std::sync::Arc;

use environment::text::{FromToml, Mismatch, Table, Value, choice};

use super::frames::read_message;
use super::{Opcodes, Side, Way};
use crate::pattern::Pattern;

/// What is said of a frame 0.
const FROM_ONE: &str = "frames count from 1";

/// An end in the middle of something.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Which link is counted, from when the rule takes hold.
    pub way: Way,
    /// Where.
    pub place: Place,
    /// How the connection ends.
    pub how: How,
    /// For whom.
    pub side: Side,
}

/// Where a stream is cut.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// Behind so many bytes.
    Bytes(u64),
    /// Inside a frame.
    Frame(FrameCut),
}

/// A place inside a frame (RFC 6455 §5.2).
#[derive(Debug, Clone, PartialEq)]
pub struct FrameCut {
    /// Which frame of those kinds, from 1.
    pub number: u64,
    /// What is counted.
    pub opcodes: Opcodes,
    /// Which part.
    pub part: Part,
    /// If this is given, the frames that begin a message that says it are counted,
    /// and no others.
    pub message: Option<Arc<Pattern>>,
}

/// A part of a frame. Where the frame has no such part, it is given one, in a
/// way that its receiver cannot tell from a true one before the end comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Behind the first byte of its header.
    Header,
    /// Behind the first byte of its extended length.
    Length,
    /// In the middle of its payload.
    Payload,
    /// Behind it, where another fragment of its message must follow.
    Between,
}

/// FIN or RST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// FIN.
    Close,
    /// RST.
    Reset,
}

impl Cut {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        ["bytes", "frame", "part", "opcode", "message"]
            .iter()
            .for_each(|key| table.ignore(key));
        let way = table.or("direction", Way::Downstream);
        let how = table.or("how", How::Close);
        let side = table.or("side", Side::Both);
        Some(Self {
            way,
            place: Place::read(table)?,
            how,
            side,
        })
    }
}

impl Cut {
    /// What is wrong with its number, if anything is.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let is_nowhere = matches!(&self.place, Place::Frame(frame) if frame.number == 0);
        is_nowhere.then_some(FROM_ONE)
    }
}

impl Place {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        if table.has("frame") {
            let frame = FrameCut::read(table);
            if table.has("bytes") {
                let message = "`bytes` and `frame` exclude each other: a stream is cut once";
                table.error(table.span_of("bytes"), message);
                return None;
            }
            return frame.map(Self::Frame);
        }
        // What is wrong with it is told wherever it stands.
        let _ = read_message(table, Opcodes::Data);
        for key in ["part", "opcode", "message"] {
            if table.has(key) {
                let message = format!("`{key}` needs `frame`: it is about a frame");
                table.error(table.key_span(key), message);
                return None;
            }
        }
        if !table.has("bytes") {
            table.error_with_help(
                table.span(),
                "missing key `bytes` or `frame`: a cut needs a place",
                "for example `bytes = 300`, or `frame = 2, part = \"payload\"`",
            );
            return None;
        }
        table.required("bytes").map(Self::Bytes)
    }
}

impl FrameCut {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let opcodes = table.or("opcode", Opcodes::Data);
        let part = table.or("part", Part::Payload);
        let number = table.required::<u64>("frame")?;
        if number == 0 {
            table.error(table.span_of("frame"), FROM_ONE);
            return None;
        }
        Some(Self {
            number,
            opcodes,
            part,
            message: read_message(table, opcodes)?,
        })
    }
}

impl FromToml for Part {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let parts = [
            ("header", Self::Header),
            ("length", Self::Length),
            ("payload", Self::Payload),
            ("between", Self::Between),
        ];
        choice(value, &parts)
    }
}

impl FromToml for How {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &[("close", Self::Close), ("reset", Self::Reset)])
    }
}
