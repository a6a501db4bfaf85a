//! The conductor: begins and ends what the plan says, at its time.

use std::sync::Arc;
use std::time::Duration;

use environment::{Clock, Environment, Moment};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::field::Field;
use super::{Apply, Route, Tell};
use crate::fault::Fault;
use crate::plan::Plan;
use crate::rule::{Rule, Target, When};

/// Commands wait here; a sender waits when it is full.
const COMMANDS: usize = 16;

/// Directs a running proxy. Cheap to clone; useless, and harmless, once the
/// proxy has stopped.
#[derive(Debug, Clone)]
pub struct Control(mpsc::Sender<Command>);

/// The proxy's end of a [`Control`].
#[derive(Debug)]
pub struct Commands {
    receiver: mpsc::Receiver<Command>,
    control: Control,
}

/// A command, and whom to tell that every listener and every new connection is
/// under it.
#[derive(Debug)]
struct Command {
    order: Order,
    done: Option<oneshot::Sender<()>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Order {
    Begin(Moment),
    /// A rule acts now, and holds so long.
    Inject(Box<Rule>, Option<Duration>),
    /// What rules of this name hold is let go.
    Lift(String),
    /// A rule is over for a client.
    End(usize, Arc<str>),
    Heal,
}

/// A control and the end that [`super::run`] takes.
pub fn control() -> (Control, Commands) {
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let control = Control(sender);
    (control.clone(), Commands { receiver, control })
}

impl Control {
    /// t = 0 is `now`: timed rules run, rules on attempts are armed. Only the
    /// first call counts. When it returns, what begins at t = 0 is in force on
    /// the listeners, and on whatever connects from now on.
    pub async fn begin(&self, now: Moment) {
        self.order(Order::Begin(now)).await;
    }

    /// Injects a fault now, as if a rule of this name had planned it; begins the
    /// run if it has not begun. Without `lasting` a fault that holds does so
    /// until the heal. When it returns, the listeners are under it.
    pub async fn inject(&self, name: &str, fault: Fault, lasting: Option<Duration>) {
        let rule = Rule {
            name: name.to_owned(),
            when: When::Timed {
                at: Duration::ZERO,
                every: None,
                until: None,
                lasting,
            },
            until_on: None,
            probability: None,
            target: Target::All,
            fault,
            must_fire: false,
        };
        self.order(Order::Inject(Box::new(rule), lasting)).await;
    }

    /// Lets go what rules of this name hold now; what is planned of them for
    /// later stays planned.
    pub async fn lift(&self, name: &str) {
        self.order(Order::Lift(name.to_owned())).await;
    }

    /// Heals everything, for good.
    pub async fn heal(&self) {
        self.order(Order::Heal).await;
    }

    /// As [`Control::begin`], for callers that must not wait: whether it could be
    /// said.
    pub(super) fn try_begin(&self, now: Moment) -> bool {
        let command = Command {
            order: Order::Begin(now),
            done: None,
        };
        self.0.try_send(command).is_ok()
    }

    /// This rule is over for this client.
    pub(super) async fn end(&self, rule: usize, client: Arc<str>) {
        // A stopped proxy has no rules.
        let _ = self
            .0
            .send(Command {
                order: Order::End(rule, client),
                done: None,
            })
            .await;
    }

