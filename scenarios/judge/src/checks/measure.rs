//! Limits and observations, and times in sentences.

use std::time::Duration;

use environment::text::format_duration;
use serde::{Deserialize, Serialize};

/// A value with its unit: in JSON an integer is a count, another number a
/// share, a text a time or what has words of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measure {
    /// Nothing was seen.
    Unknown,
    /// Holds or not.
    Holds(bool),
    /// A count.
    Count(u64),
    /// A share, from 0 to 1.
    Share(f64),
    /// A time, such as `"412ms"`, or `"never"`.
    Text(String),
}

impl Measure {
    /// A limit, as a scenario file has it.
    pub fn limit(limit: Duration) -> Self {
        Self::Text(format_duration(limit))
    }

    /// A time that was seen, or never came.
    pub fn seen(seen: Option<Duration>) -> Self {
        Self::Text(seen.map_or_else(|| "never".to_owned(), span))
    }

    /// A count that was seen.
    pub fn count(seen: usize) -> Self {
        Self::Count(seen as u64)
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("-"),
            Self::Holds(true) => f.write_str("yes"),
            Self::Holds(false) => f.write_str("no"),
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// "1 socket", "2 sockets".
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        many => format!("{many} {noun}s"),
    }
}

/// A share to three digits, which is as much as a run can show.
pub(super) fn share(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

/// A time in whole milliseconds, as a scenario file would have it; what is
/// shorter than one is `<1ms`.
pub fn span(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 && !time.is_zero() {
        return "<1ms".to_owned();
    }
    format_duration(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_milliseconds() {
        let check = |micros, expect: &str| {
            assert_eq!(span(Duration::from_micros(micros)), expect);
        };
        check(0, "0s");
        check(999, "<1ms");
        check(412_900, "412ms");
        check(9_123_000, "9123ms");
        check(8_000_000, "8s");
    }

    #[test]
    fn json_is_a_number_a_text_a_truth_or_null() {
        let json = |measure: Measure| serde_json::to_string(&measure).unwrap();
        assert_eq!(json(Measure::Count(1)), "1");
        assert_eq!(json(Measure::Share(0.875)), "0.875");
        let whole: Measure = serde_json::from_str(&json(Measure::Share(1.0))).unwrap();
        assert_eq!(whole, Measure::Share(1.0));
        assert_eq!(json(Measure::limit(Duration::from_secs(3))), "\"3s\"");
        assert_eq!(json(Measure::seen(None)), "\"never\"");
        assert_eq!(json(Measure::Holds(true)), "true");
        assert_eq!(json(Measure::Unknown), "null");
        assert_eq!(
            serde_json::from_str::<Measure>("null").unwrap(),
            Measure::Unknown
        );
    }
}
