//! One way of a connection: its link, and what is watched as bytes go by.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use environment::{Moment, Stream};

use super::bulk::Bulk;
use crate::link::segments::Frame;
use crate::link::{Effects, End, Link, LinkName, Output, Segments, Withheld};
use crate::websocket::{DataReader, Editor, Edits, Found, FrameRuleId, Opcode, Powerless, Step};

/// The size of one read.
const READ: usize = 64 * 1024;

/// The same where rules look at every frame: others have their turn although
/// there may be thousands of them in one read.
const READ_EDITED: usize = 8 * 1024;

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
    /// Bytes that nobody has taken yet: something else is in force by now.
    Held(Bytes),
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
    /// A request was read.
    Request {
        target: String,
        is_upgrade: bool,
        is_head: bool,
    },
    /// The peer's close frame was read.
    CloseFrame(Option<u16>),
    /// The upgrade's answer was read.
    AnswerRead { status: u16, is_compressed: bool },
    /// The upgrade's answer was delivered.
    Answered(u16),
    /// The end of a message of a WebSocket was delivered.
    Delivered,
    /// What the scenario calls data was delivered.
    Data,
    /// Data in an answer of HTTP was delivered.
    AnswerData,
    /// The end of an answer of HTTP with data in it was delivered.
    WholeAnswer,
    /// Bytes of a raw stream were delivered.
    DeliveredBytes,
    /// Rules kept bytes from the sink, and a stretch of that is over.
    Withheld(Withheld),
    /// This is no WebSocket.
    Raw,
    /// The offer of extensions was taken out of the request.
    Stripped(String),
    /// A rule was carried out on a frame.
    Acted {
        id: FrameRuleId,
        index: u64,
        opcode: Opcode,
    },
    /// A message was delivered that a rule waits for.
    Heard(FrameRuleId),
    /// A rule cannot be carried out.
    Powerless(FrameRuleId, Powerless),
    /// The request is to be answered by this rule.
    Reply(FrameRuleId),
}

/// What is to be said once everything before `end` has been written.
#[derive(Debug)]
struct Milestone {
    end: u64,
    note: Note,
}

/// One way of a connection.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) link: Link,
    /// Where frames are watched.
    editor: Option<Box<Editor>>,
    /// Where what the server says is read, as long as that tells anything.
    reader: Option<Box<DataReader>>,
    milestones: VecDeque<Milestone>,
    /// Whether every byte counts as data: no frames are known.
    is_raw: bool,
    /// The system took no more bytes; wait until it does.
    pub(super) is_blocked: bool,
    /// When bytes were last written.
    pub(super) wrote_at: Option<Moment>,
    /// Whose cut inside a frame it was, if it was one.
    pub(super) cut_by: Option<Box<FrameRuleId>>,
    /// Since when the editor has kept back data.
    kept_since: Option<Moment>,
    /// Its end is a rule's, and about this peer alone: what the peer answers to it
    /// is not for the other.
    pub(super) is_told: bool,
    /// The kernel's way past the queue, while much goes by.
    pub(super) bulk: Option<Box<Bulk>>,
}

impl Lane {
    pub(super) fn new(link: Link, editor: Option<Editor>, reader: Option<DataReader>) -> Self {
        Self {
            link,
            is_raw: editor.is_none(),
            editor: editor.map(Box::new),
            reader: reader.map(Box::new),
            milestones: VecDeque::new(),
            is_blocked: false,
            wrote_at: None,
            cut_by: None,
            kept_since: None,
            is_told: false,
            bulk: None,
        }
    }

    /// Stops watching frames, unless some of one are held back.
    pub(super) fn forget_frames(&mut self) {
        self.editor.take_if(|editor| editor.held() == 0);
    }

    /// Gives the lane another owner, for the draws still to come.
    pub(super) fn rename(&mut self, name: &LinkName) {
        self.link.rename(Arc::clone(&name.client), name.attempt);
        if let Some(editor) = &mut self.editor {
            editor.rename(name.clone());
        }
    }

    /// Puts the lane under other faults.
    pub(super) fn apply(
        &mut self,
        now: Moment,
        effects: Effects,
        edits: Edits,
        notes: &mut Vec<Note>,
    ) {
        self.link.apply(effects);
        self.edit(now, notes, |editor, step| editor.apply(edits, step));
    }

    /// The request that was kept back may be dealt with.
    pub(super) fn decide(&mut self, now: Moment, notes: &mut Vec<Note>) {
        self.edit(now, notes, |editor, step| editor.decide(step));
    }

