//! The machine, driven manually: here is what drives it. Triggers, targets, faults
//! and rules that come and go are in the modules below, each by itself; the
//! properties hold for all of them at once, beside a model that counts in steps.

mod changes;
mod faults;
mod model;
mod properties;
mod targets;
mod triggers;

use std::sync::Arc;
use std::time::Duration;

use environment::text::{Diagnostics, Document, Source};
use environment::{Moment, Seed};

use super::*;
use crate::event::EventKind;
use crate::fault::Fault;
use crate::plan::Plan;
use crate::rule::{Phase, Progress, Reached, Reading, Rule, Target, read_rules};

/// When the plan ends, in milliseconds.
const HORIZON: u64 = 60_000;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn moment(at: u64) -> Moment {
    Moment::after_origin(millis(at))
}

fn in_millis(moment: Moment) -> u128 {
    moment.since_origin().as_millis()
}

/// Rules as scenario files write them.
fn rules(texts: &[&str]) -> Vec<Rule> {
    let text: String = texts
        .iter()
        .map(|text| format!("[[fault]]\n{text}\n"))
        .collect();
    let source = Source::new("x", text);
    let diagnostics = Diagnostics::new();
    let rules = {
        let document = Document::parse(&source, &diagnostics);
        let mut root = document.root(&diagnostics);
        read_rules(root.tables("fault"), Reading::default())
    };
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(&source));
    rules
}

fn rule(text: &str) -> Rule {
    rules(&[text]).remove(0)
}

/// What `inject` says.
fn fault(inject: &str) -> Fault {
    rule(&format!("at = '0s'\ninject.{inject}")).fault
}

/// One connection, the rules in force, and the time: what the scheduler and the
/// connection do, without either.
struct World {
    in_force: ActiveRules,
    agenda: Agenda,
    repeats: bool,
    machine: Machine,
    is_open: bool,
    at: Snapshot,
    said: Vec<String>,
    /// Every call is made again where it must change nothing.
    is_spurious: bool,
}

impl World {
    fn new(rules: Vec<Rule>) -> Self {
        Self::of("c1", 1, Plan::new(rules, None, Seed(7), millis(HORIZON)))
    }

    fn of(client: &str, attempt: u64, plan: Plan) -> Self {
        let in_force = ActiveRules::new(Arc::new(plan));
        let traits = Traits {
            number: 5,
            has_frames: true,
            reads_messages: false,
            is_subject: true,
        };
        let rules = Arc::clone(&in_force.rules);
        Self {
            machine: Machine::new(rules, Arc::from(client), attempt, traits),
            in_force,
            agenda: Agenda::default(),
            repeats: false,
            is_open: false,
            at: Snapshot {
                now: moment(0),
                progress: Progress {
                    reached: Reached::ACCEPTED,
                    bytes: 0,
                    frames: 0,
                },
                is_dialling: true,
                heard_at: moment(0),
                upstream: Flow::default(),
                downstream: Flow::default(),
            },
            said: Vec::new(),
            is_spurious: false,
        }
    }

    /// t = 0 is now, and the connection comes with it.
    fn begun(rules: Vec<Rule>) -> Self {
        let mut world = Self::new(rules);
        world.begin();
        world.accept();
        world
    }

    fn begin(&mut self) {
        self.in_force.begin_run(self.at.now, true);
        self.agenda = Agenda::new(self.in_force.rules.plan());
        self.advance();
        self.change();
    }

    /// What the plan says for now; whether that was anything.
    fn advance(&mut self) -> bool {
        let now = self.at.now;
        let is_past = |added: &AddedRule| added.until.is_some_and(|until| until <= now);
        let has_past = self.in_force.rules.added().any(|(_, added)| is_past(added));
        if has_past {
            self.in_force.remove(is_past);
        }
        let is_due = self.plan_due().is_some_and(|due| due <= now);
        if let (Some(zero), true) = (self.in_force.zero, is_due) {
            let is_over = self
                .agenda
                .advance(&mut self.in_force, zero, now.since(zero));
            if is_over && self.repeats {
                let horizon = self.in_force.rules.plan().horizon();
                self.in_force.begin_round(zero + horizon);
                self.agenda = Agenda::new(self.in_force.rules.plan());
                self.advance();
            }
        }
        has_past || is_due
    }

    fn plan_due(&self) -> Option<Moment> {
        let after = self.agenda.next_due()?;
        Some(self.in_force.zero? + after)
    }

    fn accept(&mut self) {
        self.is_open = true;
        self.at.heard_at = self.at.now;
        let seen = self.in_force.last_serial;
        let actions = self.machine.accept(&self.in_force, seen, &self.at);
        self.note(actions);
        self.settle();
    }

    fn change(&mut self) {
        if self.is_open {
            let actions = self.machine.change(&self.in_force, &self.at);
            self.note(actions);
            self.settle();
        }
    }

    /// As the connection does whenever it wakes.
    fn settle(&mut self) {
        if !self.is_open {
            return;
        }
        loop {
            self.turn();
            let ended = self.machine.take_unreported();
            if ended.is_empty() {
                break;
            }
            let client = self.machine.client();
            let ended = ended.into_iter().map(|rule| (rule, Arc::clone(client)));
            self.in_force.ended.extend(ended);
            let actions = self.machine.change(&self.in_force, &self.at);
            self.note(actions);
        }
        if self.is_spurious {
            let said = self.said.len();
            let actions = self.machine.change(&self.in_force, &self.at);
            self.note(actions);
            self.turn();
            assert_eq!(self.said.len(), said, "{:?}", self.said);
        }
    }

