//! One direction of one connection, as a machine without sockets or clock.
//!
//! Bytes go in with the moment of their arrival; faults decide how many of them
//! leave as one piece and when that is due; the shell writes what is due.
//!
//! ```text
//!  push ──▶ [ slices, then rate ] ──▶ [ delay line ] ──▶ poll ──▶ wrote
//!              only where a rule         due = when it came onto the line + delays,
//!              asks for either           never before the one ahead
//! ```
//!
//! Whatever the order of the rules, a link is a sender that lets go of its bytes
//! in slices and at a rate, and behind it a line that takes its time: what is
//! under way on the line slows nobody down.
//!
//! Only the piece in front of each half is ever worked out, from arrival, offset
//! and what left before it: so a change of faults has nothing to undo.
//!
//! Invariant: what comes out is what went in, in order, unless the link was
//! cut. Used by [`crate::engine`], one for each way of a connection.

mod draws;
mod effects;
mod front;
mod in_force;
mod queue;
mod room;
pub(crate) mod segments;
mod shaper;
mod under_way;
mod withheld;

pub use draws::LinkName;
pub(crate) use effects::Effects;
pub(crate) use segments::Segments;
pub use under_way::UnderWay;
pub(crate) use withheld::Withheld;

use std::sync::Arc;

use bytes::Bytes;
use environment::{Direction, Moment};
use front::Front;
use in_force::InForce;
use queue::{Arrival, Chunk, Queue};
use shaper::Shaper;
use under_way::Share;
use withheld::Withholding;

