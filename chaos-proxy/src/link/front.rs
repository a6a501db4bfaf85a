//! What leaves next, and when: of what lies on the delay line, or, while nothing is
//! there, of what is to come onto it.

use std::time::Duration;

use environment::Moment;

use super::queue::{CHUNK_COST, Chunk};
use super::{End, Link, Output, State};

/// What a timer or a busy machine may be late without the rate suffering. More
/// than that, a stall or a sink that takes nothing, is not caught up with.
pub(super) const CATCH_UP: Duration = Duration::from_millis(20);

/// What leaves next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Front {
    pub(super) length: usize,
    pub(super) due: Moment,
    /// It has not come onto the line yet: nothing else is there.
    pub(super) is_shaped: bool,
}

impl Link {
    /// When [`Link::poll`] will have something by itself, or room for more;
    /// `None` while nothing is held, or while it is held until a change of effects.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        if matches!(self.state, State::Forced(_)) {
            return Some(Moment::ORIGIN);
        }
        if self.effects.is_stalled() {
            return None;
        }
        match (&self.front, self.state) {
            (Some(front), _) => Some(self.room_at().map_or(front.due, |at| front.due.min(at))),
            (None, State::Ending { end, arrived }) => Some(self.end_due(end, arrived)),
            (None, _) => None,
        }
    }

    pub(super) fn front_bytes(&self, front: Front) -> Output<'_> {
        let chunk = self.front_chunk();
        chunk.map_or(Output::Wait, |chunk| {
            Output::Write(&chunk.bytes[..front.length])
        })
    }

    /// What leaves next lies at the front of this.
    pub(super) fn front_chunk(&self) -> Option<&Chunk> {
        let shaped = || self.shaper.as_ref()?.queue.front();
        self.line.front().or_else(shaped)
    }

    /// The offset of the stream before which everything has left, or was
    /// swallowed.
    pub(crate) fn passed(&self) -> u64 {
        self.front_chunk()
            .map_or(self.admitted, |chunk| chunk.offset)
    }

    /// What was let go until `now` comes onto the line, unless that is held up.
    pub(super) fn advance(&mut self, now: Moment) {
        while let Some(at) = self.shaper.as_ref().and_then(|shaper| shaper.next()) {
            if at > now || !self.may_come(at) {
                break;
            }
            self.note_room(now);
            let chunk = self.shaper.as_mut().and_then(|shaper| shaper.take());
            chunk.into_iter().for_each(|chunk| self.line.push(chunk));
            if let Some(front) = &mut self.front {
                front.is_shaped = false;
            }
            self.shape();
        }
        self.share.hold(self.cost());
    }

    /// Whether what is let go at `at` comes onto the line then: there is room, what
    /// is there is not held up, and it would not leave at once.
    pub(super) fn may_come(&self, at: Moment) -> bool {
        let has_room = self.cost() + CHUNK_COST <= self.most();
        self.front.is_some_and(|front| {
            let is_under_way = !front.is_shaped || at < front.due;
            has_room && is_under_way && at <= front.due + CATCH_UP
        })
    }

    /// What was due then has left at `now`. Whatever made it late, no more than
    /// [`CATCH_UP`] of it is made good.
    pub(super) fn left(&mut self, due: Moment, now: Moment) {
        let floor = now - CATCH_UP;
        self.left_at = due.max(floor);
        if let Some(shaper) = &mut self.shaper {
            if !self.effects.shapes() {
                shaper.passed_by();
            }
            if due < floor {
                shaper.raise(&self.effects, floor);
            }
        }
    }

    /// What was reserved for what leaves next is given back.
    pub(super) fn forget_front(&mut self) {
        self.front = None;
        if let Some(shaper) = &mut self.shaper {
            shaper.forget_front(&self.effects);
        }
    }

    /// Works out what leaves next, unless that is known.
    pub(super) fn find_front(&mut self) {
        let shaped = self.shape();
        if self.front.is_some() {
            return;
        }
        let (chunk, length, sent, is_shaped) = match (self.line.front(), shaped) {
            (Some(chunk), _) => (chunk, chunk.bytes.len(), chunk.arrived.at, false),
            (None, Some((length, at))) => match self.front_chunk() {
                Some(chunk) => (chunk, length, at, true),
                None => return,
            },
            (None, None) => return,
        };
        let end = self.effects.delay_end(&self.segments, chunk.offset);
        let most = usize::try_from(end.saturating_sub(chunk.offset)).unwrap_or(usize::MAX);
        self.front = Some(Front {
            length: length.min(most.max(1)),
            due: self.due(chunk, sent),
            is_shaped,
        });
    }

    /// Works out what is let go next.
    fn shape(&mut self) -> Option<(usize, Moment)> {
        let shaper = self.shaper.as_mut()?;
        shaper.front(&self.effects, &self.segments, &self.name)
    }

    /// When the first bytes of this leave, if they came onto the line when `sent`.
    fn due(&self, chunk: &Chunk, sent: Moment) -> Moment {
        let late = chunk.late.filter(|late| self.effects.allows_late(late.id));
        let late = late.map_or(Duration::ZERO, |late| late.delay);
        let (segment, _) = self.segments.at(chunk.offset);
        let due = sent + self.name.delay(&self.effects, segment) + late;
        let due = due + self.effects.head_delay(&self.segments, chunk.offset);
        due.max(self.left_at)
    }

    pub(super) fn end_due(&self, end: End, arrived: Moment) -> Moment {
        let (segment, _) = self.segments.at(self.admitted);
        let due = arrived + self.name.delay(&self.effects, segment);
        let due = due.max(self.left_at);
        if end == End::Fin {
            due + self.effects.fin_delay()
        } else {
            due
        }
    }
}
