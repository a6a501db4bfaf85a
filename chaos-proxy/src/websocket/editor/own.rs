//! Messages of the proxy's own: between two others, or in place of one.

use std::sync::Arc;

use environment::Direction;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::kept::{header_bytes, mask_with};
use super::message_edits::MessageEdits;
use super::output::Placed;
use super::{Editor, Step};
use crate::fault::SendMessage;
use crate::websocket::frame_rule::{FrameEdit, FrameRuleId};
use crate::websocket::{Frame, Opcode};

impl Editor {
    /// What comes in place of the message that begins with this frame, if anything
    /// does.
    pub(super) fn replace(
        &mut self,
        frame: &Frame,
        edits: &MessageEdits,
        step: &mut dyn FnMut(Step),
    ) {
        let Some((id, content)) = edits.replacement.as_ref().filter(|_| !edits.is_dropped) else {
            return;
        };
        if frame.opcode == Opcode::Continuation {
            return;
        }
        let opcode = match frame.opcode {
            control if control.is_control() => control,
            _ => content.opcode(),
        };
        self.output.delay(edits.late, step);
        self.emit_own(*id, opcode, content.bytes(), step);
    }

    /// Sends the messages whose turn it is.
    pub(super) fn send_if_asked(&mut self, step: &mut dyn FnMut(Step)) {
        if !self.is_open || !self.is_at_boundary() {
            return;
        }
        while let Some((id, send)) = self.due_message() {
            self.sent.insert(id);
            self.emit_own(id, send.opcode, send.content.bytes(), step);
            step(Step::Acted {
                id,
                index: self.last,
                opcode: send.opcode,
            });
        }
    }

    /// A message of data goes between two others; a control frame between any two
    /// frames.
    fn due_message(&self) -> Option<(FrameRuleId, Arc<SendMessage>)> {
        let is_between = self.message.is_none();
        self.edits.orders.iter().find_map(|rule| {
            let FrameEdit::Send(send) = &rule.task else {
                return None;
            };
            let count = self.counts.get(&rule.id).copied().unwrap_or(0);
            let is_due = count >= send.frame && !self.sent.contains(&rule.id);
            let may_go = is_between || send.opcode.is_control();
            (is_due && may_go).then(|| (rule.id, Arc::clone(send)))
        })
    }

    /// A frame of the proxy's own, which is its whole message.
    fn emit_own(
        &mut self,
        id: FrameRuleId,
        opcode: Opcode,
        payload: &[u8],
        step: &mut dyn FnMut(Step),
    ) {
        let is_masked = self.name.direction == Direction::Upstream;
        let mask = is_masked.then(|| self.mask(id, self.last + 1));
        let header = FrameHeader {
            is_final: true,
            opcode: code(opcode),
            mask,
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        let raw = header_bytes(&header, length);
        let mut payload = payload.to_vec();
        mask_with(&mut payload, mask.unwrap_or_default(), 0);
        let placed = Placed {
            index: self.last,
            opcode,
            is_final: true,
            header: raw.len(),
            payload: length,
            is_own: true,
        };
        self.output.place(&placed, 0, step);
        self.output.pass(&raw);
        self.output.pass(&payload);
    }
}

fn code(opcode: Opcode) -> OpCode {
    match opcode {
        Opcode::Text => OpCode::Data(Data::Text),
        Opcode::Binary => OpCode::Data(Data::Binary),
        Opcode::Continuation => OpCode::Data(Data::Continue),
        Opcode::Ping => OpCode::Control(Control::Ping),
        Opcode::Pong => OpCode::Control(Control::Pong),
        Opcode::Close => OpCode::Control(Control::Close),
    }
}
