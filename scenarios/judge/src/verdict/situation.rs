//! Whether the situation came about that a case is about.
//!
//! It came about if one client at least was in it: that is what the run then
//! speaks of. If none was, and what the client declares of itself is the reason,
//! the case is not about such clients; else the run says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reason::{Figure, Reason, Seen};
use crate::checks::{Evidence, Measure};
use crate::definitions::{
    attempts_given_up, overlapping_connections, own_delay, silences_outlasted, thrown_out,
    told_while_connecting, told_while_waiting,
};
use crate::language::{Needed, Situation, SituationKind};

/// One key of `[situation]`, and how much of it there was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SituationResult {
    /// Its key.
    pub name: String,
    /// How much there must be, of some client.
    pub needed: Measure,
    /// How much there was, of each client; of a wait, the shortest.
    pub clients: BTreeMap<String, Measure>,
    /// Whether that was enough.
    pub came_about: bool,
    /// As the file has it; of results that were read back, nothing.
    #[serde(skip)]
    of: Option<(Situation, Seen)>,
}

/// Every key of the file's, in their order.
pub(super) fn situations(evidence: &Evidence<'_>) -> Vec<SituationResult> {
    let situations = evidence.scenario.situation.iter();
    situations
        .map(|situation| counted(evidence, *situation))
        .collect()
}

fn counted(evidence: &Evidence<'_>, situation: Situation) -> SituationResult {
    let names = evidence.scenario.client_names().into_iter();
    let seen: BTreeMap<String, Seen> = names
        .map(|client| {
            let seen = seen(evidence, situation.kind, &client);
            (client, seen)
        })
        .collect();
    let most = seen.values().copied().reduce(more);
    let most = most.unwrap_or(Seen::Times(0));
    let clients = seen.into_iter();
    SituationResult {
        name: situation.kind.key().to_owned(),
        needed: match situation.needed {
            Needed::Times(times) => Measure::Count(times),
            Needed::Below(limit) => Measure::limit(limit),
        },
        clients: clients
            .map(|(client, seen)| (client, measure(seen)))
            .collect(),
        came_about: is_enough(situation.needed, most),
        of: Some((situation, most)),
    }
}

fn seen(evidence: &Evidence<'_>, kind: SituationKind, client: &str) -> Seen {
    let observed = &evidence.observed;
    let times = match kind {
        SituationKind::AttemptsGivenUp => {
            let (until, _) = evidence.watched_until(client);
            attempts_given_up(observed, client, until)
        }
        SituationKind::OverlappingConnections => overlapping_connections(observed, client),
        SituationKind::SilencesOutlasted => {
            let liveness = declared(evidence, Figure::Liveness);
            silences_outlasted(observed, &evidence.effects, client, liveness)
        }
        SituationKind::PingsSent => observed.frames.pings_of(client),
        SituationKind::ToldWhileConnecting => told_while_connecting(observed, client),
        SituationKind::ToldWhileWaiting => told_while_waiting(observed, client),
        SituationKind::ThrownOut => thrown_out(
            observed,
            client,
            evidence.scenario.time_to_stay(evidence.subject.as_ref()),
        ),
        SituationKind::OwnDelayBelow => {
            let dials = evidence.dials.get(client);
            return Seen::Shortest(dials.and_then(|own| own_delay(observed, client, own)));
        }
    };
    Seen::Times(times as u64)
}

/// Of two clients, what comes nearer to what is needed.
fn more(one: Seen, other: Seen) -> Seen {
    match (one, other) {
        (Seen::Times(one), Seen::Times(other)) => Seen::Times(one.max(other)),
        (Seen::Shortest(one), Seen::Shortest(other)) => {
            Seen::Shortest(one.into_iter().chain(other).min())
        }
        _ => one,
    }
}

fn is_enough(needed: Needed, seen: Seen) -> bool {
    match (needed, seen) {
        (Needed::Times(needed), Seen::Times(seen)) => seen >= needed,
        (Needed::Below(limit), Seen::Shortest(shortest)) => {
            shortest.is_some_and(|shortest| shortest < limit)
        }
        _ => false,
    }
}

fn measure(seen: Seen) -> Measure {
    match seen {
        Seen::Times(times) => Measure::Count(times),
        Seen::Shortest(shortest) => Measure::seen(shortest),
    }
}

/// What of the situation did not come about, and what the client declares is why;
/// empty if one part of it has another reason.
pub(super) fn excluded(evidence: &Evidence<'_>, situation: &[SituationResult]) -> Vec<Reason> {
    let reasons = missing(situation).map(|(situation, _)| exclusion(evidence, situation));
    reasons.collect::<Option<Vec<Reason>>>().unwrap_or_default()
}

/// What of it did not come about.
pub(super) fn not_come_about(situation: &[SituationResult]) -> impl Iterator<Item = Reason> {
    missing(situation).map(|(situation, seen)| Reason::NotInSituation {
        situation: situation.kind.key(),
        needed: situation.needed,
        seen,
    })
}

fn missing(situation: &[SituationResult]) -> impl Iterator<Item = (Situation, Seen)> {
    let missing = situation.iter().filter(|result| !result.came_about);
    missing.filter_map(|result| result.of)
}

/// What a client declares that keeps it out, if it does.
fn exclusion(evidence: &Evidence<'_>, situation: Situation) -> Option<Reason> {
    let scenario = evidence.scenario;
    let (figure, there) = match (situation.kind, situation.needed) {
        (SituationKind::AttemptsGivenUp, _) => (Figure::DialBound, None),
        (SituationKind::OverlappingConnections | SituationKind::SilencesOutlasted, _) => {
            (Figure::Liveness, None)
        }
        (SituationKind::OwnDelayBelow, Needed::Below(limit)) => (Figure::FirstDelay, Some(limit)),
        _ => return None,
    };
    let there = there.or_else(|| situation.longest(&scenario.rules, scenario.duration))?;
    let declared = declared(evidence, figure)?;
    (declared >= there).then_some(Reason::Excluded {
        situation: situation.kind.key(),
        figure,
        declared,
        there,
    })
}

/// What the client declares: the simulated one in the file, another in its own.
fn declared(evidence: &Evidence<'_>, figure: Figure) -> Option<Duration> {
    let own = &evidence.scenario.clients.behaviour;
    match (&evidence.subject, figure) {
        (None, Figure::Liveness) => Some(own.liveness),
        (None, Figure::DialBound) => Some(own.connect_timeout),
        (None, Figure::FirstDelay) => Some(own.reconnect.base),
        (Some(traits), Figure::Liveness) => traits.liveness(),
        (Some(traits), Figure::DialBound) => traits.dial_bound(),
        (Some(traits), Figure::FirstDelay) => traits.first_delay(),
    }
}
