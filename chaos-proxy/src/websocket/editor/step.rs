//! What an editor has to say and to pass on.

use std::time::Duration;

use bytes::Bytes;

use crate::websocket::Opcode;
use crate::websocket::frame_rule::FrameRuleId;

/// What is to be done, in this order. Offsets are of the edited stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These bytes go on.
    Pass(Bytes, Option<Late>),
    /// A request's head was read. If [`Edits::asks`](super::Edits::asks), nothing more happens until
    /// `Editor::decide`.
    Request {
        /// Its request-target.
        target: String,
        /// Whether it asks for a WebSocket.
        is_upgrade: bool,
        /// Whether its answer has a head alone.
        is_head: bool,
    },
    /// A request that asks for no WebSocket goes on.
    Plain,
    /// The upgrade's answer was read; it ends before `end`.
    Answer {
        /// Its status.
        status: u16,
        /// Whether messages may be compressed.
        is_compressed: bool,
        /// Offset of the first byte after it.
        end: u64,
    },
    /// A frame goes on; told before its bytes.
    Frame {
        /// Counts the frames as they came, from 1.
        index: u64,
        /// What kind.
        opcode: Opcode,
        /// Whether its message ends with it.
        is_final: bool,
        /// Whether the proxy has made it: then it is nobody's data.
        is_own: bool,
        /// Offset of its first byte.
        start: u64,
        /// Offset of the first byte after it.
        end: u64,
    },
    /// The peer's close frame was read, whatever becomes of it.
    Closing {
        /// Its code.
        code: Option<u16>,
    },
    /// From here on this is no WebSocket.
    Raw {
        /// It is the body of an answer that refuses the upgrade.
        is_refusal: bool,
    },
    /// The offer of extensions was taken out of the request.
    Stripped {
        /// What was offered.
        offer: String,
    },
    /// A rule was carried out on a frame.
    Acted {
        /// Whose.
        id: FrameRuleId,
        /// Which frame, as it came; for one of the proxy's own, the one before.
        index: u64,
        /// What kind.
        opcode: Opcode,
    },
    /// A message that says what a rule waits for goes on, and ends before `end`.
    Heard {
        /// Whose.
        id: FrameRuleId,
        /// Offset of the first byte after it.
        end: u64,
    },
    /// A rule cannot be carried out here.
    Powerless {
        /// Whose.
        id: FrameRuleId,
        /// Why.
        why: Powerless,
    },
    /// The request is not for the server: somebody else answers it.
    Reply {
        /// By which rule.
        id: FrameRuleId,
    },
    /// The stream is cut here.
    Cut {
        /// By which rule.
        id: FrameRuleId,
    },
    /// The stream ends here, behind a close frame.
    Finish,
}

/// Bytes that are to leave later than they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// By which rule.
    pub id: FrameRuleId,
    /// How much.
    pub delay: Duration,
}

/// What is said of [`Powerless::Unread`].
pub const UNREAD: &str =
    "a message was too long to be looked into: of more than 64KiB none matches";

/// Why a rule cannot be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Powerless {
    /// The messages are compressed.
    Compressed,
    /// The message is too long to be kept.
    TooLong,
    /// The message is too long to be looked into.
    Unread,
    /// This is no WebSocket.
    Raw,
}

impl Powerless {
    /// In words, for journals and verdicts.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Compressed => "its messages are compressed",
            Self::TooLong => "a message was too long to be kept back",
            Self::Unread => UNREAD,
            Self::Raw => "it is no WebSocket",
        }
    }
}
