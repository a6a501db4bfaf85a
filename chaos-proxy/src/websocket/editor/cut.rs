//! The end inside a frame (RFC 6455 §5.2).

use tungstenite::protocol::frame::FrameHeader;

use super::ahead::Said;
use super::kept::header_bytes;
use super::output::Placed;
use super::{Current, Editor, Phase, Sink, Step};
use crate::fault::Part;
use crate::websocket::Frame;
use crate::websocket::frame_rule::{FrameEdit, FrameRuleId};

/// The value of a header's seven bits of length that says that 16 bits follow.
const LENGTH_16: u8 = 126;

impl Editor {
    /// Counts the frame for every cut; the cut that strikes it, if one does.
    pub(super) fn cut_for(
        &mut self,
        frame: &Frame,
        said: &Said,
        step: &mut dyn FnMut(Step),
    ) -> Option<(FrameRuleId, Part)> {
        let mut struck = None;
        for position in 0..self.edits.orders.len() {
            let rule = &self.edits.orders[position];
            let (id, task) = (rule.id, rule.task.clone());
            let FrameEdit::Cut(cut) = &task else {
                continue;
            };
            if !cut.opcodes.covers(frame.opcode) || !self.is_said(id, &task, said, step) {
                continue;
            }
            let count = self.counts.entry(id).or_default();
            *count += 1;
            if *count == cut.number && struck.is_none() {
                struck = Some((id, cut.part));
            }
        }
        struck
    }

    /// Lets as much of a frame go on as comes before the cut.
    pub(super) fn begin_cut(
        &mut self,
        frame: &Frame,
        id: FrameRuleId,
        part: Part,
        step: &mut dyn FnMut(Step),
    ) {
        // What was kept back comes before the cut, where that is possible.
        for waiting in &mut self.waiting {
            waiting.is_due = true;
        }
        self.release_due(step);
        for kept in std::mem::take(&mut self.building) {
            self.emit(&kept, None, step);
        }
        let (head, payload) = beginning(frame, part);
        let placed = Placed {
            is_final: false,
            ..Placed::of(frame, head.len())
        };
        self.output.place(&placed, 0, step);
        self.output.pass(&head);
        step(Step::Acted {
            id,
            index: frame.index,
            opcode: frame.opcode,
        });
        self.current = Current {
            sink: Sink::CutAfter(payload, id),
            ..Current::passing(frame, super::MessageEdits::default())
        };
        if payload == 0 {
            self.end_with_cut(id, step);
        }
    }

    pub(super) fn pass_until_cut(
        &mut self,
        bytes: &[u8],
        left: u64,
        id: FrameRuleId,
        step: &mut dyn FnMut(Step),
    ) {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.output.pass(&bytes[..now]);
        let left = left - now as u64;
        self.current.sink = Sink::CutAfter(left, id);
        if left == 0 {
            self.end_with_cut(id, step);
        }
    }

    fn end_with_cut(&mut self, id: FrameRuleId, step: &mut dyn FnMut(Step)) {
        self.output.flush(step);
        step(Step::Cut { id });
        self.phase = Phase::Over;
    }
}

/// What is sent of a frame's header, and how many bytes of its payload. A part
/// that the frame has not is made up: its receiver cannot know.
fn beginning(frame: &Frame, part: Part) -> (Vec<u8>, u64) {
    let length = frame.end - frame.payload;
    match part {
        Part::Header => (header_bytes(&frame.header, length)[..1].to_vec(), 0),
        Part::Length => {
            let mut bytes = header_bytes(&frame.header, length);
            bytes.truncate(3);
            if length < u64::from(LENGTH_16) {
                bytes.truncate(2);
                bytes[1] = (bytes[1] & 0x80) | LENGTH_16;
                bytes.push(0);
            }
            (bytes, 0)
        }
        Part::Payload => (
            header_bytes(&frame.header, length.max(2)),
            (length / 2).max(1).min(length),
        ),
        Part::Between if frame.opcode.is_control() || !frame.header.is_final => {
            (header_bytes(&frame.header, length), length)
        }
        Part::Between => {
            let first = FrameHeader {
                is_final: false,
                ..frame.header.clone()
            };
            let half = length.div_ceil(2);
            (header_bytes(&first, half), half)
        }
    }
}
