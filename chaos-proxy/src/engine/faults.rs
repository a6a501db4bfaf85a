//! What rules do to a connection: strike it, hold it, let it go.

use std::sync::Arc;
use std::time::Duration;

use super::attempts::take_name;
use super::connection::{Connection, Held};
use super::field::Field;
use super::strikes::{Act, on_accept, on_change};
use super::triggers::cut_offset;
use crate::event::{Peer, What};
use crate::fault::{Fault, Phase, Side};
use crate::link::{Effects, End};
use crate::rule::When;
use crate::websocket::client_name;
use environment::Direction;

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Toward the server, or into silence.
    Admitted,
    /// It has been reset.
    Rejected,
}

impl Connection {
    /// Puts a new connection under the field.
    pub(super) fn enter(&mut self, field: &Field) -> Entry {
        self.plan = Arc::clone(&field.plan);
        self.last_serial = field.last_serial;
        self.tell_decisions(field);
        let plan = Arc::clone(&self.plan);
        for act in on_accept(&plan, field, &self.client, self.attempt, self.now()) {
            match plan.rules()[act.rule].fault {
                Fault::Reject => {
                    self.leave_server();
                    self.toward_client.reset();
                    self.struck(&act, field);
                    return Entry::Rejected;
                }
                Fault::AcceptSilent => {
                    self.leave_server();
                    self.struck(&act, field);
                }
                Fault::ConnectDelay(_) => {
                    self.hold(&act);
                    self.struck(&act, field);
                }
                _ => self.obey(&act, field),
            }
        }
        self.apply_effects();
        self.begin_waiting(field);
        Entry::Admitted
    }

    /// Brings an open connection under a changed field.
    pub(super) fn change(&mut self, field: &Field) {
        self.release(field);
        // Plans only grow: what is known by its place keeps it.
        self.plan = Arc::clone(&field.plan);
        let plan = Arc::clone(&self.plan);
        for act in on_change(&plan, field, &self.client, self.last_serial) {
            self.obey(&act, field);
        }
        self.last_serial = field.last_serial;
        self.apply_effects();
    }

    /// Lets go what was to hold until now.
    pub(super) fn release_due(&mut self, field: &Field) {
        if self.release(field) {
            self.apply_effects();
        }
    }

    /// Takes the name that the upgrade's request gives, and with it the rules
    /// that are about this name.
    pub(super) fn take_name(&mut self, target: &str, field: &Field) {
        let Some(names) = self.names.take() else {
            return;
        };
        let Some((name, attempt)) = client_name(target).and_then(|name| take_name(&names, name))
        else {
            return;
        };
        let ordinal = std::mem::replace(&mut self.attempt, attempt);
        self.client = Arc::clone(&name);
        self.tell(What::Named { ordinal });
        for side in [&mut self.toward_client, &mut self.toward_server] {
            side.lane.link.rename(Arc::clone(&name), attempt);
        }
        self.held.clear();
        self.enter(field);
    }

    pub(super) fn obey(&mut self, act: &Act, field: &Field) {
        let plan = Arc::clone(&self.plan);
        let fault = &plan.rules()[act.rule].fault;
        match (fault.phase(), fault) {
            (Phase::Strike, Fault::Close(side)) => self.close(*side),
            (Phase::Strike, Fault::Reset(side)) => self.reset(*side),
            (Phase::Hold, _) => self.hold(act),
            // About the listener, or about connections that are yet to come.
            (Phase::Strike | Phase::Listener | Phase::Accept, _) => return,
        }
        if fault.phase() == Phase::Strike || !fault.is_instant() {
            self.struck(act, field);
        }
    }

    fn hold(&mut self, act: &Act) {
        let offset = |side: &super::side::Side| side.lane.link.admitted();
        self.held.push(Held {
            rule: act.rule,
            occurrence: act.occurrence,
            hold: act.hold,
            since: self.now(),
            offsets: (offset(&self.toward_server), offset(&self.toward_client)),
        });
    }

