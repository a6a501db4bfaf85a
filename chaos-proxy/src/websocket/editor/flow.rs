//! From bytes to heads, frames and the rest: how far what has come can be dealt
//! with.

use bytes::Bytes;
use environment::Direction;

use super::ahead::Said;
use super::message_edits::MessageEdits;
use super::{Answered, Current, Editor, Phase, Powerless, Step};
use crate::websocket::frame_rule::{FrameEdit, FrameRuleId};
use crate::websocket::head::{Head, without_extensions};
use crate::websocket::{Opcode, Seen};

impl Editor {
    /// Whether nothing can be about these bytes but to watch them.
    pub(super) fn passes_all(&self) -> bool {
        self.edits.orders.is_empty()
            && !self.is_hushed
            && self.input.is_empty()
            && self.waiting.is_empty()
            && self.message.as_ref().is_none_or(MessageEdits::is_plain)
            && !self.holds_head()
            && self.current.is_plain()
    }

    /// Whether something may be done to a head: to a request alone.
    pub(super) fn holds_head(&self) -> bool {
        let is_request = self.name.direction == Direction::Upstream;
        let wants =
            self.edits.asks || self.edits.refuses_extensions || self.reply_order().is_some();
        matches!(self.phase, Phase::Head { .. }) && is_request && wants
    }

    /// Whether what has come of a head may still become an upgrade.
    fn may_be_upgrade(&self) -> bool {
        self.input
            .iter()
            .zip(b"GET ")
            .all(|(one, other)| one == other)
    }

    /// The short way of [`Editor::advance`].
    pub(super) fn pass_all(&mut self, bytes: Bytes, step: &mut dyn FnMut(Step)) {
        let shift = self.output.offset().wrapping_sub(self.cursor);
        self.cursor += bytes.len() as u64;
        for seen in std::mem::take(&mut self.seen) {
            match seen {
                // Nothing more is to be seen.
                _ if self.phase == Phase::Raw => {}
                Seen::Head { head, .. } if !self.expects(&head) => self.become_raw(step),
                Seen::HeadBegins { at } => self.begin_head(at),
                Seen::Head { head, end } => {
                    self.phase = after(&head);
                    self.current = Current::boundary(end);
                    self.emit_head(head, end.wrapping_add(shift), step);
                }
                Seen::Frame(frame) => {
                    self.last = frame.index;
                    self.current = Current::passing(&frame, MessageEdits::default());
                    self.current.is_open = frame.end > self.cursor;
                    if !frame.opcode.is_control() {
                        self.message = (!frame.header.is_final).then(MessageEdits::default);
                    }
                    let start = frame.start.wrapping_add(shift);
                    step(Step::Frame {
                        index: frame.index,
                        opcode: frame.opcode,
                        is_final: frame.header.is_final,
                        is_own: false,
                        start,
                        // Its header may announce more than any stream has.
                        end: start.saturating_add(frame.end - frame.start),
                    });
                }
                Seen::Close { code } => step(Step::Closing { code }),
                Seen::Raw => self.become_raw(step),
            }
        }
        self.output.pass_whole(bytes, step);
    }

    /// Deals with what has come, as far as that goes.
    pub(super) fn advance(&mut self, step: &mut dyn FnMut(Step)) {
        loop {
            if self.phase != Phase::Over {
                self.pass_payload(step);
            }
            if self.phase == Phase::Over {
                // A peer's close is told, whatever becomes of it.
                for seen in std::mem::take(&mut self.seen) {
                    if let Seen::Close { code } = seen {
                        step(Step::Closing { code });
                    }
                }
                self.input.clear();
                self.waiting.clear();
                self.building = Default::default();
                return;
            }
            if self.cursor < self.current.until {
                break;
            }
            self.end_frame(step);
            self.send_if_asked(step);
            self.close_if_asked(step);
            if self.phase == Phase::Over {
                continue;
            }
            match self.seen.pop_front() {
                None => break,
                Some(_) if self.phase == Phase::Raw => {}
                Some(Seen::Head { head, .. }) if !self.expects(&head) => self.become_raw(step),
                Some(Seen::Head { head, end }) => {
                    if !self.pass_head(head, end, step) {
                        return;
                    }
                }
                Some(Seen::HeadBegins { at }) => {
                    let content = self.take(at);
                    self.output.pass(&content);
                    self.begin_head(at);
                }
                Some(Seen::Frame(frame)) if self.is_hushed && frame.opcode == Opcode::Close => {
                    self.output.flush(step);
                    self.phase = Phase::Over;
                }
                Some(Seen::Frame(frame)) => match self.read_ahead(&frame) {
                    Said::Incomplete => {
                        self.seen.push_front(Seen::Frame(frame));
                        break;
                    }
                    said => self.begin_frame(&frame, &said, step),
                },
                Some(Seen::Close { code }) => step(Step::Closing { code }),
                Some(Seen::Raw) => self.become_raw(step),
            }
        }
        self.pass_rest();
        self.output.flush(step);
    }

