//! What the field means for one connection: pure functions of plan and field.

use environment::Moment;

use super::field::{Begun, Field};
use crate::plan::Plan;
use crate::rule::{Rule, Stage, When};

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
    /// A moment of its own, or the heal.
    Attempt(Option<Moment>),
}

impl Hold {
    pub(super) fn is_over(self, field: &Field, now: Moment) -> bool {
        match self {
            Self::Timed(serial) => !field.holds(serial),
            Self::Attempt(until) => !field.is_armed || until.is_some_and(|until| until <= now),
        }
    }

    /// When it ends by itself.
    pub(super) fn until(self) -> Option<Moment> {
        match self {
            Self::Timed(_) => None,
            Self::Attempt(until) => until,
        }
    }
}

/// What strikes a connection that is accepted at `now`, in the order of the
/// file: what holds at the moment, and rules on its number.
pub(super) fn on_accept(
    plan: &Plan,
    field: &Field,
    client: &str,
    attempt: u64,
    now: Moment,
) -> Vec<Act> {
    let timed = field.begun.iter().filter(|begun| !begun.is_instant);
    // It cannot be struck before it exists, so that is when it was planned.
    let mut acts: Vec<Act> = timed
        .filter_map(|begun| act(plan, begun, client, begun.planned.max(now)))
        .collect();
    if field.is_armed {
        let rules = plan.rules().iter().enumerate();
        acts.extend(
            rules.filter_map(|(index, rule)| on_attempt(plan, index, rule, client, attempt, now)),
        );
    }
    acts.retain(|act| !is_over(plan, field, act.rule, client, attempt));
    acts.sort_by_key(|act| act.rule);
    acts
}

/// Whether a rule is over for this client, at the latest by this connection.
fn is_over(plan: &Plan, field: &Field, rule: usize, client: &str, attempt: u64) -> bool {
    let by_this = plan.rules()[rule]
        .until_on
        .is_some_and(|until| until.is_met(attempt, Stage::Connect, 0));
    by_this
        || field
            .ended
            .iter()
            .any(|(ended, whose)| *ended == rule && &**whose == client)
}

/// The rules that wait for this connection to come further, with how long they
/// wait after that.
pub(super) fn waiting(plan: &Plan, field: &Field, client: &str, attempt: u64) -> Vec<usize> {
    let rules = plan.rules().iter().enumerate().filter(|_| field.is_armed);
    let waits = |rule: &Rule| match &rule.when {
        When::On {
            condition, after, ..
        } => !condition.is_about_accept() || !after.is_zero(),
        When::Timed { .. } => false,
    };
    rules
        .filter(|(index, rule)| waits(rule) && plan.strikes_attempt(*index, client, attempt))
        .map(|(index, _)| index)
        .filter(|&index| !is_over(plan, field, index, client, attempt))
        .collect()
}

/// What has begun since `last_serial` and strikes an open connection.
pub(super) fn on_change(plan: &Plan, field: &Field, client: &str, last_serial: u64) -> Vec<Act> {
    let fresh = field
        .begun
        .iter()
        .filter(|begun| begun.serial > last_serial);
    fresh
        .filter_map(|begun| act(plan, begun, client, begun.planned))
        .collect()
}

fn act(plan: &Plan, begun: &Begun, client: &str, planned: Moment) -> Option<Act> {
    let occurrence = &plan.timed()[begun.occurrence];
    plan.strikes(occurrence, client).then_some(Act {
        rule: occurrence.rule,
        occurrence: occurrence.number,
        planned: Some(planned),
        hold: Hold::Timed(begun.serial),
    })
}

fn on_attempt(
    plan: &Plan,
    index: usize,
    rule: &Rule,
    client: &str,
    attempt: u64,
    now: Moment,
) -> Option<Act> {
    let When::On {
        condition, after, ..
    } = &rule.when
    else {
        return None;
    };
    let is_now = condition.is_about_accept() && after.is_zero();
    (is_now && plan.strikes_attempt(index, client, attempt))
        .then(|| Act::on(plan, index, None, now))
}

impl Act {
    /// A rule on connections acts `now`.
    pub(super) fn on(plan: &Plan, rule: usize, planned: Option<Moment>, now: Moment) -> Self {
        let lasting = match plan.rules()[rule].when {
            When::On { lasting, .. } => lasting,
            When::Timed { .. } => None,
        };
        Self {
            rule,
            occurrence: 1,
            planned,
            hold: Hold::Attempt(lasting.map(|lasting| now + lasting)),
        }
    }
}
