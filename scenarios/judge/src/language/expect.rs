//! `[expect]`: what must hold. Which checks there are, and how each is read, is
//! [`checks`](crate::checks)' own business.

use std::time::Duration;

use environment::text::{Span, Table};

use crate::checks::{ALL, Check, Limit};

/// One key of `[expect]` with its limit.
#[derive(Debug, Clone, Copy)]
pub struct Expectation {
    /// Which check.
    pub check: &'static Check,
    /// What it allows.
    pub limit: Limit,
}

impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.limit == other.limit
    }
}

impl Expectation {
    /// Its key, and the name of its check.
    pub fn name(self) -> &'static str {
        self.check.key
    }

    /// Its limit, if it is one on a reaction that must be waited for.
    pub fn within(&self) -> Option<Duration> {
        match self.limit {
            Limit::Within(limit) => Some(limit),
            _ => None,
        }
    }
}

/// Reads `[expect]`; in the order of [`ALL`], each with its key's place.
pub(super) fn read(table: &mut Table<'_>) -> Vec<(Expectation, Span)> {
    let has_any = table.keys().next().is_some();
    let mut read = Vec::new();
    for check in ALL {
        if let Some(limit) = (check.read)(table, check.key) {
            read.push((Expectation { check, limit }, table.span_of(check.key)));
        }
    }
    if !has_any {
        let keys = ALL.map(|check| check.key);
        table.error_with_help(
            table.span(),
            "nothing is expected, so nothing could be checked",
            format!("expect at least one of: {}", keys.join(", ")),
        );
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Limit;
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

    /// Exactly one error, which begins so.
    #[track_caller]
    fn wrong(text: &str, begins: &str) {
        let (_, rendered) = read_text(text);
        assert!(rendered.starts_with(begins), "not {begins:?}:\n{rendered}");
        assert_eq!(rendered.matches("x.toml:").count(), 1, "{rendered}");
    }

    #[test]
    fn every_check_is_read_and_named_by_its_key() {
        let text = "recover_within = '1s'\ndetect_within = '1s'\nmax_live = 1\nmax_open = 2\nmax_dials = 20\n\
                    min_dial_gap = '50ms'\ndial_gaps_grow = true\n\
                    peak_dials = { share = 0.5, within = '1s' }\nfirst_delay_spread = '500ms'\n\
                    availability = 0.9\nlost = 0\nduplicated = 0\nreordered = 0\n\
                    queue_at_most = 9\nsent_lost = 0\nsent_duplicated = 0\nsent_reordered = 0\nsent_early = 0\n\
                    state_equal = true\nquiet_after_stop = true\nno_leak = true\n\
                    stale_flagged_within = '1s'\nclose_code = 1012\nno_bad_certificate = true\n";
        let (expect, rendered) = read_text(text);
        assert_eq!(rendered, "");
        let keys = ALL.iter().map(|check| check.key);
        assert!(expect.iter().map(|e| e.name()).eq(keys));
    }

    #[test]
    fn dials_are_budgeted_as_a_whole_or_in_a_window() {
        let within = |text: &str| match read_text(text).0[..] {
            [
                Expectation {
                    limit: Limit::Dials(budget),
                    ..
                },
            ] => (budget.count, budget.within),
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
