//! What the user wants, and what the machine does about it.
//!
//! The one invariant: a wish outlives its connection. Part of the
//! [machine](super).

use environment::Moment;

use super::{CLOSE_PATIENCE, NORMAL, Session, State};
use crate::message::ClientMessage;
use crate::session::Output;
use crate::{CloseReason, EventKind, Flaw};

impl Session {
    pub(super) fn intend(&mut self, paused: bool) {
        if matches!(self.state, State::Closed) {
            return;
        }
        self.intent = Some(paused);
        self.tell(EventKind::Intended { paused });
        // Before the welcome it would cross it; the welcome is answered anyway.
        if matches!(self.state, State::Open(open) if open.is_welcomed) {
            self.ask(paused);
        }
    }

    /// Asks the server for the state that the user wants.
    pub(super) fn ask(&mut self, paused: bool) {
        if let State::Open(open) = &mut self.state {
            open.asked += 1;
        }
        self.send(ClientMessage::for_state(paused));
    }

    pub(super) fn send(&mut self, message: ClientMessage) {
        let dial = self.dial;
        self.outputs.push_back(Output::Send { dial, message });
    }

    pub(super) fn stop(&mut self, code: u16) {
        match self.state {
            State::Closed => return,
            State::Open(_) => self.end_wanted(code),
            State::Connecting { .. } => self.end_wanted(code),
            State::Idle | State::Backoff { .. } | State::GaveUp => {}
        }
        self.state = State::Closed;
        self.tell(EventKind::Stopped);
    }

    /// The current dial ends because this end wants it.
    fn end_wanted(&mut self, code: u16) {
        if matches!(self.state, State::Open(_)) {
            self.close(code, Some(CLOSE_PATIENCE));
        } else {
            self.abandon();
        }
        self.tell(EventKind::Closed {
            dial: self.dial,
            why: CloseReason::Wanted,
            code: None,
        });
    }

    pub(super) fn reconnect(&mut self, now: Moment) {
        let doubles = self.has(Flaw::DialsTwiceOnReconnect) && self.is_underway();
        match self.state {
            State::Closed => return,
            // An attempt is in flight: that is the one.
            State::Connecting { .. } if !doubles => return self.backoff.restart(),
            State::Open(_) => self.end_wanted(NORMAL),
            State::Connecting { .. } | State::Idle | State::Backoff { .. } | State::GaveUp => {}
        }
        self.backoff.restart();
        self.resume_sending(now);
        if doubles && matches!(self.state, State::Backoff { .. }) {
            self.push_dial();
        }
        self.dial(now);
    }
}
