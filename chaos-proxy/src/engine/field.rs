//! What is in force now: the one thing that every connection looks at.
//!
//! The conductor alone changes it. Each occurrence that begins gets the next
//! number, so a connection knows which ones it has not seen yet, even when
//! several changes reach it as one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::cause::{Cause, Rules};
use crate::plan::Plan;

/// How long something without duration stays to be seen, by tasks that a busy
/// machine has not let run yet.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// A rule that has begun to act, at its time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Begun {
    /// Counts beginnings from 1.
    pub(super) serial: u64,
    pub(super) cause: Cause,
    /// Index into the plan's occurrences; `None` for an added rule.
    pub(super) occurrence: Option<usize>,
    /// Which time of the rule.
    pub(super) number: u64,
    /// When it was planned.
    pub(super) planned: Moment,
    /// Whether it strikes once what is there, and nothing that comes later.
    pub(super) is_instant: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The rules there are.
    pub(super) rules: Arc<Rules>,
    /// Counts the changes.
    pub(super) version: u64,
    /// t = 0, once it has come.
    pub(super) zero: Option<Moment>,
    /// How often the plan has begun again.
    pub(super) round: u64,
    /// Whether planned rules on attempts strike: from t = 0 until the heal.
    pub(super) is_armed: bool,
    /// What holds, and what struck lately, by serial.
    pub(super) begun: Vec<Begun>,
    /// Rules that are over for a client, by what one of its connections did.
    pub(super) ended: BTreeSet<(usize, Arc<str>)>,
    /// The last serial given.
    pub(super) last_serial: u64,
}

impl Field {
    /// Before t = 0.
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self {
            rules: Arc::new(Rules::new(plan)),
            version: 0,
            zero: None,
            round: 0,
            is_armed: false,
            begun: Vec::new(),
            ended: BTreeSet::new(),
            last_serial: 0,
        }
    }

    /// A planned occurrence begins.
    pub(super) fn begin(&mut self, index: usize, planned: Moment) {
        let occurrence = &self.rules.plan().timed()[index];
        let (number, is_instant) = (occurrence.number, occurrence.until.is_none());
        let Some(cause) = self.rules.get(occurrence.rule).cloned() else {
            return;
        };
        self.push(Begun {
            serial: 0,
            cause,
            occurrence: Some(index),
            number,
            planned,
            is_instant,
        });
    }

    /// An added rule begins, or goes on as something else.
    pub(super) fn begin_added(&mut self, cause: Cause, now: Moment, is_instant: bool) {
        self.end_rule(cause.id);
        self.push(Begun {
            serial: 0,
            cause,
            occurrence: None,
            number: 1,
            planned: now,
            is_instant,
        });
    }

    fn push(&mut self, begun: Begun) {
        let now = begun.planned;
        self.begun
            .retain(|begun| !begun.is_instant || now.since(begun.planned) < SEEN_WITHIN);
        self.last_serial += 1;
        self.begun.push(Begun {
            serial: self.last_serial,
            ..begun
        });
    }

    /// A planned occurrence ends.
    pub(super) fn end(&mut self, occurrence: usize) {
        self.begun
            .retain(|begun| begun.is_instant || begun.occurrence != Some(occurrence));
    }

    /// What this rule holds is let go.
    pub(super) fn end_rule(&mut self, id: usize) {
        self.begun
            .retain(|begun| begun.is_instant || begun.cause.id != id);
    }

    /// The plan is over, and nothing of it is armed any more. What has struck
    /// stays to be seen.
    pub(super) fn heal(&mut self) {
        self.is_armed = false;
        self.begun
            .retain(|begun| begun.is_instant || begun.occurrence.is_none());
    }

    /// Everything is over, what was added included.
    pub(super) fn heal_all(&mut self) {
        Arc::make_mut(&mut self.rules).remove(|_| true);
        self.is_armed = false;
        self.begun.retain(|begun| begun.is_instant);
    }

    /// Whether this beginning still holds.
    pub(super) fn holds(&self, serial: u64) -> bool {
        self.begun.iter().any(|begun| begun.serial == serial)
    }
}
