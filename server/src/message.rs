//! The wire message: one JSON object in one text frame.
//!
//! Invariant: the texts are those of `fixtures/messages.json`, byte for byte;
//! the clients hold their own codec to the same file. Used by [`crate::hub`]
//! and [`crate::apps`].

use serde::{Deserialize, Serialize};

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The first message, unless an error says why resuming was not possible.
    Welcome {
        /// The session's id, to be given as `?session=` when coming back.
        session: String,
        /// Milliseconds from tick to tick.
        tick_ms: u64,
        /// Milliseconds that pass at most without any message.
        heartbeat_ms: u64,
        /// The number of the next tick on this socket, replayed or new.
        next_seq: u64,
        /// Whether the session makes no ticks at present.
        paused: bool,
        /// Whether the session was there before.
        resumed: bool,
        /// How many ticks after `last_seq` can no longer be replayed; `None`
        /// when a session was asked for that is not there.
        lost: Option<u64>,
    },
    /// One tick of the session.
    Tick {
        /// Counts the session's ticks from 1.
        seq: u64,
        /// 1 to 10; see [`crate::value`].
        value: u8,
    },
    /// The session is paused.
    Paused,
    /// The session is running.
    Resumed,
    /// Nothing else was due for a heartbeat.
    Heartbeat,
    /// A numbered message has come; said once for each time that it comes.
    Ack {
        /// The message's number.
        number: u64,
    },
    /// A command or a request was wrong; the connection lives on.
    Error {
        /// What was wrong and what would have been right.
        message: String,
    },
}

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Make no more ticks until told to resume.
    Pause,
    /// Go on.
    Resume,
    /// Something that the client has to say, under a number of its own.
    Message {
        /// Counts the client's messages, whatever sessions it has; the server
        /// remembers none.
        number: u64,
    },
}

/// How much of a parser's complaint is passed on, in characters.
const COMPLAINT_LIMIT: usize = 160;

impl ServerMessage {
    /// The JSON text.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a message has only strings, numbers and booleans")
    }

    /// The answer to a command that is none.
    pub(crate) fn bad_command(why: &str) -> Self {
        let why: String = why.chars().take(COMPLAINT_LIMIT).collect();
        let right = r#"{"type":"pause"}, {"type":"resume"} or {"type":"message","number":1}"#;
        Self::Error {
            message: format!("not a command: {why}; send {right}"),
        }
    }
}

impl ClientMessage {
    /// Reads one command.
    ///
    /// # Errors
    /// The answer to send: an [`ServerMessage::Error`] that says what was wrong.
    pub fn decode(text: &str) -> Result<Self, ServerMessage> {
        serde_json::from_str(text).map_err(|error| ServerMessage::bad_command(&error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fixture {
        server: BTreeMap<String, String>,
        client: BTreeMap<String, String>,
    }

    fn fixture() -> Fixture {
        serde_json::from_str(include_str!("../fixtures/messages.json")).unwrap()
    }

    fn welcome(next_seq: u64, paused: bool, resumed: bool, lost: Option<u64>) -> ServerMessage {
        ServerMessage::Welcome {
            session: "0123456789abcdef0123456789abcdef".to_owned(),
            tick_ms: 1000,
            heartbeat_ms: 1000,
            next_seq,
            paused,
            resumed,
            lost,
        }
    }

    fn server_messages() -> BTreeMap<String, ServerMessage> {
        let message = "not a command: what was wrong".to_owned();
        [
            ("welcome", welcome(1, false, false, Some(0))),
            ("welcome_resumed", welcome(43, true, true, Some(0))),
            ("welcome_lost", welcome(101, false, true, Some(58))),
            ("welcome_unknown", welcome(1, false, false, None)),
            ("tick", ServerMessage::Tick { seq: 1, value: 7 }),
            ("paused", ServerMessage::Paused),
            ("resumed", ServerMessage::Resumed),
            ("heartbeat", ServerMessage::Heartbeat),
            ("ack", ServerMessage::Ack { number: 7 }),
            ("error", ServerMessage::Error { message }),
        ]
        .map(|(name, message)| (name.to_owned(), message))
        .into()
    }

    #[test]
    fn the_codec_is_equal_to_the_fixture() {
        let fixture = fixture();
        let encoded: BTreeMap<String, String> = server_messages()
            .into_iter()
            .map(|(name, message)| (name, message.encode()))
            .collect();
        assert_eq!(encoded, fixture.server);
        let decoded: BTreeMap<String, ClientMessage> = fixture
            .client
            .into_iter()
            .map(|(name, text)| (name, ClientMessage::decode(&text).unwrap()))
            .collect();
        let commands = [
            ("pause", ClientMessage::Pause),
            ("resume", ClientMessage::Resume),
            ("message", ClientMessage::Message { number: 7 }),
        ];
        assert_eq!(
            decoded,
            commands.map(|(name, it)| (name.to_owned(), it)).into()
        );
    }

    #[test]
    fn the_document_shows_every_message() {
        let document = include_str!("../../docs/ticker.md");
        let fixture = fixture();
        for (name, text) in fixture.server.iter().chain(&fixture.client) {
            let begin = text.split(',').next().unwrap().trim_end_matches('}');
            assert!(document.contains(begin), "{name}: {begin}");
        }
    }

    #[test]
    fn every_server_message_reads_back() {
        for (name, message) in server_messages() {
            let back: ServerMessage = serde_json::from_str(&message.encode()).unwrap();
            assert_eq!(back, message, "{name}");
        }
    }

    #[test]
    fn a_bad_command_is_answered_with_what_is_right() {
        for bad in [
            "",
            "pause",
            "{}",
            "[]",
            "null",
            r#"{"type":"stop"}"#,
            r#"{"type":7}"#,
            r#"{"type":"pause""#,
            r#"{"type":"message"}"#,
            r#"{"type":"message","number":-1}"#,
            &"[".repeat(4096),
            &format!(r#"{{"type":"{}"}}"#, "x".repeat(4000)),
        ] {
            let ServerMessage::Error { message } = ClientMessage::decode(bad).unwrap_err() else {
                panic!("not an error: {bad}");
            };
            assert!(message.contains(r#"{"type":"pause"}"#), "{message}");
            assert!(message.len() < 300, "{message}");
        }
    }
}
