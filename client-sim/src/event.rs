//! What a client tells about itself. Session ids appear only as their
//! [`environment::tag`].

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;
use serde::{Deserialize, Serialize};

/// Something that a client did or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the environment's clock.
    pub at: Moment,
    /// Which client.
    pub client: Arc<str>,
    /// What.
    pub what: EventKind,
}

/// The kinds of [`Event`].
///
/// `dial` counts the client's own dials from 1, refused ones included; it is
/// not the proxy's attempt, which counts accepted connections only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// Starts to connect.
    Dialled {
        /// The number of this dial.
        dial: u64,
    },
    /// The upgrade was answered with 101.
    Opened {
        /// The number of the dial.
        dial: u64,
    },
    /// The server said which session this is.
    Welcomed {
        /// The number of the dial.
        dial: u64,
        /// The session's tag.
        session: String,
        /// Whether the server knew the session.
        resumed: bool,
        /// Ticks that the server says can no longer be replayed; `None` when it
        /// does not know.
        lost: Option<u64>,
        /// The next sequence number.
        next_seq: u64,
        /// Whether the session is paused.
        paused: bool,
    },
    /// A tick was applied (handed to the application).
    Applied {
        /// The number of the dial that brought it.
        dial: u64,
        /// The session's tag.
        session: String,
        /// The tick's number.
        seq: u64,
    },
    /// A tick came that had been applied already, or one older than what has
    /// been applied; it was not applied.
    Repeated {
        /// The number of the dial that brought it.
        dial: u64,
        /// The session's tag.
        session: String,
        /// The tick's number.
        seq: u64,
    },
    /// A message came that is not one of the ticker's: any server's data.
    Received {
        /// The number of the dial that brought it.
        dial: u64,
    },
    /// Nothing has arrived for the client's window: what it shows is flagged as
    /// old, though the connection is not given up yet.
    Stale {
        /// The number of the dial.
        dial: u64,
    },
    /// Something arrived after all: what it shows is live again.
    Revived {
        /// The number of the dial.
        dial: u64,
    },
    /// The client has something to say to the server, and will: at once, or when
    /// there is somebody to say it to.
    Offered {
        /// Counts what it has to say from 1.
        number: u64,
        /// How many it holds now, this one with them: of those that are sent at least
        /// once also what has been said and is not acknowledged.
        held: u64,
    },
    /// A message was given up, for there is no room for it and a newer one, or for
    /// it at all.
    Dropped {
        /// Its number.
        number: u64,
        /// How many were held when there was no room.
        held: u64,
    },
    /// A message was refused as it came, for there is no room.
    Rejected {
        /// Its number.
        number: u64,
        /// How many were held when there was no room.
        held: u64,
    },
    /// A message was said.
    Sent {
        /// The number of the dial that takes it.
        dial: u64,
        /// The message's number.
        number: u64,
    },
    /// A client of another make says how much it holds that it has to say.
    Held {
        /// How many messages.
        held: u64,
    },
    /// The server said that it has a message.
    Acknowledged {
        /// The number of the dial that brought the word.
        dial: u64,
        /// The message's number.
        number: u64,
        /// How many are held now.
        held: u64,
    },
    /// The user asked for this state, here and from now on.
    Intended {
        /// The state wanted.
        paused: bool,
    },
    /// The server acknowledged this state.
    PauseChanged {
        /// The number of the dial that brought it.
        dial: u64,
        /// The session's state.
        paused: bool,
    },
    /// A dial failed, or a connection ended, as far as this client is concerned.
    Closed {
        /// The number of the dial.
        dial: u64,
        /// Why.
        why: CloseReason,
        /// The close frame's code, if one came.
        code: Option<u16>,
    },
    /// Waits before the next dial.
    Waiting {
        /// How long, in microseconds.
        #[serde(rename = "delay_us", with = "micros")]
        delay: Duration,
    },
    /// Will not reconnect by itself.
    GaveUp,
    /// Was told to stop, and has.
    Stopped,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The dial was refused.
    Refused,
    /// No open connection within the connect timeout, upgrade included.
    ConnectTimeout,
    /// No TLS was agreed upon, or it was broken: the certificate was not accepted, the
    /// peer sent an alert or speaks something else.
    Tls,
    /// The upgrade was answered, but not with a WebSocket.
    BadUpgrade,
    /// RST.
    Reset,
    /// FIN without a close frame.
    Ended,
    /// A close frame.
    CloseFrame,
    /// Nothing arrived for the liveness window.
    Silent,
    /// The peer broke the protocol.
    Protocol,
    /// Some other error of the network.
    Network,
    /// The client itself wanted it.
    Wanted,
    /// Nobody told: a client of another make says that its connection ended, and
    /// not why.
    Unknown,
}

mod micros {
    //! A [`Duration`] as whole microseconds.

    use super::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}
