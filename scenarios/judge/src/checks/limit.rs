//! What a check allows, and how that is read.
//!
//! Invariant: a [`Limit`] that was read without an error can be kept and can
//! be broken, as far as the file alone can say.

use std::time::Duration;

use environment::text::{Span, Table, format_duration};

use super::measure::{Measure, span};

/// What a check allows; of which kind is the check's own business.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// The longest time that a reaction may take.
    Within(Duration),
    /// The shortest time that something must take.
    AtLeast(Duration),
    /// The most that there may be of something.
    Count(u64),
    /// The least share, from 0 to 1.
    Share(f64),
    /// A client's dials.
    Dials(DialBudget),
    /// All clients' dials.
    Peak(DialPeak),
    /// A close code.
    Code(u16),
    /// It holds or not.
    Holds,
}

/// `max_dials = 20`, or `{ count = 5, within = "2s" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialBudget {
    /// The most dials of one client; 0 is a budget, too.
    pub count: u64,
    /// In any window of this length; `None`: from t = 0 to the end of settling.
    pub within: Option<Duration>,
}

/// `peak_dials = { share = 0.5, within = "1s" }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DialPeak {
    /// The greatest share of all clients, between 0 and 1.
    pub share: f64,
    /// In any window of this length.
    pub within: Duration,
}

/// What a check's own `read` never makes.
const OTHER: &str = "a check is judged under the kind of limit that it reads";

impl Limit {
    /// As results show it.
    pub(super) fn measure(self) -> Measure {
        match self {
            Self::Within(time) | Self::AtLeast(time) => Measure::limit(time),
            Self::Count(count) => Measure::Count(count),
            Self::Share(share) => Measure::Share(share),
            Self::Code(code) => Measure::Count(code.into()),
            Self::Holds => Measure::Holds(true),
            Self::Dials(budget) => match budget.within {
                None => Measure::Count(budget.count),
                Some(within) => Measure::Text(format!("{} within {}", budget.count, span(within))),
            },
            Self::Peak(peak) => {
                Measure::Text(format!("{} within {}", peak.share, span(peak.within)))
            }
        }
    }

    pub(super) fn time(self) -> Duration {
        match self {
            Self::Within(time) | Self::AtLeast(time) => time,
            _ => unreachable!("{OTHER}"),
        }
    }

    pub(super) fn count(self) -> u64 {
        match self {
            Self::Count(count) => count,
            _ => unreachable!("{OTHER}"),
        }
    }

    pub(super) fn share(self) -> f64 {
        match self {
            Self::Share(share) => share,
            _ => unreachable!("{OTHER}"),
        }
    }

    pub(super) fn dials(self) -> DialBudget {
        match self {
            Self::Dials(budget) => budget,
            _ => unreachable!("{OTHER}"),
        }
    }

    pub(super) fn peak(self) -> DialPeak {
        match self {
            Self::Peak(peak) => peak,
            _ => unreachable!("{OTHER}"),
        }
    }

    pub(super) fn code(self) -> u16 {
        match self {
            Self::Code(code) => code,
            _ => unreachable!("{OTHER}"),
        }
    }
}

/// Any time within which something must happen.
pub(super) fn within(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    table.optional(key).map(Limit::Within)
}

/// Likewise, but none at all.
pub(super) fn within_some_time(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    some_time(table, key).map(Limit::Within)
}

/// A time that must pass.
pub(super) fn at_least(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    some_time(table, key).map(Limit::AtLeast)
}

/// Any count.
pub(super) fn count(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    table.optional(key).map(Limit::Count)
}

/// A key that can only be `true`: not to expect something is to leave it out.
pub(super) fn holds(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    match table.spanned::<bool>(key)? {
        (true, _) => Some(Limit::Holds),
        (false, span) => {
            let message = format!("`{key} = false` expects nothing; leave the key out");
            table.error(span, message);
            None
        }
    }
}

/// A time within a table, which must be there and more than none.
pub(super) fn required_time(table: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    let (limit, span) = table.required_spanned::<Duration>(key)?;
    ensure_some(table, key, limit, span)
}

fn some_time(table: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    let (limit, span) = table.spanned::<Duration>(key)?;
    ensure_some(table, key, limit, span)
}

fn ensure_some(table: &Table<'_>, key: &str, limit: Duration, span: Span) -> Option<Duration> {
    if limit.is_zero() {
        let zero = format_duration(limit);
        table.error(span, format!("`{key}` is {zero}; it must be more than 0s"));
        return None;
    }
    Some(limit)
}
