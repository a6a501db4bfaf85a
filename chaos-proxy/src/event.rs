//! What the proxy reports: connections, what their peers did, and which fault was
//! applied to which connection, planned and done.

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;
use serde::{Deserialize, Serialize};

use crate::websocket::Opcode;

/// Something that happened in the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the environment's clock.
    pub at: Moment,
    /// The client whose listener or connection it is.
    pub client: Arc<str>,
    /// Which accepted connection of that client, from 1; 0 for its listener.
    pub attempt: u64,
    /// What.
    pub what: EventKind,
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The client's connection was accepted.
    Accepted,
    /// The dial to the server succeeded.
    UpstreamConnected,
    /// The dial to the server failed; the client is reset.
    UpstreamFailed {
        /// The kind of error, in words.
        error: String,
    },
    /// A handshake of TLS was made.
    TlsEstablished {
        /// With which peer.
        peer: Peer,
        /// `1.2` or `1.3`.
        version: String,
        /// The name that the client asked for, if it did.
        server_name: Option<String>,
        /// The protocol that was agreed upon, if one was.
        alpn: Option<String>,
    },
    /// TLS came to nothing, in its handshake or later.
    TlsFailed {
        /// With which peer.
        peer: Peer,
        /// Why, and what would help: a sentence.
        reason: String,
    },
    /// A peer sent FIN without close_notify before it: a reader of that cannot know
    /// whether it is all.
    TlsTruncated {
        /// Which peer.
        peer: Peer,
    },
    /// The client has made another request on the same connection, as after a
    /// challenge or a redirect.
    RequestedAgain {
        /// Which one it is, from 2.
        number: u64,
    },
    /// The server's answer to the upgrade was delivered to the client.
    Upgraded {
        /// Its HTTP status.
        status: u16,
    },
    /// The first data of the server was delivered to the client: what the scenario
    /// calls data, else a WebSocket's first text or binary frame, the first byte of
    /// an answer 2xx or the first event of a stream of them, or raw TCP's first byte.
    FirstData,
    /// The end of an answer 2xx with data in it was delivered, of one that ends: a client that
    /// polls has what it asked for.
    AnswerComplete,
    /// The first data of the server since a fault let go of this connection was
    /// delivered to the client.
    Resumed,
    /// The client said its name in the upgrade (`?client=NAME`) on a listener
    /// that many share. Until then it went by its ordinal.
    Named {
        /// The ordinal by which earlier events call it.
        ordinal: u64,
    },
    /// A peer ended its side, as seen by the proxy even while it holds bytes.
    PeerEnded {
        /// Which peer.
        peer: Peer,
        /// How.
        how: Ending,
        /// The close frame's code, if it was one and had one.
        code: Option<u16>,
    },
    /// This connection is no WebSocket (any more): rules about frames can do
    /// nothing to it. Told once.
    NotWebSocket,
    /// What the client offered of extensions was taken out of its request, since
    /// rules of this plan could not act on compressed messages.
    ExtensionsRefused {
        /// What was offered.
        offer: String,
    },
    /// A rule was carried out on a frame.
    Frame {
        /// The rule's name.
        rule: String,
        /// Which link of the connection.
        direction: String,
        /// Which frame of it, as it came, from 1; of a close frame of the
        /// proxy's own, the one before.
        index: u64,
        /// The frame's kind.
        opcode: Opcode,
    },
    /// A rule that was to be applied to this connection cannot act on it; reported once.
    Powerless {
        /// The rule's name.
        rule: String,
        /// Why.
        reason: String,
    },
    /// A reset could wait no longer for the system to hand over these bytes.
    Undelivered {
        /// How many.
        bytes: u64,
    },
    /// Rules kept bytes from a peer, each for more than 250 ms, in one stretch;
    /// told with the next bytes that did not wait, or at the connection's end. Times are
    /// those of the event itself: microseconds since the clock's origin.
    Withheld {
        /// Which way: `downstream` is to the client.
        direction: String,
        /// When the first of them came.
        since_us: u64,
        /// When the first of them went on; `None`: none ever did.
        first_us: Option<u64>,
        /// When the last of them had gone on; `None`: some never did.
        until_us: Option<u64>,
        /// How many went on.
        bytes: u64,
        /// When the longest time began in which nothing went on, until something
        /// did; `None`: nothing ever did.
        silent_from_us: Option<u64>,
        /// When it ended.
        silent_until_us: Option<u64>,
        /// Since when nothing went on any more, if some never did.
        silent_since_us: Option<u64>,
    },
    /// Rules destroyed bytes or messages of data that were for a peer; told with
    /// the next data that reaches it, or at the connection's end.
    Destroyed {
        /// Which way: `downstream` is to the client.
        direction: String,
        /// When the first was destroyed.
        first_us: u64,
        /// When the last was.
        last_us: u64,
        /// When anything next reached the peer after the first; `None`: never.
        heard_us: Option<u64>,
        /// When data next reached the peer after the last; `None`: never.
        until_us: Option<u64>,
    },
    /// FIN or RST went to the client, for whatever reason.
    Ended {
        /// Which.
        how: Ending,
    },
    /// Destructive faults did this to the connection's bytes; told at its end.
    Damaged {
        /// Bytes that were swallowed.
        discarded_bytes: u64,
        /// Bytes that were changed.
        corrupted_bytes: u64,
    },
    /// Nothing is left of the connection.
    Closed {
        /// Bytes written to the server.
        upstream_bytes: u64,
        /// Bytes written to the client.
        downstream_bytes: u64,
    },
    /// A fault took effect on this connection (or, with attempt 0, on this
    /// client's listener).
    Struck {
        /// The rule's name.
        rule: String,
        /// The fault's word, such as `stall`.
        fault: String,
        /// Which time of the rule this is, from 1 (`every`).
        occurrence: u64,
        /// When a timed rule planned it, in microseconds since t = 0; `None`
        /// for rules that wait for something.
        planned_us: Option<u64>,
        /// When it was done, in microseconds since t = 0.
        actual_us: u64,
    },
    /// A fault's hold on this connection or listener is over.
    Healed {
        /// The rule's name.
        rule: String,
        /// As in [`EventKind::Struck`].
        occurrence: u64,
    },
}

/// One of the two programs that the proxy stands between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// The one that dialled the proxy.
    Client,
    /// The one that the proxy dialled.
    Server,
}

impl Peer {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How a peer ended its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// FIN.
    Fin,
    /// RST.
    Reset,
    /// A WebSocket close frame.
    CloseFrame,
}

/// As events count time.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
