//! What only the whole file shows: rules that can never act, names used twice,
//! more than a run can hold.
//!
//! Invariant: what is refused here is wrong on every run and under every seed;
//! what is merely odd is left alone. (What nothing exercises is in
//! [`exercisable`](super::exercisable).)

use std::collections::BTreeMap;
use std::time::Duration;

use chaos_proxy::{Condition, FaultKind, Phase, Rule, Target, When};
use environment::text::{Diagnostics, Span, format_duration};

use super::action::{self, Action, ActionTime, ClientAction};
use super::own_server::OwnServer;
use super::rules::{Place, Rules};
use super::scenario::Start;
use super::server_event::{self, ServerEvent, ensure_apart};
use super::top::Top;

/// The most that a run may decide beforehand: strikes and actions at a time, each
/// counted for each client. As many as a journal has entries.
const MOST_PLANNED: u64 = crate::journal::MAX_ENTRIES as u64;

/// A file, section by section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sections<'a> {
    pub(super) top: &'a Top,
    pub(super) client_count: u32,
    pub(super) rules: &'a Rules,
    pub(super) actions: &'a [Action],
    pub(super) action_places: &'a [action::Place],
    pub(super) server_events: &'a [(ServerEvent, server_event::Place)],
    pub(super) own_server: Option<&'a OwnServer>,
    pub(super) diagnostics: &'a Diagnostics,
}

/// Reports everything that makes no sense in the light of the rest.
pub(super) fn validate(sections: Sections<'_>) {
    sections.ensure_unique_names();
    for (rule, place) in sections.rules.placed() {
        if let Some((span, why, help)) = sections.never(rule, place) {
            let message = format!("`{}` never acts: {why}", rule.name);
            sections.diagnostics.error_with_help(span, message, help);
        }
        sections.ensure_repetition(rule, place);
    }
    sections.ensure_actions_reach_somebody();
    sections.ensure_bounded();
    if let Some(own) = sections.own_server {
        own.ensure_obeyed(sections);
    }
    if let Some(duration) = sections.top.duration {
        ensure_apart(sections.server_events, duration, sections.diagnostics);
    }
}

