//! How many connections of one client there are at the same time: what `max_live`
//! and `max_open` have in common.

use std::cmp::Reverse;
use std::time::Duration;

use environment::Moment;
use environment::text::Table;

use super::evidence::Evidence;
use super::found::Found;
use super::limit::Limit;
use super::measure::{Measure, span};
use super::result::Excess;

/// Two connections that overlap for less count as one after the other: the
/// proxy sees the end of one and the beginning of the next on two sockets, in
/// no fixed order.
const OVERLAP: Duration = Duration::from_millis(50);

/// From when until when each connection of one client counts.
pub(super) type Intervals = Vec<(Moment, Moment)>;

/// What is counted.
pub(super) struct Counted {
    /// As "c1 had 2 live connections at once" has it.
    pub(super) adjective: &'static str,
    /// When each counts.
    pub(super) intervals: fn(&Evidence<'_>, &str) -> Intervals,
}

/// At least one: a good client has that.
pub(super) fn read(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    let (limit, span) = table.spanned::<u64>(key)?;
    if limit == 0 {
        let message = format!("`{key}` must be at least 1: a good client has one");
        table.error(span, message);
        return None;
    }
    Some(Limit::Count(limit))
}

pub(super) fn judge(evidence: &Evidence<'_>, limit: Limit, counted: &Counted) -> Found {
    let limit = limit.count();
    let Counted {
        adjective,
        intervals,
    } = counted;
    let clients = evidence.observed.connections.clients();
    let most = clients.filter_map(|client| {
        let own = intervals(evidence, client);
        Some((most_at_once(&own)?, client, own))
    });
    let most: Vec<_> = most.collect();
    // The first of equals, in the order of names.
    let worst = most.iter().min_by_key(|((count, _), ..)| Reverse(*count));
    let Some(((count, since), client, _)) = worst else {
        return Found::nothing(format!("no connection was ever {adjective}"));
    };
    let observed = Measure::count(*count);
    if *count as u64 <= limit {
        let why = format!(
            "no client ever had more than {count} {adjective} at once (ignoring overlaps below {})",
            span(OVERLAP)
        );
        return Found::ok(observed, why);
    }
    let at = evidence.at(*since);
    let why =
        format!("{client} had {count} {adjective} connections {at}; expected at most {limit}");
    let over = most.iter();
    let over = over.filter(|((count, _), ..)| *count as u64 > limit);
    let too_many = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let longest = over.clone().flat_map(|(.., own)| overlaps(own, too_many));
    let longest = longest
        .map(|(_, length)| length.saturating_sub(OVERLAP))
        .max();
    Found {
        // On a machine that withheld as much an end was seen so late.
        excess: longest.map(Excess::Late),
        ..Found::failed(observed, why, over.map(|(_, client, _)| client))
    }
}

/// The greatest number of intervals that overlap for [`OVERLAP`] or longer,
/// and since when; a single one counts however short it is.
fn most_at_once(live: &[(Moment, Moment)]) -> Option<(usize, Moment)> {
    let first = live.iter().map(|(from, _)| *from).min()?;
    let mut most = (1, first);
    // So many are too many: where more overlap, fewer do, so halves are enough.
    let mut too_many = live.len() + 1;
    while too_many - most.0 > 1 {
        let count = most.0.midpoint(too_many);
        match overlap_of(live, count) {
            Some(since) => most = (count, since),
            None => too_many = count,
        }
    }
    Some(most)
}

/// Since when at least `count` intervals overlap for long enough.
fn overlap_of(live: &[(Moment, Moment)], count: usize) -> Option<Moment> {
    let overlaps = overlaps(live, count).into_iter();
    let mut long = overlaps.filter(|(_, length)| *length >= OVERLAP);
    long.next().map(|(since, _)| since)
}

/// Since when at least `count` intervals overlap, and for how long, each time.
fn overlaps(live: &[(Moment, Moment)], count: usize) -> Vec<(Moment, Duration)> {
    let begins = live.iter().map(|(from, _)| (*from, 1_isize));
    let ends = live.iter().map(|(_, until)| (*until, -1));
    // At one moment ends come first: -1 sorts before 1.
    let mut changes: Vec<(Moment, isize)> = begins.chain(ends).collect();
    changes.sort_unstable();
    let (mut open, mut since, mut overlaps) = (0, None, Vec::new());
    for (at, change) in changes {
        open += change;
        match since {
            None if open >= count.cast_signed() => since = Some(at),
            Some(from) if open < count.cast_signed() => {
                overlaps.push((from, at.since(from)));
                since = None;
            }
            _ => {}
        }
    }
    overlaps
}
