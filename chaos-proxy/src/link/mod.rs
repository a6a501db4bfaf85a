//! One direction of one connection, as a machine without sockets or clock.
//!
//! Bytes go in with the moment of their arrival; faults decide how many of them
//! leave as one piece and when that is due; the shell writes what is due.
//!
//! ```text
//!  push ──▶ [ FIN or RST | chunk | chunk | chunk | piece ] ──▶ poll ──▶ wrote
//!                                                 └ due = arrival + delays,
//!                                                   never before the one ahead
//! ```
//!
//! Only the piece in front is ever worked out, from arrival, offset and what
//! left before it: so a change of faults has nothing to undo.
//!
//! Invariant: what comes out is what went in, in order, unless the link was
//! cut. Used by [`crate::engine`], one for each way of a connection.

mod admission;
mod effects;
mod in_force;
pub(crate) mod segments;

pub use admission::LinkName;
pub(crate) use effects::Effects;
pub(crate) use segments::Segments;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use admission::{Admission, Arrival, Tail};
use bytes::{Buf, Bytes};
use environment::{Direction, Moment};
use in_force::InForce;

use crate::websocket::Late;

/// How many bytes a link holds before it stops reading.
pub(crate) const CAPACITY: usize = 256 * 1024;

/// Less room than this is not worth a read. A full link would else take in a few
/// bytes whenever a few have left, and go on so for ever.
const LEAST_ROOM: usize = CAPACITY / 4;

/// What a chunk in the queue costs, about, besides its bytes.
const CHUNK_COST: usize = 64;

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN.
    Fin,
    /// RST.
    Reset,
    /// A cut: the rule says what it is.
    Cut,
}

impl End {
    fn output<'a>(self) -> Output<'a> {
        match self {
            Self::Fin => Output::ShutdownWrite,
            Self::Reset => Output::Reset,
            Self::Cut => Output::Cut,
        }
    }
}

/// What the shell is to do now.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Output<'a> {
    /// Write these bytes and say with [`Link::wrote`] how many went.
    Write(&'a [u8]),
    /// Send FIN; [`Link::ended`] afterwards.
    ShutdownWrite,
    /// Send RST; [`Link::ended`] afterwards.
    Reset,
    /// Everything before the cut has been written: end as its rule says;
    /// [`Link::ended`] afterwards.
    Cut,
    /// Nothing until [`Link::deadline`], more input, or a change of effects.
    Wait,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    /// Offset of the first byte in the stream.
    offset: u64,
    arrived: Arrival,
    /// Its message is to leave later than it would.
    late: Option<Late>,
}

/// What leaves next.
#[derive(Debug, Clone, Copy)]
struct Front {
    length: usize,
    due: Moment,
    /// The admission's state behind it.
    after: Tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes flow.
    Open,
    /// The source has ended; the end is due after the queue.
    Ending { end: End, arrived: Moment },
    /// A fault ends the sink's side at once, whatever holds the link.
    Forced(End),
    /// The source's FIN has been passed on; a RST may still follow it.
    Finished,
    /// Nothing goes to the sink any more: all input is thrown away.
    Ended,
}

/// The bytes of one direction, from their arrival until they are written.
#[derive(Debug)]
pub(crate) struct Link {
    admission: Admission,
    segments: Segments,
    effects: InForce,
    queue: VecDeque<Chunk>,
    /// `None` only while the queue is empty.
    front: Option<Front>,
    state: State,
    /// Bytes in the queue.
    held: usize,
    /// When bytes last left a link that had no room for more.
    freed_at: Option<Moment>,
    /// Bytes that came in, ever.
    admitted: u64,
    /// Bytes that went out, ever.
    written: u64,
    damage: Damage,
}

/// What destructive faults did to a link's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Damage {
    /// Bytes that were swallowed, by `discard` or behind a `cut`.
    pub discarded: u64,
    /// Bytes that were changed.
    pub corrupted: u64,
}

impl Link {
    /// A link without faults. `segments` says what the draws count.
    pub(crate) fn new(name: LinkName, segments: Segments) -> Self {
        Self {
            admission: Admission::new(name),
            segments,
            effects: InForce::default(),
            queue: VecDeque::new(),
            front: None,
            state: State::Open,
            held: 0,
            freed_at: None,
            admitted: 0,
            written: 0,
            damage: Damage::default(),
        }
    }

