//! Frames and messages: begun, passed or kept, and ended.

use bytes::{Bytes, BytesMut};
use environment::{Key, Realm};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

use super::ahead::Said;
use super::kept::{KEPT_COST, Kept, LONGEST, header_bytes, mask_with};
use super::message_edits::{MessageEdits, emit_acted};
use super::output::Placed;
use super::{Change, Current, Editor, Powerless, Sink, Step, Waiting};
use crate::fault::Illegal;
use crate::websocket::frame_rule::FrameRuleId;
use crate::websocket::{Frame, Opcode};

impl Editor {
    /// A frame's header is complete.
    pub(super) fn begin_frame(&mut self, frame: &Frame, said: &Said, step: &mut dyn FnMut(Step)) {
        self.last = frame.index;
        let passed = self.cursor - frame.start;
        let header = self.take(frame.payload);
        if passed > 0 {
            // It began before there was a rule.
            let whole = usize::try_from(frame.payload - frame.start).unwrap_or(usize::MAX);
            let placed = Placed::of(frame, whole);
            self.output.place(&placed, passed, step);
            self.output.pass(&header);
            let edits = self.edits_of_fragment(frame);
            self.current = Current::passing(frame, edits);
            return;
        }
        if let Some((id, part)) = self.cut_for(frame, said, step) {
            return self.begin_cut(frame, id, part, step);
        }
        if frame.opcode == Opcode::Close {
            self.end_waiting(step);
        }
        if !frame.opcode.is_control() && frame.opcode != Opcode::Continuation {
            // A message that never ended; the peers' affair.
            let begun = std::mem::take(&mut self.building[0]);
            self.emit(&begun, None, step);
        }
        let edits = if frame.opcode == Opcode::Continuation {
            self.edits_of_fragment(frame)
        } else {
            self.edits_of(frame, said, step)
        };
        self.begin_edited(frame, &header, edits, step);
    }

    pub(super) fn edits_of_fragment(&self, frame: &Frame) -> MessageEdits {
        let known = self.message.clone();
        let edits = known.filter(|_| frame.opcode == Opcode::Continuation);
        MessageEdits {
            damage: None,
            ..edits.unwrap_or_default()
        }
    }

    /// `raw`: the header as it came.
    pub(super) fn begin_edited(
        &mut self,
        frame: &Frame,
        raw: &[u8],
        mut edits: MessageEdits,
        step: &mut dyn FnMut(Step),
    ) {
        let slot = usize::from(frame.opcode.is_control());
        let length = frame.end - frame.payload;
        let (header, change) = self.damaged(frame, &edits);
        // What no rule touches goes on as it came, however it was written.
        let raw = match edits.damage {
            Some(_) => header_bytes(&header, length),
            None => raw.to_vec(),
        };
        if edits.is_kept() && self.kept_length() + length + KEPT_COST > LONGEST {
            for id in edits.give_up_keeping() {
                self.emit_powerless(id, Powerless::TooLong, step);
            }
            let begun = std::mem::take(&mut self.building[slot]);
            self.emit(&begun, None, step);
        }
        let sink = if edits.is_gone() {
            self.replace(frame, &edits, step);
            Sink::Drop
        } else if edits.is_kept() {
            if frame.opcode != Opcode::Continuation {
                edits.kept_by().for_each(|id| emit_acted(id, frame, step));
            }
            self.building[slot].begin(frame, header, raw, length);
            Sink::Keep
        } else {
            self.output.delay(edits.late, step);
            self.output.place(&Placed::of(frame, raw.len()), 0, step);
            self.output.pass(&raw);
            Sink::Pass
        };
        self.current = Current {
            sink,
            change,
            ..Current::passing(frame, edits)
        };
    }

    /// The frame's header as it is to go on, and what is done to its payload.
    pub(super) fn damaged(&self, frame: &Frame, edits: &MessageEdits) -> (FrameHeader, Change) {
        let mut header = frame.header.clone();
        let Some((id, kind)) = edits.damage else {
            return (header, Change::None);
        };
        let mut change = Change::None;
        match kind {
            Illegal::Opcode => header.opcode = OpCode::from(reserved(frame.opcode)),
            Illegal::Reserved => header.rsv2 = true,
            Illegal::Utf8 => change = Change::First(0xff ^ header.mask.map_or(0, |mask| mask[0])),
            Illegal::Mask => {
                let mask = header.mask.unwrap_or_else(|| self.mask(id, frame.index));
                header.mask = header.mask.xor(Some(mask));
                change = Change::Mask(mask);
            }
        }
        (header, change)
    }

    /// A mask of the proxy's own for this frame.
    pub(super) fn mask(&self, id: FrameRuleId, index: u64) -> [u8; 4] {
        let mut orders = self.edits.orders.iter();
        let rule = orders.find(|rule| rule.id == id);
        let name = &self.name;
        let key = Key::new(Realm::Proxy, "mask", rule.map_or("", |rule| &rule.rule))
            .client(&name.client)
            .attempt(name.attempt)
            .direction(name.direction)
            .index(index);
        let [a, b, c, d, ..] = name.seed.draw(&key).bits().to_le_bytes();
        [a, b, c, d]
    }

