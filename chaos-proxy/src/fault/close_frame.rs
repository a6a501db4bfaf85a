//! `close_frame`: a WebSocket close, as if the other peer had sent it, and FIN
//! behind it.

use std::sync::Arc;

use environment::text::Table;

use super::frames::read_message;
use super::{Opcodes, Side};
use crate::pattern::Pattern;

/// The most that a close frame's reason may have (RFC 6455 §5.5: 125, less two
/// for the code).
const LONGEST_REASON: usize = 123;

const NEEDS_CODE: &str = "`reason` needs `code`: a close frame without a code has no room for it";

const BEHIND_NONE: &str = "messages that say something count from 1: it comes behind one of them";

fn too_long() -> String {
    format!("a close frame has room for {LONGEST_REASON} bytes of `reason`")
}

/// A close frame at the next frame boundary, behind all that came before.
/// Nothing follows it that way but FIN.
#[derive(Debug, Clone, PartialEq)]
pub struct CloseFrame {
    /// Who gets it.
    pub side: Side,
    /// Its code, whether or not the protocol allows it; `None`: an empty frame.
    pub code: Option<u16>,
    /// Its reason; empty without a code.
    pub reason: String,
    /// Behind which message of data on a link, counted from when the rule takes
    /// hold; 0: at the next boundary.
    pub frame: u64,
    /// If this is given, the messages that say it are counted, and no others.
    pub message: Option<Arc<Pattern>>,
}

impl CloseFrame {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let side = table.or("side", Side::Both);
        let code = table.optional::<u16>("code");
        let reason = table.or("reason", String::new());
        let message = read_message(table, Opcodes::Data);
        let frame = table.or("frame", u64::from(table.has("message")));
        if table.has("message") && frame == 0 {
            table.error(table.span_of("frame"), BEHIND_NONE);
            return None;
        }
        if reason.len() > LONGEST_REASON {
            table.error(table.span_of("reason"), too_long());
            return None;
        }
        if !reason.is_empty() && !table.has("code") {
            table.error_with_help(
                table.span_of("reason"),
                NEEDS_CODE,
                "for example `code = 1012`",
            );
            return None;
        }
        let message = message?;
        (code.is_some() == table.has("code")).then_some(Self {
            side,
            code,
            reason,
            frame,
            message,
        })
    }

    /// What is wrong with its reason, if anything is.
    pub(super) fn mistake(&self) -> Option<String> {
        if self.reason.len() > LONGEST_REASON {
            return Some(too_long());
        }
        if self.message.is_some() && self.frame == 0 {
            return Some(BEHIND_NONE.to_owned());
        }
        let has_no_room = self.code.is_none() && !self.reason.is_empty();
        has_no_room.then(|| NEEDS_CODE.to_owned())
    }

    /// The frame's payload (RFC 6455 §5.5.1), not masked.
    #[doc(hidden)]
    pub fn payload(&self) -> Vec<u8> {
        let code = self.code.map(u16::to_be_bytes);
        let mut payload = code.map_or(Vec::new(), |code| code.to_vec());
        payload.extend(self.reason.as_bytes());
        payload
    }
}
