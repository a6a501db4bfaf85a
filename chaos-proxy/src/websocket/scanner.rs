//! The scanner of one direction: a head, then frames, over any chunking.
//!
//! Invariant: what it says depends on the bytes alone, not on how they were cut
//! into pieces. A stream that is not HTTP, or whose frames break the protocol,
//! is raw from there on, and said to be so once.

use std::collections::VecDeque;
use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

use super::body::Content;
use super::head::Head;
use super::opcode::Opcode;
use super::shape::Shape;

/// A head longer than this is not an upgrade that the proxy follows.
const LONGEST_HEAD: usize = 64 * 1024;
/// RFC 6455 §5.2: 2 bytes, 8 of length, 4 of mask.
const LONGEST_HEADER: usize = 14;

/// Something complete in the stream. Offsets count from the stream's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The head, which ends before `end`.
    Head {
        /// What it says.
        head: Head,
        /// Offset of the first byte after it.
        end: u64,
    },
    /// A frame's header is complete; its payload may be still to come.
    Frame(Frame),
    /// The payload of a close frame is there.
    Close {
        /// Its code (RFC 6455 §5.5.1), if it has one.
        code: Option<u16>,
    },
    /// Another head begins here.
    HeadBegins {
        /// Offset of its first byte.
        at: u64,
    },
    /// From here on this is no WebSocket.
    Raw,
}

/// What a scanner gives back of a stream.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// Something is complete.
    Seen(Seen),
    /// Bytes of a frame's payload, of a content, or of a raw stream.
    Said {
        /// The bytes.
        bytes: &'a [u8],
        /// Offset of the first byte after them.
        end: u64,
    },
}

/// A frame and its place in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Counts from 1.
    pub index: u64,
    /// What kind.
    pub opcode: Opcode,
    /// Its header, in full.
    pub header: FrameHeader,
    /// Offset of its first byte.
    pub start: u64,
    /// Offset of its payload's first byte.
    pub payload: u64,
    /// Offset of the first byte after its payload.
    pub end: u64,
}

#[derive(Debug)]
enum State {
    Head(Vec<u8>, Shape),
    Content(Content),
    Header(Vec<u8>),
    Payload { left: u64, close: Option<CloseCode> },
    Raw,
}

/// The first two bytes of a close frame's payload, unmasked.
#[derive(Debug)]
struct CloseCode {
    mask: Option<[u8; 4]>,
    bytes: Vec<u8>,
}

