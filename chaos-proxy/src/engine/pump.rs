//! One way of a connection: its link, and what is watched as bytes go by.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use environment::{Moment, Stream};

use super::wire::Bulk;
use crate::link::segments::Frame;
use crate::link::{Link, Output, Segments};
use crate::websocket::{Head, Opcode, Scanner, Seen};

/// The size of one read.
const READ: usize = 64 * 1024;

thread_local! {
    /// Where every read of this thread lands, so that idle connections hold no
    /// buffer. It is free again before anything else runs.
    pub(super) static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// What a read brought.
#[derive(Debug)]
pub(super) enum Read {
    /// Bytes, taken by the lane.
    Some,
    /// Bytes, and the sink took some of them at once.
    Passed,
    /// Nothing now.
    Nothing,
    /// FIN.
    Fin,
    /// RST, or another error that ends the connection.
    Reset,
}

impl Read {
    /// What it means that a read brought no bytes.
    pub(super) fn nothing_of(end: io::Result<usize>) -> Self {
        match end {
            Ok(_) => Self::Fin,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Self::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Self::Some,
            Err(_) => Self::Reset,
        }
    }
}

/// What a lane has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// A request's target was read.
    Request(String),
    /// A close frame was read.
    CloseFrame(Option<u16>),
    /// The upgrade's answer was read.
    AnswerRead(u16),
    /// The upgrade's answer was delivered.
    Answered(u16),
    /// Data was delivered: a whole data frame, or bytes of a raw stream.
    Delivered,
}

/// What is to be said once everything before `end` has been written.
#[derive(Debug)]
struct Milestone {
    end: u64,
    note: Note,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) link: Link,
    scanner: Option<Scanner>,
    milestones: VecDeque<Milestone>,
    /// Whether every byte counts as data: no frames are known.
    is_raw: bool,
    /// The system took no more bytes; wait until it does.
    pub(super) is_blocked: bool,
    /// When bytes were last written.
    pub(super) wrote_at: Option<Moment>,
    /// The kernel's way past the queue, while much goes by.
    pub(super) bulk: Option<Box<Bulk>>,
}

impl Lane {
    pub(super) fn new(link: Link, scanner: Option<Scanner>) -> Self {
        Self {
            link,
            is_raw: scanner.is_none(),
            scanner,
            milestones: VecDeque::new(),
            is_blocked: false,
            wrote_at: None,
            bulk: None,
        }
    }

    /// Reads once from the source.
    pub(super) fn read(&mut self, source: &mut Stream, now: Moment, notes: &mut Vec<Note>) -> Read {
        let room = self.link.room().min(READ);
        SCRATCH.with_borrow_mut(|scratch| match source.try_read(&mut scratch[..room]) {
            Ok(count) if count > 0 => {
                self.take(&scratch[..count], now, notes);
                Read::Some
            }
            end => Read::nothing_of(end),
        })
    }

    /// Whether what comes can still be let in, or is to be thrown away.
    pub(super) fn wants_input(&self) -> bool {
        self.link.wants_input() && !self.is_piped()
    }

    /// Whether bytes count as data without being looked at.
    pub(super) fn is_raw(&self) -> bool {
        self.is_raw
    }

    pub(super) fn is_scanned(&self) -> bool {
        self.scanner.is_some()
    }

    /// Nobody needs to know any more what goes by.
    pub(super) fn stop_scanning(&mut self) {
        self.scanner = None;
    }

    fn take(&mut self, bytes: &[u8], now: Moment, notes: &mut Vec<Note>) {
        if self.link.is_ended() {
            return;
        }
        self.scan(bytes, notes);
        self.link.push(now, Bytes::copy_from_slice(bytes));
        self.forget_swallowed();
    }

    /// What was said about bytes that a fault has swallowed is not to be told.
    fn forget_swallowed(&mut self) {
        let passed = self.link.passed();
        while self
            .milestones
            .front()
            .is_some_and(|milestone| milestone.end <= passed)
        {
            self.milestones.pop_front();
        }
    }

    fn scan(&mut self, bytes: &[u8], notes: &mut Vec<Note>) {
        let Some(scanner) = &mut self.scanner else {
            return;
        };
        let (segments, milestones, is_raw) =
            (self.link.segments(), &mut self.milestones, &mut self.is_raw);
        let mut refused = false;
        scanner.feed(bytes, &mut |seen| match seen {
            Seen::Head {
                head: Head::Request { target },
                ..
            } => notes.push(Note::Request(target)),
            Seen::Head {
                head: Head::Response { status },
                end,
            } => {
                refused = status != 101;
                notes.push(Note::AnswerRead(status));
                milestones.push_back(Milestone {
                    end,
                    note: Note::Answered(status),
                });
            }
            Seen::Frame {
                index,
                opcode,
                start,
                end,
            } => {
                segments.note(Frame { index, start, end });
                if opcode == Opcode::Data {
                    milestones.push_back(Milestone {
                        end,
                        note: Note::Delivered,
                    });
                }
            }
            Seen::Close { code } => notes.push(Note::CloseFrame(code)),
            Seen::Raw => {
                segments.become_raw();
                // The body of a refusal is no data.
                *is_raw = !refused;
            }
        });
        if scanner.is_raw() {
            self.scanner = None;
        }
    }

    /// Writes once what is due; `None` if nothing is, or the sink takes nothing.
    ///
    /// # Errors
    /// When the sink is dead.
    pub(super) fn write(
        &mut self,
        sink: &Stream,
        now: Moment,
        notes: &mut Vec<Note>,
    ) -> io::Result<Option<Sent>> {
        let count = match self.link.poll(now) {
            Output::Write(bytes) => match sink.try_write(bytes) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            },
            Output::ShutdownWrite => return Ok(Some(Sent::Fin)),
            Output::Reset => return Ok(Some(Sent::Reset)),
            Output::Cut => return Ok(Some(Sent::Cut)),
            Output::Wait => return Ok(None),
        };
        self.link.wrote(now, count);
        self.wrote_at = Some(now);
        self.after_write(notes);
        Ok(Some(Sent::Bytes))
    }

    fn after_write(&mut self, notes: &mut Vec<Note>) {
        let passed = self.link.passed();
        while self
            .milestones
            .front()
            .is_some_and(|milestone| milestone.end <= passed)
        {
            notes.extend(self.milestones.pop_front().map(|milestone| milestone.note));
        }
        if self.is_raw {
            notes.push(Note::Delivered);
        }
    }
}

/// What a write sent, or has to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// Bytes went.
    Bytes,
    /// FIN is due.
    Fin,
    /// RST is due.
    Reset,
    /// A cut is due.
    Cut,
}

/// What a link's draws count.
pub(super) fn segments(frames: bool) -> Segments {
    if frames {
        Segments::frames()
    } else {
        Segments::Raw
    }
}
