//! The scheduler: begins and ends what the plan says, at its time, and obeys
//! what its [`Control`](super::Control) orders.

use std::sync::Arc;

use environment::{Clock, Environment, Feed, Follower, Moment};
use tokio_util::sync::CancellationToken;

use super::config::{Apply, Route, Tell};
use super::control::{Commands, Order, Put};
use super::rules::{ActiveRules, AddedRule, Agenda};
use crate::plan::Plan;

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
    agenda: Agenda,
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
            agenda: Agenda::default(),
            zero: None,
        };
        (scheduler, follower)
    }

    /// Lets the plan begin again at its end, indefinitely.
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
                self.agenda = Agenda::default();
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
        self.agenda = Agenda::new(&self.plan);
        self.advance_with(|in_force| in_force.begin_round(zero));
    }

    fn begin(&mut self, zero: Moment) {
        self.zero = Some(zero);
        for decision in self.plan.timed_decisions(&self.clients) {
            self.tell.decisions.tell(decision);
        }
        let is_armed = self.apply == Apply::Faults && !self.is_over;
        if is_armed {
            self.agenda = Agenda::new(&self.plan);
        }
        // What begins at t = 0 does so with it: nobody sees the one without the
        // other.
        self.advance_with(|in_force| in_force.begin_run(zero, is_armed));
    }

    fn put(&mut self, put: Put) -> bool {
        let now = self.clock.now();
        if self.zero.is_none() {
            self.begin(now);
        }
        if self.in_force.borrow().rules.is_taken(&put.rule.name) {
            return false;
        }
        let added = AddedRule {
            rule: Arc::new(put.rule),
            owner: put.owner,
            until: put.lasting.map(|lasting| now + lasting),
        };
        self.change(|in_force| in_force.put(added, now));
        true
    }

    fn added(&self) -> Vec<AddedRule> {
        let in_force = self.in_force.borrow();
        let added = in_force.rules.added();
        added.map(|(_, added)| added.clone()).collect()
    }

    /// Removes added rules, and lets go what they hold.
    fn remove(&mut self, is_meant: impl Fn(&AddedRule) -> bool) -> bool {
        let is_there = {
            let in_force = self.in_force.borrow();
            in_force.rules.added().any(|(_, added)| is_meant(added))
        };
        if is_there {
            self.change(|in_force| in_force.remove(is_meant));
        }
        is_there
    }

    /// Planned rules go on at their next time, added ones are no more.
    fn lift(&mut self, name: &str) {
        self.remove(|added| added.rule.name == name);
        self.change(|in_force| in_force.end_named(name));
    }

    fn next_due(&self) -> Option<Moment> {
        let planned = self
            .agenda
            .next_due()
            .and_then(|after| Some(self.zero? + after));
        let in_force = self.in_force.borrow();
        let removals = in_force.rules.added().filter_map(|(_, added)| added.until);
        removals.chain(planned).min()
    }

    /// Makes every change that is due, as one.
    fn advance(&mut self) {
        let now = self.clock.now();
        self.remove(|added| added.until.is_some_and(|until| until <= now));
        let elapsed = self.zero.map(|zero| now.since(zero));
        let next = self.agenda.next_due();
        if next.is_some_and(|after| elapsed.is_some_and(|elapsed| after <= elapsed)) {
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
            is_over = agenda.advance(in_force, zero, elapsed);
        });
        self.agenda = agenda;
        if is_over && self.repeats {
            self.begin_again(zero + self.plan.horizon());
        }
    }
}
