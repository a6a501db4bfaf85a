//! The same by brute force: at every step of time and after everything that
//! happens, each rule is asked anew whether it acts now. No serials, no deadlines,
//! no list of what waits.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fault::{Ordinals, Side, Way};
use crate::rule::{Condition, When};

/// Milliseconds in a step.
pub(super) const STEP: u64 = 100;
/// When the plan ends.
pub(super) const END: u64 = 40;

/// Something that happens, `after` so many steps.
pub(super) type Script = Vec<(u64, Happening)>;

#[derive(Debug, Clone, Copy)]
pub(super) enum Happening {
    Begin,
    Accept,
    Reach(Phase),
    Deliver(u64),
    Frames(u64),
    Put(usize),
    Remove(usize),
    Reconnect,
    Heal,
}

/// What may happen: planned rules, rules to be added, and a script.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) planned: Vec<Rule>,
    pub(super) added: Vec<Rule>,
    pub(super) script: Script,
}

fn steps(count: u64) -> Duration {
    millis(count * STEP)
}

fn in_steps(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap() / STEP
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Upgrade),
        Just(Phase::Open),
        Just(Phase::Closing)
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let attempts = prop_oneof![
        3 => Just(Ordinals::ALL),
        1 => Just(Ordinals { first: 1, last: Some(1) }),
        1 => Just(Ordinals { first: 2, last: None }),
    ];
    let phase = prop_oneof![Just(Phase::Connect), phase()];
    let count = || prop_oneof![2 => Just(0), 1 => 1_u64..8];
    (attempts, phase, count(), count()).prop_map(|(attempts, phase, bytes, frames)| Condition {
        attempts,
        phase,
        bytes,
        frames,
        message: None,
    })
}

/// What a connection must do for it, not just be there.
fn deed() -> impl Strategy<Value = Condition> {
    condition().prop_map(|condition| Condition {
        attempts: Ordinals::ALL,
        frames: condition.frames.max(1),
        ..condition
    })
}

fn when() -> impl Strategy<Value = When> {
    let lasting = || prop::option::of((1_u64..12).prop_map(steps));
    let on = (condition(), 0_u64..4, lasting()).prop_map(|(condition, after, lasting)| When::On {
        condition,
        after: steps(after),
        lasting,
    });
    let timed = (
        0_u64..45,
        prop::option::of((1_u64..9, 0_u64..20)),
        lasting(),
    );
    let timed = timed.prop_map(|(at, every, lasting)| When::Timed {
        at: steps(at),
        every: every.map(|(every, _)| steps(every)),
        until: every.map(|(_, until)| steps(at + until)),
        // What repeats has a length.
        lasting: lasting.or(every.map(|_| steps(2))),
    });
    prop_oneof![on, timed]
}

fn one_rule() -> impl Strategy<Value = Rule> {
    let fault = prop_oneof![
        2 => Just(Fault::Stall(Way::Both)),
        1 => Just(Fault::Reset(Side::Client)),
    ];
    let target = prop_oneof![
        4 => Just(Target::All),
        1 => Just(Target::Clients(BTreeSet::from(["c1".to_owned()]))),
        1 => Just(Target::Clients(BTreeSet::from(["c2".to_owned()]))),
    ];
    let until_on = prop::option::weighted(0.3, deed());
    (when(), fault, target, until_on).prop_map(|(when, fault, target, until_on)| Rule {
        name: String::new(),
        when,
        until_on,
        probability: None,
        target,
        fault,
        must_fire: false,
    })
}

