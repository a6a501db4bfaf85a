//! Every rule that the engine knows: planned before the run, or added to it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use environment::{Moment, Seed};

use crate::fault::Fault;
use crate::plan::Plan;
use crate::rule::{Condition, Rule, Target, When};

/// A rule with a number by which everybody knows it. A rule that is changed while
/// it acts keeps its number.
#[derive(Debug, Clone)]
pub(crate) struct RuleHandle {
    pub(crate) id: usize,
    rule: Arc<Rule>,
}

impl Deref for RuleHandle {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        &self.rule
    }
}

impl PartialEq for RuleHandle {
    /// The same rule, and not changed since.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && Arc::ptr_eq(&self.rule, &other.rule)
    }
}

/// A rule that was added while the proxy ran.
#[derive(Debug, Clone, PartialEq)]
pub struct AddedRule {
    /// It.
    pub rule: Arc<Rule>,
    /// Who added it.
    pub owner: Arc<str>,
    /// When it is removed by itself.
    pub until: Option<Moment>,
}

/// Whom a rule may strike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) client: &'a str,
    pub(crate) attempt: u64,
    /// The connection's number within the proxy; 0 for a listener.
    pub(crate) connection: u64,
}

/// Every rule there is. Cheap to clone; changed by making another one.
#[derive(Debug, Clone)]
pub(crate) struct RuleSet {
    plan: Arc<Plan>,
    planned: Arc<[Arc<Rule>]>,
    added: Arc<BTreeMap<usize, AddedRule>>,
    /// The number of the next rule that is added.
    next: usize,
    /// Whether one of them can be ended by what a client does: that is looked for
    /// at every byte.
    can_be_outlived: bool,
    /// Whether one of them waits for what a peer says.
    listens: bool,
}

impl RuleSet {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let planned: Arc<[Arc<Rule>]> = plan.rules().iter().cloned().map(Arc::new).collect();
        Self {
            next: planned.len(),
            can_be_outlived: planned.iter().any(|rule| rule.until_on.is_some()),
            listens: planned.iter().any(|rule| rule.listens()),
            plan,
            planned,
            added: Arc::default(),
        }
    }

    pub(crate) fn seed(&self) -> Seed {
        self.plan.seed()
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All of them, the planned ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = RuleHandle> {
        self.numbered().map(|(id, rule)| handle(id, rule))
    }

    /// Those that something ends for a client, with what that is.
    pub(crate) fn outlivable(&self) -> impl Iterator<Item = (usize, &Condition)> {
        let rules = self.numbered();
        rules.filter_map(|(id, rule)| Some((id, rule.until_on.as_ref()?)))
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &Arc<Rule>)> {
        let added = self.added.iter().map(|(id, added)| (*id, &added.rule));
        self.planned.iter().enumerate().chain(added)
    }

    /// Rules from this number on are yet to be added.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// The added ones, by number.
    pub(crate) fn added(&self) -> impl Iterator<Item = (usize, &AddedRule)> {
        self.added.iter().map(|(id, added)| (*id, added))
    }

    pub(crate) fn can_be_outlived(&self) -> bool {
        self.can_be_outlived
    }

    /// Whether a rule waits for what a peer says.
    pub(crate) fn listen(&self) -> bool {
        self.listens
    }

    /// Whether a rule may answer an upgrade's request.
    pub(crate) fn answer_requests(&self) -> bool {
        self.numbered()
            .any(|(_, rule)| matches!(rule.fault, Fault::UpgradeReply(_)))
    }

    /// Whether a rule could do nothing to compressed messages.
    pub(crate) fn break_compression(&self) -> bool {
        self.numbered().any(|(_, rule)| rule.breaks_compression())
    }

    pub(crate) fn is_planned(&self, id: usize) -> bool {
        id < self.planned.len()
    }

    pub(crate) fn get(&self, id: usize) -> Option<RuleHandle> {
        let added = || self.added.get(&id).map(|added| &added.rule);
        let rule = self.planned.get(id).or_else(added);
        rule.map(|rule| handle(id, rule))
    }

    /// Whether it is there: planned, or added and not yet removed.
    pub(crate) fn has(&self, id: usize) -> bool {
        self.is_planned(id) || self.added.contains_key(&id)
    }

    /// Whether a planned rule has this name: others may not take it.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.planned.iter().any(|rule| rule.name == name)
    }

    /// Adds a rule, or puts it in the place of the added one of its name.
    pub(crate) fn put(&mut self, added: AddedRule) -> RuleHandle {
        let mut old = self.added.iter();
        let same = old.find(|(_, old)| old.rule.name == added.rule.name);
        let id = same.map_or(self.next, |(id, _)| *id);
        self.next = self.next.max(id + 1);
        self.can_be_outlived |= added.rule.until_on.is_some();
        self.listens |= added.rule.listens();
        let rule = handle(id, &added.rule);
        Arc::make_mut(&mut self.added).insert(id, added);
        rule
    }

    /// Removes the added rules that this is so of.
    pub(crate) fn remove(&mut self, is_meant: impl Fn(&AddedRule) -> bool) {
        if self.added.values().any(&is_meant) {
            Arc::make_mut(&mut self.added).retain(|_, added| !is_meant(added));
        }
    }

    /// A rule that acts once, and is not kept.
    pub(crate) fn once(&mut self, rule: &Arc<Rule>) -> RuleHandle {
        self.next += 1;
        handle(self.next - 1, rule)
    }

    /// Whether an added rule strikes, on its time or once it was waited for: its
    /// chance is drawn for each connection by itself.
    pub(crate) fn draws(&self, rule: &Rule, who: Who<'_>) -> bool {
        let is_meant = match &rule.target {
            Target::Connection(id) => *id == who.connection,
            Target::All | Target::Clients(_) | Target::Share(_) => {
                self.plan.is_drawn(rule, who.client)
            }
        };
        is_meant && self.plan.happens(rule, who.client, who.attempt, 0)
    }

    /// Whether a rule on connections strikes this one, once it has come so far.
    pub(crate) fn strikes_attempt(&self, rule: &RuleHandle, who: Who<'_>) -> bool {
        if self.is_planned(rule.id) {
            return self.plan.strikes_attempt(rule.id, who.client, who.attempt);
        }
        match &rule.when {
            When::On { condition, .. } => {
                condition.attempts.contains(who.attempt) && self.draws(rule, who)
            }
            When::Timed { .. } => false,
        }
    }
}

fn handle(id: usize, rule: &Arc<Rule>) -> RuleHandle {
    RuleHandle {
        id,
        rule: Arc::clone(rule),
    }
}