    /// Takes bytes that arrived at `now`. After the end they are thrown away.
    ///
    /// If the link had no room until this very `now`, they were waiting for it.
    pub(crate) fn push(&mut self, now: Moment, bytes: Bytes) {
        self.push_late(now, bytes, None);
    }

    /// As [`Link::push`], for bytes of a message that leaves later, while the
    /// effects allow it. What comes behind them waits.
    pub(crate) fn push_late(&mut self, now: Moment, mut bytes: Bytes, late: Option<Late>) {
        if self.state != State::Open || bytes.is_empty() {
            return;
        }
        let room = self
            .effects
            .cut_offset()
            .map(|cut| cut.saturating_sub(self.admitted));
        if let Some(room) = room.filter(|&room| room <= bytes.len() as u64) {
            self.damage.discarded += bytes.len() as u64 - room;
            bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            self.take(now, bytes, late);
            return self.push_end(now, End::Cut);
        }
        self.take(now, bytes, late);
    }

    fn take(&mut self, now: Moment, bytes: Bytes, late: Option<Late>) {
        if bytes.is_empty() {
            return;
        }
        let offset = self.admitted;
        self.admitted += bytes.len() as u64;
        if self.effects.is_discarding() {
            self.damage.discarded += bytes.len() as u64;
            return self.segments.forget_before(self.passed());
        }
        let (bytes, hit) = self.admission.damage(&self.effects, bytes, offset);
        self.damage.corrupted += hit;
        self.held += bytes.len();
        self.queue.push_back(Chunk {
            bytes,
            offset,
            arrived: Arrival {
                at: now,
                has_waited: self.freed_at == Some(now),
            },
            late,
        });
        self.find_front();
    }

    /// The source ended at `now`; its end leaves after everything before it. A
    /// RST takes the place of a FIN before it.
    pub(crate) fn push_end(&mut self, now: Moment, end: End) {
        let is_news = match self.state {
            State::Open => true,
            State::Ending { end: End::Fin, .. } | State::Finished => end == End::Reset,
            State::Ending { .. } | State::Forced(_) | State::Ended => false,
        };
        if is_news {
            self.state = State::Ending { end, arrived: now };
        }
    }

    /// Puts the link under other faults, what is queued included.
    pub(crate) fn apply(&mut self, effects: Effects) {
        if effects == *self.effects {
            return;
        }
        self.forget_front();
        self.effects = effects.into();
        self.find_front();
    }

    /// Whether what comes in may go out at once: nothing is held or ending, and
    /// no fault is in force.
    pub(crate) fn is_wire(&self) -> bool {
        self.state == State::Open && self.queue.is_empty() && self.effects.is_none()
    }

    /// `count` bytes came in and went out at `now`, past the queue; only while
    /// [`Link::is_wire`].
    pub(crate) fn passed_by(&mut self, now: Moment, count: usize) {
        self.admitted += count as u64;
        self.written += count as u64;
        self.admission.passed_by(now);
    }

    /// Which way its bytes go.
    pub(crate) fn direction(&self) -> Direction {
        self.admission.direction()
    }

    /// Gives the link another owner, for the draws still to come.
    pub(crate) fn rename(&mut self, client: Arc<str>, attempt: u64) {
        self.admission.rename(client, attempt);
    }

    /// Drops what is held and everything still to come, and ends the sink's
    /// side at once, if it has not ended already.
    pub(crate) fn cut(&mut self, end: End) {
        if !self.is_ended() {
            self.abandon();
            self.state = State::Forced(end);
        }
    }

    /// Drops what is held and everything still to come; the sink is gone.
    pub(crate) fn abandon(&mut self) {
        self.forget_front();
        self.queue = VecDeque::new();
        self.held = 0;
        self.state = State::Ended;
    }

