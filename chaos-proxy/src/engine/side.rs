//! One peer of a connection: its socket, and the lane that leads to it.

use std::io;

use environment::Stream;
use tokio::io::{Interest, Ready};

use super::pump::Lane;
use crate::link::End;

/// See the module.
pub(super) struct Side {
    pub(super) stream: Option<Stream>,
    /// Carries what is written to this peer.
    pub(super) lane: Lane,
    /// The peer has sent FIN or RST.
    pub(super) has_ended: bool,
    /// An error was noticed and dealt with; it stays noticeable.
    pub(super) had_error: bool,
}

impl Side {
    pub(super) fn new(stream: Option<Stream>, lane: Lane) -> Self {
        Self {
            stream,
            lane,
            has_ended: false,
            had_error: false,
        }
    }

    /// What is worth waiting for on this socket. `opposite` carries what this
    /// peer sends.
    fn interest(&self, opposite: &Lane) -> Option<Interest> {
        let mut interest = (!self.had_error).then_some(Interest::ERROR);
        let mut add = |wanted: Interest| {
            interest = Some(interest.map_or(wanted, |interest| interest | wanted));
        };
        if !self.has_ended && opposite.wants_input() {
            add(Interest::READABLE);
        }
        if self.lane.is_blocked {
            add(Interest::WRITABLE);
        }
        interest
    }

    /// Sends `end` now, whatever was still to go, and nothing after it.
    pub(super) fn cut(&mut self, end: End) {
        self.lane.link.cut(end);
        // An end needs no room in the system's buffer.
        self.lane.is_blocked = false;
    }

    /// Sends RST; nothing goes to this peer any more.
    pub(super) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.reset();
        }
        self.lane.link.abandon();
    }

    /// Waits until something is worth doing on this socket; for ever if nothing
    /// can be. `opposite` carries what this peer sends. Cancel safe.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub(super) async fn readiness(&self, opposite: &Lane) -> io::Result<Ready> {
        match (&self.stream, self.interest(opposite)) {
            (Some(stream), Some(interest)) => stream.ready(interest).await,
            _ => std::future::pending().await,
        }
    }
}
