//! What rules take from a peer: bytes that wait too long, and data that is
//! destroyed, until data flows again.

use environment::{Direction, Moment};

use super::Connection;
use crate::event::EventKind;
use crate::link::Withheld;
use crate::websocket::{FrameRuleId, Opcode};

/// What was destroyed of one direction since data last went by.
#[derive(Debug, Clone, Copy)]
struct Destroyed {
    first: Moment,
    last: Moment,
    /// Where the link was then: what comes behind this is later.
    offsets: (u64, u64),
    /// When anything next went to the sink.
    heard: Option<Moment>,
}

/// What was destroyed of one direction.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Bytes that the link has destroyed, as far as that is known here.
    seen: u64,
    open: Option<Box<Destroyed>>,
}

impl Losses {
    fn add(&mut self, now: Moment, offset: u64) {
        let first = Destroyed {
            first: now,
            last: now,
            offsets: (offset, offset),
            heard: None,
        };
        let open = self.open.get_or_insert_with(|| Box::new(first));
        (open.last, open.offsets.1) = (now, offset);
    }

    fn hear(&mut self, now: Moment, passed: u64) {
        if let Some(open) = &mut self.open
            && passed > open.offsets.0
        {
            open.heard.get_or_insert(now);
        }
    }

    fn take_before(&mut self, passed: u64) -> Option<Box<Destroyed>> {
        self.open.take_if(|open| passed > open.offsets.1)
    }
}

impl Connection {
    /// A rule was carried out on a frame.
    pub(super) fn note_edit(&mut self, way: Direction, id: FrameRuleId, opcode: Opcode) {
        if self.machine.destroys(id, !opcode.is_control()) {
            let (now, offset) = (self.now(), self.link(way).admitted());
            self.losses(way).add(now, offset);
        }
    }

    /// Notes what the links have destroyed since this was called last.
    pub(super) fn note_losses(&mut self) {
        for way in [Direction::Upstream, Direction::Downstream] {
            let link = self.link(way);
            let (damage, offset) = (link.damage(), link.admitted());
            let destroyed = damage.discarded + damage.corrupted;
            if std::mem::replace(&mut self.losses(way).seen, destroyed) < destroyed {
                let now = self.now();
                self.losses(way).add(now, offset);
            }
        }
    }

    /// Bytes went out.
    pub(super) fn note_written(&mut self, way: Direction) {
        if self.losses(way).open.is_none() {
            return;
        }
        let (now, passed) = (self.now(), self.link(way).passed());
        self.losses(way).hear(now, passed);
        if way == Direction::Upstream {
            self.end_losses(way);
        }
    }

    /// Data went out: what was destroyed before it is over.
    pub(super) fn end_losses(&mut self, way: Direction) {
        self.note_losses();
        let (now, passed) = (self.now(), self.link(way).passed());
        if let Some(destroyed) = self.losses(way).take_before(passed) {
            self.delivery.is_awaited |= way == Direction::Downstream;
            self.tell_destroyed(way, &destroyed, Some(now));
        }
    }

    pub(super) fn tell_withheld(&self, way: Direction, withheld: Withheld) {
        self.tell(EventKind::Withheld {
            direction: way.word().to_owned(),
            since_us: withheld.since.as_micros(),
            first_us: withheld.first.map(Moment::as_micros),
            until_us: withheld.until.map(Moment::as_micros),
            bytes: withheld.bytes,
            silent_from_us: withheld.silence.map(|(from, _)| from.as_micros()),
            silent_until_us: withheld.silence.map(|(_, until)| until.as_micros()),
            silent_since_us: withheld.silent_since.map(Moment::as_micros),
        });
    }

    fn tell_destroyed(&self, way: Direction, destroyed: &Destroyed, until: Option<Moment>) {
        self.tell(EventKind::Destroyed {
            direction: way.word().to_owned(),
            first_us: destroyed.first.as_micros(),
            last_us: destroyed.last.as_micros(),
            heard_us: destroyed.heard.map(Moment::as_micros),
            until_us: until.map(Moment::as_micros),
        });
    }

    /// Tells what was taken and not given back, at the connection's end.
    pub(super) fn tell_losses(&mut self) {
        for way in [Direction::Upstream, Direction::Downstream] {
            self.tell_losses_of(way);
        }
    }

    /// Likewise of one direction, of which nothing more is to come.
    pub(super) fn tell_losses_of(&mut self, way: Direction) {
        self.note_losses();
        let now = self.now();
        let withheld: Vec<Withheld> = self.link(way).finish_withheld(now).collect();
        for withheld in withheld {
            self.tell_withheld(way, withheld);
        }
        if let Some(destroyed) = self.losses(way).open.take() {
            self.tell_destroyed(way, &destroyed, None);
        }
    }

    fn losses(&mut self, way: Direction) -> &mut Losses {
        match way {
            Direction::Upstream => &mut self.losses.0,
            Direction::Downstream => &mut self.losses.1,
        }
    }

    fn link(&mut self, way: Direction) -> &mut crate::link::Link {
        match way {
            Direction::Upstream => &mut self.toward_server.lane.link,
            Direction::Downstream => &mut self.toward_client.lane.link,
        }
    }
}
