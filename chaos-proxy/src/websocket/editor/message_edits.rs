//! What becomes of a message: every rule that is about it has its say.

use std::sync::Arc;

use super::ahead::Said;
use super::{Editor, Late, Powerless, Step};
use crate::fault::{Content, Illegal, Opcodes};
use crate::websocket::frame_rule::{FrameEdit, FrameRuleId, Pieces};
use crate::websocket::{Frame, Opcode};

/// What becomes of a message, and of every fragment of it.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageEdits {
    pub(super) is_dropped: bool,
    pub(super) duplicate: Option<FrameRuleId>,
    pub(super) reorder: Option<FrameRuleId>,
    pub(super) late: Option<Late>,
    /// Comes in its place.
    pub(super) replacement: Option<(FrameRuleId, Arc<Content>)>,
    /// It goes on in pieces.
    pub(super) fragments: Option<(FrameRuleId, Pieces)>,
    /// Done to the first frame alone.
    pub(super) damage: Option<(FrameRuleId, Illegal)>,
    /// Who waits for a message that says what this one says.
    pub(super) heard_by: Vec<FrameRuleId>,
}

impl MessageEdits {
    /// Whether it must be there as a whole before it goes on.
    pub(super) fn is_kept(&self) -> bool {
        let needs_all =
            self.duplicate.is_some() || self.reorder.is_some() || self.fragments.is_some();
        !self.is_gone() && needs_all
    }

    /// Whether nothing of it goes on.
    pub(super) fn is_gone(&self) -> bool {
        self.is_dropped || self.replacement.is_some()
    }

    /// Whether nothing is done to it.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_gone() && !self.is_kept() && self.late.is_none() && self.damage.is_none()
    }

    /// It goes on without waiting to be whole.
    pub(super) fn give_up_keeping(&mut self) -> impl Iterator<Item = FrameRuleId> + use<> {
        let (duplicate, reorder) = (self.duplicate.take(), self.reorder.take());
        let fragments = self.fragments.take().map(|(id, _)| id);
        duplicate.into_iter().chain(reorder).chain(fragments)
    }

    /// Who wants it to be whole before it goes on.
    pub(super) fn kept_by(&self) -> impl Iterator<Item = FrameRuleId> + use<> {
        let fragments = self.fragments.map(|(id, _)| id);
        self.duplicate
            .into_iter()
            .chain(self.reorder)
            .chain(fragments)
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
            let only_counts = matches!(
                task,
                FrameEdit::Hear(_) | FrameEdit::Close(..) | FrameEdit::Send(_)
            );
            if only_counts {
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
            let is_kept = matches!(
                task,
                FrameEdit::Duplicate(_) | FrameEdit::Reorder(_) | FrameEdit::Fragment(..)
            );
            if !is_kept {
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
    // Cuts have their say before, and what asks for no message waits for any.
    let is_elsewhere = match task {
        FrameEdit::Cut(_) | FrameEdit::Reply | FrameEdit::Close(_, _, None) => true,
        FrameEdit::Send(send) => send.message.is_none(),
        _ => false,
    };
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
        FrameEdit::Replace(_, content) => edits.replacement = Some((id, Arc::clone(content))),
        FrameEdit::Fragment(_, pieces) => edits.fragments = Some((id, *pieces)),
        FrameEdit::Send(_)
        | FrameEdit::Delay(..)
        | FrameEdit::Reply
        | FrameEdit::Close(..)
        | FrameEdit::Cut(_)
        | FrameEdit::Hear(_) => {}
    }
}
