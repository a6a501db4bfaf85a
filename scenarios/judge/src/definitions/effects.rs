//! Effects: what one time of one rule did to one client, and when the client
//! noticed.
//!
//! What only slows things down has none: everything still passes. A timed rule's
//! strikes on one client are one effect, which ends with the window; a rule on
//! attempts has one effect for each connection that it strikes; a server event
//! has one on each client that it hurts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chaos_proxy::{FaultKind, Occurrence, Plan, Rule, When};
use environment::Moment;

use super::Observations;
use super::connections::Strike;
use super::downtimes::downtime_effects;

/// One time of a rule, as one client felt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Whom it hurt.
    pub client: Arc<str>,
    /// The rule's name.
    pub rule: String,
    /// From the first strike; for `refuse` also not before the client's last
    /// live connection was lost.
    pub start: Moment,
    /// When it was healed; equal to `start` for a fault that strikes once.
    pub end: Moment,
    /// Whether what was hurt goes on as before when it is healed, so that a
    /// client need not notice a short one.
    pub revives: bool,
    /// The connections that it struck; empty for the listener.
    pub hurt: BTreeSet<u64>,
    /// When the client noticed: the first of its FIN, RST or Close frame on a
    /// hurt connection, a new dial, and its own `close` event.
    pub detected: Option<Moment>,
    /// No data that came before then is a sign that it is over: `start`, or for
    /// the loss of the server the end.
    pub silent_until: Moment,
}

/// Every effect, by client, then by time.
pub fn effects(observed: &Observations, plan: &Plan) -> Vec<Effect> {
    let mut found: Vec<Effect> = groups(observed, plan)
        .into_iter()
        .filter_map(|(rule, strikes)| effect(observed, plan, rule, &strikes))
        .chain(downtime_effects(observed))
        .collect();
    found.sort_by(|a, b| (&a.client, a.start).cmp(&(&b.client, b.start)));
    found
}

/// Strikes that belong together, each group in order of time.
fn groups<'a>(observed: &'a Observations, plan: &'a Plan) -> Vec<(&'a Rule, Vec<&'a Strike>)> {
    let mut groups: BTreeMap<_, Vec<&Strike>> = BTreeMap::new();
    for strike in observed.connections.strikes() {
        let rules = plan.rules().iter().enumerate();
        let Some((index, rule)) = rules.into_iter().find(|(_, rule)| rule.name == strike.rule)
        else {
            continue;
        };
        let part = match rule.when {
            When::Timed { .. } => strike.occurrence,
            When::On { .. } => strike.attempt,
        };
        let group = groups.entry((index, &strike.client, part)).or_default();
        group.push(strike);
    }
    let groups = groups.into_iter();
    groups
        .map(|((index, ..), strikes)| (&plan.rules()[index], strikes))
        .collect()
}

fn effect(
    observed: &Observations,
    plan: &Plan,
    rule: &Rule,
    strikes: &[&Strike],
) -> Option<Effect> {
    if rule.fault.is_mild() {
        return None;
    }
    let first = strikes.first()?;
    let end = end(observed, plan, rule, strikes);
    let start = match rule.fault.phase() {
        FaultKind::Listener => unreachable_since(observed, &first.client, first.at, end)?,
        FaultKind::Accept | FaultKind::Strike | FaultKind::Hold => first.at,
    };
    let hurt: BTreeSet<u64> = strikes
        .iter()
        .map(|s| s.attempt)
        .filter(|n| *n > 0)
        .collect();
    Some(Effect {
        client: Arc::clone(&first.client),
        rule: rule.name.clone(),
        start,
        end: end.max(start),
        revives: matches!(rule.fault.phase(), FaultKind::Listener | FaultKind::Hold)
            && !rule.fault.is_instant(),
        detected: detected(observed, &first.client, start, &hurt),
        hurt,
        silent_until: start,
    })
}

fn end(observed: &Observations, plan: &Plan, rule: &Rule, strikes: &[&Strike]) -> Moment {
    let told = strikes.iter().filter_map(|strike| strike.healed).max();
    let last = strikes.iter().map(|strike| strike.at).max();
    let planned = match rule.when {
        _ if rule.fault.phase() == FaultKind::Hold && rule.fault.is_instant() => None,
        When::Timed { .. } => strikes
            .first()
            .and_then(|strike| window(plan, rule, strike.occurrence))
            .and_then(|occurrence| occurrence.until)
            .map(|until| observed.marks.moment(until)),
        When::On { .. } => None,
    };
    // A run that healed everything early healed this, too.
    let planned = planned.map(|end| end.min(observed.marks.healed.unwrap_or(end)));
    told.or(planned).or(last).unwrap_or_default()
}

fn window<'a>(plan: &'a Plan, rule: &Rule, number: u64) -> Option<&'a Occurrence> {
    let mut timed = plan.timed().iter();
    timed.find(|o| o.number == number && plan.rules()[o.rule].name == rule.name)
}

/// Since when a closed listener keeps its client away: at once if the client
/// has no live connection, else when it loses the last; `None` if it keeps one.
fn unreachable_since(
    observed: &Observations,
    client: &str,
    refused: Moment,
    healed: Moment,
) -> Option<Moment> {
    let live = observed.connections.live(client, observed.last);
    let mut since = refused;
    // Each step leaves one connection behind, so this ends.
    while let Some((_, until)) = live
        .iter()
        .find(|(from, until)| *from <= since && since < *until)
    {
        since = *until;
    }
    (since < healed).then_some(since)
}

pub(super) fn detected(
    observed: &Observations,
    client: &str,
    start: Moment,
    hurt: &BTreeSet<u64>,
) -> Option<Moment> {
    let first_hurt = hurt.first().copied().unwrap_or_default();
    let connections = || observed.connections.of(client);
    let left = connections()
        .filter(|c| hurt.contains(&c.attempt))
        .filter_map(|c| c.left);
    let dials = connections()
        .filter(|c| c.attempt > first_hurt)
        .map(|c| c.accepted);
    let seen = left.chain(dials).filter(|at| *at > start).min();
    let told = observed.reports.noticed(client, start);
    seen.into_iter().chain(told).min()
}
