//! What the field means for one connection: pure functions of plan and field.

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::field::{Begun, Field};
use crate::plan::Plan;
use crate::rule::{Condition, When};

/// A rule that takes effect on a connection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Act {
    /// Index into the plan's rules.
    pub(super) rule: usize,
    /// Which time of the rule.
    pub(super) occurrence: u64,
    /// When it should take effect; `None` if it waited for the connection.
    pub(super) planned: Option<Moment>,
    /// How long it holds, if it is one that holds.
    pub(super) hold: Hold,
}

/// What ends a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// The end of what began with this serial.
    Timed(u64),
    /// A moment of its own, or the end of this round of the plan.
    Attempt { until: Option<Moment>, round: u64 },
}

impl Hold {
    pub(super) fn is_over(self, field: &Field, now: Moment) -> bool {
        match self {
            Self::Timed(serial) => !field.holds(serial),
            Self::Attempt { until, round } => {
                let is_past = until.is_some_and(|until| until <= now);
                !field.is_armed || round != field.round || is_past
            }
        }
    }

    /// When it ends by itself.
    pub(super) fn until(self) -> Option<Moment> {
        match self {
            Self::Timed(_) => None,
            Self::Attempt { until, .. } => until,
        }
    }
}

/// A connection, as rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) plan: &'a Plan,
    pub(super) field: &'a Field,
    pub(super) client: &'a str,
    pub(super) attempt: u64,
    /// It was there before the rules were armed: its number strikes and ends
    /// nothing.
    pub(super) is_old: bool,
}

impl Subject<'_> {
    /// What strikes it as it is accepted at `now`, in the order of the file: what
    /// holds at the moment, what began after serial `seen`, and rules on its
    /// number.
    pub(super) fn on_accept(&self, now: Moment, seen: u64) -> Vec<Act> {
        let begun = self.field.begun.iter();
        let timed = begun.filter(|begun| !begun.is_instant || begun.serial > seen);
        // It cannot be struck before it exists, so that is when it was planned.
        let mut acts: Vec<Act> = timed
            .filter_map(|begun| self.act(begun, begun.planned.max(now)))
            .collect();
        let rules = 0..self.plan.rules().len();
        acts.extend(rules.filter_map(|rule| self.on_number(rule, now)));
        acts.retain(|act| !self.is_over(act.rule));
        acts.sort_by_key(|act| act.rule);
        acts
    }

    /// What has begun after serial `seen` and strikes it while it is open.
    pub(super) fn on_change(&self, seen: u64) -> Vec<Act> {
        let fresh = self.field.begun.iter().filter(|begun| begun.serial > seen);
        let acts = fresh.filter_map(|begun| self.act(begun, begun.planned));
        acts.filter(|act| !self.is_over(act.rule)).collect()
    }

    /// The rules that wait for it to come further, or for their time after that.
    pub(super) fn waiting(&self) -> Vec<usize> {
        let waits = |rule: usize| {
            self.condition(rule)
                .is_some_and(|(condition, after)| !condition.is_about_accept() || !after.is_zero())
        };
        let rules = 0..self.plan.rules().len();
        rules
            .filter(|&rule| waits(rule) && self.is_struck_by(rule) && !self.is_over(rule))
            .collect()
    }

    /// Whether a rule is over for this client, at the latest by this connection:
    /// attempts are passed in order.
    fn is_over(&self, rule: usize) -> bool {
        let by_this =
            |until: Condition| until.is_about_accept() && self.attempt >= until.attempts.first;
        let until = self.plan.rules()[rule].until_on;
        let is_ended =
            |(ended, whose): &(usize, Arc<str>)| *ended == rule && &**whose == self.client;
        !self.is_old && until.is_some_and(by_this) || self.field.ended.iter().any(is_ended)
    }

    fn act(&self, begun: &Begun, planned: Moment) -> Option<Act> {
        let occurrence = &self.plan.timed()[begun.occurrence];
        self.plan.strikes(occurrence, self.client).then_some(Act {
            rule: occurrence.rule,
            occurrence: occurrence.number,
            planned: Some(planned),
            hold: Hold::Timed(begun.serial),
        })
    }

    fn on_number(&self, rule: usize, now: Moment) -> Option<Act> {
        let (condition, after) = self.condition(rule)?;
        let is_now = condition.is_about_accept() && after.is_zero();
        (is_now && self.is_struck_by(rule))
            .then(|| Act::on(self.plan, rule, None, now, self.field.round))
    }

    fn is_struck_by(&self, rule: usize) -> bool {
        self.field.is_armed && self.plan.strikes_attempt(rule, self.client, self.attempt)
    }

    fn condition(&self, rule: usize) -> Option<(Condition, Duration)> {
        match self.plan.rules()[rule].when {
            When::On {
                condition, after, ..
            } => Some((condition, after)),
            When::Timed { .. } => None,
        }
    }
}

impl Act {
    /// A rule on connections acts `now`.
    pub(super) fn on(
        plan: &Plan,
        rule: usize,
        planned: Option<Moment>,
        now: Moment,
        round: u64,
    ) -> Self {
        let lasting = match plan.rules()[rule].when {
            When::On { lasting, .. } => lasting,
            When::Timed { .. } => None,
        };
        let hold = Hold::Attempt {
            until: lasting.map(|lasting| now + lasting),
            round,
        };
        Self {
            rule,
            occurrence: 1,
            planned,
            hold,
        }
    }
}
