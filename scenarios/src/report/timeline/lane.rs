//! One client's row: its states, its dials, the strikes on it, and what became
//! of its ticks.

use std::collections::{BTreeMap, BTreeSet};

use environment::Moment;

use super::axis::Axis;
use super::evidence::Known;
use super::state::{Segment, merged, segments};
use crate::checks::{DUPLICATED, Evidence, LOST, REORDERED, blindness};

/// The rows of a figure have no more marks of a kind together than this.
const MOST_MARKS: usize = 8_000;
/// No row shows more places than this where ticks went wrong.
const MOST_STRAYS: usize = 200;

/// Everything that is shown of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) client: String,
    /// Whether a check that failed speaks of it.
    pub(crate) has_failed: bool,
    pub(crate) segments: Vec<Segment>,
    pub(crate) dials: Vec<Tick>,
    pub(crate) strikes: Vec<Tick>,
    pub(crate) strays: Vec<Stray>,
}

/// One thing at a moment, or several that are closer together than a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) at: Moment,
    pub(crate) count: usize,
}

/// Ticks of the server that did not arrive as they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stray {
    pub(crate) kind: StrayKind,
    pub(crate) from: Moment,
    pub(crate) until: Moment,
    pub(crate) count: usize,
}

/// What was wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StrayKind {
    /// Made, and never applied.
    Lost,
    /// Applied once more.
    Again,
    /// Applied after a later one.
    OutOfOrder,
}

impl StrayKind {
    /// After "3 ticks".
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Again => "applied again",
            Self::OutOfOrder => "applied out of order",
        }
    }
}

/// Every place where ticks of a client went wrong, by client.
pub(crate) type Strays<'a> = BTreeMap<&'a str, Vec<(StrayKind, Moment)>>;

impl Lane {
    pub(crate) fn new(
        known: &Known<'_>,
        axis: &Axis,
        client: &str,
        failed: &BTreeSet<String>,
        strays: &Strays<'_>,
        lanes: usize,
    ) -> Self {
        let most = (MOST_MARKS / lanes.max(1)).clamp(100, 2_000);
        let shown = |at: &Moment| *at <= axis.until;
        let dials = known.dials(client).iter().map(|dial| dial.at).filter(shown);
        let strikes = known
            .strikes(client)
            .iter()
            .map(|strike| strike.at)
            .filter(shown);
        let own = strays.get(client).map_or(&[][..], Vec::as_slice);
        Self {
            client: client.to_owned(),
            has_failed: failed.contains(client),
            segments: bounded(&segments(known, client, axis.until), axis, most),
            dials: ticks(dials, axis, most),
            strikes: ticks(strikes, axis, most),
            strays: spans(own, axis),
        }
    }
}

/// What is shorter than a pixel, or than it takes, is merged. What has gaps in
/// between stays apart, and of too many such the first are shown.
fn bounded(segments: &[Segment], axis: &Axis, most: usize) -> Vec<Segment> {
    let mut least = axis.pixel();
    loop {
        let mut merged = merged(segments, least);
        if merged.len() <= most || least > axis.length() {
            merged.truncate(most);
            return merged;
        }
        least *= 2;
    }
}

/// What is closer together than a pixel, or than it takes, is one.
fn ticks(moments: impl Iterator<Item = Moment>, axis: &Axis, most: usize) -> Vec<Tick> {
    let mut moments: Vec<Moment> = moments.collect();
    moments.sort_unstable();
    let mut near = axis.pixel();
    loop {
        let mut ticks: Vec<Tick> = Vec::new();
        for at in &moments {
            match ticks.last_mut() {
                Some(last) if at.since(last.at) < near => last.count += 1,
                _ => ticks.push(Tick { at: *at, count: 1 }),
            }
        }
        if ticks.len() <= most {
            return ticks;
        }
        near *= 2;
    }
}

/// What is lost is lost where the clients declare resume and can, as the check
/// has it; and only of a run that came to the end of settling.
pub(crate) fn strays<'a>(evidence: &'a Evidence<'_>) -> Strays<'a> {
    let mut strays: Strays<'_> = BTreeMap::new();
    let observed = &evidence.observed;
    let sequences = &observed.sequences;
    let is_seen = |check| blindness(evidence, check).is_none();
    let declares = evidence.scenario.clients.behaviour.resume && sequences.are_reported();
    let is_owed = declares && is_seen(LOST);
    if let (Some(settled), true) = (observed.marks.settled, is_owed) {
        for (session, client) in observed.reports.owners() {
            let stopped = observed.reports.stopped(client);
            let until = stopped.map_or(settled, |stopped| stopped.min(settled));
            let lost = sequences.lost(session, until).into_iter();
            let made = lost.filter_map(|seq| sequences.made_at(session, seq));
            let own = strays.entry(client).or_default();
            own.extend(made.map(|at| (StrayKind::Lost, at)));
        }
    }
    let again = is_seen(DUPLICATED).then(|| sequences.duplicated());
    let disorder = is_seen(REORDERED).then(|| sequences.reordered());
    let kinds = [
        (StrayKind::Again, again.unwrap_or_default()),
        (StrayKind::OutOfOrder, disorder.unwrap_or_default()),
    ];
    for (kind, applications) in kinds {
        for (_, application) in applications {
            let own = strays.entry(&*application.client).or_default();
            own.push((kind, application.at));
        }
    }
    strays
}

/// What is of one kind and close together is one.
fn spans(strays: &[(StrayKind, Moment)], axis: &Axis) -> Vec<Stray> {
    let mut strays = strays.to_vec();
    strays.sort_unstable();
    let mut near = axis.pixel() * 20;
    loop {
        let mut spans: Vec<Stray> = Vec::new();
        for (kind, at) in &strays {
            match spans.last_mut() {
                Some(last) if last.kind == *kind && at.since(last.until) < near => {
                    last.until = *at;
                    last.count += 1;
                }
                _ => spans.push(Stray {
                    kind: *kind,
                    from: *at,
                    until: *at,
                    count: 1,
                }),
            }
        }
        if spans.len() <= MOST_STRAYS {
            return spans;
        }
        near *= 2;
    }
}
