//! What rules do to a WebSocket: its frames, its close, its upgrade's answer.

use environment::{Direction, Key, Realm};

use super::Apply;
use super::cause::{Added, Cause};
use super::connection::{Connection, Held};
use super::field::Field;
use super::pump::Lane;
use super::strikes::Act;
use crate::event::EventKind;
use crate::fault::{Fault, UpgradeReply};
use crate::link::End;
use crate::rule::Target;
use crate::websocket::{Edits, FrameEdit, FrameRule, FrameRuleId, Opcode};

impl Connection {
    /// What the rules that hold it ask of the frames of this direction.
    pub(super) fn edits(&self, direction: Direction) -> Edits {
        if !self.shared.frames {
            return Edits::default();
        }
        let orders = self.held.iter().filter_map(|held| {
            Some(FrameRule {
                id: held.id(),
                rule: held.cause.name.as_str().into(),
                task: FrameEdit::of(&held.cause.fault, direction)?,
            })
        });
        let is_request = direction == Direction::Upstream && self.shared.apply == Apply::Faults;
        Edits {
            asks: is_request && self.rules.answer_requests(),
            refuses_extensions: is_request && self.rules.break_compression(),
            orders: orders.collect(),
        }
    }

    pub(super) fn lane(&self, direction: Direction) -> &Lane {
        match direction {
            Direction::Upstream => &self.toward_server.lane,
            Direction::Downstream => &self.toward_client.lane,
        }
    }

    /// A rule was carried out on a frame.
    pub(super) fn acted(
        &mut self,
        way: Direction,
        id: FrameRuleId,
        index: u64,
        opcode: Opcode,
        field: &Field,
    ) {
        let Some(rule) = self.cause(id) else {
            return;
        };
        // A cut strikes when all before it has left.
        if !matches!(rule.fault, Fault::Cut(_)) {
            self.strike_once(id, field);
        }
        self.tell(EventKind::Frame {
            rule: rule.name.clone(),
            direction: way.word().to_owned(),
            index,
            opcode,
        });
    }

    /// The rule that holds this connection, or is there at least.
    fn cause(&self, id: FrameRuleId) -> Option<Cause> {
        let held = self.held.iter().find(|held| held.id() == id);
        let held = held.map(|held| &held.cause);
        held.or_else(|| self.rules.get(id.rule)).cloned()
    }

    /// Tells that a rule that waited for a frame has taken effect.
    fn strike_once(&mut self, id: FrameRuleId, field: &Field) {
        let Some(held) = self.held.iter_mut().find(|held| held.id() == id) else {
            return;
        };
        if !std::mem::replace(&mut held.has_struck, true) {
            let act = held.act();
            self.struck(&act, field);
        }
    }

    /// A rule can do nothing to this connection; told once.
    pub(super) fn powerless(&mut self, id: FrameRuleId, reason: &str) {
        let Some(held) = self.held.iter_mut().find(|held| held.id() == id) else {
            return;
        };
        if !std::mem::replace(&mut held.is_powerless, true) {
            let rule = held.cause.name.clone();
            self.tell(EventKind::Powerless {
                rule,
                reason: reason.to_owned(),
            });
        }
    }

    /// Rules about this connection alone end with it.
    pub(super) async fn forget_own_rules(&mut self) {
        let is_own = |added: &Added| added.cause.target == Target::Connection(self.id);
        if self.rules.added().any(is_own) {
            self.shared.control.forget(self.id).await;
        }
    }

    /// The client gets another answer than the server's; the server gets nothing.
    pub(super) fn answer_upgrade(&mut self, id: FrameRuleId, field: &Field) {
        let Some(rule) = self.cause(id) else {
            return;
        };
        let Fault::UpgradeReply(reply) = &rule.fault else {
            return;
        };
        self.strike_once(id, field);
        self.leave_server();
        let key = Key::new(Realm::Proxy, "garbage", &rule.name)
            .client(&self.client)
            .attempt(self.attempt);
        let bytes = reply.bytes(&mut self.rules.seed().draw(&key));
        let now = self.now();
        let lane = &mut self.toward_client.lane;
        lane.answer(now, bytes, reply.status());
        if *reply != UpgradeReply::WrongAccept {
            lane.link.push_end(now, End::Fin);
        }
    }
}

impl Held {
    /// What takes effect when it does at last.
    fn act(&self) -> Act {
        Act {
            cause: self.cause.clone(),
            occurrence: self.occurrence,
            planned: self.planned,
            hold: self.hold,
        }
    }
}
