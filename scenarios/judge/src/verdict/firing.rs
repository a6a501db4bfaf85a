//! Whether each rule did what it had to, and in time.
//!
//! A rule must fire unless it says `must_fire = false`: one on attempts always,
//! a timed one if it has a living target. Living is a client that may still
//! dial; so a rule that a whole run long found nobody to strike has not fired,
//! and proves nothing. A connection that was there all through the moment of a
//! strike, and was not struck, is a miss as well.

use std::time::Duration;

use chaos_proxy::{FaultKind, Occurrence, Plan, Rule, When};
use environment::Moment;

use super::reason::Missing;
use crate::checks::Evidence;
use crate::definitions::Strike;
use crate::language::ServerEvent;

/// How late a fault may be. Later than this the machine was starved, and what
/// the client did says nothing about the client.
pub const LATE_TOLERANCE: Duration = Duration::from_millis(250);

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The rule's name.
    pub rule: String,
    /// On how many connections and listeners it took effect.
    pub strikes: usize,
    /// The latest of them, after it was due.
    pub lateness: Duration,
    /// Why it should have fired and did not, if so.
    pub missing: Option<Missing>,
}

impl Firing {
    /// Whether it took effect, and always within [`LATE_TOLERANCE`].
    pub(crate) fn is_in_time(&self) -> bool {
        self.strikes > 0 && !self.is_late()
    }

    /// Whether it was once later than [`LATE_TOLERANCE`].
    pub fn is_late(&self) -> bool {
        self.lateness > LATE_TOLERANCE
    }
}

/// Every rule's firing, in the order of the file, and every server event's.
pub(crate) fn firings(evidence: &Evidence<'_>) -> Vec<Firing> {
    let rules = evidence.plan.rules().iter().enumerate();
    let rules = rules.map(|(index, rule)| firing(evidence, index, rule));
    let events = evidence.scenario.server_events.iter();
    rules
        .chain(events.map(|event| befallen(evidence, event)))
        .collect()
}

/// A server event must happen; it took effect on every client that it affected.
fn befallen(evidence: &Evidence<'_>, event: &ServerEvent) -> Firing {
    let observed = &evidence.observed;
    let name = event.name.as_str();
    let mut downtimes = observed.marks.downtimes.iter();
    let downtime = downtimes.find(|downtime| downtime.name == name);
    // It cannot be before the server is back from what befell it last.
    let lateness = |from: Moment| {
        let before = observed.marks.downtimes.iter();
        let back = before.filter_map(|downtime| downtime.until.filter(|until| *until <= from));
        let due = observed.marks.moment(event.at);
        from.since(back.fold(due, Moment::max))
    };
    let hurt = evidence.effects.iter().filter(|e| e.rule == name);
    Firing {
        rule: event.name.clone(),
        strikes: hurt.count(),
        lateness: downtime.map_or(Duration::ZERO, |downtime| lateness(downtime.from)),
        missing: match downtime {
            None => Some(Missing::ServerKept {
                event: event.name.clone(),
            }),
            Some(downtime) if downtime.until.is_none() => Some(Missing::ServerGone {
                event: event.name.clone(),
            }),
            Some(_) => None,
        },
    }
}

fn firing(evidence: &Evidence<'_>, index: usize, rule: &Rule) -> Firing {
    let all = evidence.observed.connections.strikes().iter();
    let own: Vec<&Strike> = all.filter(|strike| strike.rule == rule.name).collect();
    let lateness = own.iter().map(|strike| lateness(evidence, strike)).max();
    let missing = match &rule.when {
        // A draw that says no is a decision, not a missing fault.
        _ if !rule.must_fire || rule.probability.is_some() => None,
        When::Timed { .. } => missing_timed(evidence, index, rule, &own),
        // Who stops for good, where that is as good, comes to no further connection.
        When::On { .. } if all_gave_up_well(evidence) => None,
        When::On { condition, .. } => own.is_empty().then(|| Missing::NeverMet {
            rule: rule.name.clone(),
            condition: condition.to_string(),
            waits: rule.fault.waits(),
        }),
    };
    Firing {
        rule: rule.name.clone(),
        strikes: own.len(),
        lateness: lateness.unwrap_or_default(),
        missing: powerless(evidence, rule, own.is_empty()).or(missing),
    }
}

