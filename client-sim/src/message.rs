//! The ticker's wire messages, as a client sees them.
//!
//! They are written a second time in the server, on purpose: neither crate
//! knows the other, and one fixture holds the two equal. Reading never fails: a
//! client must survive any server, so what it does not know is
//! [`ServerMessage::Other`]. Used by the session machine and the socket.

use std::borrow::Cow;

use serde::Deserialize;

/// Longer session ids are not kept: a server may not make us carry its book.
const SESSION_LIMIT: usize = 128;

/// What a server says, JSON in text frames (DESIGN §9).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The first message of a connection.
    Welcome(Welcome),
    /// One number of the session.
    Tick {
        /// Counts the session's ticks from 1.
        seq: u64,
        /// 1 to 10.
        value: i64,
    },
    /// The session is paused.
    Paused,
    /// The session goes on.
    Resumed,
    /// Nothing else was due.
    Heartbeat,
    /// A numbered message has arrived.
    Ack {
        /// Its number.
        number: u64,
    },
    /// A command was not understood.
    Error {
        /// Why.
        message: String,
    },
    /// Anything else: another server's text, or binary data.
    #[serde(skip)]
    Other,
}

/// Which session a connection belongs to, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Welcome {
    /// The session's id: a secret, told to nobody but the server.
    pub session: String,
    /// The time between ticks, in milliseconds.
    #[serde(default)]
    pub tick_ms: u64,
    /// The time between heartbeats, in milliseconds.
    #[serde(default)]
    pub heartbeat_ms: u64,
    /// The number of the next new tick.
    pub next_seq: u64,
    /// Whether the session is paused.
    #[serde(default)]
    pub paused: bool,
    /// Whether the server knew the session.
    #[serde(default)]
    pub resumed: bool,
    /// Ticks that can no longer be replayed; `None` when the server does not know.
    #[serde(default)]
    pub lost: Option<u64>,
}

impl ServerMessage {
    /// Reads a text frame; whatever is not one of ours is [`Self::Other`].
    pub fn parse(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Self::Welcome(welcome)) if welcome.session.len() > SESSION_LIMIT => Self::Other,
            Ok(message) => message,
            Err(_) => Self::Other,
        }
    }
}

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientMessage {
    /// Make no ticks until told otherwise.
    Pause,
    /// Make ticks again.
    Resume,
    /// Something that this client has to say.
    Message {
        /// Counts what it has to say from 1, whatever sessions and connections it
        /// has.
        number: u64,
    },
}

impl ClientMessage {
    /// The text frame's payload.
    pub fn encode(self) -> Cow<'static, str> {
        match self {
            Self::Pause => r#"{"type":"pause"}"#.into(),
            Self::Resume => r#"{"type":"resume"}"#.into(),
            Self::Message { number } => format!(r#"{{"type":"message","number":{number}}}"#).into(),
        }
    }

    /// The command that brings a session into this state.
    pub(crate) const fn for_state(paused: bool) -> Self {
        if paused { Self::Pause } else { Self::Resume }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_design_says_a_server_sends() {
        let check = |text, expected| assert_eq!(ServerMessage::parse(text), expected);
        check(
            r#"{"type":"welcome","session":"ab","tick_ms":1000,"heartbeat_ms":500,"next_seq":1,"paused":false,"resumed":true,"lost":null}"#,
            ServerMessage::Welcome(Welcome {
                session: "ab".into(),
                tick_ms: 1000,
                heartbeat_ms: 500,
                next_seq: 1,
                paused: false,
                resumed: true,
                lost: None,
            }),
        );
        check(
            r#"{"type":"tick","seq":1,"value":7}"#,
            ServerMessage::Tick { seq: 1, value: 7 },
        );
        check(r#"{"type":"paused"}"#, ServerMessage::Paused);
        check(r#"{"type":"resumed"}"#, ServerMessage::Resumed);
        check(r#"{"type":"heartbeat"}"#, ServerMessage::Heartbeat);
        check(
            r#"{"type":"ack","number":3}"#,
            ServerMessage::Ack { number: 3 },
        );
        check(
            r#"{"type":"error","message":"no"}"#,
            ServerMessage::Error {
                message: "no".into(),
            },
        );
    }

    #[test]
    fn a_foreign_text_is_other() {
        for text in [
            "",
            "hello",
            "7",
            "{}",
            r#"{"type":"trade","price":1}"#,
            r#"{"type":"other"}"#,
            r#"{"type":"tick","seq":-1,"value":7}"#,
            r#"{"type":"tick"}"#,
        ] {
            assert_eq!(ServerMessage::parse(text), ServerMessage::Other, "{text}");
        }
    }

    #[test]
    fn an_endless_session_id_is_not_kept() {
        let long = "x".repeat(SESSION_LIMIT + 1);
        let text = format!(r#"{{"type":"welcome","session":"{long}","next_seq":1}}"#);
        assert_eq!(ServerMessage::parse(&text), ServerMessage::Other);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text: String) {
            let _ = ServerMessage::parse(&text);
        }
    }
}
