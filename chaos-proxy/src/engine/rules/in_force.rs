//! What is in force now: the one thing that every connection looks at.
//!
//! The scheduler alone changes it. Each occurrence that begins gets the next
//! number, so a connection knows which ones it has not seen yet, even when
//! several changes reach it as one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::set::{AddedRule, RuleHandle, RuleSet, Who};
use crate::fault::FaultKind;
use crate::plan::Plan;
use crate::rule::When;

/// How long something without duration stays to be seen, by tasks that a busy
/// machine has not let run yet.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// A rule that has begun to act, at its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Activation {
    /// Counts beginnings from 1.
    pub(crate) serial: u64,
    pub(crate) rule: RuleHandle,
    /// Index into the plan's occurrences; `None` for an added rule.
    pub(crate) occurrence: Option<usize>,
    /// Which time of the rule.
    pub(crate) number: u64,
    /// When it was planned.
    pub(crate) planned: Moment,
    /// Whether it acts once what is there, and nothing that comes later.
    pub(crate) is_instant: bool,
}

/// The rules, and which of them act now.
#[derive(Debug, Clone)]
pub(crate) struct ActiveRules {
    /// The rules there are.
    pub(crate) rules: Arc<RuleSet>,
    /// Counts the changes.
    pub(crate) version: u64,
    /// t = 0, once it has come.
    pub(crate) zero: Option<Moment>,
    /// How often the plan has begun again.
    pub(crate) round: u64,
    /// Whether planned rules on attempts strike: from t = 0 until the heal.
    pub(crate) is_armed: bool,
    /// What holds, and what struck lately, by serial.
    pub(crate) activations: Vec<Activation>,
    /// Rules that are over for a client, by what one of its connections did.
    pub(crate) ended: BTreeSet<(usize, Arc<str>)>,
    /// The last serial given.
    pub(crate) last_serial: u64,
}

impl ActiveRules {
    /// Before t = 0.
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self {
            rules: Arc::new(RuleSet::new(plan)),
            version: 0,
            zero: None,
            round: 0,
            is_armed: false,
            activations: Vec::new(),
            ended: BTreeSet::new(),
            last_serial: 0,
        }
    }

    /// t = 0 is `zero`.
    pub(crate) fn begin_run(&mut self, zero: Moment, is_armed: bool) {
        self.zero = Some(zero);
        self.is_armed = is_armed;
    }

    /// The plan begins again, with another t = 0.
    pub(crate) fn begin_round(&mut self, zero: Moment) {
        self.begin_run(zero, true);
        self.round += 1;
        self.ended.clear();
    }

    /// A planned occurrence begins.
    pub(super) fn begin(&mut self, index: usize, planned: Moment) {
        let occurrence = &self.rules.plan().timed()[index];
        let (number, is_instant) = (occurrence.number, occurrence.until.is_none());
        let Some(rule) = self.rules.get(occurrence.rule) else {
            return;
        };
        self.push(Activation {
            serial: 0,
            rule,
            occurrence: Some(index),
            number,
            planned,
            is_instant,
        });
    }

    /// A rule is added, or changed, and acts from now on.
    pub(crate) fn put(&mut self, added: AddedRule, now: Moment) {
        let is_timed = matches!(added.rule.when, When::Timed { .. });
        let is_instant = is_timed && added.rule.fault.phase() == FaultKind::Strike;
        let rules = Arc::make_mut(&mut self.rules);
        let rule = if is_instant {
            rules.once(&added.rule)
        } else {
            rules.put(added)
        };
        self.end_rule(rule.id);
        if is_timed {
            self.begin_added(rule, now, is_instant);
        }
    }

    /// These added rules are no more, and let go what they hold.
    pub(crate) fn remove(&mut self, is_meant: impl Fn(&AddedRule) -> bool) {
        let meant = self.rules.added().filter(|(_, added)| is_meant(added));
        let ids: Vec<usize> = meant.map(|(id, _)| id).collect();
        Arc::make_mut(&mut self.rules).remove(is_meant);
        ids.iter().for_each(|id| self.end_rule(*id));
        self.ended.retain(|(id, _)| !ids.contains(id));
    }

    fn begin_added(&mut self, rule: RuleHandle, now: Moment, is_instant: bool) {
        self.push(Activation {
            serial: 0,
            rule,
            occurrence: None,
            number: 1,
            planned: now,
            is_instant,
        });
    }

    fn push(&mut self, activation: Activation) {
        let now = activation.planned;
        self.activations
            .retain(|old| !old.is_instant || now.since(old.planned) < SEEN_WITHIN);
        self.last_serial += 1;
        self.activations.push(Activation {
            serial: self.last_serial,
            ..activation
        });
    }

    /// A planned occurrence ends.
    pub(super) fn end(&mut self, occurrence: usize) {
        self.let_go(|activation| activation.occurrence == Some(occurrence));
    }

    /// What this rule holds is let go.
    fn end_rule(&mut self, id: usize) {
        self.let_go(|activation| activation.rule.id == id);
    }

    /// What rules of this name hold is let go.
    pub(crate) fn end_named(&mut self, name: &str) {
        self.let_go(|activation| activation.rule.name == name);
    }

    /// The plan is over, and nothing of it is armed any more. What has struck
    /// stays to be seen.
    pub(super) fn heal(&mut self) {
        self.is_armed = false;
        self.let_go(|activation| activation.occurrence.is_some());
    }

    /// Everything is over, what was added included.
    pub(crate) fn heal_all(&mut self) {
        Arc::make_mut(&mut self.rules).remove(|_| true);
        self.is_armed = false;
        self.let_go(|_| true);
    }

    /// What strikes in an instant holds nothing that could be let go.
    fn let_go(&mut self, is_meant: impl Fn(&Activation) -> bool) {
        self.activations
            .retain(|activation| activation.is_instant || !is_meant(activation));
    }

    /// Whether this beginning still holds.
    pub(super) fn holds(&self, serial: u64) -> bool {
        let mut activations = self.activations.iter();
        activations.any(|activation| activation.serial == serial)
    }

    /// Whether what has begun strikes this connection, or this listener.
    pub(crate) fn strikes(&self, activation: &Activation, who: Who<'_>) -> bool {
        let plan = self.rules.plan();
        match activation.occurrence {
            Some(index) => plan.strikes(&plan.timed()[index], who.client),
            None => self.rules.draws(&activation.rule, who),
        }
    }

    /// Whether a rule on connections may strike: a planned one from t = 0 until
    /// the heal, an added one as long as it is there.
    pub(super) fn arms(&self, id: usize) -> bool {
        if self.rules.is_planned(id) {
            self.is_armed
        } else {
            self.rules.has(id)
        }
    }

    /// Whether a rule is over for this client, by what a connection of it did.
    pub(super) fn has_ended(&self, id: usize, client: &str) -> bool {
        let mut ended = self.ended.iter();
        ended.any(|(ended, whose)| *ended == id && &**whose == client)
    }
}
