//! Which rules strike one connection: pure functions of what is in force.

use std::time::Duration;

use environment::Moment;

use super::in_force::{Activation, ActiveRules};
use super::set::{RuleHandle, Who};
use crate::rule::{Condition, When};
use crate::websocket::FrameRuleId;

/// A rule that takes effect on a connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strike {
    pub(crate) rule: RuleHandle,
    /// Which time of the rule.
    pub(crate) occurrence: u64,
    /// When it should take effect; `None` if it waited for the connection.
    pub(crate) planned: Option<Moment>,
    /// How long it holds, if it is one that holds.
    pub(crate) lifetime: Lifetime,
}

impl Strike {
    /// A rule on connections acts `now`.
    pub(super) fn on(rule: &RuleHandle, planned: Option<Moment>, now: Moment, round: u64) -> Self {
        let lasting = match rule.when {
            When::On { lasting, .. } => lasting,
            When::Timed { .. } => None,
        };
        let lifetime = Lifetime::Attempt {
            until: lasting.map(|lasting| now + lasting),
            round,
        };
        Self {
            rule: rule.clone(),
            occurrence: 1,
            planned,
            lifetime,
        }
    }

    /// What frames know it by.
    pub(crate) fn id(&self) -> FrameRuleId {
        FrameRuleId {
            rule: self.rule.id,
            occurrence: self.occurrence,
        }
    }
}

/// What ends a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// The end of what began with this serial.
    Timed(u64),
    /// That it has struck, or the heal of the plan.
    Once,
    /// A moment of its own, or the end of this round of the plan; of an added
    /// rule, its removal.
    Attempt { until: Option<Moment>, round: u64 },
}

impl Lifetime {
    pub(super) fn is_over(self, rule: &RuleHandle, in_force: &ActiveRules, now: Moment) -> bool {
        let is_planned = in_force.rules.is_planned(rule.id);
        match self {
            Self::Timed(serial) => !in_force.holds(serial),
            Self::Once => is_planned && !in_force.is_armed,
            Self::Attempt { until, round } => {
                let is_past = until.is_some_and(|until| until <= now);
                is_past || !in_force.arms(rule.id) || is_planned && round != in_force.round
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

/// A connection, as rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) in_force: &'a ActiveRules,
    pub(super) who: Who<'a>,
    /// It was there before the rules were armed: its number strikes and ends
    /// nothing.
    pub(super) is_old: bool,
}

impl<'a> Subject<'a> {
    /// What strikes it as it is accepted at `now`, in the order of the file: what
    /// holds at the moment, what began after serial `seen`, and rules on its
    /// number.
    pub(super) fn on_accept(&self, now: Moment, seen: u64) -> Vec<Strike> {
        let begun = self.in_force.activations.iter();
        let timed = begun.filter(|begun| !begun.is_instant || begun.serial > seen);
        // It cannot be struck before it exists, so that is when it was planned.
        let mut strikes: Vec<Strike> = timed
            .filter_map(|begun| self.strike(begun, begun.planned.max(now)))
            .collect();
        let rules = self.in_force.rules.all();
        strikes.extend(rules.filter_map(|rule| self.on_number(&rule, now)));
        strikes.retain(|strike| !self.is_over(&strike.rule));
        strikes.sort_by_key(|strike| strike.rule.id);
        strikes
    }

    /// What has begun after serial `seen` and strikes it while it is open.
    pub(super) fn on_change(&self, seen: u64) -> Vec<Strike> {
        let begun = self.in_force.activations.iter();
        let fresh = begun.filter(|begun| begun.serial > seen);
        let strikes = fresh.filter_map(|begun| self.strike(begun, begun.planned));
        strikes
            .filter(|strike| !self.is_over(&strike.rule))
            .collect()
    }

    /// The rules that wait for it to come further, or for their time after that.
    pub(super) fn waiting(self) -> impl Iterator<Item = RuleHandle> + use<'a> {
        let waits = |rule: &RuleHandle| {
            condition(rule)
                .is_some_and(|(condition, after)| !condition.is_about_accept() || !after.is_zero())
        };
        let rules = self.in_force.rules.all();
        rules.filter(move |rule| waits(rule) && self.is_struck_by(rule) && !self.is_over(rule))
    }

    /// Whether a rule is over for this client, at the latest by this connection:
    /// attempts are passed in order.
    fn is_over(&self, rule: &RuleHandle) -> bool {
        let by_this =
            |until: &Condition| until.is_about_accept() && self.who.attempt >= until.attempts.first;
        !self.is_old && rule.until_on.as_ref().is_some_and(by_this)
            || self.in_force.has_ended(rule.id, self.who.client)
    }

    fn strike(&self, begun: &Activation, planned: Moment) -> Option<Strike> {
        self.in_force.strikes(begun, self.who).then(|| Strike {
            rule: begun.rule.clone(),
            occurrence: begun.number,
            planned: Some(planned),
            lifetime: Lifetime::Timed(begun.serial),
        })
    }

    fn on_number(&self, rule: &RuleHandle, now: Moment) -> Option<Strike> {
        let (condition, after) = condition(rule)?;
        let is_now = condition.is_about_accept() && after.is_zero();
        let round = self.in_force.round;
        (is_now && self.is_struck_by(rule)).then(|| Strike::on(rule, None, now, round))
    }

    fn is_struck_by(&self, rule: &RuleHandle) -> bool {
        self.in_force.arms(rule.id) && self.in_force.rules.strikes_attempt(rule, self.who)
    }
}

fn condition(rule: &RuleHandle) -> Option<(&Condition, Duration)> {
    match &rule.when {
        When::On {
            condition, after, ..
        } => Some((condition, *after)),
        When::Timed { .. } => None,
    }
}
