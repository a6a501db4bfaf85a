//! What the field means for one connection: pure functions of rules and field.

use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::cause::{Cause, Who};
use super::field::{Begun, Field};
use crate::rule::{Condition, When};

/// A rule that takes effect on a connection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Act {
    pub(super) cause: Cause,
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
    /// That it has struck, or the heal of the plan.
    Once,
    /// A moment of its own, or the end of this round of the plan; of an added
    /// rule, its removal.
    Attempt { until: Option<Moment>, round: u64 },
}

impl Hold {
    pub(super) fn is_over(self, cause: &Cause, field: &Field, now: Moment) -> bool {
        match self {
            Self::Timed(serial) => !field.holds(serial),
            Self::Once => field.rules.is_planned(cause.id) && !field.is_armed,
            Self::Attempt { until, round } => {
                let is_past = until.is_some_and(|until| until <= now);
                is_past || !is_armed(cause, field) || {
                    field.rules.is_planned(cause.id) && round != field.round
                }
            }
        }
    }

    /// When it ends by itself.
    pub(super) fn until(self) -> Option<Moment> {
        match self {
            Self::Timed(_) | Self::Once => None,
            Self::Attempt { until, .. } => until,
        }
    }
}

/// Whether a rule on connections may strike: a planned one from t = 0 until the
/// heal, an added one as long as it is there.
pub(super) fn is_armed(cause: &Cause, field: &Field) -> bool {
    if field.rules.is_planned(cause.id) {
        field.is_armed
    } else {
        field.rules.get(cause.id).is_some()
    }
}

/// A connection, as rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) field: &'a Field,
    pub(super) who: Who<'a>,
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
        let rules = self.field.rules.all();
        acts.extend(rules.filter_map(|cause| self.on_number(cause, now)));
        acts.retain(|act| !self.is_over(&act.cause));
        acts.sort_by_key(|act| act.cause.id);
        acts
    }

    /// What has begun after serial `seen` and strikes it while it is open.
    pub(super) fn on_change(&self, seen: u64) -> Vec<Act> {
        let fresh = self.field.begun.iter().filter(|begun| begun.serial > seen);
        let acts = fresh.filter_map(|begun| self.act(begun, begun.planned));
        acts.filter(|act| !self.is_over(&act.cause)).collect()
    }

    /// The rules that wait for it to come further, or for their time after that.
    pub(super) fn waiting(&self) -> Vec<Cause> {
        let waits = |cause: &&Cause| {
            condition(cause)
                .is_some_and(|(condition, after)| !condition.is_about_accept() || !after.is_zero())
        };
        let rules = self.field.rules.all().filter(waits);
        rules
            .filter(|cause| self.is_struck_by(cause) && !self.is_over(cause))
            .cloned()
            .collect()
    }

    /// Whether a rule is over for this client, at the latest by this connection:
    /// attempts are passed in order.
    fn is_over(&self, cause: &Cause) -> bool {
        let by_this =
            |until: Condition| until.is_about_accept() && self.who.attempt >= until.attempts.first;
        let is_ended =
            |(ended, whose): &(usize, Arc<str>)| *ended == cause.id && &**whose == self.who.client;
        !self.is_old && cause.until_on.is_some_and(by_this) || self.field.ended.iter().any(is_ended)
    }

    fn act(&self, begun: &Begun, planned: Moment) -> Option<Act> {
        let strikes = self.field.rules.strikes(begun, self.who);
        strikes.then(|| Act {
            cause: begun.cause.clone(),
            occurrence: begun.number,
            planned: Some(planned),
            hold: Hold::Timed(begun.serial),
        })
    }

    fn on_number(&self, cause: &Cause, now: Moment) -> Option<Act> {
        let (condition, after) = condition(cause)?;
        let is_now = condition.is_about_accept() && after.is_zero();
        (is_now && self.is_struck_by(cause)).then(|| Act::on(cause, None, now, self.field.round))
    }

    fn is_struck_by(&self, cause: &Cause) -> bool {
        is_armed(cause, self.field) && self.field.rules.strikes_attempt(cause, self.who)
    }
}

fn condition(cause: &Cause) -> Option<(Condition, Duration)> {
    match cause.when {
        When::On {
            condition, after, ..
        } => Some((condition, after)),
        When::Timed { .. } => None,
    }
}

impl Act {
    /// A rule on connections acts `now`.
    pub(super) fn on(cause: &Cause, planned: Option<Moment>, now: Moment, round: u64) -> Self {
        let lasting = match cause.when {
            When::On { lasting, .. } => lasting,
            When::Timed { .. } => None,
        };
        let hold = Hold::Attempt {
            until: lasting.map(|lasting| now + lasting),
            round,
        };
        Self {
            cause: cause.clone(),
            occurrence: 1,
            planned,
            hold,
        }
    }
}
