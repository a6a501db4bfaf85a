//! `max_live`: a client has at most so many live connections at once.

use std::time::Duration;

use environment::Moment;

use super::evidence::{Evidence, Seen};
use super::measure::{Measure, span};
use super::result::{CheckResult, Finding};
use crate::language::Expectation;

/// Two connections that overlap for less count as one after the other: the
/// proxy sees the end of one and the beginning of the next on two sockets, in
/// no fixed order.
const OVERLAP: Duration = Duration::from_millis(50);

pub(super) fn check(evidence: &Evidence<'_>, limit: u64) -> CheckResult {
    let observed = &evidence.observed;
    let clients = observed.connections.clients();
    let most = clients.filter_map(|client| {
        let live = observed.connections.live(client, observed.last);
        Some((most_at_once(&live)?, client))
    });
    // The first of equals, in the order of names.
    let worst = most.reduce(|worst, other| if other.0.0 > worst.0.0 { other } else { worst });
    let seen = match worst {
        None => Seen::nothing("no connection was ever live"),
        Some(((count, since), client)) if count as u64 > limit => Seen {
            result: Finding::Failed,
            observed: Measure::count(count),
            why: format!(
                "{client} had {count} live connections {}; expected at most {limit}",
                evidence.at(since)
            ),
        },
        Some(((count, _), _)) => Seen {
            result: Finding::Ok,
            observed: Measure::count(count),
            why: format!(
                "no client ever had more than {count} live at once (overlaps below {} aside)",
                span(OVERLAP)
            ),
        },
    };
    evidence.overall(Expectation::MaxLive(limit), seen)
}

/// The greatest number of intervals that overlap for [`OVERLAP`] or longer,
/// and since when; a single one counts however short it is.
fn most_at_once(live: &[(Moment, Moment)]) -> Option<(usize, Moment)> {
    let first = live.iter().map(|(from, _)| *from).min()?;
    let mut most = (1, first);
    while let Some(since) = overlap_of(live, most.0 + 1) {
        most = (most.0 + 1, since);
    }
    Some(most)
}

/// Since when at least `count` intervals overlap for long enough.
fn overlap_of(live: &[(Moment, Moment)], count: usize) -> Option<Moment> {
    let begins = live.iter().map(|(from, _)| (*from, 1_isize));
    let ends = live.iter().map(|(_, until)| (*until, -1));
    // At one moment ends come first: -1 sorts before 1.
    let mut changes: Vec<(Moment, isize)> = begins.chain(ends).collect();
    changes.sort_unstable();
    let (mut open, mut since) = (0, None);
    for (at, change) in changes {
        open += change;
        match since {
            None if open >= count.cast_signed() => since = Some(at),
            Some(from) if open < count.cast_signed() => {
                if at.since(from) >= OVERLAP {
                    return since;
                }
                since = None;
            }
            _ => {}
        }
    }
    None
}
