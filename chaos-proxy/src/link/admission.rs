//! When a byte that comes in is due to go out, and whether it is still the same.
//!
//! A function of offset, arrival, keys, and the little that what left before
//! leaves behind: how far a limit is used, which piece was last and when.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use environment::{Direction, Draw, Key, Moment, Realm, Seed};

use super::effects::{Effects, Ruled};
use super::segments::Segments;
use crate::fault::{Latency, Pace};
use crate::plan::jitter_key;

/// What a timer or a busy machine may be late without the rate suffering. More
/// than that, a stall or a sink that takes nothing, is not caught up with.
const CATCH_UP: Duration = Duration::from_millis(20);

/// When bytes came, and whether it was the link itself that kept them waiting: it
/// had no room. Then the source did not pause, and a limit goes on as if it had not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) at: Moment,
    pub(super) has_waited: bool,
}

impl Arrival {
    /// Since when a limit may count on these bytes.
    fn at_limit(self) -> Moment {
        if self.has_waited {
            self.at - CATCH_UP
        } else {
            self.at
        }
    }
}

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

/// The state behind some byte of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tail {
    pace: Pace,
    slice: Option<u64>,
    due: Moment,
}

/// Bytes that share one due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) length: usize,
    /// What a delay's draw counts.
    segment: u64,
    slice: Option<u64>,
    /// It is of the upgrade's head.
    is_head: bool,
    /// How late its message is to be.
    pub(super) late: Duration,
}

/// Works out when the piece in front is due.
#[derive(Debug)]
pub(super) struct Admission {
    name: LinkName,
    /// Behind everything that has left.
    head: Tail,
}

impl Admission {
    pub(super) fn new(name: LinkName) -> Self {
        Self {
            name,
            head: Tail::default(),
        }
    }

    pub(super) fn direction(&self) -> Direction {
        self.name.direction
    }

    pub(super) fn rename(&mut self, client: Arc<str>, attempt: u64) {
        self.name.client = client;
        self.name.attempt = attempt;
    }

    /// What ended with this state has left, at `now`. Whatever made it late, no
    /// more than [`CATCH_UP`] of it is made good.
    pub(super) fn passed(&mut self, effects: &Effects, after: Tail, now: Moment) {
        let floor = now - CATCH_UP;
        self.head = Tail {
            due: after.due.max(floor),
            ..after
        };
        if let Some(limit) = effects.limited() {
            limit.raise(&mut self.head.pace, floor);
        }
    }

    /// What came at `now` has left at once, with no fault in force.
    pub(super) fn passed_by(&mut self, now: Moment) {
        self.head.due = self.head.due.max(now);
        self.head.slice = None;
    }

    /// A piece of this length will not leave as it was admitted.
    pub(super) fn refund(&self, effects: &Effects, length: usize) {
        if let Some(limit) = effects.limited() {
            limit.refund(length as u64);
        }
    }

    /// How much of `length` bytes at `offset` goes as one.
    pub(super) fn piece(
        &self,
        effects: &Effects,
        segments: &Segments,
        offset: u64,
        length: usize,
    ) -> Piece {
        let mut piece = Piece {
            length,
            segment: 0,
            slice: None,
            is_head: false,
            late: Duration::ZERO,
        };
        let mut end_at = |end: u64| {
            let most = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
            piece.length = piece.length.min(most.max(1));
        };
        if effects.has_jitter() {
            let (segment, end) = segments.at(offset);
            piece.segment = segment;
            end_at(end);
        }
        if !effects.answer_delay().is_zero()
            && let Some(end) = segments.head_end(offset)
        {
            piece.is_head = true;
            end_at(end);
        }
        if let Some(slice) = effects.sliced() {
            let (number, end) = slice
                .fault
                .piece(offset, |index| self.draw("slice", slice, index));
            piece.slice = Some(number);
            end_at(end);
        }
        if let Some(limit) = effects.limited() {
            piece.length = piece.length.min(limit.piece());
        }
        piece
    }

    /// When this piece is due: no faster than the limit, plus every delay, a gap behind the piece before it, and never before the one ahead.
    pub(super) fn admit(
        &self,
        effects: &Effects,
        arrived: Arrival,
        piece: &Piece,
    ) -> (Moment, Tail) {
        let mut pace = self.head.pace;
        // First on the wire at its rate, then along it.
        let sent = effects.limited().map_or(arrived.at, |limit| {
            let due = limit.admit(&mut pace, arrived.at_limit(), piece.length as u64);
            due.max(arrived.at)
        });
        let mut due = self.delayed(effects, sent, piece.segment) + piece.late;
        if piece.is_head {
            due = due + effects.answer_delay();
        }
        if let Some(slice) = effects.sliced()
            && self
                .head
                .slice
                .is_some_and(|last| piece.slice != Some(last))
        {
            due = due.max(self.head.due + slice.fault.gap);
        }
        let due = due.max(self.head.due);
        (
            due,
            Tail {
                pace,
                slice: piece.slice,
                due,
            },
        )
    }

    /// When an end that arrived behind everything else is due.
    pub(super) fn end(&self, effects: &Effects, arrived: Moment, segment: u64) -> Moment {
        self.delayed(effects, arrived, segment).max(self.head.due)
    }

    /// The bytes as they go on, and how many of them were changed.
    pub(super) fn damage(&self, effects: &Effects, bytes: Bytes, offset: u64) -> (Bytes, u64) {
        if effects.corrupts().is_empty() {
            return (bytes, 0);
        }
        let mut damaged = bytes.to_vec();
        let hit = effects
            .corrupts()
            .iter()
            .map(|corrupt| {
                corrupt.fault.damage(&mut damaged, offset, |index| {
                    self.draw("corrupt", corrupt, index)
                })
            })
            .sum();
        (Bytes::from(damaged), hit)
    }

    fn delayed(&self, effects: &Effects, arrived: Moment, segment: u64) -> Moment {
        effects
            .delays()
            .iter()
            .fold(arrived, |due, delay| due + self.delay(delay, segment))
    }

    fn delay(&self, delay: &Ruled<Latency>, segment: u64) -> Duration {
        let name = &self.name;
        let key = jitter_key(
            &delay.rule,
            &name.client,
            name.attempt,
            name.direction,
            segment,
        );
        delay.fault.delay(&mut name.seed.draw(&key))
    }

    fn draw<T>(&self, purpose: &str, ruled: &Ruled<T>, index: u64) -> Draw {
        let name = &self.name;
        let key = Key::new(Realm::Proxy, purpose, &ruled.rule)
            .client(&name.client)
            .attempt(name.attempt)
            .direction(name.direction)
            .index(index);
        name.seed.draw(&key)
    }
}
