//! One direction of one connection, as a machine without sockets or clock.
//!
//! Bytes go in with the moment of their arrival; faults decide, at admission,
//! which of them leave and when they are due; the shell writes what is due.
//!
//! ```text
//!            admission: due = arrival + delays, never before the one ahead
//!  push ──▶ [ chunk | chunk | chunk | FIN or RST ] ──▶ poll ──▶ wrote
//!                     apply: everything queued is admitted anew
//! ```
//!
//! Invariant: what comes out is what went in, in order, unless the link was
//! cut. Used by [`crate::engine`], one for each way of a connection.

mod effects;
pub mod segments;

pub use effects::{Delay, Effects};
pub use segments::Segments;

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use environment::{Direction, Moment, Seed};
use std::sync::Arc;

use crate::plan::jitter_key;

/// How many bytes a link holds before it stops reading.
pub const CAPACITY: usize = 256 * 1024;

/// Whose link it is: what the keys of its draws need.
#[derive(Debug, Clone)]
pub struct LinkName {
    /// The seed of the plan.
    pub seed: Seed,
    /// The client.
    pub client: Arc<str>,
    /// Its connection, from 1.
    pub attempt: u64,
    /// Which way.
    pub direction: Direction,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// FIN.
    Fin,
    /// RST.
    Reset,
}

/// What the shell is to do now.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Output<'a> {
    /// Write these bytes and say with [`Link::wrote`] how many went.
    Write(&'a [u8]),
    /// Send FIN; [`Link::ended`] afterwards.
    ShutdownWrite,
    /// Send RST; [`Link::ended`] afterwards.
    Reset,
    /// Nothing until [`Link::deadline`], more input, or a change of effects.
    Wait,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    /// Offset of the first byte in the stream.
    offset: u64,
    arrived: Moment,
    due: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes flow.
    Open,
    /// The source has ended; the end is due after the queue.
    Ending {
        end: End,
        arrived: Moment,
        due: Moment,
    },
    /// The end has been passed on, or was forced: all input is thrown away.
    Ended,
}

/// See the module.
#[derive(Debug)]
pub struct Link {
    name: LinkName,
    segments: Segments,
    effects: Effects,
    queue: VecDeque<Chunk>,
    state: State,
    /// Bytes in the queue.
    held: usize,
    /// Bytes that came in, ever.
    admitted: u64,
    /// Bytes that went out, ever.
    written: u64,
}

impl Link {
    /// A link without faults. `segments` says what the draws count.
    pub fn new(name: LinkName, segments: Segments) -> Self {
        Self {
            name,
            segments,
            effects: Effects::default(),
            queue: VecDeque::new(),
            state: State::Open,
            held: 0,
            admitted: 0,
            written: 0,
        }
    }

    /// Takes bytes that arrived at `now`. After the end they are thrown away.
    pub fn push(&mut self, now: Moment, bytes: Bytes) {
        if self.state != State::Open || bytes.is_empty() {
            return;
        }
        self.admitted += bytes.len() as u64;
        self.held += bytes.len();
        let offset = self.admitted - bytes.len() as u64;
        self.admit(Chunk {
            bytes,
            offset,
            arrived: now,
            due: now,
        });
    }

    /// The source ended at `now`; its end leaves after everything before it.
    pub fn push_end(&mut self, now: Moment, end: End) {
        if self.state == State::Open {
            self.state = State::Ending {
                end,
                arrived: now,
                due: now,
            };
            self.admit_end();
        }
    }

    /// Puts the link under other faults: what is queued is admitted anew, with
    /// its original arrival.
    pub fn apply(&mut self, effects: Effects) {
        self.effects = effects;
        for chunk in std::mem::take(&mut self.queue) {
            self.admit(chunk);
        }
        self.admit_end();
    }

    /// Gives the link another owner, for the draws still to come.
    pub fn rename(&mut self, client: Arc<str>, attempt: u64) {
        self.name.client = client;
        self.name.attempt = attempt;
    }

    /// Drops what is held and everything still to come, and ends the sink's
    /// side at once, if it has not ended already.
    pub fn cut(&mut self, now: Moment, end: End) {
        if self.state != State::Ended {
            self.queue.clear();
            self.held = 0;
            self.effects = Effects::default();
            self.state = State::Ending {
                end,
                arrived: now,
                due: now,
            };
        }
    }