fn all_gave_up_well(evidence: &Evidence<'_>) -> bool {
    let names = evidence.scenario.client_names();
    let mut gave_up = names.iter().map(|name| evidence.gave_up_well(name));
    !names.is_empty() && gave_up.all(|gave_up| gave_up.is_some())
}

/// A rule that could not do what it says says nothing about the client.
/// One that passed a message over unread may have found others.
fn powerless(evidence: &Evidence<'_>, rule: &Rule, is_idle: bool) -> Option<Missing> {
    let powerless = evidence.observed.connections.powerless(&rule.name)?;
    if powerless.reason == chaos_proxy::UNREAD && !is_idle {
        return None;
    }
    Some(Missing::Powerless {
        rule: rule.name.clone(),
        client: powerless.client.to_string(),
        attempt: powerless.attempt,
        reason: powerless.reason.clone(),
    })
}

/// After the planned time, or, of a connection that came later, after that.
fn lateness(evidence: &Evidence<'_>, strike: &Strike) -> Duration {
    let observed = &evidence.observed;
    let accepted = observed
        .connections
        .get(&strike.client, strike.attempt)
        .map(|connection| observed.marks.since_zero(connection.accepted));
    let Some(planned) = strike.planned else {
        return Duration::ZERO;
    };
    strike
        .actual
        .saturating_sub(planned.max(accepted.unwrap_or_default()))
}

fn missing_timed(
    evidence: &Evidence<'_>,
    index: usize,
    rule: &Rule,
    strikes: &[&Strike],
) -> Option<Missing> {
    let occurrences = evidence.plan.timed().iter().filter(|o| o.rule == index);
    let mut has_living_target = false;
    for occurrence in occurrences {
        for client in targets(evidence, &evidence.plan, occurrence) {
            let from = evidence.observed.marks.moment(occurrence.from);
            has_living_target |= evidence.is_alive(&client, from);
            if let Some(attempt) = spared(evidence, rule, occurrence, &client, strikes) {
                return Some(Missing::Spared {
                    rule: rule.name.clone(),
                    client,
                    attempt,
                });
            }
        }
    }
    (has_living_target && strikes.is_empty()).then(|| Missing::NoTarget {
        rule: rule.name.clone(),
    })
}

fn targets(evidence: &Evidence<'_>, plan: &Plan, occurrence: &Occurrence) -> Vec<String> {
    let names = evidence.scenario.client_names().into_iter();
    names
        .filter(|client| plan.strikes(occurrence, client))
        .collect()
}

/// A connection that the rule must have struck, and did not.
fn spared(
    evidence: &Evidence<'_>,
    rule: &Rule,
    occurrence: &Occurrence,
    client: &str,
    strikes: &[&Strike],
) -> Option<u64> {
    let from = evidence.observed.marks.moment(occurrence.from);
    // Faults on accepting or on the listener do not touch what is there.
    let (FaultKind::Strike | FaultKind::Hold) = rule.fault.phase() else {
        return None;
    };
    // It may wait indefinitely.
    if rule.fault.waits() {
        return None;
    }
    if evidence.observed.last <= from + LATE_TOLERANCE {
        return None;
    }
    let mut there = evidence.observed.connections.of(client);
    let spared = there.find(|connection| {
        let attempt = connection.attempt;
        connection.spans(margin_before(from), from + LATE_TOLERANCE)
            && !strikes.iter().any(|strike| {
                &*strike.client == client
                    && strike.attempt == attempt
                    && strike.occurrence == occurrence.number
            })
    });
    spared.map(|connection| connection.attempt)
}

/// The harness marks t = 0 a little beside the proxy's own.
fn margin_before(from: Moment) -> Moment {
    const MARGIN: Duration = Duration::from_millis(50);
    from - MARGIN
}
