//! One peer of a connection: its socket, and the lane that leads to it.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use environment::Stream;
use tokio::io::{Interest, Ready};

use super::lane::Lane;
use crate::link::End;

/// A peer, its socket, and what leads to it.
pub(super) struct Endpoint {
    pub(super) stream: Option<Stream>,
    /// Carries what is written to this peer.
    pub(super) lane: Lane,
    /// The peer has sent FIN or RST.
    pub(super) has_ended: bool,
    /// An error was noticed and dealt with; it stays noticeable.
    pub(super) had_error: bool,
}

impl Endpoint {
    pub(super) fn new(stream: Option<Stream>, lane: Lane) -> Self {
        Self {
            stream,
            lane,
            has_ended: false,
            had_error: false,
        }
    }

    /// What is worth waiting for on this socket while it is not read.
    fn interest(&self) -> Option<Interest> {
        let error = (!self.had_error).then_some(Interest::ERROR);
        let room = self.lane.is_blocked.then_some(Interest::WRITABLE);
        match (error, room) {
            (Some(error), Some(room)) => Some(error | room),
            (one, other) => one.or(other),
        }
    }

    /// Sends `end` now, whatever was still to go, and nothing after it.
    pub(super) fn cut(&mut self, end: End) {
        self.lane.link.cut(end);
        self.lane.is_told = true;
        self.lane.bulk = None;
        // An end needs no room in the system's buffer.
        self.lane.is_blocked = false;
    }

    /// Sends RST; nothing goes to this peer any more.
    pub(super) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.reset();
        }
        self.lane.link.abandon();
        self.lane.bulk = None;
    }

    /// The system takes bytes again.
    pub(super) fn take_up_writing(&mut self) {
        if let Some(stream) = &mut self.stream {
            // An error is found by whoever writes or reads next.
            let _ = stream.try_flush();
        }
        let has_backlog = |stream: &Stream| stream.has_backlog();
        self.lane.is_blocked = self.stream.as_ref().is_some_and(has_backlog);
    }

    /// Whether TLS is still being agreed upon with this peer.
    pub(super) fn is_handshaking(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_handshaking)
    }

    /// Waits until something is worth doing on this socket; indefinitely if nothing
    /// can be. `opposite` carries what this peer sends. Cancel safe.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub(super) async fn readiness(&self, opposite: &Lane) -> io::Result<Ready> {
        let Some(stream) = &self.stream else {
            return std::future::pending().await;
        };
        if !self.has_ended && opposite.wants_input() {
            // Whatever becomes of the peer, reading will tell.
            return poll_fn(|cx| self.poll_flow(stream, cx)).await;
        }
        match self.interest() {
            // Rare, and large: boxed, so that an idle connection has no room for it.
            Some(interest) => Box::pin(stream.ready(interest)).await,
            None => std::future::pending().await,
        }
    }

    fn poll_flow(&self, stream: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        if self.lane.is_blocked
            && let Poll::Ready(writable) = stream.poll_writable(cx)
        {
            return Poll::Ready(writable.map(|()| Ready::WRITABLE));
        }
        let readable = stream.poll_readable(cx);
        readable.map(|readable| readable.map(|()| Ready::READABLE))
    }
}
