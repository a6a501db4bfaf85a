//! What the server sends to a client, read as its application reads it (messages
//! of a WebSocket, contents of answers, server-sent events), and which of it is
//! data.
//!
//! Invariant: what is found depends on the bytes alone, not on how they were cut
//! into pieces. Of one message at most [`LONGEST_MESSAGE`] bytes are kept.

use super::head::Head;
use super::scanner::Part;
use super::{Frame, Scanner, Seen};
use crate::pattern::{LONGEST_MESSAGE, Pattern, has};

/// What was found; offsets count from the stream's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Data of a WebSocket, or of what is no HTTP.
    Data {
        /// Offset of the first byte after it.
        end: u64,
    },
    /// Data in an answer 2xx.
    Answer {
        /// Offset of the first byte after it.
        end: u64,
    },
    /// The end of an answer with data in it, and no stream of events: whoever
    /// polls has what was asked for.
    Whole {
        /// Offset of the first byte after it.
        end: u64,
    },
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What can be no data: a head, a refusal, a control frame.
    Nowhere,
    /// The content of an answer 2xx.
    Content { has_data: bool },
    /// A stream of events (WHATWG HTML §9.2).
    Events,
    /// A frame of data.
    Frame { left: u64, is_final: bool },
    /// What is neither HTTP nor WebSocket.
    Raw,
}

/// Text that is being gathered; what is too long is of no pattern.
#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    is_unread: bool,
}

