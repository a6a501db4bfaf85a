//! The editor of one direction: watches a WebSocket go by, and does to its
//! frames what rules ask for.
//!
//! ```text
//!  feed ──▶ scanner ──▶ head │ frame │ frame … ──▶ edits of each message ──▶ steps
//! ```
//!
//! Invariant: what comes out depends on the bytes and the rules alone, not on
//! how the bytes were cut into pieces; and while there is no rule every byte
//! goes on at once. What is held back is bounded: a head, a frame's header, and
//! at most [`LONGEST`](kept::LONGEST) of messages that are to be sent twice or
//! after another.

mod ahead;
mod closing;
mod cut;
mod flow;
mod kept;
mod message;
mod message_edits;
mod output;
mod own;
#[cfg(test)]
mod regressions;
mod step;
#[cfg(test)]
mod tests;

pub use step::{Late, Powerless, Step, UNREAD};

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};

use super::frame_rule::{Edits, FrameRuleId};
use super::{Frame, Scanner, Seen};
use crate::link::LinkName;
use kept::Kept;
use message_edits::MessageEdits;
use output::{Output, Placed};

/// How far the stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// In the head; of a request it may be asked what becomes of it.
    Head { is_decided: bool },
    /// Behind the head of what is no upgrade.
    Content,
    /// Among frames.
    Frames,
    /// No WebSocket.
    Raw,
    /// Nothing goes on any more.
    Over,
}

/// What the last answer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    /// None has come, or it was 101.
    Nothing,
    /// The upgrade was refused: there is nothing to be said against that.
    Refusal,
    /// It answered no request for an upgrade.
    Plain,
}

/// Where the bytes of the present frame go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    Pass,
    Drop,
    Keep,
    /// After so many more bytes, nothing.
    CutAfter(u64, FrameRuleId),
}

/// What is done to a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Mask([u8; 4]),
    /// The first byte becomes this one.
    First(u8),
}

/// The frame that is being passed, or the boundary behind it.
#[derive(Debug)]
struct Current {
    /// Offset, of the stream as it came, of the first byte behind it.
    until: u64,
    /// Whether something is to be done when it has come to its end.
    is_open: bool,
    /// How much of its payload has come.
    position: u64,
    sink: Sink,
    change: Change,
    is_control: bool,
    /// Whether its message ends with it.
    is_final: bool,
    edits: MessageEdits,
}

/// A message that is to follow the next one of its kind.
#[derive(Debug)]
struct Waiting {
    id: FrameRuleId,
    kept: Kept,
    duplicate: Option<FrameRuleId>,
    heard_by: Vec<FrameRuleId>,
    is_due: bool,
}

/// Edits the frames of one direction as they go by.
#[derive(Debug)]
pub struct Editor {
    name: LinkName,
    scanner: Scanner,
    edits: Edits,
    /// How many messages each rule has seen.
    counts: BTreeMap<FrameRuleId, u64>,
    powerless: BTreeSet<FrameRuleId>,
    /// Whose own message has been sent.
    sent: BTreeSet<FrameRuleId>,
    /// What was seen, and not dealt with.
    seen: VecDeque<Seen>,
    /// What came, and was not dealt with.
    input: Bytes,
    /// Offset of its first byte in the stream as it came.
    cursor: u64,
    /// The number of the last frame.
    last: u64,
    output: Output,
    phase: Phase,
    current: Current,
    /// Of the data message whose next fragment is to come.
    message: Option<MessageEdits>,
    /// Messages of data, and control frames, that are being kept.
    building: [Kept; 2],
    waiting: Vec<Waiting>,
    /// The upgrade has succeeded: close frames may go.
    is_open: bool,
    is_compressed: bool,
    answered: Answered,
    /// Of requests whose answers are to come: whether they ask for a WebSocket.
    asked: VecDeque<bool>,
    /// Where the present head began.
    head_at: u64,
    /// The peer's close frame, and what comes behind it, goes nowhere.
    is_hushed: bool,
}

impl Editor {
    /// At the start of a stream, without rules. `name` is for the draws.
    pub fn new(name: LinkName) -> Self {
        Self {
            name,
            scanner: Scanner::new(),
            edits: Edits::default(),
            counts: BTreeMap::new(),
            powerless: BTreeSet::new(),
            sent: BTreeSet::new(),
            seen: VecDeque::new(),
            input: Bytes::new(),
            cursor: 0,
            last: 0,
            output: Output::default(),
            phase: Phase::Head { is_decided: false },
            current: Current::boundary(0),
            message: None,
            building: [Kept::default(), Kept::default()],
            waiting: Vec::new(),
            is_open: false,
            is_compressed: false,
            answered: Answered::Nothing,
            asked: VecDeque::new(),
            head_at: 0,
            is_hushed: false,
        }
    }

    /// Gives the stream another owner, for the draws still to come.
    pub fn rename(&mut self, name: LinkName) {
        self.name = name;
    }

    /// Whether every byte goes on unseen, indefinitely.
    pub(crate) fn is_raw(&self) -> bool {
        self.phase == Phase::Raw && self.input.is_empty()
    }

    /// Whether a rule may be about what comes next.
    pub(crate) fn is_editing(&self) -> bool {
        !self.edits.orders.is_empty()
    }

