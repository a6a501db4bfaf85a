//! Numbered messages of the client's own: when it has one to say, what it holds
//! while nobody takes it, and what it says again.
//!
//! The one invariant: for the reference client nothing is said before the welcome, on
//! no connection twice, and in the order of the numbers. Part of the [machine](super).

use environment::Moment;

use super::{Session, State};
use crate::message::ClientMessage;
use crate::session::outbox::{Offer, Outbox};
use crate::{Delivery, EventKind, Flaw};

impl Session {
    /// From now on there is something to say, if there ever is.
    pub(super) fn begin_sending(&mut self, now: Moment) {
        let sending = self.behaviour.sending;
        self.outbox = sending.map(|sending| Outbox::new(sending, now));
    }

    /// After giving up: what would have been said meanwhile never will be.
    pub(super) fn resume_sending(&mut self, now: Moment) {
        if let Some(outbox) = &mut self.outbox {
            outbox.due = outbox.due.max(now);
        }
    }

    /// When there is something to say next. Who is at an end has nothing.
    pub(super) fn speaks_at(&self) -> Option<Moment> {
        let is_over = matches!(self.state, State::Idle | State::Closed | State::GaveUp);
        let outbox = self.outbox.as_ref().filter(|_| !is_over);
        outbox.map(|outbox| outbox.due)
    }

    /// Says, or holds, what is due.
    pub(super) fn speak(&mut self, now: Moment) {
        if self.speaks_at().is_none_or(|due| now < due) {
            return;
        }
        let (is_ready, is_bounded) = (self.is_ready(), !self.has(Flaw::UnboundedQueue));
        let Some(outbox) = &mut self.outbox else {
            return;
        };
        let number = outbox.next(now);
        if is_ready && outbox.sending.delivery == Delivery::AtMostOnce {
            let held = outbox.count();
            self.tell(EventKind::Offered { number, held });
            return self.say_number(number);
        }
        let full = outbox.count();
        let offer = outbox.offer(number, is_bounded);
        let held = outbox.count();
        match offer {
            Offer::Held => {}
            Offer::InPlaceOf(oldest) => self.tell(EventKind::Dropped {
                number: oldest,
                held: full,
            }),
            Offer::Dropped => return self.tell(EventKind::Dropped { number, held }),
            Offer::Rejected => return self.tell(EventKind::Rejected { number, held }),
        }
        self.tell(EventKind::Offered { number, held });
        self.flush();
    }

    /// The server has told which session this is: what is held may go.
    pub(super) fn flush_to(&mut self, is_return: bool) {
        if is_return && self.has(Flaw::ForgetsQueue) {
            self.outbox.iter_mut().for_each(Outbox::forget);
        }
        if is_return && self.has(Flaw::ReplaysAcknowledged) {
            let kept = self.outbox.as_mut().map(Outbox::kept).unwrap_or_default();
            kept.into_iter().for_each(|number| self.say_number(number));
        }
        self.flush();
    }

    /// Says what is held and was not said on this connection, if the server listens.
    pub(super) fn flush(&mut self) {
        let (dial, is_ready) = (self.dial, self.is_ready());
        let outbox = self.outbox.as_mut().filter(|outbox| outbox.count() > 0);
        let Some(outbox) = outbox.filter(|_| is_ready) else {
            return;
        };
        let mut numbers = outbox.take_due(dial);
        if self.has(Flaw::FlushesBackwards) {
            numbers.reverse();
        }
        numbers
            .into_iter()
            .for_each(|number| self.say_number(number));
    }

    pub(super) fn acknowledged(&mut self, number: u64) {
        let (dial, keeps) = (self.dial, self.has(Flaw::ReplaysAcknowledged));
        let Some(outbox) = self.outbox.as_mut() else {
            return;
        };
        if outbox.acknowledge(number) {
            if keeps {
                outbox.keep(number);
            }
            let held = outbox.count();
            self.tell(EventKind::Acknowledged { dial, number, held });
        }
    }

    /// Whether the server listens to what is said.
    fn is_ready(&self) -> bool {
        let waits = !self.has(Flaw::FlushesOnOpen);
        matches!(&self.state, State::Open(open) if !open.is_closing && (open.is_welcomed || !waits))
    }

    fn say_number(&mut self, number: u64) {
        let dial = self.dial;
        self.tell(EventKind::Sent { dial, number });
        self.send(ClientMessage::Message { number });
    }
}
