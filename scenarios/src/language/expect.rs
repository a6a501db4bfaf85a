//! `[expect]`: what must hold. The one list of checks.

use std::time::Duration;

use environment::text::{Span, Table};

use super::later;

/// One key of `[expect]` with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Every outage is over this long after its heal.
    RecoverWithin(Duration),
    /// Every client notices each fault this long after it has begun.
    DetectWithin(Duration),
    /// A client has at most so many live connections at once.
    MaxLive(u64),
    /// So many ticks are lost at most, of all clients.
    Lost(u64),
    /// So many ticks are applied again at most.
    Duplicated(u64),
    /// So many ticks are applied late at most.
    Reordered(u64),
    /// At the end every session is paused or not as its client wants it.
    StateEqual,
    /// At the end the server has no socket that no client has.
    NoLeak,
}

/// The names of the checks, in the order in which they are judged and shown.
pub const CHECKS: [&str; 8] = [
    "recover_within",
    "detect_within",
    "max_live",
    "lost",
    "duplicated",
    "reordered",
    "state_equal",
    "no_leak",
];

/// Checks that later versions judge.
const LATER: [&str; 10] = [
    "max_dials",
    "min_dial_gap",
    "dial_gaps_grow",
    "peak_dials",
    "first_delay_spread",
    "availability",
    "quiet_after_stop",
    "queue_at_most",
    "stale_flagged_within",
    "close_code",
];

impl Expectation {
    /// Its key, and the name of its check.
    pub fn name(self) -> &'static str {
        match self {
            Self::RecoverWithin(_) => "recover_within",
            Self::DetectWithin(_) => "detect_within",
            Self::MaxLive(_) => "max_live",
            Self::Lost(_) => "lost",
            Self::Duplicated(_) => "duplicated",
            Self::Reordered(_) => "reordered",
            Self::StateEqual => "state_equal",
            Self::NoLeak => "no_leak",
        }
    }

    /// Its limit, if it is a time.
    pub fn within(&self) -> Option<Duration> {
        match self {
            Self::RecoverWithin(limit) | Self::DetectWithin(limit) => Some(*limit),
            Self::MaxLive(_)
            | Self::Lost(_)
            | Self::Duplicated(_)
            | Self::Reordered(_)
            | Self::StateEqual
            | Self::NoLeak => None,
        }
    }
}

/// Reads `[expect]`; in the order of [`CHECKS`], each with its key's place.
pub(super) fn read(table: &mut Table<'_>) -> Vec<(Expectation, Span)> {
    later::refuse(table, &LATER);
    let has_any = table.keys().next().is_some();
    let read = [
        table
            .optional("recover_within")
            .map(Expectation::RecoverWithin),
        table
            .optional("detect_within")
            .map(Expectation::DetectWithin),
        max_live(table).map(Expectation::MaxLive),
        table.optional("lost").map(Expectation::Lost),
        table.optional("duplicated").map(Expectation::Duplicated),
        table.optional("reordered").map(Expectation::Reordered),
        holds(table, "state_equal").then_some(Expectation::StateEqual),
        holds(table, "no_leak").then_some(Expectation::NoLeak),
    ];
    if !has_any {
        table.error_with_help(
            table.span(),
            "nothing is expected, so nothing could be judged",
            format!("expect at least one of: {}", CHECKS.join(", ")),
        );
    }
    let read = read.into_iter().flatten();
    read.map(|e| (e, table.span_of(e.name()))).collect()
}

fn max_live(table: &mut Table<'_>) -> Option<u64> {
    let (limit, span) = table.spanned::<u64>("max_live")?;
    if limit == 0 {
        table.error(span, "`max_live` must be at least 1: a good client has one");
        return None;
    }
    Some(limit)
}

/// A key that can only be `true`: not to expect something is to leave it out.
fn holds(table: &mut Table<'_>, key: &'static str) -> bool {
    match table.spanned::<bool>(key) {
        Some((false, span)) => {
            let message = format!("`{key} = false` expects nothing; leave the key out");
            table.error(span, message);
            false
        }
        Some((true, _)) => true,
        None => false,
    }
}
