//! What goes into the session machine and what comes out of it.
//!
//! Plain data: whoever drives the machine decides what a dial or a close is
//! made of. Used by the machine, its tests and the shell.

use std::sync::Arc;
use std::time::Duration;

use super::Resume;
use crate::message::{ClientMessage, ServerMessage};
use crate::{CloseReason, EventKind};

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// No ticks, from now on and after any reconnect.
    Pause,
    /// Ticks again, likewise.
    Resume,
    /// Close for good: no dial follows.
    Stop,
    /// Dial now: instead of waiting, or in place of the present connection, or
    /// after having given up. The back-off is reset.
    Reconnect,
}

/// What a connection tells, under the number of its dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The upgrade was answered with 101.
    Opened,
    /// Bytes came that are no whole message, or a ping or pong did.
    Heard,
    /// A whole text or binary message came.
    Message(ServerMessage),
    /// The dial failed, or the connection is over; nothing more comes of it.
    Ended(Ending),
}

/// How a dial or a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub why: CloseReason,
    /// The close frame's code, if one came and had one.
    pub code: Option<u16>,
    /// The answer to the upgrade, if it was HTTP but not 101.
    pub refusal: Option<Refusal>,
    /// A message had begun and was not whole.
    pub is_cut: bool,
}

impl Ending {
    /// An ending of which no more is known.
    pub const fn of(why: CloseReason) -> Self {
        Self {
            why,
            code: None,
            refusal: None,
            is_cut: false,
        }
    }
}

/// An upgrade answered with something else than 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The Retry-After header, if it was there and could be read.
    pub retry_after: Option<Duration>,
}

/// What the machine wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Open a connection and upgrade it.
    Dial {
        /// The number of the dial, from 1: all its inputs carry it.
        dial: u64,
        /// The session to ask for.
        resume: Option<Resume>,
    },
    /// Send a text message.
    Send {
        /// On which connection.
        dial: u64,
        /// Which.
        message: ClientMessage,
    },
    /// Send this text.
    Say {
        /// On which connection.
        dial: u64,
        /// What.
        text: Arc<str>,
    },
    /// Send a WebSocket ping, to see whether anybody is there.
    Ping {
        /// On which connection.
        dial: u64,
    },
    /// Send a close frame with this code, and drop the connection when the peer
    /// has ended it or `patience` is over (`None`: never).
    Close {
        /// Which connection.
        dial: u64,
        /// The close frame's code.
        code: u16,
        /// How long to wait for the peer.
        patience: Option<Duration>,
    },
    /// Drop the connection or attempt now. No close handshake: a peer that is
    /// silent would not answer it.
    Abandon {
        /// Which.
        dial: u64,
    },
    /// Tell the observer.
    Tell(EventKind),
}
