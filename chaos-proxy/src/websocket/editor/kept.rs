//! A message that is kept back whole: to be sent twice, or after another.

use bytes::BytesMut;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::output::Placed;
use crate::websocket::frame_rule::Pieces;
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
    /// Whether the proxy has made it.
    is_own: bool,
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
            is_own: false,
        });
    }

    /// Payload of the frame that began last.
    pub(super) fn push(&mut self, payload: &[u8]) {
        if let Some(frame) = self.frames.last_mut() {
            frame.payload.extend_from_slice(payload);
        }
    }

    /// The same message in so many frames, with masks of the proxy's own if it had
    /// any (RFC 6455 §5.4). An extension's bits stay with the first.
    pub(super) fn in_pieces(self, pieces: Pieces, mask: &dyn Fn(u64) -> [u8; 4]) -> Self {
        let Some(first) = self.frames.first() else {
            return self;
        };
        let (index, opcode, like) = (first.index, first.opcode, first.header.clone());
        let whole: Vec<u8> = self.frames.iter().flat_map(KeptFrame::plain).collect();
        let mut all = Self::default();
        let count = usize::try_from(pieces.count).unwrap_or(1).max(1);
        let (least, longer) = (whole.len() / count, whole.len() % count);
        let mut rest = &whole[..];
        for piece in 0..count {
            let (payload, behind) = rest.split_at(least + usize::from(piece < longer));
            rest = behind;
            let is_first = piece == 0;
            let header = FrameHeader {
                is_final: piece + 1 == count,
                rsv1: is_first && like.rsv1,
                rsv2: is_first && like.rsv2,
                rsv3: is_first && like.rsv3,
                opcode: if is_first {
                    like.opcode
                } else {
                    OpCode::Data(Data::Continue)
                },
                mask: like.mask.map(|_| mask(index + piece as u64)),
            };
            let opcode = if is_first {
                opcode
            } else {
                Opcode::Continuation
            };
            let is_last = header.is_final;
            let ping = FrameHeader {
                is_final: true,
                opcode: OpCode::Control(Control::Ping),
                mask: header.mask,
                ..FrameHeader::default()
            };
            all.add(index, opcode, header, payload, false);
            if pieces.ping && !is_last {
                all.add(index, Opcode::Ping, ping, &[], true);
            }
        }
        all
    }

    fn add(
        &mut self,
        index: u64,
        opcode: Opcode,
        header: FrameHeader,
        payload: &[u8],
        is_own: bool,
    ) {
        let length = payload.len() as u64;
        let mut masked = BytesMut::from(payload);
        mask_with(&mut masked, header.mask.unwrap_or_default(), 0);
        self.length += length + KEPT_COST;
        self.frames.push(KeptFrame {
            index,
            opcode,
            raw: header_bytes(&header, length),
            header,
            length,
            payload: masked,
            is_own,
        });
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
    /// Its payload, not masked.
    fn plain(&self) -> Vec<u8> {
        let mut payload = self.payload.to_vec();
        mask_with(&mut payload, self.header.mask.unwrap_or_default(), 0);
        payload
    }

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
            is_own: self.is_own,
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