    /// The peer has made a request, whose answer comes this way.
    pub(super) fn asked(&mut self, is_upgrade: bool, is_head: bool) {
        if let Some(editor) = &mut self.editor {
            editor.asked(is_upgrade, is_head);
        }
        if let Some(reader) = &mut self.reader {
            reader.asked(is_head);
        }
    }

    /// The close frame to come answers a rule's, and goes nowhere.
    pub(super) fn hush(&mut self) {
        if let Some(editor) = &mut self.editor {
            editor.hush();
        }
    }

    /// The upgrade has succeeded.
    pub(super) fn open(&mut self, now: Moment, is_compressed: bool, notes: &mut Vec<Note>) {
        self.edit(now, notes, |editor, step| editor.open(is_compressed, step));
    }

    /// The source has ended.
    pub(super) fn push_end(&mut self, now: Moment, end: End, notes: &mut Vec<Note>) {
        self.edit(now, notes, |editor, step| editor.finish(step));
        self.link.push_end(now, end);
    }

    /// Sends an answer to the upgrade that the server has not given.
    pub(super) fn answer(&mut self, now: Moment, bytes: Vec<u8>, status: Option<u16>) {
        self.editor = None;
        self.reader = None;
        self.is_raw = false;
        let end = self.link.admitted() + bytes.len() as u64;
        self.milestones.extend(status.map(|status| Milestone {
            end,
            note: Note::Answered(status),
        }));
        self.link.push(now, Bytes::from(bytes));
    }

    /// Lets the editor do something, and does what it says.
    fn edit(
        &mut self,
        now: Moment,
        notes: &mut Vec<Note>,
        act: impl FnOnce(&mut Editor, &mut dyn FnMut(Step)),
    ) {
        let Some(mut editor) = self.editor.take() else {
            return;
        };
        act(&mut editor, &mut |step| self.obey(step, now, notes));
        let since = self.kept_since.unwrap_or(now);
        self.kept_since = editor.keeps_data().then_some(since);
        self.editor = Some(editor);
    }

    fn obey(&mut self, step: Step, now: Moment, notes: &mut Vec<Note>) {
        let is_over = self.link.is_ended() || self.link.is_cut();
        if is_over && !matches!(step, Step::Closing { .. }) {
            // Nothing of it will be seen.
            return;
        }
        match step {
            Step::Pass(bytes, late) => {
                self.read_data(&bytes);
                let came = self.kept_since.unwrap_or(now);
                self.link.push_late(now, bytes, late, came);
            }
            Step::Frame {
                index,
                opcode,
                is_final,
                is_own,
                start,
                end,
            } => {
                self.link.segments().note(Frame { index, start, end });
                if is_final && !is_own && !opcode.is_control() {
                    let note = Note::Delivered;
                    self.milestones.push_back(Milestone { end, note });
                }
            }
            Step::Answer {
                status,
                is_compressed,
                end,
            } => {
                notes.push(Note::AnswerRead {
                    status,
                    is_compressed,
                });
                let note = Note::Answered(status);
                self.milestones.push_back(Milestone { end, note });
            }
            Step::Raw { is_refusal } => {
                self.link.segments().become_raw();
                // The body of a refusal is no data.
                self.is_raw = !is_refusal;
                if !is_refusal {
                    notes.push(Note::Raw);
                }
            }
            Step::Cut { id } => {
                if !self.link.is_cut() {
                    self.cut_by = Some(Box::new(id));
                    self.link.push_end(now, End::Cut);
                }
            }
            Step::Finish => {
                self.is_told = true;
                self.link.push_end(now, End::Fin);
            }
            Step::Request {
                target,
                is_upgrade,
                is_head,
            } => notes.push(Note::Request {
                target,
                is_upgrade,
                is_head,
            }),
            Step::Plain => notes.push(Note::Raw),
            Step::Closing { code } => notes.push(Note::CloseFrame(code)),
            Step::Stripped { offer } => notes.push(Note::Stripped(offer)),
            Step::Acted { id, index, opcode } => notes.push(Note::Acted { id, index, opcode }),
            Step::Heard { id, end } => self.place(end, Note::Heard(id)),
            Step::Powerless { id, why } => notes.push(Note::Powerless(id, why)),
            Step::Reply { id } => notes.push(Note::Reply(id)),
        }
    }