    /// Moves payload of the present frame to where it goes.
    pub(super) fn pass_payload(&mut self, step: &mut dyn FnMut(Step)) {
        if self.cursor >= self.current.until || self.input.is_empty() {
            return;
        }
        let bytes = self.take(self.current.until);
        let position = self.current.position;
        self.current.position += bytes.len() as u64;
        let bytes = changed(bytes, self.current.change, position);
        match self.current.sink {
            Sink::Pass => self.output.pass(&bytes),
            Sink::Drop => {}
            Sink::Keep => self.building[usize::from(self.current.is_control)].push(&bytes),
            Sink::CutAfter(left, id) => self.pass_until_cut(&bytes, left, id, step),
        }
    }

    /// The present frame has come to its end.
    pub(super) fn end_frame(&mut self, step: &mut dyn FnMut(Step)) {
        if !std::mem::take(&mut self.current.is_open) {
            return;
        }
        let edits = std::mem::take(&mut self.current.edits);
        let is_over = self.current.is_control || self.current.is_final;
        if !self.current.is_control && is_over {
            self.count_message(&edits);
        }
        if !self.current.is_control {
            self.message = (!is_over).then(|| edits.clone());
        }
        if !is_over {
            return;
        }
        self.output.delay(None, step);
        if self.current.sink == Sink::Keep {
            let kept = std::mem::take(&mut self.building[usize::from(self.current.is_control)]);
            self.finish_kept(kept, &edits, step);
        } else if self.current.sink == Sink::Pass {
            self.tell_heard(&edits.heard_by, step);
        }
        self.release_due(step);
    }

    /// Payload of all messages that are kept back, as announced.
    fn kept_length(&self) -> u64 {
        let waiting = self.waiting.iter().map(|waiting| &waiting.kept);
        let kept = self.building.iter().chain(waiting);
        kept.map(|kept| kept.length).sum()
    }

    pub(super) fn finish_kept(
        &mut self,
        kept: Kept,
        edits: &MessageEdits,
        step: &mut dyn FnMut(Step),
    ) {
        let is_asked = |id: &FrameRuleId| self.edits.orders.iter().any(|rule| rule.id == *id);
        let kept = match edits.fragments.filter(|(id, _)| is_asked(id)) {
            Some((id, pieces)) => kept.in_pieces(pieces, &|index| self.mask(id, index)),
            None => kept,
        };
        let waiting = Waiting {
            id: edits
                .reorder
                .or(edits.duplicate)
                .unwrap_or(FrameRuleId::NONE),
            kept,
            duplicate: edits.duplicate.filter(is_asked),
            heard_by: edits.heard_by.clone(),
            is_due: false,
        };
        match edits.reorder.filter(is_asked) {
            Some(_) => self.waiting.push(waiting),
            None => {
                self.output.delay(edits.late, step);
                self.emit_waiting(&waiting, step);
                self.output.delay(None, step);
            }
        }
    }

    /// What waited for another message goes on behind it, where that is possible.
    pub(super) fn release_due(&mut self, step: &mut dyn FnMut(Step)) {
        let is_between = self.message.is_none();
        let may_go =
            |waiting: &Waiting| waiting.is_due && (is_between || waiting.kept.is_control());
        let (due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(may_go);
        self.waiting = waiting;
        for waiting in &due {
            self.emit_waiting(waiting, step);
        }
    }

    /// Everything that is kept goes on, in the order in which it came.
    pub(super) fn release_all(&mut self, step: &mut dyn FnMut(Step)) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.emit_waiting(&waiting, step);
        }
        for kept in std::mem::take(&mut self.building) {
            self.emit(&kept, None, step);
        }
    }

    /// What waits need wait no longer.
    pub(super) fn end_waiting(&mut self, step: &mut dyn FnMut(Step)) {
        for waiting in &mut self.waiting {
            waiting.is_due = true;
        }
        self.release_due(step);
    }

    pub(super) fn emit_waiting(&mut self, waiting: &Waiting, step: &mut dyn FnMut(Step)) {
        self.emit(&waiting.kept, None, step);
        self.tell_heard(&waiting.heard_by, step);
        if let Some(id) = waiting.duplicate {
            self.emit(&waiting.kept, Some(id), step);
        }
    }

    /// Lets a kept message go on; a copy, with masks of its own.
    pub(super) fn emit(
        &mut self,
        kept: &Kept,
        copy: Option<FrameRuleId>,
        step: &mut dyn FnMut(Step),
    ) {
        let mask = |index: u64| self.mask(copy.unwrap_or(FrameRuleId::NONE), index);
        let fresh = copy.map(|_| &mask as &dyn Fn(u64) -> [u8; 4]);
        let frames: Vec<_> = kept.wire(fresh).collect();
        for (placed, bytes) in frames {
            self.output.place(&placed, 0, step);
            self.output.pass(&bytes);
        }
    }
}

/// A reserved opcode (RFC 6455 §5.2) of the same class.
fn reserved(opcode: Opcode) -> u8 {
    if opcode.is_control() { 0xb } else { 0x3 }
}

fn changed(bytes: Bytes, change: Change, position: u64) -> Bytes {
    let mut bytes = match change {
        Change::None => return bytes,
        Change::First(_) if position > 0 => return bytes,
        Change::Mask(_) | Change::First(_) => BytesMut::from(&bytes[..]),
    };
    match change {
        Change::Mask(mask) => mask_with(&mut bytes, mask, position),
        Change::First(byte) => bytes[0] = byte,
        Change::None => {}
    }
    bytes.freeze()
}
