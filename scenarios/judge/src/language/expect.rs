//! `[expect]`: what must hold. The one list of checks.
//!
//! Invariant: an [`Expectation`] that was read without a mistake can hold and
//! can fail, as far as the file alone can say.

use std::time::Duration;

use environment::text::{Span, Table, format_duration};

use super::later;

/// One key of `[expect]` with its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expectation {
    /// Every outage is over this long after its heal.
    RecoverWithin(Duration),
    /// Every client notices each fault this long after it has begun.
    DetectWithin(Duration),
    /// A client has at most so many live connections at once.
    MaxLive(u64),
    /// A client dials at most so many times.
    MaxDials(DialBudget),
    /// Two dials of a client are at least so far apart.
    MinDialGap(Duration),
    /// Without a stable connection the waits before dials grow.
    DialGapsGrow,
    /// In any window of time at most a share of all clients dials.
    PeakDials(DialPeak),
    /// After a common loss the clients' first dials are spread over this time.
    FirstDelaySpread(Duration),
    /// The share of the clients' time with a live connection, 0 to 1.
    Availability(f64),
    /// So many ticks are lost at most, of all clients.
    Lost(u64),
    /// So many ticks are applied again at most.
    Duplicated(u64),
    /// So many ticks are applied late at most.
    Reordered(u64),
    /// At the end every session is paused or not as its client wants it.
    StateEqual,
    /// A client that was told to stop dials no more.
    QuietAfterStop,
    /// At the end the server has no socket that no client has.
    NoLeak,
    /// A client to which nothing comes any more flags what it shows as stale
    /// within this time.
    StaleFlaggedWithin(Duration),
    /// A connection that a fault ends has this close code for its client.
    CloseCode(u16),
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

/// The fewest clients of which it makes sense to say that they do something in
/// step.
pub const CROWD: usize = 10;

/// The names of the checks, in the order in which they are judged and shown.
pub const CHECKS: [&str; 17] = [
    "recover_within",
    "detect_within",
    "max_live",
    "max_dials",
    "min_dial_gap",
    "dial_gaps_grow",
    "peak_dials",
    "first_delay_spread",
    "availability",
    "lost",
    "duplicated",
    "reordered",
    "state_equal",
    "quiet_after_stop",
    "no_leak",
    "stale_flagged_within",
    "close_code",
];

/// Checks that later versions judge.
const LATER: [&str; 1] = ["queue_at_most"];

