//! A message that is kept back whole: to be sent twice, or after another.

use bytes::BytesMut;
use tungstenite::protocol::frame::FrameHeader;

use super::output::Placed;
use crate::websocket::{Frame, Opcode};

/// How much payload is kept in all: half of what a link holds. A message that
/// would make it more goes on unchanged.
pub(super) const LONGEST: u64 = 128 * 1024;

/// What a kept frame costs, about, besides its payload: a stream of empty ones
/// would else take any amount of memory.
const FRAME_COST: usize = 128;
pub(super) const KEPT_COST: u64 = FRAME_COST as u64;

/// A message that is kept back whole, frame by frame.
#[derive(Debug, Default)]
pub(super) struct Kept {
    frames: Vec<KeptFrame>,
    /// Bytes of payload announced by the headers.
    pub(super) length: u64,
}

#[derive(Debug)]
struct KeptFrame {
    index: u64,
    opcode: Opcode,
    header: FrameHeader,
    /// The header as it goes on.
    raw: Vec<u8>,
    /// What the header announces.
    length: u64,
    /// What has come of it, masked as the header says.
    payload: BytesMut,
}

impl Kept {
    /// A frame's header has come, to be sent as `header`, which is `raw`.
    pub(super) fn begin(&mut self, frame: &Frame, header: FrameHeader, raw: Vec<u8>, length: u64) {
        self.length += length + KEPT_COST;
        self.frames.push(KeptFrame {
            index: frame.index,
            opcode: frame.opcode,
            header,
            raw,
            length,
            payload: BytesMut::new(),
        });
    }

    /// Payload of the frame that began last.
    pub(super) fn push(&mut self, payload: &[u8]) {
        if let Some(frame) = self.frames.last_mut() {
            frame.payload.extend_from_slice(payload);
        }
    }

    /// Bytes in memory.
    pub(super) fn held(&self) -> usize {
        let cost = |frame: &KeptFrame| frame.payload.len() + FRAME_COST;
        self.frames.iter().map(cost).sum()
    }

    /// Whether it may come between the fragments of a message.
    pub(super) fn is_control(&self) -> bool {
        self.frames
            .first()
            .is_some_and(|frame| frame.opcode.is_control())
    }

    /// Each frame with its bytes on the wire. `mask` gives a frame of the proxy's
    /// own making another mask (RFC 6455 §5.3); `None`: as it came.
    pub(super) fn wire(
        &self,
        mask: Option<&dyn Fn(u64) -> [u8; 4]>,
    ) -> impl Iterator<Item = (Placed, Vec<u8>)> {
        self.frames.iter().map(move |frame| {
            let fresh = mask.map(|mask| mask(frame.index));
            frame.wire(fresh)
        })
    }
}

impl KeptFrame {
    fn wire(&self, fresh: Option<[u8; 4]>) -> (Placed, Vec<u8>) {
        let mut payload = self.payload.to_vec();
        let mut bytes = self.raw.clone();
        if let (Some(old), Some(new)) = (self.header.mask, fresh) {
            mask_with(&mut payload, old, 0);
            mask_with(&mut payload, new, 0);
            let header = FrameHeader {
                mask: Some(new),
                ..self.header.clone()
            };
            bytes = header_bytes(&header, self.length);
        }
        let placed = Placed {
            index: self.index,
            opcode: self.opcode,
            is_final: self.header.is_final,
            header: bytes.len(),
            payload: self.length,
        };
        bytes.extend(payload);
        (placed, bytes)
    }
}

/// A header as it stands on the wire (RFC 6455 §5.2).
pub(super) fn header_bytes(header: &FrameHeader, length: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(14);
    // Writing to memory does not fail.
    let _ = header.format(length, &mut bytes);
    bytes
}

/// Masks, or unmasks, a payload from `position` of it on (RFC 6455 §5.3).
pub(super) fn mask_with(payload: &mut [u8], mask: [u8; 4], position: u64) {
    for (byte, offset) in payload.iter_mut().zip(position..) {
        *byte ^= mask[usize::try_from(offset % 4).unwrap_or(0)];
    }
}
