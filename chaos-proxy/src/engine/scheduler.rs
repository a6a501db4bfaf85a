//! The scheduler: begins and ends what the plan says, at its time, and obeys
//! what its [`Control`](super::Control) orders.

use std::sync::Arc;
use std::time::Duration;

use environment::{Clock, Environment, Feed, Follower, Moment};
use tokio_util::sync::CancellationToken;

use super::config::{Apply, Route, Tell};
use super::control::{Commands, Order, Put};
use super::rules::{ActiveRules, AddedRule};
use crate::fault::FaultKind;
use crate::plan::Plan;
use crate::rule::When;

/// One change of what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Before beginnings of the same moment, so that windows may touch.
    End(usize),
    Begin(usize),
    Heal,
}

/// What will be in force when, and who is told.
#[derive(Debug)]
pub(super) struct Scheduler {
    clock: Clock,
    plan: Arc<Plan>,
    apply: Apply,
    /// Whether the plan begins again at its end.
    repeats: bool,
    /// Healed for good.
    is_over: bool,
    clients: Vec<String>,
    tell: Tell,
    in_force: Feed<ActiveRules>,
    /// Its version, for the listeners. They are told after the connections, so
    /// that whoever they let in knows no less than they do, and by a channel of
    /// their own, so that they need not wait for their turn behind thousands.
    version: Feed<u64>,
    /// Which version each listener has obeyed.
    acceptors: Vec<Follower<u64>>,
    /// What is still to come, the next one last.
    agenda: Vec<(Duration, Change)>,
    zero: Option<Moment>,
}

impl Scheduler {
    pub(super) fn new(
        environment: &Environment,
        plan: Plan,
        apply: Apply,
        routes: &[Route],
        tell: &Tell,
    ) -> (Self, Follower<ActiveRules>) {
        let plan = Arc::new(plan);
        let in_force = Feed::new(ActiveRules::new(Arc::clone(&plan)));
        let follower = in_force.follow();
        let scheduler = Self {
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
            in_force,
            version: Feed::new(0),
            acceptors: Vec::new(),
            agenda: Vec::new(),
            zero: None,
        };
        (scheduler, follower)
    }

    /// Lets the plan begin again at its end, for ever.
    pub(super) fn repeat(&mut self) {
        self.repeats = true;
    }

    /// Says when something else is in force.
    pub(super) fn version(&self) -> Follower<u64> {
        self.version.follow()
    }

    /// Waits for these listeners when somebody waits for a command.
    pub(super) fn watch_acceptors(&mut self, acceptors: Vec<Follower<u64>>) {
        self.acceptors = acceptors;
    }

    /// Runs until `shutdown`.
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
                            () = self.wait_for_acceptors() => {}
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
            Order::Remove(name) => return self.remove(|added| added.rule.name == name),
            // Whoever asked may have gone.
            Order::List(told) => drop(told.send(self.added())),
            Order::End(rule, client) => self.change(|in_force| {
                in_force.ended.insert((rule, client));
            }),
            Order::Heal => {
                self.is_over = true;
                self.agenda.clear();
                self.change(ActiveRules::heal_all);
            }
        }
        true
    }

    /// Every change is a new version of what is in force.
    fn change(&self, change: impl FnOnce(&mut ActiveRules)) {
        self.in_force.change(|in_force| {
            in_force.version += 1;
            change(in_force);
        });
        let now = self.in_force.borrow().version;
        self.version.change(|version| *version = now);
    }

    /// Waits until every listener has obeyed what is in force now.
    async fn wait_for_acceptors(&mut self) {
        let version = self.in_force.borrow().version;
        for acceptor in &mut self.acceptors {
            // One that is gone has nothing to obey.
            let _ = acceptor.wait_until(|obeyed| *obeyed >= version).await;
        }
    }

    /// The plan from the start, with another t = 0.
    fn begin_again(&mut self, zero: Moment) {
        self.zero = Some(zero);
        self.agenda = agenda(&self.plan);
        self.advance_with(|in_force| {
            in_force.zero = Some(zero);
            in_force.round += 1;
            in_force.is_armed = true;
            in_force.ended.clear();
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
        self.advance_with(|in_force| {
            in_force.zero = Some(zero);
            in_force.is_armed = is_armed;
        });
    }

    fn put(&mut self, put: Put) -> bool {
        let now = self.clock.now();
        if self.zero.is_none() {
            self.begin(now);
        }
        if self.in_force.borrow().rules.is_taken(&put.rule.name) {
            return false;
        }
        let is_timed = matches!(put.rule.when, When::Timed { .. });
        let is_instant = is_timed && put.rule.fault.phase() == FaultKind::Strike;
        let until = put.lasting.map(|lasting| now + lasting);
        self.change(|in_force| {
            let rules = Arc::make_mut(&mut in_force.rules);
            let rule = if is_instant {
                rules.once(put.rule)
            } else {
                rules.put(AddedRule {
                    rule: Arc::new(put.rule),
                    owner: put.owner,
                    until,
                })
            };
            if is_timed {
                in_force.begin_added(rule, now, is_instant);
            } else {
                in_force.end_rule(rule.id);
            }
        });
        true
    }

    fn added(&self) -> Vec<AddedRule> {
        let in_force = self.in_force.borrow();
        let added = in_force.rules.added();
        added.map(|(_, added)| added.clone()).collect()
    }

    /// Removes added rules, and lets go what they hold.
    fn remove(&mut self, is_meant: impl Fn(&AddedRule) -> bool) -> bool {
        let in_force = self.in_force.borrow();
        let meant = in_force.rules.added().filter(|(_, added)| is_meant(added));
        let ids: Vec<usize> = meant.map(|(id, _)| id).collect();
        drop(in_force);
        if ids.is_empty() {
            return false;
        }
        self.change(|in_force| {
            Arc::make_mut(&mut in_force.rules).remove(&is_meant);
            ids.iter().for_each(|id| in_force.end_rule(*id));
            in_force.ended.retain(|(id, _)| !ids.contains(id));
        });
        true
    }

    /// Planned rules go on at their next time, added ones are no more.
    fn lift(&mut self, name: &str) {
        self.remove(|added| added.rule.name == name);
        self.change(|in_force| in_force.end_named(name));
    }

    fn next_due(&self) -> Option<Moment> {
        let planned = self.agenda.last().map(|(after, _)| *after);
        let planned = planned.and_then(|after| Some(self.zero? + after));
        let in_force = self.in_force.borrow();
        let removals = in_force.rules.added().filter_map(|(_, added)| added.until);
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
    fn advance_with(&mut self, first: impl FnOnce(&mut ActiveRules)) {
        let Some(zero) = self.zero else { return };
        let elapsed = self.clock.now().since(zero);
        let mut agenda = std::mem::take(&mut self.agenda);
        let mut is_over = false;
        self.change(|in_force| {
            first(in_force);
            while let Some((after, change)) = agenda.pop_if(|(after, _)| *after <= elapsed) {
                match change {
                    Change::Begin(index) => in_force.begin(index, zero + after),
                    Change::End(index) => in_force.end(index),
                    Change::Heal => {
                        in_force.heal();
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
    use crate::rule::{Rule, Target};
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
