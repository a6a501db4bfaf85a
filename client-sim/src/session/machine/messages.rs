//! What the server says on the current connection.
//!
//! The one invariant: a reference client applies each tick of a session once, in
//! order. Part of the [machine](super).

use super::{Session, State};
use crate::message::{ServerMessage, Welcome};
use crate::{EventKind, Flaw};

impl Session {
    pub(super) fn message(&mut self, message: ServerMessage) {
        let State::Open(open) = self.state else {
            return;
        };
        let dial = self.dial;
        match message {
            ServerMessage::Welcome(welcome) => self.welcomed(&welcome, open.is_welcomed),
            ServerMessage::Tick { seq, .. } if open.is_welcomed => self.tick(seq),
            ServerMessage::Tick { .. } | ServerMessage::Other => {
                self.tell(EventKind::Received { dial });
            }
            ServerMessage::Paused => self.pause_changed(true),
            ServerMessage::Resumed => self.pause_changed(false),
            ServerMessage::Ack { number } => self.acknowledged(number),
            ServerMessage::Heartbeat | ServerMessage::Error { .. } => {}
        }
    }

    fn welcomed(&mut self, welcome: &Welcome, again: bool) {
        self.feed.welcome(welcome);
        self.tell(EventKind::Welcomed {
            dial: self.dial,
            session: self.feed.tag(),
            resumed: welcome.resumed,
            lost: welcome.lost,
            next_seq: welcome.next_seq,
            paused: welcome.paused,
        });
        if let State::Open(open) = &mut self.state {
            open.is_welcomed = true;
        }
        let is_return = self.was_welcomed && !again;
        let forgets = self.has(Flaw::ForgetsPause) && self.was_welcomed;
        self.was_welcomed = true;
        if let Some(paused) = self.intent
            && !again
            && !forgets
            && paused != welcome.paused
        {
            self.ask(paused);
        }
        self.flush_to(is_return);
    }

    /// An answer, or the word of an older connection that has only now arrived:
    /// where it contradicts the user, and no answer is to come, the wish is said
    /// again.
    fn pause_changed(&mut self, paused: bool) {
        let dial = self.dial;
        self.tell(EventKind::PauseChanged { dial, paused });
        let State::Open(open) = &mut self.state else {
            return;
        };
        open.asked = open.asked.saturating_sub(1);
        let is_settled = open.asked == 0;
        if let Some(wanted) = self.intent
            && is_settled
            && wanted != paused
            && !self.has(Flaw::IgnoresContradiction)
        {
            self.ask(wanted);
        }
    }

    fn tick(&mut self, seq: u64) {
        let dial = self.dial;
        if self.feed.advance(seq) || self.has(Flaw::AppliesDuplicates) {
            self.applied(dial, seq);
        } else {
            let session = self.feed.tag();
            self.tell(EventKind::Repeated { dial, session, seq });
        }
    }

    pub(super) fn applied(&mut self, dial: u64, seq: u64) {
        let session = self.feed.tag();
        self.tell(EventKind::Applied { dial, session, seq });
    }
}
