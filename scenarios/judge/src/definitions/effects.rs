//! Effects: what one time of one rule did to one client, and when the client
//! noticed.
//!
//! An effect is what was taken ([`deprivations`](super::deprivations)); a rule
//! that took nothing from a client has none on it. A timed rule's strikes on one
//! client are one effect, which ends with the window; a rule on attempts, and one
//! that waits in each connection for its moment (`cut`), has one effect for each
//! connection that it strikes; a server event has one on each client that it affects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chaos_proxy::{FaultKind, Occurrence, Plan, Rule, When};
use environment::Moment;

use super::Observations;
use super::connection::Connection;
use super::connections::Strike;
use super::deprivations::{ClientFigures, Deprivation, of_strike};
use super::downtimes::downtime_effects;

/// One time of a rule, as one client felt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Which clients it affected.
    pub client: Arc<str>,
    /// The rule's name.
    pub rule: String,
    /// From when the client was deprived.
    pub start: Moment,
    /// When it was healed; equal to `start` for a fault that acts once.
    pub end: Moment,
    /// Whether its end is part of the outage's: what merely slows a dial moves
    /// none.
    pub heals: bool,
    /// The connections that it affected; empty for the listener.
    pub hurt: BTreeSet<u64>,
    /// What the client had to notice.
    pub notices: Vec<Notice>,
    /// No data that came before then is a sign that it is over: `start`, or for
    /// the loss of the server the end.
    pub silent_until: Moment,
}

/// Something that a client has to notice: that nothing comes on a connection
/// that it had open, or that this is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose.
    pub client: Arc<str>,
    /// By whose doing.
    pub rule: String,
    /// From when.
    pub from: Moment,
    /// When it was over: something came, or the silence was ended; `None`: it
    /// stayed so.
    pub until: Option<Moment>,
    /// Whether the connection was ended toward the client, and not only silent.
    pub is_end: bool,
    /// When the client noticed: the first of its FIN, RST or Close frame on a
    /// affected connection, a new dial, its own `close` event, and its giving up.
    pub noticed: Option<Moment>,
}

/// Every effect, by client, then by time. `figures` are the clients'.
pub fn effects(observed: &Observations, plan: &Plan, figures: ClientFigures) -> Vec<Effect> {
    let mut found: Vec<Effect> = groups(observed, plan)
        .into_iter()
        .filter_map(|(rule, strikes)| effect(observed, plan, rule, &strikes, figures))
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
        // What waits in each connection for its moment strikes each at another.
        let is_each = matches!(rule.when, When::On { .. }) || rule.fault.waits();
        let attempt = if is_each { strike.attempt } else { 0 };
        let key = (index, &strike.client, strike.occurrence, attempt);
        let group = groups.entry(key).or_default();
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
    figures: ClientFigures,
) -> Option<Effect> {
    let client = &strikes.first()?.client;
    let taken: Vec<Deprivation> = if rule.fault.phase() == FaultKind::Listener {
        let (first, end) = (strikes.first()?.at, end(observed, plan, rule, strikes));
        kept_away(observed, client, first, end)
            .into_iter()
            .collect()
    } else {
        let strikes = strikes.iter();
        let taken = strikes.filter_map(|strike| {
            let healed = end(observed, plan, rule, &[*strike]);
            let until = if is_lasting(rule) { healed } else { strike.at };
            of_strike(observed, rule, strike, until, figures)
        });
        taken.collect()
    };
    let start = taken.iter().map(|taken| taken.from).min()?;
    let hurt: BTreeSet<u64> = taken.iter().map(|taken| taken.attempt).collect();
    let hurt: BTreeSet<u64> = hurt.into_iter().filter(|attempt| *attempt > 0).collect();
    let felt: Vec<&Strike> = strikes
        .iter()
        .copied()
        .filter(|strike| strike.attempt == 0 || hurt.contains(&strike.attempt))
        .collect();
    let heals = taken.iter().any(|taken| taken.heals);
    // Whom a rule told something on a dead connection could not know until then.
    let told = taken.iter().filter(|taken| taken.was_open);
    let told = told.filter_map(|taken| taken.told);
    let end = if heals {
        told.fold(end(observed, plan, rule, &felt), Moment::max)
    } else {
        start
    };
    let notices = taken
        .iter()
        .flat_map(|taken| notices(observed, client, &rule.name, taken, &hurt))
        .collect();
    Some(Effect {
        client: Arc::clone(client),
        rule: rule.name.clone(),
        start,
        end: end.max(start),
        heals,
        notices,
        hurt,
        silent_until: start,
    })
}

