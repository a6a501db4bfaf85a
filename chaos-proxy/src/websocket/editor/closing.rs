//! The close frame of the proxy's own, at the next boundary.

use environment::Direction;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use super::kept::{header_bytes, mask_with};
use super::message_edits::MessageEdits;
use super::{Editor, Phase, Step};
use crate::websocket::Opcode;
use crate::websocket::frame_rule::FrameEdit;

impl Editor {
    /// Whether nothing of the next frame has gone on.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.phase == Phase::Frames && self.cursor == self.current.until
    }

    /// A message of data has gone by.
    pub(super) fn count_message(&mut self, edits: &MessageEdits) {
        for rule in &self.edits.orders {
            let is_counted = match &rule.task {
                FrameEdit::Close(_, _, None) => true,
                FrameEdit::Send(send) if send.message.is_none() => true,
                FrameEdit::Close(..) | FrameEdit::Send(_) => edits.heard_by.contains(&rule.id),
                _ => false,
            };
            if is_counted {
                *self.counts.entry(rule.id).or_default() += 1;
            }
        }
    }

    /// Ends the stream with a close frame, if a rule says so and it can be.
    pub(super) fn close_if_asked(&mut self, step: &mut dyn FnMut(Step)) {
        if !self.is_open || !self.is_at_boundary() {
            return;
        }
        let close = self.edits.orders.iter().find_map(|rule| match &rule.task {
            FrameEdit::Close(payload, behind, _) => {
                let count = self.counts.get(&rule.id).copied().unwrap_or(0);
                (count >= *behind).then(|| (rule.id, payload.clone()))
            }
            _ => None,
        });
        let Some((id, mut payload)) = close else {
            return;
        };
        self.end_waiting(step);
        let is_masked = self.name.direction == Direction::Upstream;
        let mask = is_masked.then(|| self.mask(id, self.last + 1));
        let header = FrameHeader {
            mask,
            opcode: OpCode::Control(Control::Close),
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        mask_with(&mut payload, mask.unwrap_or_default(), 0);
        self.output.pass(&header_bytes(&header, length));
        self.output.pass(&payload);
        self.output.flush(step);
        step(Step::Acted {
            id,
            index: self.last,
            opcode: Opcode::Close,
        });
        step(Step::Finish);
        self.phase = Phase::Over;
    }
}