impl Text {
    fn push(&mut self, bytes: &[u8]) {
        self.is_unread |= self.bytes.len() + bytes.len() > LONGEST_MESSAGE;
        if self.is_unread {
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn is_of(&self, pattern: Option<&Pattern>) -> bool {
        pattern.is_none_or(|pattern| !self.is_unread && pattern.is_in(&self.bytes))
    }
}

/// Reads one direction of one connection.
#[derive(Debug)]
pub(crate) struct DataReader {
    scanner: Scanner,
    pattern: Option<Pattern>,
    place: Place,
    /// What has come of a message or a content.
    message: Text,
    /// What has come of a line.
    line: Text,
    /// The last byte was the first of what may be one line end of two bytes.
    is_after_return: bool,
    /// What the event that is being read says.
    event: Option<Text>,
}

impl DataReader {
    /// At the start of a stream; without a pattern every message is data.
    pub(crate) fn new(pattern: Option<Pattern>) -> Self {
        Self {
            scanner: Scanner::new(),
            pattern,
            place: Place::Nowhere,
            message: Text::default(),
            line: Text::default(),
            is_after_return: false,
            event: None,
        }
    }

    /// At the start of a stream that is no HTTP.
    pub(crate) fn raw(pattern: Pattern) -> Self {
        Self {
            scanner: Scanner::raw(),
            place: Place::Raw,
            ..Self::new(Some(pattern))
        }
    }

    /// The other side has asked; `is_head`: for an answer without a content.
    pub(crate) fn asked(&mut self, is_head: bool) {
        self.scanner.asked(is_head);
    }

    /// Whether data is known without it from here on: every message of a
    /// WebSocket, every byte of a raw stream.
    pub(crate) fn is_done(&self) -> bool {
        self.pattern.is_none() && matches!(self.place, Place::Frame { .. } | Place::Raw)
    }

    /// Reads on.
    pub(crate) fn feed(&mut self, bytes: &[u8], find: &mut impl FnMut(Found)) {
        let mut scanner = std::mem::take(&mut self.scanner);
        scanner.read(bytes, &mut |part| match part {
            Part::Seen(seen) => self.see(seen, find),
            Part::Said { bytes, end } => self.hear(bytes, end, find),
        });
        self.scanner = scanner;
    }

    fn see(&mut self, seen: Seen, find: &mut impl FnMut(Found)) {
        match seen {
            Seen::Head { head, .. } => self.begin(behind(&head)),
            Seen::HeadBegins { at } => {
                self.end_content(at, find);
                self.begin(Place::Nowhere);
            }
            Seen::Frame(frame) => self.begin_frame(&frame, find),
            // What goes on to the end of the stream has no other end.
            Seen::Raw if matches!(self.place, Place::Content { .. } | Place::Events) => {}
            Seen::Raw => self.begin(Place::Raw),
            Seen::Close { .. } => {}
        }
    }

    fn begin(&mut self, place: Place) {
        self.place = place;
        (self.message, self.line, self.event) = (Text::default(), Text::default(), None);
        self.is_after_return = false;
    }

    fn hear(&mut self, bytes: &[u8], end: u64, find: &mut impl FnMut(Found)) {
        match &mut self.place {
            Place::Nowhere => {}
            Place::Frame { left, .. } => {
                *left = left.saturating_sub(bytes.len() as u64);
                if self.pattern.is_some() {
                    self.message.push(bytes);
                }
                self.end_frame(end, find);
            }
            Place::Events => self.read_lines(bytes, end, find),
            Place::Content { .. } | Place::Raw => match &self.pattern {
                None => self.find(end, find),
                Some(pattern) if pattern.is_text() => self.look_for_text(bytes, end, find),
                Some(_) => {
                    self.message.push(bytes);
                    self.read_lines(bytes, end, find);
                }
            },
        }
    }

    fn begin_frame(&mut self, frame: &Frame, find: &mut impl FnMut(Found)) {
        if frame.opcode.is_control() {
            self.place = Place::Nowhere;
            return;
        }
        // Compressed, or masked as no server masks: nobody here can read it.
        self.message.is_unread |= frame.header.rsv1 || frame.header.mask.is_some();
        self.place = Place::Frame {
            left: frame.end - frame.payload,
            is_final: frame.header.is_final,
        };
        self.end_frame(frame.payload, find);
    }

    fn end_frame(&mut self, end: u64, find: &mut impl FnMut(Found)) {
        let Place::Frame { left: 0, is_final } = self.place else {
            return;
        };
        if is_final {
            if self.message.is_of(self.pattern.as_ref()) {
                find(Found::Data { end });
            }
            self.message = Text::default();
        }
    }

    fn end_content(&mut self, end: u64, find: &mut impl FnMut(Found)) {
        let Place::Content { has_data } = self.place else {
            return;
        };
        // Many lines may be one value.
        let last = [&self.line, &self.message];
        let is_found = !has_data
            && self.pattern.as_ref().is_some_and(|pattern| {
                let is_of = |text: &&Text| text.is_of(Some(pattern));
                !pattern.is_text() && last.iter().any(is_of)
            });
        if is_found {
            find(Found::Answer { end });
        }
        if has_data || is_found {
            find(Found::Whole { end });
        }
    }

    /// Data ends here, in an answer or a raw stream.
    fn find(&mut self, end: u64, find: &mut impl FnMut(Found)) {
        match &mut self.place {
            Place::Content { has_data } => {
                *has_data = true;
                find(Found::Answer { end });
            }
            Place::Events => find(Found::Answer { end }),
            _ => find(Found::Data { end }),
        }
    }

    /// A text may be cut in two anywhere: as much as may be its beginning is kept.
    fn look_for_text(&mut self, bytes: &[u8], end: u64, find: &mut impl FnMut(Found)) {
        let Some(text) = self.pattern.as_ref().and_then(Pattern::text) else {
            return;
        };
        let kept = &mut self.line.bytes;
        kept.extend_from_slice(bytes);
        let is_found = has(kept, text);
        let most = text.len() - 1;
        kept.drain(..kept.len().saturating_sub(most));
        if is_found {
            kept.clear();
            self.find(end, find);
        }
    }

    fn read_lines(&mut self, bytes: &[u8], end: u64, find: &mut impl FnMut(Found)) {
        let begin = end - bytes.len() as u64;
        let mut from = 0;
        for (index, &byte) in bytes.iter().enumerate() {
            let is_rest = std::mem::replace(&mut self.is_after_return, byte == b'\r');
            if is_rest && byte == b'\n' {
                from = index + 1;
            } else if matches!(byte, b'\r' | b'\n') {
                self.line.push(&bytes[from..index]);
                from = index + 1;
                self.end_line(begin + from as u64, find);
            }
        }
        self.line.push(&bytes[from..]);
    }

    fn end_line(&mut self, end: u64, find: &mut impl FnMut(Found)) {
        let line = std::mem::take(&mut self.line);
        let is_found = if self.place == Place::Events {
            self.end_line_of_event(&line)
        } else {
            line.is_of(self.pattern.as_ref())
        };
        if is_found {
            self.find(end, find);
        }
    }

    /// Whether an event ends here that is data.
    fn end_line_of_event(&mut self, line: &Text) -> bool {
        if line.bytes.is_empty() && !line.is_unread {
            let event = self.event.take();
            return event.is_some_and(|event| event.is_of(self.pattern.as_ref()));
        }
        let name = line.bytes.split(|&byte| byte == b':').next();
        if name == Some(b"data") || line.is_unread {
            let value = line.bytes.get(5..).unwrap_or_default();
            let is_next = self.event.is_some();
            let event = self.event.get_or_insert_default();
            event.is_unread |= line.is_unread;
            if is_next {
                event.push(b"\n");
            }
            event.push(value.strip_prefix(b" ").unwrap_or(value));
        }
        false
    }
}

/// What follows an answer's head.
fn behind(head: &Head) -> Place {
    match head {
        // Frames follow, of which none has begun.
        Head::Response { status: 101, .. } => Place::Frame {
            left: 0,
            is_final: false,
        },
        Head::Response {
            status: 200..=299,
            is_event_stream: true,
            ..
        } => Place::Events,
        Head::Response {
            status: 200..=299, ..
        } => Place::Content { has_data: false },
        _ => Place::Nowhere,
    }
}

#[cfg(test)]
mod tests;