/// Whether it goes on until it is healed.
fn is_lasting(rule: &Rule) -> bool {
    rule.fault.phase() == FaultKind::Hold && !rule.fault.is_instant()
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
    // A hold without an end of its own goes with the connection.
    let gone = || {
        let is_hold = is_lasting(rule) && matches!(rule.when, When::On { .. });
        let connections = strikes.iter().filter(|_| is_hold).filter_map(|strike| {
            let connections = &observed.connections;
            connections.get(&strike.client, strike.attempt)?.end()
        });
        connections.max()
    };
    // A run that healed everything early healed this, too.
    let planned = planned.map(|end| end.min(observed.marks.healed.unwrap_or(end)));
    told.or(planned).or_else(gone).or(last).unwrap_or_default()
}

fn window<'a>(plan: &'a Plan, rule: &Rule, number: u64) -> Option<&'a Occurrence> {
    let mut timed = plan.timed().iter();
    timed.find(|o| o.number == number && plan.rules()[o.rule].name == rule.name)
}

/// A closed listener keeps its client away from its first dial in vain on; of a
/// client that does not tell of its dials, from when it has no live connection.
fn kept_away(
    observed: &Observations,
    client: &str,
    shut: Moment,
    healed: Moment,
) -> Option<Deprivation> {
    let reports = &observed.reports;
    let from = if reports.dials(client).next().is_some() {
        dial_in_vain(observed, client, shut, healed)?
    } else {
        unreachable_since(observed, client, shut, healed)?
    };
    Some(Deprivation {
        attempt: 0,
        from,
        until: None,
        silence: (from, None),
        told: None,
        was_open: false,
        healed: None,
        heals: true,
    })
}

/// The client's first dial, begun while the port was shut, that no connection
/// came of before it was open again.
fn dial_in_vain(
    observed: &Observations,
    client: &str,
    shut: Moment,
    healed: Moment,
) -> Option<Moment> {
    let mut dials = observed.reports.dials(client);
    let in_vain = dials.find(|(from, until)| {
        let given_up = until.unwrap_or(healed).min(healed);
        let mut connections = observed.connections.of(client);
        let is_met = connections.any(|c| c.accepted >= *from && c.accepted <= given_up);
        (shut..healed).contains(from) && !is_met
    });
    let (from, _) = in_vain?;
    let live = observed.connections.live(client, observed.last);
    let has_another = live
        .iter()
        .any(|(begun, end)| *begun <= from && from < *end);
    (!has_another).then_some(from)
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

/// What the client had to notice of this: that its open connection is silent,
/// and then that it is ended.
fn notices(
    observed: &Observations,
    client: &Arc<str>,
    rule: &str,
    taken: &Deprivation,
    hurt: &BTreeSet<u64>,
) -> Vec<Notice> {
    let Some(connection) = observed.connections.get(client, taken.attempt) else {
        return Vec::new();
    };
    if !taken.was_open {
        return Vec::new();
    }
    let notice = |from, until, is_end| Notice {
        client: Arc::clone(client),
        rule: rule.to_owned(),
        from,
        until,
        is_end,
        noticed: noticed(observed, client, from, hurt),
    };
    let ended = end_of(connection, taken);
    let (begun, heard) = taken.silence;
    let ends = [ended, heard, taken.until, taken.healed];
    let over = ends.into_iter().flatten().filter(|end| *end >= begun).min();
    let silence = notice(begun, over, false);
    let end = ended.map(|ended| notice(ended, None, true));
    let is_left = connection.left.is_some_and(|left| left <= begun);
    let is_silent = !is_left && ended.is_none_or(|ended| ended > begun);
    is_silent
        .then_some(silence)
        .into_iter()
        .chain(end)
        .collect()
}

/// When the connection was ended toward the client while that lasted.
fn end_of(connection: &Connection, taken: &Deprivation) -> Option<Moment> {
    let ends = [connection.ended, connection.reset].into_iter().flatten();
    let ended = ends.min().filter(|ended| *ended >= taken.from)?;
    let is_first = connection.left.is_none_or(|left| left > ended);
    let lasts = taken.until.is_none_or(|until| until >= ended);
    (is_first && lasts).then_some(ended)
}

pub(super) fn noticed(
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