    /// Whether data is kept back whole, until something comes after which it goes on.
    pub(crate) fn keeps_data(&self) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiting| !waiting.kept.is_control()) || self.building[0].held() > 0
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        let waiting = self.waiting.iter().map(|waiting| waiting.kept.held());
        let building = self.building.iter().map(Kept::held);
        self.input.len() + waiting.chain(building).sum::<usize>()
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: Bytes, step: &mut dyn FnMut(Step)) {
        if self.phase == Phase::Over {
            // A peer's close is told, whatever becomes of it.
            return self.scanner.feed(&bytes, &mut |seen| {
                if let Seen::Close { code } = seen {
                    step(Step::Closing { code });
                }
            });
        }
        let seen = &mut self.seen;
        self.scanner.feed(&bytes, &mut |item| seen.push_back(item));
        if self.passes_all() {
            return self.pass_all(bytes, step);
        }
        self.input = joined(&self.input, bytes);
        self.advance(step);
    }

    /// The rules are these from now on.
    pub fn apply(&mut self, edits: Edits, step: &mut dyn FnMut(Step)) {
        if edits == self.edits {
            return;
        }
        self.edits = edits;
        let orders = &self.edits.orders;
        let holds = |id: &FrameRuleId| orders.iter().any(|rule| rule.id == *id);
        self.counts.retain(|id, _| holds(id));
        self.sent.retain(holds);
        for waiting in &mut self.waiting {
            waiting.is_due |= !holds(&waiting.id);
        }
        if self.phase == Phase::Raw {
            self.say_raw(step);
        }
        self.go_on(step);
    }

    /// What was asked about the request has been answered by [`Editor::apply`].
    pub(crate) fn decide(&mut self, step: &mut dyn FnMut(Step)) {
        // The head that was asked about may have gone on already.
        let is_waiting = matches!(self.seen.front(), Some(Seen::Head { .. }));
        if let Phase::Head { is_decided } = &mut self.phase
            && is_waiting
        {
            *is_decided = true;
            self.advance(step);
        }
    }

    /// The other side has made a request.
    pub(crate) fn asked(&mut self, is_upgrade: bool, is_head: bool) {
        self.asked.push_back(is_upgrade);
        self.scanner.asked(is_head);
    }

    /// The peer has been told that the other closes, and was meant to hear it
    /// alone: its own close frame goes nowhere.
    pub(crate) fn hush(&mut self) {
        self.is_hushed = true;
    }

    /// The upgrade has succeeded.
    pub fn open(&mut self, is_compressed: bool, step: &mut dyn FnMut(Step)) {
        (self.is_open, self.is_compressed) = (true, is_compressed);
        self.scanner.open();
        self.go_on(step);
    }

    /// The source has ended: what is held back goes on.
    pub fn finish(&mut self, step: &mut dyn FnMut(Step)) {
        if self.phase == Phase::Over {
            return;
        }
        if self.looks_ahead() {
            // What is not whole never will be.
            let orders = &mut self.edits.orders;
            orders.retain(|rule| rule.task.pattern().is_none());
            self.advance(step);
        }
        self.release_all(step);
        let rest = std::mem::take(&mut self.input);
        self.cursor += rest.len() as u64;
        self.output.pass(&rest);
        self.output.flush(step);
        self.phase = Phase::Over;
    }

    /// After a change of rules.
    fn go_on(&mut self, step: &mut dyn FnMut(Step)) {
        if self.is_at_boundary() {
            self.release_due(step);
        }
        self.advance(step);
    }

    /// What has come of the stream before `end`.
    pub(super) fn take(&mut self, end: u64) -> Bytes {
        let wanted = usize::try_from(end.saturating_sub(self.cursor)).unwrap_or(usize::MAX);
        let bytes = self.input.split_to(wanted.min(self.input.len()));
        self.cursor += bytes.len() as u64;
        bytes
    }
}

impl Current {
    fn boundary(until: u64) -> Self {
        Self {
            until,
            is_open: false,
            position: 0,
            sink: Sink::Pass,
            change: Change::None,
            is_control: false,
            is_final: true,
            edits: MessageEdits::default(),
        }
    }

    /// Whether it goes on as it comes.
    fn is_plain(&self) -> bool {
        let passes = self.sink == Sink::Pass && self.change == Change::None;
        (passes || !self.is_open) && self.edits.is_plain()
    }

    fn passing(frame: &Frame, edits: MessageEdits) -> Self {
        Self {
            is_open: true,
            is_control: frame.opcode.is_control(),
            is_final: frame.header.is_final,
            edits,
            ..Self::boundary(frame.end)
        }
    }
}

impl Placed {
    /// A frame that goes on with a header of so many bytes.
    fn of(frame: &Frame, header: usize) -> Self {
        Self {
            index: frame.index,
            opcode: frame.opcode,
            is_final: frame.header.is_final,
            header,
            payload: frame.end - frame.payload,
            is_own: false,
        }
    }
}

impl FrameRuleId {
    /// Nobody's.
    const NONE: Self = Self {
        rule: usize::MAX,
        occurrence: 0,
    };
}

fn joined(held: &Bytes, bytes: Bytes) -> Bytes {
    if held.is_empty() {
        return bytes;
    }
    let mut all = BytesMut::with_capacity(held.len() + bytes.len());
    all.extend_from_slice(held);
    all.extend_from_slice(&bytes);
    all.freeze()
}
