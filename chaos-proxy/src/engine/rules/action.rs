//! What the machine asks of the connection.

use super::strikes::Strike;
use crate::event::{EventKind, Peer};
use crate::fault::Side;

/// Something to be done to the connection, in the order in which it is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// RST to the client; the server hears nothing of it.
    Reject,
    /// The server gets nothing from this connection, or nothing more.
    LeaveServer,
    /// Something goes wrong with TLS; to be told when it does, or why it cannot.
    Secure(Strike),
    /// FIN; what was not yet passed on is dropped.
    Close(Side),
    /// RST, at once.
    Reset(Side),
    /// RST, once the system has handed over what was written to this peer.
    ResetBehind(Peer, Side),
    /// The client gets this answer to its upgrade.
    Answer(Answer),
    /// What is asked of the links and their frames has changed.
    Apply,
    /// A rule has taken effect; to be told.
    Struck(Strike),
    /// A rule's hold is over; to be told, and what is delivered next is news.
    Healed { rule: String, occurrence: u64 },
    /// To be told.
    Tell(EventKind),
}

/// An answer to the upgrade that the server has not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// Its HTTP status, if it is that much of an answer.
    pub(crate) status: Option<u16>,
    /// Whether FIN follows.
    pub(crate) is_last: bool,
}
