//! The conductor: begins and ends what the plan says, at its time, and obeys
//! what its [`Control`](super::Control) orders.

use std::sync::Arc;
use std::time::Duration;

use environment::{Clock, Environment, Feed, Follower, Moment};
use tokio_util::sync::CancellationToken;

use super::cause::Added;
use super::control::{AddedRule, Commands, Order, Put};
use super::field::Field;
use super::{Apply, Route, Tell};
use crate::fault::FaultKind;
use crate::plan::Plan;
use crate::rule::{Rule, When};

/// One change of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Before beginnings of the same moment, so that windows may touch.
    End(usize),
    Begin(usize),
    Heal,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Conductor {
    clock: Clock,
    plan: Arc<Plan>,
    apply: Apply,
    /// Whether the plan begins again at its end.
    repeats: bool,
    /// Healed for good.
    is_over: bool,
    clients: Vec<String>,
    tell: Tell,
    field: Feed<Field>,
    /// Its version, for the listeners. They are told after the connections, so
    /// that whoever they let in knows no less than they do, and by a channel of
    /// their own, so that they need not wait for their turn behind thousands.
    version: Feed<u64>,
    /// Which version of the field each listener has obeyed.
    gates: Vec<Follower<u64>>,
    /// What is still to come, the next one last.
    agenda: Vec<(Duration, Change)>,
    zero: Option<Moment>,
}

impl Conductor {
    pub(super) fn new(
        environment: &Environment,
        plan: Plan,
        apply: Apply,
        routes: &[Route],
        tell: &Tell,
    ) -> (Self, Follower<Field>) {
        let plan = Arc::new(plan);
        let field = Feed::new(Field::new(Arc::clone(&plan)));
        let follower = field.follow();
        let conductor = Self {
            clock: environment.clock.clone(),
            plan,
            apply,
            repeats: false,
            is_over: false,
            clients: routes
                .iter()
                .filter_map(|route| route.client.as_deref().map(str::to_owned))
                .collect(),
            tell: tell.clone(),
            field,
            version: Feed::new(0),
            gates: Vec::new(),
            agenda: Vec::new(),
            zero: None,
        };
        (conductor, follower)
    }

    /// Lets the plan begin again at its end, for ever.
    pub(super) fn repeat(&mut self) {
        self.repeats = true;
    }

    /// Says when the field has another version.
    pub(super) fn version(&self) -> Follower<u64> {
        self.version.follow()
    }

    /// Waits for these listeners when somebody waits for a command.
    pub(super) fn watch_gates(&mut self, gates: Vec<Follower<u64>>) {
        self.gates = gates;
    }

