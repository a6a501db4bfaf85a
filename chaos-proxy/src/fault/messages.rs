//! `send_message`, `replace_message` and `fragment_message`: messages that nobody sent,
//! and messages in pieces.
//!
//! What the proxy makes itself counts as nobody's data.

use std::sync::Arc;

use environment::text::{FromToml, Mismatch, Table, Value, choice};

use super::frames::read_message;
use super::{Frames, Opcodes, Way};
use crate::pattern::{LONGEST_MESSAGE, Pattern};
use crate::websocket::Opcode;

/// The most that a control frame holds (RFC 6455 §5.5).
const LONGEST_CONTROL: usize = 125;

/// Into so many pieces a message is cut at most.
const MOST_PIECES: u32 = 100;

/// What a custom message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// These bytes.
    Binary(Vec<u8>),
}

/// `send_message`: an additional message, between two others.
#[derive(Debug, Clone, PartialEq)]
pub struct SendMessage {
    /// Which links.
    pub way: Way,
    /// What it says.
    pub content: Content,
    /// What kind: text, binary, ping or pong.
    pub opcode: Opcode,
    /// Behind which message of data on a link, counted from when the rule takes
    /// hold; 0: at the next boundary.
    pub frame: u64,
    /// If this is given, the messages that say it are counted, and no others.
    pub message: Option<Arc<Pattern>>,
}

/// `replace_message`: another message in place of one.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplaceMessage {
    /// In place of which messages.
    pub frames: Frames,
    /// What comes in their place; of control frames, in a frame of the same kind.
    pub content: Content,
}

/// `fragment_message`: a message comes in several frames (RFC 6455 §5.4).
#[derive(Debug, Clone, PartialEq)]
pub struct FragmentMessage {
    /// Which messages; of data alone.
    pub frames: Frames,
    /// In how many, from 2.
    pub pieces: u32,
    /// Whether a ping comes between every two of them.
    pub ping: bool,
}

impl Content {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let text = table.spanned::<String>("text");
        let hex = table.spanned::<String>("hex");
        let content = match (table.has("text"), table.has("hex")) {
            (true, false) => Self::Text(text?.0),
            (false, true) => {
                let (digits, span) = hex?;
                let Some(bytes) = bytes_of(&digits) else {
                    table.error_with_help(
                        span,
                        "these are not pairs of hexadecimal digits",
                        "for example `hex = \"68 69\"`",
                    );
                    return None;
                };
                Self::Binary(bytes)
            }
            (true, true) => {
                let message = "`text` and `hex` exclude each other";
                table.error(table.key_span("hex"), message);
                return None;
            }
            (false, false) => {
                let help = "`text = \"…\"`, or `hex = \"…\"` for binary data";
                let message = "what the message says is missing";
                table.error_with_help(table.span(), message, help);
                return None;
            }
        };
        if content.bytes().len() > LONGEST_MESSAGE {
            let key = if table.has("hex") { "hex" } else { "text" };
            let message = format!("a custom message has at most {LONGEST_MESSAGE} bytes");
            table.error(table.span_of(key), message);
            return None;
        }
        Some(content)
    }

    /// What the frame holds, not masked.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The kind of a message of data that says it.
    pub(crate) fn opcode(&self) -> Opcode {
        match self {
            Self::Text(_) => Opcode::Text,
            Self::Binary(_) => Opcode::Binary,
        }
    }

    fn fits(&self, kind: &str) -> Result<(), String> {
        let length = self.bytes().len();
        if length > LONGEST_CONTROL {
            return Err(format!(
                "{kind} holds at most {LONGEST_CONTROL} bytes (RFC 6455 §5.5), and this has {length}"
            ));
        }
        Ok(())
    }
}

/// The bytes of pairs of hexadecimal digits, with or without blanks between.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let pairs = digits.chunks_exact(2);
    Some(pairs.map(|pair| pair[0] * 16 + pair[1]).collect())
}

/// What can be sent.
struct Kind(Opcode);