use crate::websocket::Late;

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
    name: LinkName,
    segments: Segments,
    effects: InForce,
    /// There from when bytes were first let go in slices or at a rate.
    shaper: Option<Box<Shaper>>,
    line: Queue,
    /// `None` only while nothing is queued.
    front: Option<Front>,
    /// When what left last was due.
    left_at: Moment,
    state: State,
    share: Share,
    /// When bytes last left a link that had no room for more.
    freed_at: Option<Moment>,
    /// Bytes that came in, ever.
    admitted: u64,
    /// Bytes that went out, ever.
    written: u64,
    damage: Damage,
    /// There from when a rule first kept something waiting.
    withholding: Option<Box<Withholding>>,
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
    /// A link without faults. `segments` says what the draws count, `under_way`
    /// how much may be so.
    pub(crate) fn new(name: LinkName, segments: Segments, under_way: UnderWay) -> Self {
        Self {
            name,
            segments,
            effects: InForce::default(),
            shaper: None,
            line: Queue::default(),
            front: None,
            left_at: Moment::default(),
            state: State::Open,
            share: Share::new(under_way),
            freed_at: None,
            admitted: 0,
            written: 0,
            damage: Damage::default(),
            withholding: None,
        }
    }

    /// Takes bytes that arrived at `now`. After the end they are thrown away.
    ///
    /// If the link had no room until this very `now`, they were waiting for it.
    pub(crate) fn push(&mut self, now: Moment, bytes: Bytes) {
        self.push_late(now, bytes, None, now);
    }

    /// As [`Link::push`], for bytes of a message that leaves later, while the
    /// effects allow it. What comes behind them waits. A rule has kept them since
    /// `since`.
    pub(crate) fn push_late(
        &mut self,
        now: Moment,
        mut bytes: Bytes,
        late: Option<Late>,
        since: Moment,
    ) {
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
            self.take(now, bytes, late, since);
            return self.push_end(now, End::Cut);
        }
        self.take(now, bytes, late, since);
    }

    fn take(&mut self, now: Moment, bytes: Bytes, late: Option<Late>, since: Moment) {
        if bytes.is_empty() {
            return;
        }
        let offset = self.admitted;
        self.admitted += bytes.len() as u64;
        if self.effects.is_discarding() {
            self.damage.discarded += bytes.len() as u64;
            return self.segments.forget_before(self.passed());
        }
        let (bytes, hit) = self.name.damage(&self.effects, bytes, offset);
        self.damage.corrupted += hit;
        let arrived = Arrival {
            at: now,
            has_waited: self.freed_at == Some(now),
        };
        let chunk = Chunk {
            bytes,
            offset,
            since,
            came: now,
            arrived,
            late,
        };
        if since < now {
            self.withholding.get_or_insert_default();
        }
        if self.effects.shapes() {
            self.shaper.get_or_insert_default().queue.push(chunk);
        } else {
            self.line.push(chunk);
        }
        self.find_front();
        self.advance(now);
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

    /// Puts the link under other faults, what is queued included; what is under
    /// way stays so, and takes the time that it takes now.
    pub(crate) fn apply(&mut self, effects: Effects) {
        if effects == *self.effects {
            return;
        }
        let due = self.front.map(|front| front.due);
        self.forget_front();
        let before = std::mem::replace(&mut self.effects, effects.into());
        let shaper = self.shaper.as_mut().map(|shaper| &mut shaper.queue);
        match (before.shapes(), self.effects.shapes()) {
            (true, false) => shaper.into_iter().for_each(|queue| self.line.append(queue)),
            // It was held back, not under way.
            (false, true) if !before.delays_anything() => {
                let queue = &mut self.shaper.get_or_insert_default().queue;
                queue.append(&mut self.line);
            }
            (true, true) | (false, _) => {}
        }
        self.find_front();
        let is_sooner = self
            .front
            .zip(due)
            .is_some_and(|(front, due)| front.due < due);
        if let Some(withholding) = self.withholding.as_mut().filter(|_| is_sooner) {
            withholding.heal();
        }
    }

    /// Whether what comes in may go out at once: nothing is held or ending, and
    /// no fault is in force.
    pub(crate) fn is_wire(&self) -> bool {
        self.state == State::Open && self.is_empty() && self.effects.is_none()
    }

    /// `count` bytes came in and went out at `now`, past the queue; only while
    /// [`Link::is_wire`].
    pub(crate) fn passed_by(&mut self, now: Moment, count: usize) {
        self.admitted += count as u64;
        self.written += count as u64;
        self.left_at = self.left_at.max(now);
        if let Some(shaper) = &mut self.shaper {
            shaper.passed_by();
        }
    }

    /// Which way its bytes go.
    pub(crate) fn direction(&self) -> Direction {
        self.name.direction
    }

    /// Gives the link another owner, for the draws still to come.
    pub(crate) fn rename(&mut self, client: Arc<str>, attempt: u64) {
        (self.name.client, self.name.attempt) = (client, attempt);
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
        self.line = Queue::default();
        self.shaper = None;
        self.share.hold(0);
        self.state = State::Ended;
    }

    /// What is to be done at `now`. Asking twice changes nothing. May say
    /// something new after any other call, and when the deadline has come.
    pub(crate) fn poll(&mut self, now: Moment) -> Output<'_> {
        if let State::Forced(end) = self.state {
            return end.output();
        }
        if self.effects.is_stalled() {
            self.hold(true);
            return Output::Wait;
        }
        self.advance(now);
        match (self.front, self.state) {
            (Some(front), _) if front.due <= now => {
                if let Some(withholding) = &mut self.withholding {
                    withholding.let_go(now, front.due);
                }
                self.front_bytes(front)
            }
            (Some(_), _) => {
                self.hold(false);
                Output::Wait
            }
            (None, State::Ending { end, arrived }) if self.end_due(end, arrived) <= now => {
                end.output()
            }
            (None, _) => Output::Wait,
        }
    }

    /// A rule keeps what is in front, if there is anything.
    fn hold(&mut self, is_stalled: bool) {
        if let Some(since) = self.front_chunk().map(|chunk| chunk.since) {
            let withholding = self.withholding.get_or_insert_default();
            withholding.hold(since, is_stalled);
        }
    }

    /// `count` of the bytes that [`Link::poll`] gave have left at `now`.
    pub(crate) fn wrote(&mut self, now: Moment, count: usize) {
        self.note_room(now);
        let came = self.front_chunk().map(|chunk| (chunk.since, chunk.came));
        let Some(front) = &mut self.front else {
            return;
        };
        let count = count.min(front.length);
        if let (Some(withholding), Some((since, came))) = (&mut self.withholding, came) {
            withholding.wrote(since, came, now, count as u64);
        }
        front.length -= count;
        let Front {
            length,
            due,
            is_shaped,
        } = *front;
        match &mut self.shaper {
            Some(shaper) if is_shaped => shaper.wrote(count),
            _ => self.line.drop_front(count),
        }
        self.written += count as u64;
        if length == 0 {
            self.front = None;
            self.left(due, now);
            self.find_front();
        }
        self.share.hold(self.cost());
        self.segments.forget_before(self.passed());
    }

    /// The end that [`Link::poll`] gave has been passed on.
    pub(crate) fn ended(&mut self) {
        self.state = match self.state {
            State::Ending { end: End::Fin, .. } => State::Finished,
            _ => State::Ended,
        };
    }

    /// Whether bytes or an end are still to leave.
    pub(crate) fn holds_anything(&self) -> bool {
        !self.is_empty() || matches!(self.state, State::Ending { .. } | State::Forced(_))
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

    /// Whether the source's end waits behind what is held.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.state, State::Ending { .. })
    }

    /// Whether the end has been passed on or forced.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Finished | State::Ended)
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

    /// What rules kept from the sink, if a stretch of that is over.
    pub(crate) fn take_withheld(&mut self) -> Option<Withheld> {
        self.withholding.as_mut()?.take()
    }

    /// The rest of that, at the link's end.
    pub(crate) fn finish_withheld(
        &mut self,
        now: Moment,
    ) -> impl Iterator<Item = Withheld> + use<> {
        let withholding = self.withholding.take();
        let rest = withholding.map(|mut withholding| withholding.finish(now));
        rest.into_iter().flatten().flatten()
    }

    /// Where the stream's segments begin, for whoever reads it.
    pub(crate) fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
