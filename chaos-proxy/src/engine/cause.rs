//! A rule as the engine knows it: planned before the run, or added to it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use environment::{Moment, Seed};

use super::field::Begun;
use crate::fault::Fault;
use crate::plan::Plan;
use crate::rule::{Rule, Target, When};

/// A rule with a number by which everybody knows it. A rule that is changed while
/// it acts keeps its number.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    pub(super) id: usize,
    rule: Arc<Rule>,
}

impl Deref for Cause {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        &self.rule
    }
}

impl PartialEq for Cause {
    /// The same rule, and not changed since.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && Arc::ptr_eq(&self.rule, &other.rule)
    }
}

/// A rule that was added while the proxy ran.
#[derive(Debug, Clone)]
pub(super) struct Added {
    pub(super) cause: Cause,
    /// Who added it.
    pub(super) owner: Arc<str>,
    /// When it is removed by itself.
    pub(super) until: Option<Moment>,
}

/// Whom a rule may strike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) client: &'a str,
    pub(super) attempt: u64,
    /// The connection's number within the proxy; 0 for a listener.
    pub(super) connection: u64,
}

/// Every rule there is. Cheap to clone; changed by making another one.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    plan: Arc<Plan>,
    planned: Arc<[Cause]>,
    added: Arc<BTreeMap<usize, Added>>,
    /// The number of the next rule that is added.
    next: usize,
    /// Whether one of them can be ended by what a client does: that is looked for
    /// at every byte.
    can_be_outlived: bool,
}

impl Rules {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let rules = plan.rules().iter().enumerate();
        let planned: Arc<[Cause]> = rules.map(|(id, rule)| cause(id, rule.clone())).collect();
        Self {
            next: planned.len(),
            can_be_outlived: planned.iter().any(|cause| cause.until_on.is_some()),
            plan,
            planned,
            added: Arc::default(),
        }
    }

    pub(super) fn seed(&self) -> Seed {
        self.plan.seed()
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All of them, the planned ones first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Cause> {
        let added = self.added.values().map(|added| &added.cause);
        self.planned.iter().chain(added)
    }

    /// Rules from this number on are yet to be added.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    pub(super) fn added(&self) -> impl Iterator<Item = &Added> {
        self.added.values()
    }

    pub(super) fn can_be_outlived(&self) -> bool {
        self.can_be_outlived
    }

    /// Whether a rule may answer an upgrade's request.
    pub(super) fn answer_requests(&self) -> bool {
        self.all()
            .any(|cause| matches!(cause.fault, Fault::UpgradeReply(_)))
    }

    /// Whether a rule could do nothing to compressed messages.
    pub(super) fn break_compression(&self) -> bool {
        self.all().any(|cause| cause.fault.breaks_compression())
    }

    pub(super) fn is_planned(&self, id: usize) -> bool {
        id < self.planned.len()
    }

    pub(super) fn get(&self, id: usize) -> Option<&Cause> {
        let planned = self.planned.get(id);
        planned.or_else(|| self.added.get(&id).map(|added| &added.cause))
    }

    /// Whether a planned rule has this name: others may not take it.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.planned.iter().any(|cause| cause.name == name)
    }

    /// Adds a rule, or puts it in the place of the added one of its name.
    pub(super) fn put(&mut self, rule: Rule, owner: Arc<str>, until: Option<Moment>) -> Cause {
        let same = self
            .added
            .values()
            .find(|added| added.cause.name == rule.name);
        let id = same.map_or(self.next, |same| same.cause.id);
        self.next = self.next.max(id + 1);
        self.can_be_outlived |= rule.until_on.is_some();
        let added = Added {
            cause: cause(id, rule),
            owner,
            until,
        };
        let cause = added.cause.clone();
        Arc::make_mut(&mut self.added).insert(id, added);
        cause
    }

    /// Removes the added rules that this is so of; whether there was one.
    pub(super) fn remove(&mut self, is_meant: impl Fn(&Added) -> bool) -> bool {
        let before = self.added.len();
        if self.added.values().any(&is_meant) {
            Arc::make_mut(&mut self.added).retain(|_, added| !is_meant(added));
        }
        self.added.len() < before
    }

    /// Whether what has begun strikes this connection, or this listener.
    pub(super) fn strikes(&self, begun: &Begun, who: Who<'_>) -> bool {
        match begun.occurrence {
            Some(index) => self.plan.strikes(&self.plan.timed()[index], who.client),
            None => self.draws(&begun.cause, who),
        }
    }

    /// A rule that acts once, and is not kept.
    pub(super) fn once(&mut self, rule: Rule) -> Cause {
        self.next += 1;
        cause(self.next - 1, rule)
    }

    /// Whether an added rule strikes, on its time or once it was waited for: its
    /// chance is drawn for each connection by itself.
    fn draws(&self, cause: &Cause, who: Who<'_>) -> bool {
        let is_meant = match &cause.target {
            Target::Connection(id) => *id == who.connection,
            Target::All | Target::Clients(_) | Target::Share(_) => {
                self.plan.is_drawn(cause, who.client)
            }
        };
        is_meant && self.plan.happens(cause, who.client, who.attempt, 0)
    }

    /// Whether a rule on connections strikes this one, once it has come so far.
    pub(super) fn strikes_attempt(&self, cause: &Cause, who: Who<'_>) -> bool {
        if self.is_planned(cause.id) {
            return self.plan.strikes_attempt(cause.id, who.client, who.attempt);
        }
        match &cause.when {
            When::On { condition, .. } => {
                condition.attempts.contains(who.attempt) && self.draws(cause, who)
            }
            When::Timed { .. } => false,
        }
    }
}

fn cause(id: usize, rule: Rule) -> Cause {
    Cause {
        id,
        rule: Arc::new(rule),
    }
}