impl FromToml for Kind {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let kinds = [Opcode::Text, Opcode::Binary, Opcode::Ping, Opcode::Pong];
        choice(value, &kinds.map(|kind| (kind.word(), kind))).map(Self)
    }
}

impl SendMessage {
    /// This text, to the client, at the next boundary.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Content::Text(text.into()))
    }

    /// These bytes, to the client, at the next boundary.
    pub fn binary(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Content::Binary(bytes.into()))
    }

    fn of(content: Content) -> Self {
        Self {
            way: Way::Downstream,
            opcode: content.opcode(),
            content,
            frame: 0,
            message: None,
        }
    }

    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let content = Content::read(table);
        let opcode = table.optional::<Kind>("opcode");
        let message = read_message(table, Opcodes::Data);
        let frame = table.or("frame", u64::from(table.has("message")));
        if opcode.is_none() && table.has("opcode") {
            return None;
        }
        let content = content?;
        let send = Self {
            way,
            opcode: opcode.map_or(content.opcode(), |Kind(opcode)| opcode),
            content,
            frame,
            message: message?,
        };
        if let Some(mistake) = send.mistake() {
            table.error(table.span(), mistake);
            return None;
        }
        Some(send)
    }

    pub(super) fn mistake(&self) -> Option<String> {
        if self.message.is_some() && self.frame == 0 {
            let mistake = "messages that say something count from 1: it comes behind one of them";
            return Some(mistake.to_owned());
        }
        match self.opcode {
            Opcode::Text if std::str::from_utf8(self.content.bytes()).is_err() => {
                Some("a text is UTF-8 (RFC 6455 §8.1), and this is not; `corrupt` with `kind = \"utf8\"` breaks one".to_owned())
            }
            Opcode::Ping | Opcode::Pong | Opcode::Close => {
                self.content.fits(&format!("a {}", self.opcode)).err()
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation => None,
        }
    }
}

impl ReplaceMessage {
    /// This text in place of every message of data, both ways.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            frames: Frames::default(),
            content: Content::Text(text.into()),
        }
    }

    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let frames = Frames::read(table);
        let content = Content::read(table);
        let replace = Self {
            frames: frames?,
            content: content?,
        };
        if let Some(mistake) = replace.mistake() {
            table.error(table.span(), mistake);
            return None;
        }
        Some(replace)
    }

    pub(super) fn mistake(&self) -> Option<String> {
        let opcodes = self.frames.opcodes;
        (!opcodes.are_data())
            .then(|| self.content.fits("a control frame").err())
            .flatten()
    }
}

impl FragmentMessage {
    /// Every message of data in so many frames, both ways.
    pub fn new(pieces: u32) -> Self {
        Self {
            frames: Frames::default(),
            pieces,
            ping: false,
        }
    }

    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let frames = Frames::read_data(table);
        let pieces = table.or("pieces", 2);
        let ping = table.or("ping", false);
        let fragment = Self {
            frames: frames?,
            pieces,
            ping,
        };
        if let Some(mistake) = fragment.mistake() {
            table.error(table.span_of("pieces"), mistake);
            return None;
        }
        Some(fragment)
    }

    pub(super) fn mistake(&self) -> Option<String> {
        if !(2..=MOST_PIECES).contains(&self.pieces) {
            return Some(format!("`pieces` is 2 to {MOST_PIECES}"));
        }
        let is_possible = self.frames.opcodes.are_data();
        (!is_possible).then(|| {
            "control frames have one piece (RFC 6455 §5.5): `data`, `text` and `binary` can have more"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(bytes_of("68 69"), Some(b"hi".to_vec()));
        assert_eq!(bytes_of("FFfe"), Some(vec![0xff, 0xfe]));
        assert_eq!(bytes_of(""), Some(Vec::new()));
        for wrong in ["6", "6 ", "zz", "0x68", "6ä"] {
            assert_eq!(bytes_of(wrong), None, "{wrong}");
        }
    }
}