impl Expectation {
    /// Its key, and the name of its check.
    pub fn name(self) -> &'static str {
        match self {
            Self::RecoverWithin(_) => "recover_within",
            Self::DetectWithin(_) => "detect_within",
            Self::MaxLive(_) => "max_live",
            Self::MaxDials(_) => "max_dials",
            Self::MinDialGap(_) => "min_dial_gap",
            Self::DialGapsGrow => "dial_gaps_grow",
            Self::PeakDials(_) => "peak_dials",
            Self::FirstDelaySpread(_) => "first_delay_spread",
            Self::Availability(_) => "availability",
            Self::Lost(_) => "lost",
            Self::Duplicated(_) => "duplicated",
            Self::Reordered(_) => "reordered",
            Self::StateEqual => "state_equal",
            Self::QuietAfterStop => "quiet_after_stop",
            Self::NoLeak => "no_leak",
            Self::StaleFlaggedWithin(_) => "stale_flagged_within",
            Self::CloseCode(_) => "close_code",
        }
    }

    /// Its limit, if it is one on a reaction that must be waited for.
    pub fn within(&self) -> Option<Duration> {
        match self {
            Self::RecoverWithin(limit)
            | Self::DetectWithin(limit)
            | Self::StaleFlaggedWithin(limit) => Some(*limit),
            _ => None,
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
        max_dials(table).map(Expectation::MaxDials),
        some_time(table, "min_dial_gap").map(Expectation::MinDialGap),
        holds(table, "dial_gaps_grow").then_some(Expectation::DialGapsGrow),
        peak_dials(table).map(Expectation::PeakDials),
        some_time(table, "first_delay_spread").map(Expectation::FirstDelaySpread),
        availability(table).map(Expectation::Availability),
        table.optional("lost").map(Expectation::Lost),
        table.optional("duplicated").map(Expectation::Duplicated),
        table.optional("reordered").map(Expectation::Reordered),
        holds(table, "state_equal").then_some(Expectation::StateEqual),
        holds(table, "quiet_after_stop").then_some(Expectation::QuietAfterStop),
        holds(table, "no_leak").then_some(Expectation::NoLeak),
        some_time(table, "stale_flagged_within").map(Expectation::StaleFlaggedWithin),
        close_code(table).map(Expectation::CloseCode),
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

/// A count, or a count in a window.
fn max_dials(table: &mut Table<'_>) -> Option<DialBudget> {
    const KEY: &str = "max_dials";
    let value = table.value(KEY)?;
    if value.as_integer().is_some() {
        let count = table.optional(KEY)?;
        return Some(DialBudget {
            count,
            within: None,
        });
    }
    if value.kind() != "a table" {
        let wanted = "a count, or `{ count = 5, within = \"2s\" }`";
        table.diagnostics().mismatch(value.mismatch(wanted));
        return None;
    }
    let mut budget = table.table(KEY)?;
    let count = budget.required("count");
    let within = required_time(&mut budget, "within");
    Some(DialBudget {
        count: count?,
        within: Some(within?),
    })
}

fn peak_dials(table: &mut Table<'_>) -> Option<DialPeak> {
    let mut peak = table.table("peak_dials")?;
    let share = peak.required_spanned::<f64>("share");
    let within = required_time(&mut peak, "within");
    let (share, span) = share?;
    if share <= 0.0 || share >= 1.0 {
        let message = format!("`share` is {share}; it must be more than 0 and less than 1");
        let help = "all clients can never be more than a share of 1";
        peak.error_with_help(span, message, help);
        return None;
    }
    Some(DialPeak {
        share,
        within: within?,
    })
}

fn availability(table: &mut Table<'_>) -> Option<f64> {
    let (limit, span) = table.spanned::<f64>("availability")?;
    if limit <= 0.0 || limit > 1.0 {
        let message =
            format!("`availability` is {limit}; it must be more than 0 and at most 1, a share");
        table.error(span, message);
        return None;
    }
    Some(limit)
}

/// One that a client can see: RFC 6455 §7.4.2 uses none below 1000, and none
/// above 4999 is given out.
fn close_code(table: &mut Table<'_>) -> Option<u16> {
    let (code, span) = table.spanned::<u16>("close_code")?;
    if !(1000..=4999).contains(&code) {
        let message = format!("`close_code` is {code}; it must be from 1000 to 4999");
        let help = "1005 is a close frame without a code, 1006 an end without a close frame";
        table.error_with_help(span, message, help);
        return None;
    }
    Some(code)
}

fn some_time(table: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    let (limit, span) = table.spanned::<Duration>(key)?;
    ensure_some(table, key, limit, span)
}

fn required_time(table: &mut Table<'_>, key: &'static str) -> Option<Duration> {
    let (limit, span) = table.required_spanned::<Duration>(key)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read_text(text: &str) -> (Vec<Expectation>, String) {
        let source = Source::new("x.toml", text);
        let diagnostics = Diagnostics::new();
        let expect = {
            let document = Document::parse(&source, &diagnostics);
            read(&mut document.root(&diagnostics))
        };
        let expect = expect.into_iter().map(|(expected, _)| expected);
        (expect.collect(), diagnostics.render(&source))
    }

    /// Exactly one mistake, which begins so.
    #[track_caller]
    fn wrong(text: &str, begins: &str) {
        let (_, rendered) = read_text(text);
        assert!(rendered.starts_with(begins), "not {begins:?}:\n{rendered}");
        assert_eq!(rendered.matches("x.toml:").count(), 1, "{rendered}");
    }

    #[test]
    fn every_check_is_read_and_named_by_its_key() {
        let text = "recover_within = '1s'\ndetect_within = '1s'\nmax_live = 1\nmax_dials = 20\n\
                    min_dial_gap = '50ms'\ndial_gaps_grow = true\n\
                    peak_dials = { share = 0.5, within = '1s' }\nfirst_delay_spread = '500ms'\n\
                    availability = 0.9\nlost = 0\nduplicated = 0\nreordered = 0\n\
                    state_equal = true\nquiet_after_stop = true\nno_leak = true\n\
                    stale_flagged_within = '1s'\nclose_code = 1012\n";
        let (expect, rendered) = read_text(text);
        assert_eq!(rendered, "");
        assert!(expect.iter().map(|e| e.name()).eq(CHECKS));
    }

    #[test]
    fn dials_are_budgeted_as_a_whole_or_in_a_window() {
        let within = |text: &str| match read_text(text).0[..] {
            [Expectation::MaxDials(budget)] => (budget.count, budget.within),
            _ => panic!("{text}"),
        };
        assert_eq!(within("max_dials = 0"), (0, None));
        let window = "max_dials = { count = 5, within = '2s' }";
        assert_eq!(within(window), (5, Some(Duration::from_secs(2))));
        wrong(
            "max_dials = 'few'",
            "x.toml:1:13: expected a count, or `{ count = 5, within = \"2s\" }`, found a string",
        );
        wrong("max_dials = -1", "x.toml:1:13: ");
        wrong(
            "max_dials = { count = 5 }",
            "x.toml:1:13: missing key `within`",
        );
        wrong(
            "max_dials = { count = 5, within = '0s' }",
            "x.toml:1:35: `within` is 0s; it must be more than 0s",
        );
    }

    #[test]
    fn limits_that_always_or_never_hold_are_told() {
        wrong(
            "min_dial_gap = '0s'",
            "x.toml:1:16: `min_dial_gap` is 0s; it must be more than 0s",
        );
        wrong(
            "first_delay_spread = '0s'",
            "x.toml:1:22: `first_delay_spread` is 0s",
        );
        wrong(
            "peak_dials = { share = 1, within = '1s' }",
            "x.toml:1:24: `share` is 1; it must be more than 0 and less than 1",
        );
        wrong(
            "peak_dials = { share = 0.5 }",
            "x.toml:1:14: missing key `within`",
        );
        wrong(
            "close_code = 999",
            "x.toml:1:14: `close_code` is 999; it must be from 1000 to 4999",
        );
        wrong(
            "stale_flagged_within = '0s'",
            "x.toml:1:24: `stale_flagged_within` is 0s",
        );
        wrong("availability = 0", "x.toml:1:16: `availability` is 0; ");
        wrong("availability = 1.5", "x.toml:1:16: `availability` is 1.5; ");
        wrong(
            "dial_gaps_grow = false",
            "x.toml:1:18: `dial_gaps_grow = false` expects nothing",
        );
    }
}
