//! What the rules that hold a connection ask of its links and their frames.

use std::sync::Arc;
use std::time::Duration;

use environment::{Direction, Key, Realm};

use super::action::{Action, Answer};
use super::held::Held;
use super::machine::Machine;
use super::set::RuleHandle;
use crate::event::EventKind;
use crate::fault::{Corrupt, Fault, UpgradeReply};
use crate::link::Effects;
use crate::websocket::{Edits, FrameEdit, FrameRule, FrameRuleId, Opcode};

/// Longer than anything takes: what is swallowed has no end of its own.
const AFTER_THE_END: Duration = Duration::from_secs(365 * 24 * 3600);

impl Machine {
    /// What is asked of the bytes of this direction.
    pub(crate) fn effects(&self, direction: Direction) -> Effects {
        effects(self.held.as_slice(), direction)
    }

    /// What is asked of the frames of this direction.
    pub(crate) fn edits(&self, direction: Direction) -> Edits {
        if !self.traits.has_frames {
            return Edits::default();
        }
        let is_request = direction == Direction::Upstream;
        let is_ruled = is_request && self.traits.is_subject;
        let breaks_compression = is_ruled && self.rules.break_compression();
        Edits {
            asks: is_ruled && self.rules.answer_requests(),
            refuses_extensions: breaks_compression || is_request && self.traits.reads_messages,
            orders: self.orders(direction),
        }
    }

    fn orders(&self, direction: Direction) -> Vec<FrameRule> {
        let mut orders = frame_rules(self.held.as_slice(), direction);
        if self.rules.listen() {
            orders.extend(self.heard.orders(&self.rules, direction));
        }
        orders
    }

    /// A message has gone by that a rule waits for.
    pub(crate) fn hear(&mut self, id: FrameRuleId) {
        self.heard.add(id);
    }

    /// A rule was carried out on a frame.
    pub(crate) fn edited(
        &mut self,
        id: FrameRuleId,
        direction: Direction,
        index: u64,
        opcode: Opcode,
    ) -> Vec<Action> {
        let Some(rule) = self.rule(id) else {
            return Vec::new();
        };
        // A cut strikes when all before it has left.
        let is_cut = matches!(rule.fault, Fault::Cut(_));
        let struck = if is_cut {
            None
        } else {
            self.held.strike_once(id)
        };
        let frame = EventKind::Frame {
            rule: rule.name.clone(),
            direction: direction.word().to_owned(),
            index,
            opcode,
        };
        struck.into_iter().chain([Action::Tell(frame)]).collect()
    }

    /// Whether this rule destroys the frames that it is carried out on, which are
    /// of data or are not.
    pub(crate) fn destroys(&self, id: FrameRuleId, is_data: bool) -> bool {
        self.rule(id).is_some_and(|rule| match &rule.fault {
            Fault::DropFrame(_) | Fault::ReplaceMessage(_) => is_data,
            // Whatever it was, its receiver has to end the connection.
            Fault::Corrupt(Corrupt::Frames(_)) => true,
            _ => false,
        })
    }

    /// A rule can do nothing to this connection; told once.
    pub(crate) fn powerless(&mut self, id: FrameRuleId, reason: &str) -> Option<Action> {
        let is_held = self.held.rule(id).is_some();
        let told = self.held.powerless(id, reason);
        // It waits for what is said, and cannot know.
        let waits = || {
            Some(Action::Tell(EventKind::Powerless {
                rule: self.rules.get(id.rule)?.name.clone(),
                reason: reason.to_owned(),
            }))
        };
        if is_held { told } else { waits() }
    }

    /// The upgrade's request is to be answered by this rule; the server gets
    /// nothing.
    pub(crate) fn answer(&mut self, id: FrameRuleId) -> Vec<Action> {
        let Some(rule) = self.rule(id) else {
            return Vec::new();
        };
        let Fault::UpgradeReply(reply) = &rule.fault else {
            return Vec::new();
        };
        let key = Key::new(Realm::Proxy, "garbage", &rule.name)
            .client(&self.client)
            .attempt(self.attempt);
        let answer = Answer {
            bytes: reply.bytes(&mut self.rules.seed().draw(&key)),
            status: reply.status(),
            is_last: *reply != UpgradeReply::WrongAccept,
        };
        let struck = self.held.strike_once(id).into_iter();
        struck
            .chain([Action::LeaveServer, Action::Answer(answer)])
            .collect()
    }

    /// The rule that holds this connection, or is there at least.
    fn rule(&self, id: FrameRuleId) -> Option<RuleHandle> {
        let held = self.held.rule(id);
        held.or_else(|| self.rules.get(id.rule))
    }
}

fn effects(held: &[Held], direction: Direction) -> Effects {
    let mut effects = Effects::default();
    for held in held {
        add(&mut effects, held, direction);
    }
    effects
}

fn add(effects: &mut Effects, held: &Held, direction: Direction) {
    let rule = &held.strike.rule;
    let name = || Arc::from(rule.name.as_str());
    match &rule.fault {
        Fault::Stall(way) if way.covers(direction) => effects.stall(),
        Fault::Discard(way) if way.covers(direction) => effects.discard(),
        Fault::Expiry(it) if it.swallows.is_some_and(|way| way.covers(direction)) => {
            effects.discard();
            if it.awaits_bytes {
                effects.delay_fin(AFTER_THE_END);
            }
        }
        Fault::Latency(it) if it.way.covers(direction) => effects.delay(name(), *it),
        Fault::Corrupt(Corrupt::Bits(it)) if it.way.covers(direction) => {
            effects.corrupt(name(), *it);
        }
        Fault::UpgradeDelay(it) if direction == Direction::Downstream => {
            effects.delay_answer(it.delay);
        }
        Fault::DelayFrame(_) => effects.allow_late(held.strike.id()),
        Fault::Slice(it) if it.way.covers(direction) => effects.slice(name(), *it),
        Fault::Bandwidth(it) if it.way.covers(direction) => effects.limit(it.clone()),
        Fault::SlowClose(it) if it.way.covers(direction) => effects.delay_fin(it.delay),
        Fault::Cut(_) => {
            if let Some(offset) = held.cut_offset(direction) {
                effects.cut_at(offset);
            }
        }
        _ => {}
    }
}

/// In the order of the rules.
fn frame_rules(held: &[Held], direction: Direction) -> Vec<FrameRule> {
    let orders = held.iter().filter_map(|held| {
        let rule = &held.strike.rule;
        Some(FrameRule {
            id: held.strike.id(),
            rule: rule.name.as_str().into(),
            task: FrameEdit::of(&rule.fault, direction)?,
        })
    });
    orders.collect()
}
