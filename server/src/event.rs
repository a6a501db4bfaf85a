//! What the server tells about itself. Session ids appear only as their
//! [`environment::tag`].

use environment::Moment;
use serde::{Deserialize, Serialize};

/// Something that happened in the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the environment's clock.
    pub at: Moment,
    /// What.
    pub what: EventKind,
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A WebSocket is attached to a session; its welcome is about to be sent.
    SocketOpened {
        /// Counts the server's sockets from 1.
        socket: u64,
        /// The session's tag.
        session: String,
        /// Whether the session was there before.
        resumed: bool,
    },
    /// A WebSocket is gone, for whatever reason.
    SocketClosed {
        /// As in [`EventKind::SocketOpened`].
        socket: u64,
        /// The session's tag.
        session: String,
    },
    /// A session made a tick, whether or not anybody was there to see it.
    Ticked {
        /// The session's tag.
        session: String,
        /// The tick's number in its session, from 1.
        seq: u64,
    },
    /// A numbered message came, and is acknowledged; again, if it came before.
    Received {
        /// The socket that brought it, as in [`EventKind::SocketOpened`].
        socket: u64,
        /// The session's tag.
        session: String,
        /// The client's own number for it.
        number: u64,
    },
    /// A session was paused or resumed.
    PauseChanged {
        /// The session's tag.
        session: String,
        /// The new state.
        paused: bool,
    },
    /// A session expired or was dropped to make room.
    SessionEnded {
        /// The session's tag.
        session: String,
    },
}