fn named(letter: &'static str) -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(one_rule(), 0..4).prop_map(move |mut rules| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("{letter}{index}");
        }
        rules
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => phase().prop_map(Happening::Reach),
        4 => (1_u64..4).prop_map(Happening::Deliver),
        4 => (1_u64..4).prop_map(Happening::Frames),
        3 => (0_usize..3).prop_map(Happening::Put),
        2 => (0_usize..3).prop_map(Happening::Remove),
        1 => Just(Happening::Reconnect),
    ]
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    let script = prop::collection::vec((0_u64..5, happening()), 0..20);
    let heal = prop::option::weighted(0.2, 0_usize..20);
    let rules = (named("p"), named("a"));
    (rules, script, 0_usize..5, 0_usize..5, heal).prop_map(
        |((planned, added), mut script, begin, accept, heal)| {
            let at = |index: usize, script: &Script| index.min(script.len());
            if let Some(heal) = heal {
                script.insert(at(heal, &script), (1, Happening::Heal));
            }
            script.insert(at(accept, &script), (1, Happening::Accept));
            script.insert(at(begin, &script), (0, Happening::Begin));
            Case {
                planned,
                added,
                script,
            }
        },
    )
}

/// Runs a case on the machine.
pub(super) fn run(case: &Case, is_spurious: bool) -> World {
    let plan = Plan::new(case.planned.clone(), None, Seed(7), steps(END));
    let mut world = World::of("c1", 1, plan);
    world.is_spurious = is_spurious;
    let (mut now, mut is_begun, mut is_healed) = (0, false, false);
    for (after, happening) in &case.script {
        now += after;
        world.to(now * STEP);
        match *happening {
            Happening::Begin if is_healed => {}
            Happening::Begin => {
                is_begun = true;
                world.begin();
            }
            Happening::Heal => {
                is_healed = true;
                world.heal();
            }
            Happening::Accept => world.accept(),
            _ if !is_begun && matches!(happening, Happening::Put(_)) => {}
            Happening::Put(index) => {
                let rule = case
                    .added
                    .get(index)
                    .filter(|rule| !is_there(&world, &rule.name));
                if let Some(rule) = rule {
                    world.put(rule.clone(), None);
                }
            }
            Happening::Remove(index) => world.remove(&format!("a{index}")),
            _ if !world.is_open => {}
            Happening::Reach(phase) => world.reach(phase),
            Happening::Deliver(bytes) => world.deliver(bytes),
            Happening::Frames(frames) => world.frames(frames),
            Happening::Reconnect => world.reconnect(),
        }
    }
    world.to((now + 2 * END) * STEP);
    world
}

fn is_there(world: &World, name: &str) -> bool {
    let mut added = world.in_force.rules.added();
    added.any(|(_, added)| added.rule.name == name)
}

/// What is known of a rule.
#[derive(Debug, Clone)]
struct Known {
    rule: Rule,
    is_planned: bool,
    /// An added one is there.
    is_there: bool,
    /// It is over for the client.
    is_over: bool,
    past: Past,
    met_at: Option<u64>,
    /// From when to when each time of it acts, after t = 0; no end: in an instant.
    windows: Vec<(u64, Option<u64>)>,
    /// The times that had their instant, and those that struck this connection.
    fired: BTreeSet<usize>,
    struck: BTreeSet<usize>,
    /// What it holds: which time of it, and until when.
    held: Vec<(usize, Option<u64>)>,
}

/// What had happened on the connection before a rule was armed: that does not come
/// again.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    condition: bool,
    end: bool,
}

/// The model.
struct Model {
    rules: Vec<Known>,
    now: u64,
    zero: Option<u64>,
    is_healed: bool,
    is_open: bool,
    attempt: u64,
    progress: Progress,
    said: Vec<String>,
}

const NO_PROGRESS: Progress = Progress {
    reached: Reached::ACCEPTED,
    bytes: 0,
    frames: 0,
};

/// What the model says of a case: who struck and healed, and when.
pub(super) fn expected(case: &Case) -> Vec<String> {
    let planned = case.planned.iter().map(|rule| Known::new(rule, true));
    let added = case.added.iter().map(|rule| Known::new(rule, false));
    let mut model = Model {
        rules: planned.chain(added).collect(),
        now: 0,
        zero: None,
        is_healed: false,
        is_open: false,
        attempt: 1,
        progress: NO_PROGRESS,
        said: Vec::new(),
    };
    for (after, happening) in &case.script {
        model.pass(*after);
        model.happen(*happening, case.planned.len());
        model.ask();
    }
    model.pass(2 * END);
    model.said.sort();
    model.said
}

