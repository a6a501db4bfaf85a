//! What becomes of a message: every rule that is about it has its say.

use super::ahead::Said;
use super::{Editor, Late, Powerless, Step};
use crate::fault::{Illegal, Opcodes};
use crate::websocket::frame_rule::{FrameEdit, FrameRuleId};
use crate::websocket::{Frame, Opcode};

/// What becomes of a message, and of every fragment of it.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageEdits {
    pub(super) is_dropped: bool,
    pub(super) duplicate: Option<FrameRuleId>,
    pub(super) reorder: Option<FrameRuleId>,
    pub(super) late: Option<Late>,
    /// Done to the first frame alone.
    pub(super) damage: Option<(FrameRuleId, Illegal)>,
    /// Who waits for a message that says what this one says.
    pub(super) heard_by: Vec<FrameRuleId>,
}

impl MessageEdits {
    /// Whether it must be there as a whole before it goes on.
    pub(super) fn is_kept(&self) -> bool {
        !self.is_dropped && (self.duplicate.is_some() || self.reorder.is_some())
    }

    /// Whether nothing is done to it.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_dropped && !self.is_kept() && self.late.is_none() && self.damage.is_none()
    }

    /// It goes on without waiting to be whole.
    pub(super) fn give_up_keeping(&mut self) -> impl Iterator<Item = FrameRuleId> + use<> {
        let (duplicate, reorder) = (self.duplicate.take(), self.reorder.take());
        duplicate.into_iter().chain(reorder)
    }
}

impl Editor {
    /// Decides about the message that begins with this frame.
    pub(super) fn edits_of(
        &mut self,
        frame: &Frame,
        said: &Said,
        step: &mut dyn FnMut(Step),
    ) -> MessageEdits {
        let mut edits = MessageEdits::default();
        for position in 0..self.edits.orders.len() {
            let rule = &self.edits.orders[position];
            let (id, task) = (rule.id, rule.task.clone());
            if !is_about(&task, frame) {
                continue;
            }
            let is_partner = self.let_follow(id);
            if !self.is_said(id, &task, said, step) {
                continue;
            }
            if matches!(task, FrameEdit::Hear(_) | FrameEdit::Close(..)) {
                edits.heard_by.push(id);
                continue;
            }
            if !self.is_its_turn(id, &task) {
                continue;
            }
            if self.is_compressed && !frame.opcode.is_control() && task.breaks_compression() {
                self.emit_powerless(id, Powerless::Compressed, step);
                continue;
            }
            if is_partner {
                continue;
            }
            add(&mut edits, id, &task);
            // A message may turn out to be too long to be kept.
            if !matches!(task, FrameEdit::Duplicate(_) | FrameEdit::Reorder(_)) {
                emit_acted(id, frame, step);
            }
        }
        edits
    }

    /// Counts the message for this rule; whether it is one of those meant.
    fn is_its_turn(&mut self, id: FrameRuleId, task: &FrameEdit) -> bool {
        let count = self.counts.entry(id).or_default();
        *count += 1;
        task.frames()
            .is_some_and(|frames| frames.index.contains(*count))
    }

    /// Whether a message waits for one like this to pass; it follows it.
    fn let_follow(&mut self, id: FrameRuleId) -> bool {
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.id == id);
        waiting.map(|waiting| waiting.is_due = true).is_some()
    }

    pub(super) fn emit_powerless(
        &mut self,
        id: FrameRuleId,
        why: Powerless,
        step: &mut dyn FnMut(Step),
    ) {
        if self.powerless.insert(id) {
            step(Step::Powerless { id, why });
        }
    }
}

pub(super) fn emit_acted(id: FrameRuleId, frame: &Frame, step: &mut dyn FnMut(Step)) {
    step(Step::Acted {
        id,
        index: frame.index,
        opcode: frame.opcode,
    });
}

fn is_about(task: &FrameEdit, frame: &Frame) -> bool {
    let is_possible = match task {
        FrameEdit::Damage(_, Illegal::Utf8) => {
            frame.opcode == Opcode::Text && frame.end > frame.payload
        }
        _ => true,
    };
    let is_one_of = |opcodes: Opcodes| opcodes.covers(frame.opcode);
    // Cuts have their say before, and a close that asks for no message waits for any.
    let is_elsewhere = matches!(
        task,
        FrameEdit::Cut(_) | FrameEdit::Reply | FrameEdit::Close(_, _, None)
    );
    is_possible && !is_elsewhere && task.opcodes().is_some_and(is_one_of)
}

fn add(edits: &mut MessageEdits, id: FrameRuleId, task: &FrameEdit) {
    match task {
        FrameEdit::Drop(_) => edits.is_dropped = true,
        FrameEdit::Duplicate(_) => edits.duplicate = Some(id),
        FrameEdit::Reorder(_) => edits.reorder = Some(id),
        // Of several, the longest: the others have passed by then.
        FrameEdit::Delay(_, delay) if edits.late.is_none_or(|late| late.delay < *delay) => {
            edits.late = Some(Late { id, delay: *delay });
        }
        FrameEdit::Damage(_, kind) => edits.damage = Some((id, *kind)),
        FrameEdit::Delay(..)
        | FrameEdit::Reply
        | FrameEdit::Close(..)
        | FrameEdit::Cut(_)
        | FrameEdit::Hear(_) => {}
    }
}
