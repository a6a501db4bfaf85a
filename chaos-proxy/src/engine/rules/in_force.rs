//! What is in force now: the one thing that every connection looks at.
//!
//! The scheduler alone changes it. Each occurrence that begins gets the next
//! number, so a connection knows which ones it has not seen yet, even when
//! several changes reach it as one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::set::{RuleHandle, RuleSet, Who};
use crate::plan::Plan;

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
    /// Whether it strikes once what is there, and nothing that comes later.
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

    /// A planned occurrence begins.
    pub(crate) fn begin(&mut self, index: usize, planned: Moment) {
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

    /// An added rule begins, or goes on as something else.
    pub(crate) fn begin_added(&mut self, rule: RuleHandle, now: Moment, is_instant: bool) {
        self.end_rule(rule.id);
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
    pub(crate) fn end(&mut self, occurrence: usize) {
        self.let_go(|activation| activation.occurrence == Some(occurrence));
    }

    /// What this rule holds is let go.
    pub(crate) fn end_rule(&mut self, id: usize) {
        self.let_go(|activation| activation.rule.id == id);
    }

    /// What rules of this name hold is let go.
    pub(crate) fn end_named(&mut self, name: &str) {
        self.let_go(|activation| activation.rule.name == name);
    }

    /// The plan is over, and nothing of it is armed any more. What has struck
    /// stays to be seen.
    pub(crate) fn heal(&mut self) {
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
    pub(crate) fn holds(&self, serial: u64) -> bool {
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
    pub(crate) fn arms(&self, id: usize) -> bool {
        if self.rules.is_planned(id) {
            self.is_armed
        } else {
            self.rules.has(id)
        }
    }

    /// Whether a rule is over for this client, by what a connection of it did.
    pub(crate) fn has_ended(&self, id: usize, client: &str) -> bool {
        let mut ended = self.ended.iter();
        ended.any(|(ended, whose)| *ended == id && &**whose == client)
    }
}