    /// What is not worth waiting for: all of a raw stream, and the beginning of
    /// a head or a header that no rule is about.
    pub(super) fn pass_rest(&mut self) {
        let waits = match self.phase {
            Phase::Head { .. } => self.holds_head() && self.may_be_upgrade(),
            Phase::Frames => {
                !self.edits.orders.is_empty()
                    || self.is_hushed
                    || self.message.as_ref().is_some_and(|edits| !edits.is_plain())
            }
            Phase::Content | Phase::Raw | Phase::Over => false,
        };
        if !waits {
            let rest = std::mem::take(&mut self.input);
            self.cursor += rest.len() as u64;
            self.output.pass(&rest);
        }
    }

    pub(super) fn become_raw(&mut self, step: &mut dyn FnMut(Step)) {
        self.phase = Phase::Raw;
        self.release_all(step);
        self.message = None;
        // Whatever the frame was, it is bytes now.
        self.current = Current::boundary(self.cursor);
        let is_refusal = self.answered != Answered::Nothing;
        step(Step::Raw { is_refusal });
        self.say_raw(step);
    }

    /// No rule about frames can be carried out.
    pub(super) fn say_raw(&mut self, step: &mut dyn FnMut(Step)) {
        if self.answered == Answered::Refusal {
            return;
        }
        let orders = self.edits.orders.iter().map(|rule| rule.id);
        for id in orders.collect::<Vec<_>>() {
            self.emit_powerless(id, Powerless::Raw, step);
        }
    }

    /// Whether this side sends such heads: clients ask, servers answer.
    fn expects(&self, head: &Head) -> bool {
        let is_request = matches!(head, Head::Request { .. });
        is_request == (self.name.direction == Direction::Upstream)
    }

    /// Lets a head go on; `false` if it is to be decided about first.
    pub(super) fn pass_head(&mut self, head: Head, end: u64, step: &mut dyn FnMut(Step)) -> bool {
        if let (
            Head::Request {
                target,
                is_upgrade,
                is_head,
            },
            Phase::Head { is_decided: false },
        ) = (&head, self.phase)
        {
            step(Step::Request {
                target: target.clone(),
                is_upgrade: *is_upgrade,
                is_head: *is_head,
            });
            if self.edits.asks {
                self.seen.push_front(Seen::Head { head, end });
                return false;
            }
        }
        let is_whole = self.cursor == self.head_at;
        let bytes = self.take(end);
        let is_upgrade = matches!(
            head,
            Head::Request {
                is_upgrade: true,
                ..
            }
        );
        self.phase = after(&head);
        self.current = Current::boundary(end);
        if let Some(id) = self.reply_order().filter(|_| is_upgrade) {
            self.output.flush(step);
            step(Step::Reply { id });
            self.phase = Phase::Over;
            return true;
        }
        let stripped = without_extensions(&bytes)
            .filter(|_| is_upgrade && is_whole && self.edits.refuses_extensions);
        if let Some((kept, offer)) = stripped {
            step(Step::Stripped { offer });
            self.output.pass(&kept);
        } else {
            self.output.pass(&bytes);
        }
        match head {
            Head::Response { .. } => self.emit_head(head, self.output.offset(), step),
            Head::Request { .. } if !is_upgrade => self.say_plain(step),
            Head::Request { .. } => {}
        }
        true
    }

    fn begin_head(&mut self, at: u64) {
        self.phase = Phase::Head { is_decided: false };
        self.current = Current::boundary(at);
        self.head_at = at;
    }

    fn say_plain(&mut self, step: &mut dyn FnMut(Step)) {
        step(Step::Plain);
        self.say_raw(step);
    }

    pub(super) fn emit_head(&mut self, head: Head, end: u64, step: &mut dyn FnMut(Step)) {
        match head {
            Head::Request {
                target,
                is_upgrade,
                is_head,
            } => {
                step(Step::Request {
                    target,
                    is_upgrade,
                    is_head,
                });
                if !is_upgrade {
                    self.say_plain(step);
                }
            }
            Head::Response {
                status,
                is_compressed,
                ..
            } => {
                self.answered = match self.asked.pop_front() {
                    _ if status == 101 => Answered::Nothing,
                    Some(false) => Answered::Plain,
                    Some(true) | None => Answered::Refusal,
                };
                if status == 101 {
                    (self.is_open, self.is_compressed) = (true, is_compressed);
                }
                step(Step::Answer {
                    status,
                    is_compressed,
                    end,
                });
                if self.answered == Answered::Plain {
                    self.say_raw(step);
                }
            }
        }
    }

    pub(super) fn reply_order(&self) -> Option<FrameRuleId> {
        let mut orders = self.edits.orders.iter();
        orders
            .find(|rule| rule.task == FrameEdit::Reply)
            .map(|rule| rule.id)
    }
}

/// What follows a head.
fn after(head: &Head) -> Phase {
    match head {
        Head::Request { is_upgrade, .. } if *is_upgrade => Phase::Frames,
        Head::Response { status: 101, .. } => Phase::Frames,
        Head::Request { .. } | Head::Response { .. } => Phase::Content,
    }
}
