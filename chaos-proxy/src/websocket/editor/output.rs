//! What the editor lets go on, gathered into as few pieces as may be.

use bytes::{Bytes, BytesMut};

use super::{Late, Step};
use crate::websocket::Opcode;

/// The edited stream.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Bytes that are still to be told.
    run: BytesMut,
    /// How late they go.
    late: Option<Late>,
    /// Bytes of the edited stream so far.
    offset: u64,
}

/// A frame, as it stands in the edited stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) index: u64,
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) header: usize,
    pub(super) payload: u64,
    /// Whether the proxy has made it.
    pub(super) is_own: bool,
}

impl Output {
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Lets bytes go on in the order of the calls.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.run.extend_from_slice(bytes);
        self.offset += bytes.len() as u64;
    }

    /// Lets a whole piece go on as it is, without a copy.
    pub(super) fn pass_whole(&mut self, bytes: Bytes, step: &mut dyn FnMut(Step)) {
        self.flush(step);
        self.offset += bytes.len() as u64;
        step(Step::Pass(bytes, self.late));
    }

    /// From here on bytes go so late.
    pub(super) fn delay(&mut self, late: Option<Late>, step: &mut dyn FnMut(Step)) {
        if late != self.late {
            self.flush(step);
            self.late = late;
        }
    }

    /// Tells of a frame, of whose header `passed` bytes have gone on already.
    pub(super) fn place(&self, frame: &Placed, passed: u64, step: &mut dyn FnMut(Step)) {
        let start = self.offset - passed;
        step(Step::Frame {
            index: frame.index,
            opcode: frame.opcode,
            is_final: frame.is_final,
            is_own: frame.is_own,
            start,
            end: start
                .saturating_add(frame.header as u64)
                .saturating_add(frame.payload),
        });
    }

    /// Tells the bytes gathered so far.
    pub(super) fn flush(&mut self, step: &mut dyn FnMut(Step)) {
        if !self.run.is_empty() {
            step(Step::Pass(self.run.split().freeze(), self.late));
        }
    }
}