impl Known {
    fn new(rule: &Rule, is_planned: bool) -> Self {
        Self {
            windows: if is_planned {
                windows(rule)
            } else {
                Vec::new()
            },
            rule: rule.clone(),
            is_planned,
            is_there: false,
            is_over: false,
            past: Past::default(),
            met_at: None,
            fired: BTreeSet::new(),
            struck: BTreeSet::new(),
            held: Vec::new(),
        }
    }

    fn holds(&self) -> bool {
        matches!(self.rule.fault, Fault::Stall(_))
    }

    /// Another connection: nothing has struck it, and nothing holds it.
    fn forget_connection(&mut self) {
        (self.past, self.met_at) = (Past::default(), None);
        self.struck.clear();
        self.held.clear();
    }

    /// It is armed while this connection is there.
    fn arm(&mut self, attempt: u64, progress: Progress) {
        self.forget_connection();
        let is_met = |condition: &Condition| condition.is_met(attempt, progress);
        if let When::On { condition, .. } = &self.rule.when {
            self.past.condition = is_met(condition);
        }
        if self.is_planned {
            self.past.end = self.rule.until_on.as_ref().is_some_and(is_met);
        }
    }
}

/// Counted one by one, from the keys.
fn windows(rule: &Rule) -> Vec<(u64, Option<u64>)> {
    let When::Timed {
        at,
        every,
        until,
        lasting,
    } = rule.when
    else {
        return Vec::new();
    };
    let (at, every, until) = (in_steps(at), every.map(in_steps), until.map(in_steps));
    let is_time = |step: u64| match every {
        None => step == at,
        Some(every) => {
            step >= at
                && (step - at).is_multiple_of(every)
                && until.is_none_or(|until| step <= until)
        }
    };
    let is_reset = matches!(rule.fault, Fault::Reset(_));
    let end = |step: u64| match lasting {
        Some(lasting) => Some((step + in_steps(lasting)).min(END)),
        None => (!is_reset).then_some(END),
    };
    let times = (0..END).filter(|step| is_time(*step));
    times.map(|step| (step, end(step))).collect()
}

impl Model {
    fn pass(&mut self, steps: u64) {
        for _ in 0..steps {
            self.now += 1;
            self.ask();
        }
    }

    fn happen(&mut self, happening: Happening, planned: usize) {
        match happening {
            Happening::Begin if self.is_healed => {}
            Happening::Begin => {
                self.zero = Some(self.now);
                if self.is_open {
                    let (attempt, progress) = (self.attempt, self.progress);
                    let rules = self.rules.iter_mut().filter(|known| known.is_planned);
                    rules.for_each(|known| known.arm(attempt, progress));
                }
            }
            Happening::Heal => {
                self.is_healed = true;
                self.rules
                    .iter_mut()
                    .for_each(|known| known.is_there = false);
            }
            Happening::Accept => self.is_open = true,
            Happening::Put(index) => self.put(planned + index),
            Happening::Remove(index) => {
                if let Some(known) = self.rules.get_mut(planned + index) {
                    known.is_there = false;
                }
            }
            _ if !self.is_open => {}
            Happening::Reach(phase) => self.progress.reached.add(phase),
            Happening::Deliver(bytes) => self.progress.bytes += bytes,
            Happening::Frames(frames) => self.progress.frames += frames,
            Happening::Reconnect => {
                (self.attempt, self.progress) = (self.attempt + 1, NO_PROGRESS);
                self.rules.iter_mut().for_each(Known::forget_connection);
            }
        }
    }