    fn turn(&mut self) {
        if self.machine.is_ruled() {
            for timer in Timer::ALL {
                let actions = self.machine.timer(timer, &self.in_force, &self.at);
                self.note(actions);
            }
        }
        if self.machine.watches_progress() {
            let actions = self.machine.progress(&self.in_force, &self.at);
            self.note(actions);
        }
    }

    /// Lets time pass, and does what is due meanwhile.
    fn to(&mut self, at: u64) {
        while let Some(due) = self.next_due().filter(|due| *due <= moment(at)) {
            self.at.now = self.at.now.max(due);
            if self.advance() {
                self.change();
            }
            let said = self.said.len();
            self.settle();
            let next = self
                .machine
                .deadline(self.at.heard_at)
                .filter(|_| self.is_open);
            assert!(
                self.said.len() > said || next.is_none_or(|next| next > self.at.now),
                "a deadline without effect: {:?}",
                self.said
            );
        }
        self.at.now = moment(at);
        self.settle();
    }

    fn next_due(&self) -> Option<Moment> {
        let rules = self
            .machine
            .deadline(self.at.heard_at)
            .filter(|_| self.is_open);
        let removals = self
            .in_force
            .rules
            .added()
            .filter_map(|(_, added)| added.until);
        removals.chain(rules).chain(self.plan_due()).min()
    }

    fn reach(&mut self, phase: Phase) {
        self.at.progress.reached.add(phase);
        self.settle();
    }

    /// The server's bytes come, and are delivered.
    fn deliver(&mut self, bytes: u64) {
        self.at.heard_at = self.at.now;
        self.at.downstream.admitted += bytes;
        self.at.progress.bytes += bytes;
        self.settle();
    }

    fn frames(&mut self, frames: u64) {
        self.at.progress.frames += frames;
        self.settle();
    }

    fn put(&mut self, rule: Rule, lasting: Option<u64>) {
        let added = AddedRule {
            rule: Arc::new(rule),
            owner: Arc::from("me"),
            until: lasting.map(|lasting| self.at.now + millis(lasting)),
        };
        self.in_force.put(added, self.at.now);
        self.change();
    }

    fn remove(&mut self, name: &str) {
        self.in_force.remove(|added| added.rule.name == name);
        self.change();
    }

    fn heal(&mut self) {
        self.agenda = Agenda::default();
        self.in_force.heal_all();
        self.change();
    }

    fn rename(&mut self, client: &str, attempt: u64) {
        let client = Arc::from(client);
        let actions = self
            .machine
            .rename(&self.in_force, client, attempt, &self.at);
        self.note(actions);
        self.settle();
    }

    /// The connection is closed and its client comes again.
    fn reconnect(&mut self) {
        let client = Arc::clone(self.machine.client());
        let traits = Traits {
            number: 6,
            has_frames: true,
            reads_messages: false,
            is_subject: true,
        };
        let rules = Arc::clone(&self.in_force.rules);
        self.machine = Machine::new(rules, client, self.machine.attempt() + 1, traits);
        self.at.progress = Progress {
            reached: Reached::ACCEPTED,
            bytes: 0,
            frames: 0,
        };
        self.at.is_dialling = true;
        (self.at.upstream, self.at.downstream) = Default::default();
        self.accept();
    }

    fn note(&mut self, actions: impl IntoIterator<Item = Action>) {
        for action in actions {
            self.at.is_dialling &= !matches!(&action, Action::Reject | Action::LeaveServer)
                && !matches!(&action, Action::Close(side) | Action::Reset(side) if side.is_server());
            let said = said(&action);
            let now = in_millis(self.at.now);
            self.said.extend(said.map(|said| format!("{now} {said}")));
        }
    }

    /// What was said since it was last asked.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }
}

fn said(action: &Action) -> Option<String> {
    Some(match action {
        Action::Apply => return None,
        Action::Struck(strike) => {
            let planned = strike.planned.map(in_millis);
            let planned = planned.map_or_else(String::new, |at| format!(" planned {at}"));
            format!("struck {} {}{planned}", strike.rule.name, strike.occurrence)
        }
        Action::Healed { rule, occurrence } => format!("healed {rule} {occurrence}"),
        Action::Secure(strike) => format!("secure {} {}", strike.rule.name, strike.occurrence),
        Action::Close(side) => format!("close {side:?}"),
        Action::Reset(side) => format!("reset {side:?}"),
        Action::ResetBehind(peer, side) => format!("reset {side:?} behind {peer:?}"),
        Action::Reject => "reject".to_owned(),
        Action::LeaveServer => "leave server".to_owned(),
        Action::Answer(answer) => format!("answer {:?} {}", answer.status, answer.is_last),
        Action::Tell(EventKind::Frame { rule, index, .. }) => format!("frame {rule} {index}"),
        Action::Tell(EventKind::Powerless { rule, .. }) => format!("powerless {rule}"),
        Action::Tell(what) => format!("{what:?}"),
    })
}

/// What one connection meets from its accept at t = 0 to the end of the run, if
/// nothing happens on it but `script`.
fn check(texts: &[&str], script: impl FnOnce(&mut World), expect: &[&str]) {
    let mut world = World::new(rules(texts));
    world.is_spurious = true;
    world.begin();
    world.accept();
    script(&mut world);
    world.to(HORIZON);
    assert_eq!(world.take(), expect, "{texts:?}");
    assert!(!world.machine.is_ruled(), "{texts:?}");
    assert_eq!(world.machine.deadline(world.at.heard_at), None);
}