    /// How long the rules in force put off the dial to the server.
    pub(super) fn dial_delay(&self) -> Duration {
        let rules = self
            .held
            .iter()
            .map(|held| &self.plan.rules()[held.rule].fault);
        rules
            .filter_map(|fault| match fault {
                Fault::ConnectDelay(late) => Some(late.delay),
                _ => None,
            })
            .sum()
    }

    /// FIN to one or both; what was not yet passed on to them is dropped.
    pub(super) fn close(&mut self, side: Side) {
        let now = self.now();
        if side.is_client() {
            self.toward_client.cut(now, End::Fin);
        }
        if side.is_server() {
            self.forget_dial();
            self.toward_server.cut(now, End::Fin);
        }
    }

    /// RST to one or both, at once.
    pub(super) fn reset(&mut self, side: Side) {
        if side.is_client() {
            self.toward_client.reset();
        }
        if side.is_server() {
            self.forget_dial();
            self.toward_server.reset();
        }
    }

    /// A server that was never reached needs no end.
    pub(super) fn forget_dial(&mut self) {
        if std::mem::take(&mut self.is_dialling) {
            self.toward_server.lane.link.abandon();
        }
    }

    /// The server gets nothing from this connection, or nothing more.
    fn leave_server(&mut self) {
        self.is_dialling = false;
        self.toward_server.stream = None;
        self.toward_server.lane.link.abandon();
    }

    fn release(&mut self, field: &Field) -> bool {
        let (now, client) = (self.now(), Arc::clone(&self.client));
        if !field.is_armed {
            self.waiting.clear();
        }
        let is_ended = |rule: usize| {
            field
                .ended
                .iter()
                .any(|(ended, whose)| *ended == rule && *whose == client)
        };
        self.waiting.retain(|waiting| !is_ended(waiting.rule));
        let (over, held): (Vec<Held>, Vec<Held>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.hold.is_over(field, now) || is_ended(held.rule));
        self.held = held;
        for held in &over {
            let rule = &self.plan.rules()[held.rule];
            if !rule.fault.is_instant() {
                self.delivery.is_awaited = true;
                self.tell(What::Healed {
                    rule: rule.name.clone(),
                    occurrence: held.occurrence,
                });
            }
        }
        !over.is_empty()
    }

    pub(super) fn apply_effects(&mut self) {
        for (peer, direction) in [
            (Peer::Client, Direction::Downstream),
            (Peer::Server, Direction::Upstream),
        ] {
            let effects = self.effects(direction);
            self.side(peer).lane.link.apply(effects);
        }
    }

    fn effects(&self, direction: Direction) -> Effects {
        let mut effects = Effects::default();
        for held in &self.held {
            let rule = &self.plan.rules()[held.rule];
            let name = || Arc::from(rule.name.as_str());
            match &rule.fault {
                Fault::Stall(way) if way.covers(direction) => effects.stall(),
                Fault::Discard(way) if way.covers(direction) => effects.discard(),
                Fault::Latency(it) if it.way.covers(direction) => effects.delay(name(), *it),
                Fault::Corrupt(it) if it.way.covers(direction) => effects.corrupt(name(), *it),
                Fault::Slice(it) if it.way.covers(direction) => effects.slice(name(), *it),
                Fault::Bandwidth(it) if it.way.covers(direction) => effects.limit(it.clone()),
                Fault::SlowClose(it) if it.way.covers(direction) => effects.delay_fin(it.delay),
                Fault::Cut(it) if it.way.covers(direction) => {
                    effects.cut_at(cut_offset(held.offsets, it, direction));
                }
                _ => {}
            }
        }
        effects
    }

    fn tell_decisions(&self, field: &Field) {
        let plan = &self.plan;
        for (index, rule) in plan.rules().iter().enumerate() {
            if matches!(rule.when, When::On { .. }) && !field.is_armed {
                continue;
            }
            for decision in plan.attempt_decisions(index, rule, &self.client, self.attempt) {
                self.shared.tell.decisions.tell(decision);
            }
        }
    }
}