/// Where, why, and what would be right.
type Never = (Span, String, &'static str);

impl Sections<'_> {
    /// Rules and server events are told apart by name in results.
    fn ensure_unique_names(&self) {
        let rules = self.rules.placed();
        let rules = rules.map(|(rule, place)| (rule.name.as_str(), &place.name));
        let events = self.server_events.iter();
        let events = events.map(|(event, place)| (event.name.as_str(), &place.name));
        let actions = self.actions.iter().zip(self.action_places);
        let actions = actions.map(|(action, place)| (action.name.as_str(), &place.name));
        // Two rules of one name have been told already.
        self.ensure_unique(rules.chain(events));
        self.ensure_unique(actions);
    }

    fn ensure_unique<'s>(&self, named: impl Iterator<Item = (&'s str, &'s Span)>) {
        let mut names = BTreeMap::new();
        for (name, span) in named {
            if names.insert(name, span).is_some() {
                self.diagnostics.error_with_help(
                    span.clone(),
                    format!("a second `{}`", name.escape_debug()),
                    "faults and server events need names of their own, and so do actions; give this one a `name`",
                );
            }
        }
    }

    fn never(&self, rule: &Rule, place: &Place) -> Option<Never> {
        never_drawn(rule, place)
            .or_else(|| self.is_over_at_zero(rule, place))
            .or_else(|| self.waits_too_long(rule, place))
            .or_else(|| self.has_ended_before(rule, place))
            .or_else(|| self.has_no_dial(rule, place))
    }

    /// At t = 0 every client has had its first message, on attempt 1; a rule
    /// waits only for connections that are accepted after that.
    fn is_over_at_zero(&self, rule: &Rule, place: &Place) -> Option<Never> {
        let When::On { condition, .. } = &rule.when else {
            return None;
        };
        (self.top.start == Start::FirstMessage && condition.attempts.are_over_at(1)).then(|| {
            (
                place.on.clone(),
                "attempt 1 is over when t = 0 begins".to_owned(),
                "with `start = \"first_dial\"` faults are armed before the clients connect",
            )
        })
    }

    fn waits_too_long(&self, rule: &Rule, place: &Place) -> Option<Never> {
        let (When::On { after, .. }, Some(end)) = (&rule.when, self.top.duration) else {
            return None;
        };
        (*after >= end).then(|| {
            let (after, end) = (format_duration(*after), format_duration(end));
            let why = format!("`after` is {after}, and the run ends at {end}");
            (place.after.clone(), why, "let it wait less, or run longer")
        })
    }

    /// What ends the rule has come before what begins it.
    fn has_ended_before(&self, rule: &Rule, place: &Place) -> Option<Never> {
        const HELP: &str = "what ends a fault must come after what begins it";
        let until = rule.until_on.as_ref()?;
        if self.top.start == Start::FirstMessage && is_met_by_a_first_message(until) {
            let why = "attempt 1 has met its `until_on` when t = 0 begins".to_owned();
            return Some((place.until_on.clone(), why, HELP));
        }
        let first = match &rule.when {
            When::On { condition, .. } => condition.attempts.first,
            When::Timed { .. } if rule.fault.phase() == FaultKind::Listener => return None,
            When::Timed { .. } => 1,
        };
        (until.is_about_accept() && until.attempts.first <= first).then(|| {
            let ended = until.attempts.first;
            let why = format!(
                "attempt {ended} ends it by `until_on` as it is accepted, and it begins with attempt {first} at the earliest"
            );
            (place.until_on.clone(), why, HELP)
        })
    }

    /// A rule on accepting while another lets nobody in.
    fn has_no_dial(&self, rule: &Rule, place: &Place) -> Option<Never> {
        if rule.fault.phase() != FaultKind::Accept {
            return None;
        }
        let end = self.top.duration?;
        let (from, until) = window(rule, end)?;
        let closed = self.rules.rules.iter().find(|other| {
            let is_everybodys = other.fault.phase() == FaultKind::Listener
                && other.target == Target::All
                && other.probability.is_none();
            let covers = |(begin, over): (Duration, Duration)| begin <= from && until <= over;
            is_everybodys && window(other, end).is_some_and(covers)
        })?;
        let why = format!("all that time `{}` lets no connection through", closed.name);
        let help = "it acts as a connection is accepted; let the two follow each other";
        Some((place.at.clone(), why, help))
    }

    /// A repetition that comes round once is none.
    fn ensure_repetition(&self, rule: &Rule, place: &Place) {
        let Some(end) = self.top.duration else {
            return;
        };
        let When::Timed {
            at,
            every: Some(every),
            until,
            ..
        } = rule.when
        else {
            return;
        };
        let second = at.saturating_add(every);
        let (over, what) = match until {
            Some(until) if until < end => (until, "`until` is"),
            _ => (end, "the run ends at"),
        };
        let text = format_duration;
        if rule.windows(end).nth(1).is_none() {
            let message = format!(
                "`every` never comes round: the second time would be {}, and {what} {}",
                text(second),
                text(over)
            );
            self.diagnostics.error(place.every.clone(), message);
        }
    }

    /// Whoever was told to stop does nothing any more.
    fn ensure_actions_reach_somebody(&self) {
        let stops = self.actions.iter().filter_map(|action| match &action.when {
            ActionTime::At(at) if is_for_all(action) && action.deed == ClientAction::Stop => {
                Some(*at)
            }
            _ => None,
        });
        let stopped = stops.min();
        for (action, place) in self.actions.iter().zip(self.action_places) {
            match (&action.when, stopped) {
                (ActionTime::At(at), Some(stopped)) if *at > stopped => {
                    let stopped = format_duration(stopped);
                    let message =
                        format!("this action is never done: all clients stop at {stopped}");
                    self.diagnostics.error(place.when.clone(), message);
                }
                (
                    ActionTime::On {
                        attempts, stage, ..
                    },
                    _,
                ) if self.top.start == Start::FirstMessage
                    && *stage < Phase::Closing
                    && attempts.are_over_at(1) =>
                {
                    self.diagnostics.error_with_help(
                        place.when.clone(),
                        format!(
                            "this action is never done: attempt 1 is past `{}` when t = 0 begins",
                            stage.word()
                        ),
                        "with `start = \"first_dial\"` t = 0 is before the clients connect",
                    );
                }
                _ => {}
            }
        }
    }

    /// What is planned fits into a journal, and into memory.
    fn ensure_bounded(&self) {
        let Some(end) = self.top.duration else {
            return;
        };
        let clients = u64::from(self.client_count);
        let rules = self.rules.placed();
        let rules = rules.map(|(rule, place)| (rule.windows(end).count() as u64, &place.table));
        let actions = self.action_places.iter().map(|place| (1, &place.when));
        let mut planned: u64 = 0;
        for (times, span) in rules.chain(actions) {
            planned = planned.saturating_add(times.saturating_mul(clients));
            if planned > MOST_PLANNED {
                let message = format!(
                    "too much is planned: with this, {planned} fault applications and actions; at most {MOST_PLANNED} are possible"
                );
                self.diagnostics.error_with_help(
                    span.clone(),
                    message,
                    "fewer clients, a longer `every`, or a shorter run",
                );
                return;
            }
        }
    }
}

fn is_for_all(action: &Action) -> bool {
    action.target == Target::All
}

fn never_drawn(rule: &Rule, place: &Place) -> Option<Never> {
    if rule.probability == Some(0.0) {
        let why = "its `probability` is 0".to_owned();
        return Some((
            place.probability.clone(),
            why,
            "remove the fault, or give it a probability",
        ));
    }
    (rule.target == Target::Share(0.0)).then(|| {
        let why = "a share of 0 is no client".to_owned();
        (
            place.target.clone(),
            why,
            "remove the fault, or give it a share above 0",
        )
    })
}

/// Every connection that had a message meets it.
fn is_met_by_a_first_message(until: &Condition) -> bool {
    let is_any = until.bytes == 0 && until.message.is_none();
    until.attempts.contains(1) && until.phase <= Phase::Open && is_any
}

/// The one window of a timed rule that does not repeat.
fn window(rule: &Rule, end: Duration) -> Option<(Duration, Duration)> {
    match rule.when {
        When::Timed { every: None, .. } => {
            let window = rule.windows(end).next()?;
            Some((window.from, window.until.unwrap_or(end)))
        }
        When::Timed { every: Some(_), .. } | When::On { .. } => None,
    }
}

#[cfg(test)]
mod tests;
