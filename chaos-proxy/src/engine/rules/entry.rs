//! How a connection comes under rules: as it begins, as it takes a name, and
//! whenever others are in force.

use std::sync::Arc;

use super::action::Action;
use super::heard::Part;
use super::held::Held;
use super::in_force::ActiveRules;
use super::machine::{Machine, let_go};
use super::set::RuleHandle;
use super::snapshot::Snapshot;
use super::strikes::{Lifetime, Strike};
use super::waiting::Waiting;
use crate::fault::Fault;
use crate::rule::When;

impl Machine {
    /// Puts a new connection under the rules; what began after serial `seen` is
    /// new to it. [`Machine::progress`] is to be called next.
    pub(crate) fn accept(
        &mut self,
        in_force: &ActiveRules,
        seen: u64,
        at: &Snapshot,
    ) -> Vec<Action> {
        self.rules = Arc::clone(&in_force.rules);
        self.last_serial = in_force.last_serial;
        self.armed_round = in_force.is_armed.then_some(in_force.round);
        self.enter(in_force, seen, Vec::new(), at)
    }

    /// The connection takes a name, and with it the rules that are about this
    /// name; those that hold it go on holding it. [`Machine::progress`] is to be
    /// called next.
    pub(crate) fn rename(
        &mut self,
        in_force: &ActiveRules,
        client: Arc<str>,
        attempt: u64,
        at: &Snapshot,
    ) -> Vec<Action> {
        (self.client, self.attempt) = (client, attempt);
        self.outlived.rename();
        let before = self.held.take();
        // What struck once has struck, or is still to be seen as a change.
        self.enter(in_force, u64::MAX, before, at)
    }

    /// What strikes it as it begins. `before` holds it already.
    fn enter(
        &mut self,
        in_force: &ActiveRules,
        seen: u64,
        mut before: Vec<Held>,
        at: &Snapshot,
    ) -> Vec<Action> {
        let (mut actions, mut is_dialling) = (Vec::new(), at.is_dialling);
        for strike in self.subject(in_force).on_accept(at.now, seen) {
            if let Some(index) = before.iter().position(|held| held.is_by(&strike)) {
                self.held.keep(before.remove(index));
                continue;
            }
            is_dialling &= !leaves_server(&strike.rule.fault);
            let is_rejected = strike.rule.fault == Fault::Reject;
            self.obey_entry(strike, is_dialling, at, &mut actions);
            if is_rejected {
                break;
            }
        }
        for held in before {
            if held.strike.lifetime == Lifetime::Once {
                self.held.keep(held);
            } else {
                actions.extend(let_go(&held));
            }
        }
        actions.push(Action::Apply);
        self.next_rule = in_force.rules.next();
        self.waiting = self.subject(in_force).waiting().map(Waiting::new).collect();
        actions
    }

    fn obey_entry(
        &mut self,
        strike: Strike,
        is_dialling: bool,
        at: &Snapshot,
        actions: &mut Vec<Action>,
    ) {
        match strike.rule.fault {
            Fault::Reject => actions.extend([Action::Struck(strike), Action::Reject]),
            Fault::AcceptSilent => actions.extend([Action::Struck(strike), Action::LeaveServer]),
            Fault::Tls(_) => actions.push(Action::Secure(strike)),
            Fault::ConnectDelay(_) if is_dialling => {
                self.held.begin(strike.clone(), at);
                actions.push(Action::Struck(strike));
            }
            Fault::Expiry(it) if it.awaits_bytes => self.held.begin_with(strike, at),
            _ => self.obey(&strike, at, actions),
        }
    }

    /// Brings an open connection under what is in force now.
    pub(crate) fn change(&mut self, in_force: &ActiveRules, at: &Snapshot) -> Vec<Action> {
        let mut actions = Vec::new();
        let strikes = self.subject(in_force).on_change(self.last_serial);
        let fresh = self.held.go_on(strikes);
        self.release(in_force, at, &mut actions);
        self.rules = Arc::clone(&in_force.rules);
        self.learn_added(in_force, at);
        if in_force.is_armed && self.armed_round != Some(in_force.round) {
            self.begin_round(in_force, at);
        }
        for strike in fresh {
            self.obey(&strike, at, &mut actions);
        }
        self.last_serial = in_force.last_serial;
        actions.push(Action::Apply);
        actions
    }

    /// Lists the rules on connections that were added since it last looked, and
    /// takes those that were changed as they are now.
    fn learn_added(&mut self, in_force: &ActiveRules, at: &Snapshot) {
        let rules = &in_force.rules;
        let known = std::mem::replace(&mut self.next_rule, rules.next());
        let waiting = self.waiting.iter_mut().map(|waiting| &mut waiting.rule);
        for old in waiting.chain(self.held.rules_on_attempts()) {
            if let Some(now) = rules.get(old.id) {
                if *old != now {
                    self.heard.forget(old.id);
                }
                *old = now;
            }
        }
        if known < rules.next() {
            let is_fresh = |rule: &RuleHandle| rule.id >= known && !rules.is_planned(rule.id);
            let fresh = self.still_to_come(in_force, at, is_fresh);
            self.waiting.extend(fresh);
        }
    }

    /// The rules are armed while the connection is there: they wait for what it
    /// does from now on, not for what it has done.
    fn begin_round(&mut self, in_force: &ActiveRules, at: &Snapshot) {
        self.armed_round = Some(in_force.round);
        self.is_old = true;
        self.heard.clear();
        self.waiting = self.still_to_come(in_force, at, |_| true);
        let outlivable = in_force.rules.outlivable();
        let passed = outlivable.filter(|(id, until)| self.meets(*id, Part::UntilOn, until, at));
        let passed = passed.map(|(id, _)| id).collect();
        self.outlived.begin_round(passed);
    }

    fn still_to_come(
        &self,
        in_force: &ActiveRules,
        at: &Snapshot,
        is_meant: impl Fn(&RuleHandle) -> bool,
    ) -> Vec<Waiting> {
        let has_come = |rule: &RuleHandle| match &rule.when {
            When::On { condition, .. } => self.meets(rule.id, Part::On, condition, at),
            When::Timed { .. } => true,
        };
        let rules = self.subject(in_force).waiting();
        rules
            .filter(|rule| is_meant(rule) && !has_come(rule))
            .map(Waiting::new)
            .collect()
    }
}

/// Whether a fault on a connection means that its server is not dialled.
fn leaves_server(fault: &Fault) -> bool {
    match fault {
        Fault::Reject | Fault::AcceptSilent => true,
        Fault::Close(side) | Fault::Reset(side) => side.is_server(),
        _ => false,
    }
}