    /// What is to be done at `now`. Asking twice changes nothing. May say
    /// something new after any other call, and when the deadline has come.
    pub(crate) fn poll(&self, now: Moment) -> Output<'_> {
        if let State::Forced(end) = self.state {
            return end.output();
        }
        if self.effects.is_stalled() {
            return Output::Wait;
        }
        match (self.queue.front(), &self.front, self.state) {
            (Some(chunk), Some(front), _) if front.due <= now => {
                Output::Write(&chunk.bytes[..front.length])
            }
            (None, _, State::Ending { end, arrived }) if self.end_due(end, arrived) <= now => {
                end.output()
            }
            _ => Output::Wait,
        }
    }

    /// When [`Link::poll`] will have something by itself; `None` while nothing
    /// is held, or while it is held until a change of effects.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        if matches!(self.state, State::Forced(_)) {
            return Some(Moment::ORIGIN);
        }
        if self.effects.is_stalled() {
            return None;
        }
        match (&self.front, self.state) {
            (Some(front), _) => Some(front.due),
            (None, State::Ending { end, arrived }) => Some(self.end_due(end, arrived)),
            (None, _) => None,
        }
    }

    /// `count` of the bytes that [`Link::poll`] gave have left at `now`.
    pub(crate) fn wrote(&mut self, now: Moment, count: usize) {
        if self.room() < LEAST_ROOM {
            self.freed_at = Some(now);
        }
        let (Some(chunk), Some(front)) = (self.queue.front_mut(), &mut self.front) else {
            return;
        };
        let count = count.min(front.length);
        chunk.bytes.advance(count);
        chunk.offset += count as u64;
        front.length -= count;
        self.held -= count;
        self.written += count as u64;
        if front.length == 0 {
            self.admission.passed(&self.effects, front.after, now);
            self.front = None;
            if chunk.bytes.is_empty() {
                self.queue.pop_front();
            }
            if self.queue.is_empty() {
                // An idle link holds no buffer.
                self.queue = VecDeque::new();
            }
            self.find_front();
        }
        self.segments.forget_before(self.passed());
    }

    /// The end that [`Link::poll`] gave has been passed on.
    pub(crate) fn ended(&mut self) {
        self.state = match self.state {
            State::Ending { end: End::Fin, .. } => State::Finished,
            _ => State::Ended,
        };
    }

    /// Whether the source should be read: well less than [`CAPACITY`] is held,
    /// and the source has not ended. What comes after a forced end is still read,
    /// and thrown away.
    pub(crate) fn wants_input(&self) -> bool {
        match self.state {
            State::Open => self.room() >= LEAST_ROOM,
            State::Ending { .. } => false,
            State::Forced(_) | State::Finished | State::Ended => true,
        }
    }

    /// How many bytes may be pushed now. What a chunk costs besides its bytes
    /// counts too, or a stream of single bytes would take many times the bound.
    pub(crate) fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.held + self.queue.len() * CHUNK_COST)
    }

    /// Whether bytes or an end are still to leave.
    pub(crate) fn holds_anything(&self) -> bool {
        !self.queue.is_empty() || matches!(self.state, State::Ending { .. } | State::Forced(_))
    }

    /// The cut that [`Link::poll`] gave has been carried out; if it was no end for
    /// this sink, nothing goes to it any more all the same.
    pub(crate) fn finish_cut(&mut self) {
        if self.is_cut() {
            self.state = State::Ended;
        }
    }

    /// Whether nothing more is let in because a cut has come.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self.state, State::Ending { end: End::Cut, .. })
    }

    /// Whether the end has been passed on or forced.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Finished | State::Ended)
    }

    /// The offset of the stream before which everything has left, or was
    /// swallowed.
    pub(crate) fn passed(&self) -> u64 {
        self.queue
            .front()
            .map_or(self.admitted, |chunk| chunk.offset)
    }

    /// Bytes that went out, ever.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Bytes that came in, ever.
    pub(crate) fn admitted(&self) -> u64 {
        self.admitted
    }

    /// What was swallowed or changed.
    pub(crate) fn damage(&self) -> Damage {
        self.damage
    }

    /// Where the stream's segments begin, for whoever reads it.
    pub(crate) fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }

    /// What was reserved for the front is given back.
    fn forget_front(&mut self) {
        if let Some(front) = self.front.take() {
            self.admission.refund(&self.effects, front.length);
        }
    }

    /// Works out what leaves next, unless that is known.
    fn find_front(&mut self) {
        let Some(chunk) = self.queue.front().filter(|_| self.front.is_none()) else {
            return;
        };
        let length = chunk.bytes.len();
        let mut piece = self
            .admission
            .piece(&self.effects, &self.segments, chunk.offset, length);
        let late = chunk.late.filter(|late| self.effects.allows_late(late.id));
        piece.late = late.map_or(Duration::ZERO, |late| late.delay);
        let (due, after) = self.admission.admit(&self.effects, chunk.arrived, &piece);
        self.front = Some(Front {
            length: piece.length,
            due,
            after,
        });
    }

    fn end_due(&self, end: End, arrived: Moment) -> Moment {
        let (index, _) = self.segments.at(self.admitted);
        let due = self.admission.end(&self.effects, arrived, index);
        if end == End::Fin {
            due + self.effects.fin_delay()
        } else {
            due
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