    fn put(&mut self, index: usize) {
        let Some(zero) = self.zero else { return };
        let (now, is_open) = (self.now, self.is_open);
        let (attempt, progress) = (self.attempt, self.progress);
        let Some(known) = self.rules.get_mut(index).filter(|known| !known.is_there) else {
            return;
        };
        // What it held before was let go when it was removed.
        known.is_over = false;
        known.fired.clear();
        known.forget_connection();
        if is_open {
            known.arm(attempt, progress);
        }
        known.is_there = true;
        if matches!(known.rule.when, When::Timed { .. }) {
            let end = known.holds().then_some(u64::MAX);
            known.windows = vec![(now - zero, end)];
        }
    }

    /// Asks every rule whether it acts now, until nothing is said any more.
    fn ask(&mut self) {
        loop {
            let said = self.said.len();
            for index in 0..self.rules.len() {
                let mut known = self.rules[index].clone();
                self.ask_one(&mut known);
                self.rules[index] = known;
            }
            let was_over: Vec<bool> = self.rules.iter().map(|known| known.is_over).collect();
            self.note_over();
            let is_over: Vec<bool> = self.rules.iter().map(|known| known.is_over).collect();
            if self.said.len() == said && was_over == is_over {
                return;
            }
        }
    }

    fn is_armed(&self, known: &Known) -> bool {
        if !known.is_planned {
            return known.is_there;
        }
        !self.is_healed && self.zero.is_some_and(|zero| self.now < zero + END)
    }

    fn ask_one(&mut self, known: &mut Known) {
        let is_meant = match &known.rule.target {
            Target::All => true,
            Target::Clients(clients) => clients.contains("c1"),
            Target::Share(_) | Target::Connection(_) => unreachable!(),
        };
        let may_act = self.is_armed(known) && !known.is_over;
        for (number, end) in std::mem::take(&mut known.held) {
            if may_act && end.is_none_or(|end| self.now < end) {
                known.held.push((number, end));
            } else {
                self.say("healed", known, number);
            }
        }
        self.ask_windows(known, may_act && is_meant);
        if may_act && is_meant && self.is_open {
            self.ask_condition(known);
        }
        if !may_act {
            known.met_at = None;
        }
    }

    fn ask_windows(&mut self, known: &mut Known, may_act: bool) {
        let Some(zero) = self.zero else { return };
        for (index, (from, end)) in known.windows.clone().into_iter().enumerate() {
            let end = end.map(|end| end.saturating_add(zero));
            if self.now < zero + from || !self.is_armed(known) {
                continue;
            }
            let is_news = known.fired.insert(index);
            let is_now = end.map_or(is_news, |end| self.now < end);
            if is_now && may_act && self.is_open && known.struck.insert(index) {
                self.strike(known, index, end);
            }
            if end.is_none() && !known.is_planned {
                known.is_there = false;
            }
        }
    }

    fn ask_condition(&mut self, known: &mut Known) {
        let When::On {
            condition,
            after,
            lasting,
        } = &known.rule.when
        else {
            return;
        };
        if known.past.condition || known.struck.contains(&0) {
            return;
        }
        if known.met_at.is_none() && condition.is_met(self.attempt, self.progress) {
            known.met_at = Some(self.now);
        }
        if known
            .met_at
            .is_some_and(|met| self.now >= met + in_steps(*after))
        {
            known.struck.insert(0);
            let end = lasting.map(|lasting| self.now + in_steps(lasting));
            self.strike(known, 0, end);
        }
    }

    fn strike(&mut self, known: &mut Known, index: usize, end: Option<u64>) {
        self.say("struck", known, index);
        if known.holds() {
            known.held.push((index, end));
        }
    }

    fn note_over(&mut self) {
        if !self.is_open {
            return;
        }
        for index in 0..self.rules.len() {
            let known = &self.rules[index];
            let until = known.rule.until_on.as_ref();
            let is_met = until.is_some_and(|until| until.is_met(self.attempt, self.progress));
            if is_met && !known.past.end && self.is_armed(known) {
                self.rules[index].is_over = true;
            }
        }
    }

    fn say(&mut self, what: &str, known: &Known, index: usize) {
        let (at, name, number) = (self.now * STEP, &known.rule.name, index + 1);
        self.said.push(format!("{at} {what} {name} {number}"));
    }
}