/// Says of one direction's bytes where its head and its frames begin and end.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    offset: u64,
    /// Where the present head began.
    head_at: u64,
    frames: u64,
    /// It has asked for a WebSocket, and may be refused and ask again.
    may_ask_again: bool,
    /// Of requests whose answers are to come: whether those are bodiless.
    asked: VecDeque<bool>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// At the start of a stream.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head(Vec::new(), Shape::default()),
            offset: 0,
            head_at: 0,
            frames: 0,
            may_ask_again: false,
            asked: VecDeque::new(),
        }
    }

    /// At the start of a stream that is no HTTP.
    pub(super) fn raw() -> Self {
        Self {
            state: State::Raw,
            ..Self::new()
        }
    }

    /// The other side has asked; `is_head`: for an answer without a content.
    pub(crate) fn asked(&mut self, is_head: bool) {
        self.asked.push_back(is_head);
    }

    /// The upgrade has succeeded: nothing but frames is to come.
    pub(crate) fn open(&mut self) {
        self.may_ask_again = false;
    }

    /// Reads on; `see` gets what has become complete, in order.
    pub(crate) fn feed(&mut self, bytes: &[u8], see: &mut impl FnMut(Seen)) {
        self.read(bytes, &mut |part| {
            if let Part::Seen(seen) = part {
                see(seen);
            }
        });
    }

    /// Reads on, and gives back all that is said, too.
    pub(super) fn read(&mut self, mut bytes: &[u8], tell: &mut impl FnMut(Part<'_>)) {
        while !bytes.is_empty() {
            let see = &mut |seen| tell(Part::Seen(seen));
            let used = match &mut self.state {
                State::Head(head, shape) => {
                    let used = take_head(head, shape, bytes);
                    self.offset += used as u64;
                    self.after_head(see);
                    used
                }
                State::Content(content) => {
                    let begin = self.offset;
                    let pass = &mut |bytes: &[u8], used: usize| {
                        let end = begin + used as u64;
                        tell(Part::Said { bytes, end });
                    };
                    let Some(used) = content.take(bytes, pass) else {
                        return self.become_raw(&mut |seen| tell(Part::Seen(seen)));
                    };
                    self.offset += used as u64;
                    self.after_content(&mut |seen| tell(Part::Seen(seen)));
                    used
                }
                State::Header(header)
                    if self.may_ask_again && header.is_empty() && is_method(bytes[0]) =>
                {
                    self.begin_head(see);
                    0
                }
                State::Header(header) => {
                    self.may_ask_again = false;
                    header.push(bytes[0]);
                    self.offset += 1;
                    self.after_header(see);
                    1
                }
                State::Payload { left, close } => {
                    let used = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    if let Some(close) = close {
                        close.take(&bytes[..used]);
                    }
                    *left -= used as u64;
                    self.offset += used as u64;
                    tell(Part::Said {
                        bytes: &bytes[..used],
                        end: self.offset,
                    });
                    self.after_payload(&mut |seen| tell(Part::Seen(seen)));
                    used
                }
                State::Raw => {
                    self.offset += bytes.len() as u64;
                    tell(Part::Said {
                        bytes,
                        end: self.offset,
                    });
                    bytes.len()
                }
            };
            bytes = &bytes[used..];
        }
    }

    fn become_raw(&mut self, see: &mut impl FnMut(Seen)) {
        self.state = State::Raw;
        see(Seen::Raw);
    }

    fn after_head(&mut self, see: &mut impl FnMut(Seen)) {
        let State::Head(bytes, shape) = &self.state else {
            return;
        };
        // Interim answers count, too.
        if shape.is_broken() || self.offset - self.head_at >= LONGEST_HEAD as u64 {
            return self.become_raw(see);
        }
        if !bytes.ends_with(b"\r\n\r\n") {
            return;
        }
        let Some(head) = Head::read(bytes) else {
            return self.become_raw(see);
        };
        if matches!(head, Head::Response { status: 100..=199, .. } if !head.is_switch()) {
            // An interim answer (RFC 9110 §15.2): the final one is to come.
            self.state = State::Head(Vec::new(), Shape::default());
            return;
        }
        let (is_upgrade, is_bodiless) = match head {
            Head::Request { is_upgrade, .. } => (is_upgrade, false),
            Head::Response { status, .. } => {
                (status == 101, self.asked.pop_front().unwrap_or(false))
            }
        };
        let content = Content::behind(bytes, is_bodiless);
        self.may_ask_again = matches!(head, Head::Request { .. });
        see(Seen::Head {
            head,
            end: self.offset,
        });
        if is_upgrade {
            self.state = State::Header(Vec::with_capacity(LONGEST_HEADER));
        } else if content == Content::UntilClose {
            self.become_raw(see);
        } else {
            self.state = State::Content(content);
            self.after_content(see);
        }
    }

    fn after_content(&mut self, see: &mut impl FnMut(Seen)) {
        if matches!(&self.state, State::Content(content) if content.is_over()) {
            self.begin_head(see);
        }
    }

    fn begin_head(&mut self, see: &mut impl FnMut(Seen)) {
        self.head_at = self.offset;
        self.state = State::Head(Vec::new(), Shape::default());
        see(Seen::HeadBegins { at: self.offset });
    }

    fn after_header(&mut self, see: &mut impl FnMut(Seen)) {
        let State::Header(bytes) = &self.state else {
            return;
        };
        // Told by the first byte: nobody need wait for the rest.
        if Opcode::of(OpCode::from(bytes[0] & 0xf)).is_none() {
            return self.become_raw(see);
        }
        let (header, length) = match FrameHeader::parse(&mut Cursor::new(bytes)) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return,
            Err(_) => return self.become_raw(see),
        };
        let Some(opcode) = Opcode::of(header.opcode) else {
            return self.become_raw(see);
        };
        let start = self.offset - bytes.len() as u64;
        // RFC 6455 §5.2: the top bit of a 64-bit length must be 0.
        let Some(end) = self
            .offset
            .checked_add(length)
            .filter(|_| length <= i64::MAX as u64)
        else {
            return self.become_raw(see);
        };
        self.frames += 1;
        let close = (opcode == Opcode::Close).then(|| CloseCode {
            mask: header.mask,
            bytes: Vec::new(),
        });
        see(Seen::Frame(Frame {
            index: self.frames,
            opcode,
            header,
            start,
            payload: self.offset,
            end,
        }));
        self.state = State::Payload {
            left: length,
            close,
        };
        self.after_payload(see);
    }

    fn after_payload(&mut self, see: &mut impl FnMut(Seen)) {
        let State::Payload { left: 0, close } = &self.state else {
            return;
        };
        if let Some(close) = close {
            see(Seen::Close { code: close.code() });
        }
        self.state = State::Header(Vec::with_capacity(LONGEST_HEADER));
    }
}

impl CloseCode {
    fn take(&mut self, payload: &[u8]) {
        for &byte in payload.iter().take(2 - self.bytes.len().min(2)) {
            let mask = self.mask.map_or(0, |mask| mask[self.bytes.len()]);
            self.bytes.push(byte ^ mask);
        }
    }

    fn code(&self) -> Option<u16> {
        let bytes: [u8; 2] = self.bytes.as_slice().try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    }
}

/// Whether a method begins with this byte, and no frame of a client: those that
/// begin with A or B, which upgrade nothing, might be compressed fragments.
fn is_method(byte: u8) -> bool {
    matches!(byte, b'C'..=b'Z')
}

/// Moves bytes into `head` up to the blank line that ends it.
fn take_head(head: &mut Vec<u8>, shape: &mut Shape, bytes: &[u8]) -> usize {
    for (index, &byte) in bytes.iter().enumerate() {
        head.push(byte);
        shape.take(head);
        if shape.is_broken() || head.ends_with(b"\r\n\r\n") || head.len() >= LONGEST_HEAD {
            return index + 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests;
