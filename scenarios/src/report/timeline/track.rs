//! What was done to the clients from outside, one track for each rule, server
//! event and kind of action: when, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use chaos_proxy::{Rule, When};
use environment::Moment;

use super::axis::Axis;
use super::evidence::Known;
use crate::definitions::Strike;

/// No figure has more tracks than this.
const MOST_TRACKS: usize = 12;
/// A machine that let the harness wait for less is not worth a track.
const WORTH_TELLING: std::time::Duration = std::time::Duration::from_millis(100);

/// A row above those of the clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Track {
    /// As the file has it.
    pub(crate) name: String,
    /// What it is, in a word.
    pub(crate) what: String,
    pub(crate) kind: TrackKind,
    pub(crate) spans: Vec<Span>,
}

/// Whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrackKind {
    /// The proxy's.
    Fault,
    /// The server's.
    Server,
    /// The user's.
    Action,
    /// The machine's.
    Machine,
}

/// One time of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Moment,
    /// `from` for what has no length.
    pub(crate) until: Moment,
    /// Whether it took effect on anybody.
    pub(crate) was_felt: bool,
    /// How many this stands for.
    pub(crate) count: usize,
}

impl TrackKind {
    /// For the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Server => "server",
            Self::Action => "action",
            Self::Machine => "machine",
        }
    }

    /// Whether it is shaded across the rows.
    pub(crate) fn is_harm(self) -> bool {
        matches!(self, Self::Fault | Self::Server)
    }
}

/// Every track, and how many more there would be.
pub(crate) fn tracks(known: &Known<'_>, axis: &Axis) -> (Vec<Track>, usize) {
    let rules = known.evidence.plan.rules().iter().enumerate();
    let mut tracks: Vec<Track> = rules
        .map(|(index, rule)| of_rule(known, index, rule))
        .collect();
    tracks.extend(of_server(known));
    tracks.extend(of_actions(known));
    tracks.extend(of_machine(known));
    for track in &mut tracks {
        track.spans = merged(&track.spans, axis);
    }
    tracks.retain(|track| track.kind == TrackKind::Fault || !track.spans.is_empty());
    let more = tracks.len().saturating_sub(MOST_TRACKS);
    tracks.truncate(MOST_TRACKS);
    (tracks, more)
}

fn of_rule(known: &Known<'_>, index: usize, rule: &Rule) -> Track {
    let strikes = known.evidence.observed.connections.strikes().iter();
    let own: Vec<&Strike> = strikes.filter(|strike| strike.rule == rule.name).collect();
    Track {
        name: rule.name.clone(),
        what: rule.fault.word().to_owned(),
        kind: TrackKind::Fault,
        spans: match rule.when {
            When::Timed { .. } => windows(known, index, &own),
            When::On { .. } => holds(known, &own),
        },
    }
}

/// The planned windows, each felt if it struck anybody.
fn windows(known: &Known<'_>, index: usize, strikes: &[&Strike]) -> Vec<Span> {
    let plan = &known.evidence.plan;
    let felt: BTreeSet<u64> = strikes.iter().map(|strike| strike.occurrence).collect();
    let moment = |after| known.evidence.observed.marks.moment(after);
    let occurrences = plan.timed().iter().filter(|o| o.rule == index);
    occurrences
        .map(|occurrence| {
            let from = moment(occurrence.from);
            Span {
                from,
                until: occurrence.until.map_or(from, moment),
                was_felt: felt.contains(&occurrence.number),
                count: 1,
            }
        })
        .collect()
}

/// A rule on connections has no window: from each strike until it let go.
fn holds(known: &Known<'_>, strikes: &[&Strike]) -> Vec<Span> {
    let spans = strikes.iter().map(|strike| {
        let mut effects = known.effects(&strike.client, strike.attempt).iter();
        let effect = effects.find(|effect| effect.rule == strike.rule);
        let until = strike.healed.or(effect.map(|effect| effect.end));
        Span {
            from: strike.at,
            until: until.unwrap_or(strike.at),
            was_felt: true,
            count: 1,
        }
    });
    spans.collect()
}

fn of_server(known: &Known<'_>) -> Vec<Track> {
    let observed = &known.evidence.observed;
    let mut by_name: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for downtime in &observed.marks.downtimes {
        by_name.entry(&downtime.name).or_default().push(Span {
            from: downtime.from,
            until: downtime.until.unwrap_or(observed.last),
            was_felt: true,
            count: 1,
        });
    }
    tracks_of(by_name, TrackKind::Server, "server away")
}

fn of_actions(known: &Known<'_>) -> Vec<Track> {
    let mut by_name: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for given in &known.evidence.observed.marks.instructions {
        by_name.entry(&given.action).or_default().push(Span {
            from: given.at,
            until: given.at,
            was_felt: true,
            count: given.targets.len(),
        });
    }
    tracks_of(by_name, TrackKind::Action, "action")
}

fn of_machine(known: &Known<'_>) -> Vec<Track> {
    let held_up = &known.evidence.observed.marks.held_up;
    let long = held_up.iter().filter(|(_, late)| *late >= WORTH_TELLING);
    let spans = long.map(|(at, late)| Span {
        from: *at - *late,
        until: *at,
        was_felt: true,
        count: 1,
    });
    let by_name = BTreeMap::from([("machine", spans.collect())]);
    tracks_of(by_name, TrackKind::Machine, "too busy")
}

fn tracks_of(by_name: BTreeMap<&str, Vec<Span>>, kind: TrackKind, what: &str) -> Vec<Track> {
    let tracks = by_name.into_iter().map(|(name, spans)| Track {
        name: name.to_owned(),
        what: what.to_owned(),
        kind,
        spans,
    });
    tracks.collect()
}

/// Spans that overlap, or are closer together than a pixel, are one.
fn merged(spans: &[Span], axis: &Axis) -> Vec<Span> {
    let mut spans = spans.to_vec();
    spans.retain(|span| span.from <= axis.until);
    spans.sort_by_key(|span| (span.from, span.until));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last)
                if last.was_felt == span.was_felt && span.from <= last.until + axis.pixel() =>
            {
                last.until = last.until.max(span.until);
                last.count += span.count;
            }
            _ => merged.push(span),
        }
    }
    merged
}