    /// Drops what is held and everything still to come; the sink is gone.
    pub fn abandon(&mut self) {
        self.queue.clear();
        self.held = 0;
        self.state = State::Ended;
    }

    /// What is to be done at `now`. Asking twice changes nothing. May say
    /// something new after any other call, and when the deadline has come.
    pub fn poll(&self, now: Moment) -> Output<'_> {
        if self.effects.is_stalled() {
            return Output::Wait;
        }
        match (self.queue.front(), self.state) {
            (Some(chunk), _) if chunk.due <= now => Output::Write(&chunk.bytes),
            (None, State::Ending { end, due, .. }) if due <= now => match end {
                End::Fin => Output::ShutdownWrite,
                End::Reset => Output::Reset,
            },
            _ => Output::Wait,
        }
    }

    /// When [`Link::poll`] will have something by itself; `None` while nothing
    /// is held, or while it is held until a change of effects.
    pub fn deadline(&self) -> Option<Moment> {
        if self.effects.is_stalled() {
            return None;
        }
        match (self.queue.front(), self.state) {
            (Some(chunk), _) => Some(chunk.due),
            (None, State::Ending { due, .. }) => Some(due),
            (None, State::Open | State::Ended) => None,
        }
    }

    /// `count` of the bytes that [`Link::poll`] gave have left.
    pub fn wrote(&mut self, count: usize) {
        let Some(chunk) = self.queue.front_mut() else {
            return;
        };
        let count = count.min(chunk.bytes.len());
        chunk.bytes.advance(count);
        chunk.offset += count as u64;
        self.held -= count;
        self.written += count as u64;
        if chunk.bytes.is_empty() {
            self.queue.pop_front();
        }
        self.segments.forget_before(self.written);
    }

    /// The end that [`Link::poll`] gave has been passed on.
    pub fn ended(&mut self) {
        self.state = State::Ended;
    }

    /// Whether the source should be read: less than [`CAPACITY`] is held, and
    /// the source has not ended. What comes after a forced end is still read,
    /// and thrown away.
    pub fn wants_input(&self) -> bool {
        match self.state {
            State::Open => self.room() > 0,
            State::Ending { .. } => false,
            State::Ended => true,
        }
    }

    /// How many bytes may be pushed now.
    pub fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.held)
    }

    /// Whether bytes or an end are still to leave.
    pub fn holds_anything(&self) -> bool {
        !self.queue.is_empty() || matches!(self.state, State::Ending { .. })
    }

    /// Whether the end has been passed on or forced.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Bytes that went out, ever.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Bytes that came in, ever.
    pub fn admitted(&self) -> u64 {
        self.admitted
    }

    /// Where the stream's segments begin, for whoever reads it.
    pub fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }

    fn admit(&mut self, mut chunk: Chunk) {
        if !self.effects.has_jitter() {
            return self.enqueue(chunk, 0);
        }
        // Every segment strays by its own draw, however the bytes were read.
        while !chunk.bytes.is_empty() {
            let (index, end) = self.segments.at(chunk.offset);
            let length = usize::try_from(end.saturating_sub(chunk.offset)).unwrap_or(usize::MAX);
            let bytes = chunk.bytes.split_to(length.clamp(1, chunk.bytes.len()));
            let offset = chunk.offset;
            chunk.offset += bytes.len() as u64;
            self.enqueue(
                Chunk {
                    bytes,
                    offset,
                    ..chunk
                },
                index,
            );
        }
    }

    fn enqueue(&mut self, mut chunk: Chunk, index: u64) {
        chunk.due = self.due(chunk.arrived, index);
        self.queue.push_back(chunk);
    }

    fn admit_end(&mut self) {
        if let State::Ending { end, arrived, .. } = self.state {
            let (index, _) = self.segments.at(self.admitted);
            let due = self.due(arrived, index);
            self.state = State::Ending { end, arrived, due };
        }
    }

    /// Arrival plus every delay in force, and never before the one ahead.
    fn due(&self, arrived: Moment, index: u64) -> Moment {
        let name = &self.name;
        let due = self.effects.delays().fold(arrived, |due, delay| {
            let key = jitter_key(
                &delay.rule,
                &name.client,
                name.attempt,
                name.direction,
                index,
            );
            due + delay.latency.delay(&mut name.seed.draw(&key))
        });
        self.queue.back().map_or(due, |ahead| due.max(ahead.due))
    }
}

#[cfg(test)]
mod tests;
