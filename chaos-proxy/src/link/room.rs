//! How much more a link takes: of what it holds back, and of what is under way.

use environment::Moment;

use super::{Link, State};

/// How many bytes a link holds back (behind a stall, a rate, or a sink that takes
/// nothing) before it stops reading. What is under way in a delay has a bound of
/// its own: [`UnderWay`](super::UnderWay).
pub(crate) const CAPACITY: usize = 256 * 1024;

/// Less room than this is not worth a read. A full link would else take in a few
/// bytes whenever a few have left, and go on so indefinitely.
pub(super) const LEAST_ROOM: usize = CAPACITY / 4;

impl Link {
    /// Whether the source should be read: there is room, and the source has not
    /// ended. What comes after a forced end is still read, and thrown away.
    pub(crate) fn wants_input(&self) -> bool {
        match self.state {
            State::Open => self.room() >= LEAST_ROOM,
            State::Ending { .. } => false,
            State::Forced(_) | State::Finished | State::Ended => true,
        }
    }

    /// How many bytes may be pushed now.
    pub(crate) fn room(&self) -> usize {
        let room = self.most().saturating_sub(self.cost());
        match &self.shaper {
            Some(shaper) if self.effects.shapes() => {
                room.min(CAPACITY.saturating_sub(shaper.queue.cost()))
            }
            Some(_) | None => room,
        }
    }

    /// Likewise, while the sink takes nothing: then all of it is held back.
    pub(crate) fn room_held_back(&self) -> usize {
        self.room().min(CAPACITY.saturating_sub(self.cost()))
    }

    /// When something comes onto the line by itself, if its source waits for that.
    pub(super) fn room_at(&self) -> Option<Moment> {
        let shaper = self.shaper.as_ref()?;
        let is_full = CAPACITY.saturating_sub(shaper.queue.cost()) < LEAST_ROOM;
        let at = shaper
            .next()
            .filter(|_| is_full && self.state == State::Open)?;
        self.may_come(at).then_some(at)
    }

    pub(super) fn note_room(&mut self, now: Moment) {
        if self.room() < LEAST_ROOM {
            self.freed_at = Some(now);
        }
    }

    /// How much it may hold, the costs included.
    pub(super) fn most(&self) -> usize {
        if self.effects.delays_anything() && !self.effects.is_stalled() {
            self.share.most()
        } else {
            CAPACITY
        }
    }

    /// What it holds, and what that costs besides.
    pub(super) fn cost(&self) -> usize {
        let shaped = self.shaper.as_ref().map_or(0, |shaper| shaper.queue.cost());
        shaped + self.line.cost()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cost() == 0
    }
}