    /// Looks for data in what is about to go into the link.
    fn read_data(&mut self, bytes: &[u8]) {
        let Some(mut reader) = self.reader.take() else {
            return;
        };
        reader.feed(bytes, &mut |found| {
            let (end, note) = match found {
                Found::Data { end } => (end, Note::Data),
                Found::Answer { end } => (end, Note::AnswerData),
                Found::Whole { end } => (end, Note::WholeAnswer),
            };
            self.place(end, note);
        });
        self.reader = Some(reader).filter(|reader| !reader.is_done());
    }

    /// Notes what is to be said once everything before `end` has been written. A
    /// frame that has begun may end behind it.
    fn place(&mut self, end: u64, note: Note) {
        let place = self.milestones.partition_point(|other| other.end <= end);
        self.milestones.insert(place, Milestone { end, note });
    }

    /// Reads once from the source. What came when `has_news` says that something
    /// else is in force is not taken.
    pub(super) fn read(
        &mut self,
        source: &mut Stream,
        now: Moment,
        has_news: impl Fn() -> bool,
        notes: &mut Vec<Note>,
    ) -> Read {
        let is_edited = self
            .editor
            .as_ref()
            .is_some_and(|editor| editor.is_editing());
        let most = if is_edited { READ_EDITED } else { READ };
        let room = self.room().min(most);
        SCRATCH.with_borrow_mut(|scratch| match source.try_read(&mut scratch[..room]) {
            Ok(count) if count > 0 => {
                let bytes = Bytes::copy_from_slice(&scratch[..count]);
                if has_news() {
                    return Read::Held(bytes);
                }
                self.take(bytes, now, notes);
                Read::Some
            }
            end => Read::nothing_of(end),
        })
    }

    /// How many bytes may be taken now. What comes behind a rule's own end goes
    /// nowhere.
    fn room(&self) -> usize {
        if self.is_past_end() {
            return READ;
        }
        let held = self.editor.as_ref().map_or(0, |editor| editor.held());
        let room = if self.is_blocked {
            self.link.room_held_back()
        } else {
            self.link.room()
        };
        room.saturating_sub(held)
    }

    /// Whether what comes can still be let in, or is to be thrown away.
    pub(super) fn wants_input(&self) -> bool {
        let has_room = self.link.is_ended() || self.room() > 0;
        (self.link.wants_input() && has_room || self.is_past_end()) && !self.is_piped()
    }

    /// Whether a rule's own end is still to go: the source is read to hear of its
    /// end, which may come before that is out.
    fn is_past_end(&self) -> bool {
        self.is_told && self.link.is_ending() || self.link.is_cut()
    }

    /// Whether bytes lie in the kernel's pipe.
    pub(super) fn is_piped(&self) -> bool {
        self.bulk.as_ref().is_some_and(|bulk| bulk.holds_bytes())
    }

    /// Whether bytes count as data without being looked at.
    pub(super) fn is_raw(&self) -> bool {
        self.is_raw
    }

    pub(super) fn is_scanned(&self) -> bool {
        let is_edited = self.editor.as_ref().is_some_and(|editor| !editor.is_raw());
        is_edited || self.reader.is_some()
    }

    /// Lets in what was read.
    pub(super) fn take(&mut self, bytes: Bytes, now: Moment, notes: &mut Vec<Note>) {
        if self.link.is_ended() && self.editor.is_none() {
            return;
        }
        if self.editor.is_some() {
            self.edit(now, notes, |editor, step| editor.feed(bytes, step));
        } else {
            self.read_data(&bytes);
            self.link.push(now, bytes);
        }
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

    /// Writes once what is due; `None` if nothing is, or the sink takes nothing.
    ///
    /// # Errors
    /// When the sink is dead.
    pub(super) fn write(
        &mut self,
        sink: &mut Stream,
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
        self.is_blocked = sink.has_backlog();
        self.link.wrote(now, count);
        self.wrote_at = Some(now);
        self.after_write(notes);
        Ok(Some(Sent::Bytes))
    }

    fn after_write(&mut self, notes: &mut Vec<Note>) {
        notes.extend(self.link.take_withheld().map(Note::Withheld));
        let passed = self.link.passed();
        while self
            .milestones
            .front()
            .is_some_and(|milestone| milestone.end <= passed)
        {
            notes.extend(self.milestones.pop_front().map(|milestone| milestone.note));
        }
        if self.is_raw {
            notes.push(Note::DeliveredBytes);
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
