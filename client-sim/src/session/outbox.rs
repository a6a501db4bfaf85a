//! Numbered messages that a client has to say, and which of them it still holds.
//!
//! The one invariant: for a client without flaws never more than `at_most` are
//! held, in the order of their numbers. It knows no connection but the number of
//! its dial. Used by the session machine.

use std::collections::VecDeque;

use environment::Moment;

use crate::{Beyond, Delivery, Sending};

/// How many acknowledged messages a flawed client keeps.
const KEPT: usize = 4;

/// What a client has to say.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) sending: Sending,
    /// When it has the next message to say.
    pub(super) due: Moment,
    /// The number of the last one.
    last: u64,
    held: VecDeque<Held>,
    /// The last that were acknowledged, where they are kept: a flaw.
    acknowledged: VecDeque<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    number: u64,
    /// On which dial it was said last.
    said_on: Option<u64>,
}

/// What became of a new message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// It is held.
    Held,
    /// It is held in place of this one.
    InPlaceOf(u64),
    /// There is no room for it, and it is given up.
    Dropped,
    /// There is no room for it, and it is refused.
    Rejected,
}

impl Outbox {
    pub(super) fn new(sending: Sending, now: Moment) -> Self {
        Self {
            sending,
            due: now + sending.every,
            last: 0,
            held: VecDeque::new(),
            acknowledged: VecDeque::new(),
        }
    }

    /// The next message's number; the one after it is due in one interval. What a
    /// machine that let the client wait has missed is not made up for.
    pub(super) fn next(&mut self, now: Moment) -> u64 {
        let every = self.sending.every;
        let next = self.due + every;
        self.due = if next > now { next } else { now + every };
        self.last += 1;
        self.last
    }

    /// How many are held.
    pub(super) fn count(&self) -> u64 {
        self.held.len() as u64
    }

    /// Takes a message in, within the bound if there is to be one.
    pub(super) fn offer(&mut self, number: u64, is_bounded: bool) -> Offer {
        let has_room = self.held.len() < self.sending.at_most as usize;
        let given_up = match self.sending.beyond {
            _ if has_room || !is_bounded => None,
            Beyond::Reject => return Offer::Rejected,
            Beyond::Drop => match self.held.pop_front() {
                Some(oldest) => Some(oldest.number),
                None => return Offer::Dropped,
            },
        };
        self.held.push_back(Held {
            number,
            said_on: None,
        });
        given_up.map_or(Offer::Held, Offer::InPlaceOf)
    }

    /// What is to be said on the connection of `dial` now, in order.
    pub(super) fn take_due(&mut self, dial: u64) -> Vec<u64> {
        let due = self.held.iter_mut().filter(|m| m.said_on != Some(dial));
        let numbers = due.map(|message| {
            message.said_on = Some(dial);
            message.number
        });
        let numbers = numbers.collect();
        if self.sending.delivery == Delivery::AtMostOnce {
            self.held.clear();
        }
        numbers
    }

    /// Whether the server's word about this one is news.
    pub(super) fn acknowledge(&mut self, number: u64) -> bool {
        if self.sending.delivery == Delivery::AtMostOnce {
            return (1..=self.last).contains(&number);
        }
        let found = self.held.iter().position(|m| m.number == number);
        found.and_then(|index| self.held.remove(index)).is_some()
    }

    /// Keeps one that was acknowledged: a flaw.
    pub(super) fn keep(&mut self, number: u64) {
        self.acknowledged.push_back(number);
        if self.acknowledged.len() > KEPT {
            self.acknowledged.pop_front();
        }
    }

    /// Those that were kept.
    pub(super) fn kept(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.acknowledged).into()
    }

    /// Forgets all that is held: a flaw.
    pub(super) fn forget(&mut self) {
        self.held.clear();
    }
}