    /// Conducts until `shutdown`.
    pub(super) async fn run(&mut self, mut commands: Commands, shutdown: &CancellationToken) {
        loop {
            let next = self.next_due();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(command) = commands.receiver.recv() => {
                    let is_done = self.obey(command.order);
                    if let Some(done) = command.done {
                        tokio::select! {
                            biased;
                            () = shutdown.cancelled() => return,
                            () = self.wait_for_gates() => {}
                        }
                        // The caller may have gone; the order stands.
                        let _ = done.send(is_done);
                    }
                }
                () = self.clock.sleep_until_some(next) => self.advance(),
            }
        }
    }

    /// Whether it could be obeyed.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Begin(zero) if self.zero.is_none() => self.begin(zero),
            Order::Begin(_) => {}
            Order::Put(put) => return self.put(*put),
            Order::Lift(name) => self.lift(&name),
            Order::Remove(name) => return self.remove(|added| added.cause.name == name),
            // Whoever asked may have gone.
            Order::List(told) => drop(told.send(self.added())),
            Order::End(rule, client) => self.change(|field| {
                field.ended.insert((rule, client));
            }),
            Order::Heal => {
                self.is_over = true;
                self.agenda.clear();
                self.change(Field::heal_all);
            }
        }
        true
    }

    /// Every change of the field is a new version of it.
    fn change(&self, change: impl FnOnce(&mut Field)) {
        self.field.change(|field| {
            field.version += 1;
            change(field);
        });
        let now = self.field.borrow().version;
        self.version.change(|version| *version = now);
    }

    /// Waits until every listener has obeyed the field as it is now.
    async fn wait_for_gates(&mut self) {
        let version = self.field.borrow().version;
        for gate in &mut self.gates {
            // A gate that is gone has nothing to obey.
            let _ = gate.wait_until(|obeyed| *obeyed >= version).await;
        }
    }

    /// The plan from the start, with another t = 0.
    fn begin_again(&mut self, zero: Moment) {
        self.zero = Some(zero);
        self.agenda = agenda(&self.plan);
        self.advance_with(|field| {
            field.zero = Some(zero);
            field.round += 1;
            field.is_armed = true;
            field.ended.clear();
        });
    }

    fn begin(&mut self, zero: Moment) {
        self.zero = Some(zero);
        for decision in self.plan.timed_decisions(&self.clients) {
            self.tell.decisions.tell(decision);
        }
        let is_armed = self.apply == Apply::Faults && !self.is_over;
        if is_armed {
            self.agenda = agenda(&self.plan);
        }
        // What begins at t = 0 does so with it: nobody sees the one without the
        // other.
        self.advance_with(|field| {
            field.zero = Some(zero);
            field.is_armed = is_armed;
        });
    }

    fn put(&mut self, put: Put) -> bool {
        let now = self.clock.now();
        if self.zero.is_none() {
            self.begin(now);
        }
        if self.field.borrow().rules.is_taken(&put.rule.name) {
            return false;
        }
        let is_timed = matches!(put.rule.when, When::Timed { .. });
        let is_instant = is_timed && put.rule.fault.phase() == FaultKind::Strike;
        let until = put.lasting.map(|lasting| now + lasting);
        self.change(|field| {
            let cause = if is_instant {
                Arc::make_mut(&mut field.rules).once(put.rule)
            } else {
                Arc::make_mut(&mut field.rules).put(put.rule, put.owner, until)
            };
            if is_timed {
                field.begin_added(cause, now, is_instant);
            } else {
                field.end_rule(cause.id);
            }
        });
        true
    }

    fn added(&self) -> Vec<AddedRule> {
        let field = self.field.borrow();
        let added = field.rules.added();
        let told = added.map(|added| AddedRule {
            rule: Arc::new(Rule::clone(&added.cause)),
            owner: Arc::clone(&added.owner),
            until: added.until,
        });
        told.collect()
    }

    /// Removes added rules, and lets go what they hold.
    fn remove(&mut self, is_meant: impl Fn(&Added) -> bool) -> bool {
        let field = self.field.borrow();
        let meant = field.rules.added().filter(|added| is_meant(added));
        let ids: Vec<usize> = meant.map(|added| added.cause.id).collect();
        drop(field);
        if ids.is_empty() {
            return false;
        }
        self.change(|field| {
            Arc::make_mut(&mut field.rules).remove(&is_meant);
            ids.iter().for_each(|id| field.end_rule(*id));
            field.ended.retain(|(id, _)| !ids.contains(id));
        });
        true
    }

    /// Planned rules go on at their next time, added ones are no more.
    fn lift(&mut self, name: &str) {
        self.remove(|added| added.cause.name == name);
        self.change(|field| {
            field
                .begun
                .retain(|begun| begun.is_instant || begun.cause.name != name);
        });
    }

    fn next_due(&self) -> Option<Moment> {
        let planned = self.agenda.last().map(|(after, _)| *after);
        let planned = planned.and_then(|after| Some(self.zero? + after));
        let field = self.field.borrow();
        let removals = field.rules.added().filter_map(|added| added.until);
        removals.chain(planned).min()
    }

    /// Makes every change that is due, as one.
    fn advance(&mut self) {
        let now = self.clock.now();
        self.remove(|added| added.until.is_some_and(|until| until <= now));
        let elapsed = self.zero.map(|zero| self.clock.now().since(zero));
        let is_due =
            |(after, _): &(Duration, Change)| elapsed.is_some_and(|elapsed| *after <= elapsed);
        if self.agenda.last().is_some_and(is_due) {
            self.advance_with(|_| {});
        }
    }

    /// `first`, and every change that is due, as one.
    fn advance_with(&mut self, first: impl FnOnce(&mut Field)) {
        let Some(zero) = self.zero else { return };
        let elapsed = self.clock.now().since(zero);
        let mut agenda = std::mem::take(&mut self.agenda);
        let mut is_over = false;
        self.change(|field| {
            first(field);
            while let Some((after, change)) = agenda.pop_if(|(after, _)| *after <= elapsed) {
                match change {
                    Change::Begin(index) => field.begin(index, zero + after),
                    Change::End(index) => field.end(index),
                    Change::Heal => {
                        field.heal();
                        is_over = true;
                    }
                }
            }
        });
        self.agenda = agenda;
        if is_over && self.repeats {
            self.begin_again(zero + self.plan.horizon());
        }
    }
}

/// Every change that is planned, the first one last.
fn agenda(plan: &Plan) -> Vec<(Duration, Change)> {
    let mut agenda = vec![(plan.horizon(), Change::Heal)];
    for (index, occurrence) in plan.timed().iter().enumerate() {
        agenda.push((occurrence.from, Change::Begin(index)));
        agenda.extend(occurrence.until.map(|until| (until, Change::End(index))));
    }
    sort(&mut agenda);
    agenda
}

/// What comes next is last, where it is taken from.
fn sort(agenda: &mut [(Duration, Change)]) {
    agenda.sort_unstable_by(|a, b| b.cmp(a));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Way};
    use crate::rule::Target;
    use environment::Seed;

    fn stall(at: u64, lasting: u64) -> Rule {
        let when = When::Timed {
            at: Duration::from_secs(at),
            every: None,
            until: None,
            lasting: Some(Duration::from_secs(lasting)),
        };
        Rule {
            name: format!("{at}"),
            when,
            target: Target::All,
            fault: Fault::Stall(Way::Both),
            must_fire: true,
            until_on: None,
            probability: None,
        }
    }

    #[test]
    fn the_agenda_ends_before_it_begins_and_heals_last() {
        let rules = vec![stall(1, 2), stall(3, 9)];
        let plan = Plan::new(rules, None, Seed(1), Duration::from_secs(12));
        let order: Vec<_> = agenda(&plan)
            .into_iter()
            .rev()
            .map(|(at, change)| (at.as_secs(), change))
            .collect();
        let expect = [
            (1, Change::Begin(0)),
            (3, Change::End(0)),
            (3, Change::Begin(1)),
            (12, Change::End(1)),
            (12, Change::Heal),
        ];
        assert_eq!(order, expect);
    }
}
