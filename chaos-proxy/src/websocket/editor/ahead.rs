//! A message that is looked into before it goes on: what it says decides what
//! becomes of it.
//!
//! It is kept back, with what comes behind its beginning, until it is whole. What
//! is too long for that is of no pattern, and goes on.

use super::kept::{KEPT_COST, LONGEST, mask_with};
use super::{Editor, Phase, Powerless, Step};
use crate::pattern::LONGEST_MESSAGE;
use crate::websocket::frame_rule::{FrameEdit, FrameRuleId};
use crate::websocket::{Frame, Opcode, Seen};

/// What a message says, as far as anybody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Nobody asks, or it cannot be known.
    Unasked,
    /// More of it is to come.
    Incomplete,
    /// It is too long to be looked into.
    TooLong,
    /// This.
    Text(Vec<u8>),
}

impl Editor {
    /// What the message says that begins with this frame, of which nothing has
    /// gone on.
    pub(super) fn read_ahead(&self, frame: &Frame) -> Said {
        if !self.is_asked_about(frame) {
            return Said::Unasked;
        }
        let behind = self.seen.iter().filter_map(|seen| match seen {
            Seen::Frame(next) if next.opcode == Opcode::Continuation => Some(next),
            _ => None,
        });
        let (mut fragments, mut length, mut cost) = (Vec::new(), 0, 0);
        for fragment in std::iter::once(frame).chain(behind) {
            length += fragment.end - fragment.payload;
            cost += fragment.end - fragment.payload + KEPT_COST;
            if length > LONGEST_MESSAGE as u64 || cost > LONGEST {
                return Said::TooLong;
            }
            fragments.push(fragment);
            if fragment.header.is_final {
                return self.read(&fragments);
            }
        }
        Said::Incomplete
    }

    /// Whether messages are looked into, and one is being kept back for that.
    pub(super) fn looks_ahead(&self) -> bool {
        let next = self.seen.front();
        self.phase == Phase::Frames && matches!(next, Some(Seen::Frame(_)))
    }

    /// Whether the message is one that the rule means by what it says; of rules
    /// that do not ask, every one is.
    pub(super) fn is_said(
        &mut self,
        id: FrameRuleId,
        task: &FrameEdit,
        said: &Said,
        step: &mut dyn FnMut(Step),
    ) -> bool {
        let Some(pattern) = task.pattern() else {
            return true;
        };
        match said {
            Said::Text(text) => pattern.is_in(text),
            Said::TooLong => {
                self.emit_powerless(id, Powerless::Unread, step);
                false
            }
            Said::Unasked if self.is_compressed => {
                self.emit_powerless(id, Powerless::Compressed, step);
                false
            }
            Said::Unasked | Said::Incomplete => false,
        }
    }

    /// A message goes on that these wait for.
    pub(super) fn tell_heard(&self, ids: &[FrameRuleId], step: &mut dyn FnMut(Step)) {
        let end = self.output.offset();
        for rule in &self.edits.orders {
            if ids.contains(&rule.id) && matches!(rule.task, FrameEdit::Hear(_)) {
                step(Step::Heard { id: rule.id, end });
            }
        }
    }

    fn is_asked_about(&self, frame: &Frame) -> bool {
        let begins = !frame.opcode.is_control() && frame.opcode != Opcode::Continuation;
        let asks = |task: &FrameEdit| {
            let is_meant = task.opcodes().is_some_and(|kind| kind.covers(frame.opcode));
            is_meant && task.pattern().is_some()
        };
        let mut orders = self.edits.orders.iter();
        let is_readable = !self.is_compressed && self.cursor == frame.start;
        begins && is_readable && orders.any(|rule| asks(&rule.task))
    }

    /// All of these, if all has come.
    fn read(&self, fragments: &[&Frame]) -> Said {
        let mut text = Vec::new();
        for fragment in fragments {
            let place = |offset: u64| usize::try_from(offset - self.cursor).unwrap_or(usize::MAX);
            let (from, to) = (place(fragment.payload), place(fragment.end));
            let Some(payload) = self.input.get(from..to) else {
                return Said::Incomplete;
            };
            let begin = text.len();
            text.extend_from_slice(payload);
            if let Some(mask) = fragment.header.mask {
                mask_with(&mut text[begin..], mask, 0);
            }
        }
        Said::Text(text)
    }
}
