//! Follows the frames of what arrives, for the two things that tungstenite does
//! not tell: the code of a close frame as it was sent (1014, and all that it
//! does not know, comes out of it as 1002), and whether an end came in the
//! middle of a message.
//!
//! The one invariant: bounded. Nothing is kept but a header and the two bytes
//! of a code. Used by [`Wire`](super::wire).

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, OpCode};

/// Parses frame headers alone; its input begins behind the answer to the upgrade.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The next frame's header, as far as it has come (RFC 6455 §5.2: at most
    /// 14 bytes).
    header: Vec<u8>,
    /// Payload of the present frame that is still to come.
    left: u64,
    /// A message has begun whose last fragment has not.
    is_fragmented: bool,
    /// The beginning of the close frame's payload (RFC 6455 §5.5.1), once there
    /// is one.
    code: Option<Vec<u8>>,
    /// What came is no frame: tungstenite ends the connection, and what follows
    /// means nothing.
    is_lost: bool,
}

impl Frames {
    /// Takes what has arrived, in any pieces.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            let count = usize::try_from(self.left).unwrap_or(usize::MAX);
            if count == 0 {
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                self.begin();
            } else {
                let (payload, rest) = bytes.split_at(count.min(bytes.len()));
                self.left -= payload.len() as u64;
                self.keep_code(payload);
                bytes = rest;
            }
        }
    }

    /// The code of the close frame, if one has come and had one.
    pub(super) fn close_code(&self) -> Option<u16> {
        let code = self.code.as_deref()?.first_chunk()?;
        Some(u16::from_be_bytes(*code))
    }

    /// Whether an end would come within a frame, or between the fragments of a
    /// message.
    pub(super) const fn is_within_message(&self) -> bool {
        self.left > 0 || self.is_fragmented || !self.header.is_empty()
    }

    /// A frame begins, if its header is whole.
    fn begin(&mut self) {
        let (header, length) = match FrameHeader::parse(&mut Cursor::new(&self.header)) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return,
            Err(_) => return self.is_lost = true,
        };
        self.header.clear();
        self.left = length;
        match header.opcode {
            OpCode::Data(_) => self.is_fragmented = !header.is_final,
            OpCode::Control(Control::Close) => self.code = Some(Vec::new()),
            OpCode::Control(_) => {}
        }
    }

    /// Nothing follows a close frame, so its payload is the last.
    fn keep_code(&mut self, payload: &[u8]) {
        if let Some(code) = &mut self.code {
            let missing = 2_usize.saturating_sub(code.len());
            code.extend(payload.iter().take(missing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole, and in single bytes: it makes no difference.
    fn read(bytes: &[u8]) -> (Option<u16>, bool) {
        let (mut whole, mut single) = (Frames::default(), Frames::default());
        whole.read(bytes);
        bytes.iter().for_each(|byte| single.read(&[*byte]));
        let seen = |frames: &Frames| (frames.close_code(), frames.is_within_message());
        assert_eq!(seen(&whole), seen(&single));
        seen(&whole)
    }

    #[test]
    fn a_close_code_is_what_was_sent() {
        for code in [1000, 1005, 1012, 1014, 3000, 4999, 65_535_u16] {
            let [high, low] = code.to_be_bytes();
            let frames = [b"\x81\x02hi\x88\x05", &[high, low][..], b"bye"].concat();
            assert_eq!(read(&frames), (Some(code), false));
        }
        assert_eq!(read(b"\x88\x00"), (None, false));
        assert_eq!(read(b"\x81\x02\x03\xe8"), (None, false));
    }

    #[test]
    fn an_end_within_a_message_is_told_from_one_between_two() {
        let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        assert_eq!(read(&long), (None, false));
        for end in [1, 3, 4, 259] {
            assert_eq!(read(&long[..end]), (None, true), "{end}");
        }
        assert_eq!(read(b"\x01\x02he"), (None, true));
        assert_eq!(read(b"\x01\x02he\x89\x00"), (None, true));
        assert_eq!(read(b"\x01\x02he\x80\x01y"), (None, false));
        assert_eq!(read(b""), (None, false));
    }

    #[test]
    fn what_is_no_frame_is_not_followed() {
        let mut frames = Frames::default();
        frames.read(&[0x83; 1000]);
        assert!(frames.is_lost);
        assert!(frames.header.len() < 15);
    }
}
