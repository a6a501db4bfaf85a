//! How a link lets bytes onto the line: in slices, and at a rate.
//!
//! The first half of a link. A piece leaves it at a moment that follows from
//! arrivals, keys and what left before, whatever lies on the line behind; only
//! when the line itself is held up does this wait, too.

use std::time::Duration;

use environment::Moment;

use super::draws::LinkName;
use super::effects::Effects;
use super::queue::{Arrival, Chunk, Queue};
use super::segments::Segments;
use crate::fault::Pace;

/// The state behind some byte of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tail {
    pace: Pace,
    /// The slice that it is of.
    slice: Option<u64>,
    /// When that slice was let go.
    sliced_at: Moment,
}

/// What leaves next.
#[derive(Debug, Clone, Copy)]
struct Shaped {
    length: usize,
    at: Moment,
    after: Tail,
}

/// Slices and the rate of a link, with what waits for them.
#[derive(Debug, Default)]
pub(super) struct Shaper {
    pub(super) queue: Queue,
    tail: Tail,
    /// `None` while the queue is empty, and until it is asked for.
    front: Option<Shaped>,
}

impl Shaper {
    /// How many bytes leave next as one, and when.
    pub(super) fn front(
        &mut self,
        effects: &Effects,
        segments: &Segments,
        name: &LinkName,
    ) -> Option<(usize, Moment)> {
        if self.front.is_none() {
            let chunk = self.queue.front()?;
            self.front = Some(self.tail.shape(effects, segments, name, chunk));
        }
        self.front.map(|front| (front.length, front.at))
    }

    /// When what leaves next does so; `None` if that is not worked out.
    pub(super) fn next(&self) -> Option<Moment> {
        self.front.map(|front| front.at)
    }

    /// What leaves next has left for the line.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        let front = self.front.take()?;
        self.tail = front.after;
        let chunk = self.queue.take(front.length)?;
        let arrived = Arrival {
            at: front.at,
            has_waited: false,
        };
        Some(Chunk { arrived, ..chunk })
    }

    /// `count` bytes of what leaves next have left past the line.
    pub(super) fn wrote(&mut self, count: usize) {
        self.queue.drop_front(count);
        if let Some(front) = &mut self.front {
            front.length -= count;
            if front.length == 0 {
                self.tail = front.after;
                self.front = None;
            }
        }
    }

    /// What leaves next will not leave as it was worked out.
    pub(super) fn forget_front(&mut self, effects: &Effects) {
        if let (Some(front), Some(limit)) = (self.front.take(), effects.limited()) {
            limit.refund(front.length as u64);
        }
    }

    /// Something was held up until `floor`: what could have been let go before is
    /// not made good.
    pub(super) fn raise(&mut self, effects: &Effects, floor: Moment) {
        if self.front.is_some_and(|front| front.at >= floor) {
            return;
        }
        self.forget_front(effects);
        self.tail.sliced_at = self.tail.sliced_at.max(floor);
        if let Some(limit) = effects.limited() {
            limit.raise(&mut self.tail.pace, floor);
        }
    }

    /// What comes next goes past this: it begins a slice of its own.
    pub(super) fn passed_by(&mut self) {
        self.tail.slice = None;
    }
}

impl Tail {
    fn shape(
        &self,
        effects: &Effects,
        segments: &Segments,
        name: &LinkName,
        chunk: &Chunk,
    ) -> Shaped {
        let mut length = chunk.bytes.len();
        let mut end_at = |end: u64| {
            let most = usize::try_from(end.saturating_sub(chunk.offset)).unwrap_or(usize::MAX);
            length = length.min(most.max(1));
        };
        end_at(effects.delay_end(segments, chunk.offset));
        let mut after = *self;
        let mut at = chunk.arrived.at;
        if let Some(slice) = effects.sliced() {
            let draw = |index| name.draw("slice", &slice.rule, index);
            let (number, end) = slice.fault.piece(chunk.offset, draw);
            end_at(end);
            let gap = match self.slice {
                Some(last) if last != number => slice.fault.gap,
                Some(_) | None => Duration::ZERO,
            };
            at = at.max(self.sliced_at + gap);
            (after.slice, after.sliced_at) = (Some(number), at);
        }
        if let Some(limit) = effects.limited() {
            length = length.min(limit.piece());
            let is_sliced_late = at > chunk.arrived.at;
            let since = if is_sliced_late {
                at
            } else {
                chunk.arrived.at_limit()
            };
            at = at.max(limit.admit(&mut after.pace, since, length as u64));
        }
        Shaped { length, at, after }
    }
}