    async fn order(&self, order: Order) {
        let (done, obeyed) = oneshot::channel();
        // Either fails only if the proxy has stopped: nothing is left to direct.
        let _ = self
            .0
            .send(Command {
                order,
                done: Some(done),
            })
            .await;
        let _ = obeyed.await;
    }
}

impl Commands {
    pub(super) fn control(&self) -> Control {
        self.control.clone()
    }
}

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
    /// How many occurrences were planned; those behind them were injected.
    planned: usize,
    /// Whether the plan begins again at its end.
    repeats: bool,
    /// Healed for good.
    is_over: bool,
    clients: Vec<String>,
    tell: Tell,
    field: watch::Sender<Field>,
    /// Its version, for the listeners. They are told after the connections, so
    /// that whoever they let in knows no less than they do, and by a channel of
    /// their own, so that they need not wait for their turn behind thousands.
    version: watch::Sender<u64>,
    /// Which version of the field each listener has obeyed.
    gates: Vec<watch::Receiver<u64>>,
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
    ) -> (Self, watch::Receiver<Field>) {
        let planned = plan.timed().len();
        let plan = Arc::new(plan);
        let (field, receiver) = watch::channel(Field::new(Arc::clone(&plan)));
        let (version, _) = watch::channel(0);
        let conductor = Self {
            clock: environment.clock,
            plan,
            apply,
            planned,
            repeats: false,
            is_over: false,
            clients: routes
                .iter()
                .filter_map(|route| route.client.as_deref().map(str::to_owned))
                .collect(),
            tell: tell.clone(),
            field,
            version,
            gates: Vec::new(),
            agenda: Vec::new(),
            zero: None,
        };
        (conductor, receiver)
    }

    /// Lets the plan begin again at its end, for ever.
    pub(super) fn repeat(&mut self) {
        self.repeats = true;
    }

    /// Says when the field has another version.
    pub(super) fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Waits for these listeners when somebody waits for a command.
    pub(super) fn watch_gates(&mut self, gates: Vec<watch::Receiver<u64>>) {
        self.gates = gates;
    }

    /// Conducts until `shutdown`.
    pub(super) async fn run(mut self, mut commands: Commands, shutdown: CancellationToken) {
        loop {
            let next = self.next_due();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(command) = commands.receiver.recv() => {
                    self.obey(command.order);
                    if let Some(done) = command.done {
                        tokio::select! {
                            biased;
                            () = shutdown.cancelled() => return,
                            () = self.wait_for_gates() => {}
                        }
                        // The caller may have gone; the order stands.
                        let _ = done.send(());
                    }
                }
                () = self.clock.sleep_until_some(next) => self.advance(),
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Begin(zero) if self.zero.is_none() => self.begin(zero),
            Order::Begin(_) => {}
            Order::Inject(rule, lasting) => self.inject(*rule, lasting),
            Order::Lift(name) => self.lift(&name),
            Order::End(rule, client) => self.change(|field| {
                field.ended.insert((rule, client));
            }),
            Order::Heal => {
                self.is_over = true;
                self.agenda.clear();
                self.change(Field::heal);
            }
        }
    }

    /// Every change of the field is a new version of it.
    fn change(&self, change: impl FnOnce(&mut Field)) {
        self.field.send_modify(|field| {
            field.version += 1;
            change(field);
        });
        self.version.send_replace(self.field.borrow().version);
    }

    /// Waits until every listener has obeyed the field as it is now.
    async fn wait_for_gates(&mut self) {
        let version = self.field.borrow().version;
        for gate in &mut self.gates {
            // A gate that is gone has nothing to obey.
            let _ = gate.wait_for(|obeyed| *obeyed >= version).await;
        }
    }

    /// The plan from the start, with another t = 0.
    fn begin_again(&mut self, zero: Moment) {
        self.zero = Some(zero);
        self.agenda = agenda(&self.plan, self.planned);
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
            self.agenda = agenda(&self.plan, self.planned);
        }
        // What begins at t = 0 does so with it: nobody sees the one without the
        // other.
        self.advance_with(|field| {
            field.zero = Some(zero);
            field.is_armed = is_armed;
        });
    }

    fn inject(&mut self, rule: Rule, lasting: Option<Duration>) {
        let now = self.clock.now();
        if self.zero.is_none() {
            self.begin(now);
        }
        let zero = self.zero.unwrap_or(now);
        let from = now.since(zero);
        let mut plan = Plan::clone(&self.plan);
        let occurrence = plan.add(rule, from, lasting);
        self.plan = Arc::new(plan);
        let until = self.plan.timed()[occurrence].until;
        self.agenda
            .extend(until.map(|until| (until, Change::End(occurrence))));
        sort(&mut self.agenda);
        let plan = Arc::clone(&self.plan);
        self.change(|field| {
            field.plan = plan;
            field.zero = Some(zero);
            field.begin(occurrence, now, until.is_none());
        });
    }

    fn lift(&mut self, name: &str) {
        let plan = Arc::clone(&self.plan);
        let is_its = |occurrence: usize| plan.rules()[plan.timed()[occurrence].rule].name == name;
        self.change(|field| {
            field
                .begun
                .retain(|begun| begun.is_instant || !is_its(begun.occurrence));
        });
    }

    fn next_due(&self) -> Option<Moment> {
        let (after, _) = self.agenda.last()?;
        Some(self.zero? + *after)
    }

    /// Makes every change that is due, as one.
    fn advance(&mut self) {
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
        let (mut agenda, plan) = (std::mem::take(&mut self.agenda), &self.plan);
        let mut is_over = false;
        self.change(|field| {
            first(field);
            while let Some((after, change)) = agenda.pop_if(|(after, _)| *after <= elapsed) {
                match change {
                    Change::Begin(index) => {
                        let is_instant = plan.timed()[index].until.is_none();
                        field.begin(index, zero + after, is_instant);
                    }
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

/// Every change of the first `planned` occurrences, the first one last.
fn agenda(plan: &Plan, planned: usize) -> Vec<(Duration, Change)> {
    let mut agenda = vec![(plan.horizon(), Change::Heal)];
    for (index, occurrence) in plan.timed().iter().enumerate().take(planned) {
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
    use crate::fault::Way;
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
        let order: Vec<_> = agenda(&plan, 2)
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
