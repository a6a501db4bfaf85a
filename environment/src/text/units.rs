//! Quantities that are written with a unit: durations, sizes, rates.
//!
//! Invariant: what the formatter writes, the parser reads back as the same
//! quantity; a bare number is never accepted, as its unit would be a guess.

use super::figures::{Figures, evaluate, is_expression, needs_figures};
use super::value::{FromToml, Mismatch, Value};
use super::words::{did_you_mean, listed, quoted};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Longest duration accepted: ten years of 365 days. No scenario needs more,
/// and sums of a few of them cannot overflow any clock.
pub const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Longest text that is taken for a quantity, in bytes.
const MAX_TEXT: usize = 100;

const DURATION_HINT: &str = r#"durations are written with a unit, such as "250ms""#;
const EXPRESSION_HINT: &str =
    r#"sums, differences and products with a number, such as "2 * liveness + 500ms""#;
const NO_FIGURES_HELP: &str = r#"write the time itself, such as "250ms"; figures are for scenarios that `chaos` runs, outside of [clients]"#;
const SIZE_HINT: &str = r#"sizes are written with a unit, such as "64KiB""#;
const RATE_HINT: &str = r#"rates are written per second, such as "1000KB/s""#;

/// Units by which a duration is written, largest first, in nanoseconds.
const DURATION_UNITS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units by which a duration may be read. Months and years are left out: their
/// length is a convention, and `M` is too near to `m`.
const READ_UNITS: [&str; 24] = [
    "ns", "nsec", "nanos", "us", "µs", "usec", "ms", "msec", "millis", "s", "sec", "secs",
    "second", "seconds", "m", "min", "mins", "minute", "minutes", "h", "hour", "hours", "d",
    "days",
];

/// Units of a size in bytes; on formatting, the first that divides evenly.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes, written such as "64KiB" (1024) or "64KB" (1000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Bytes per second, written as a [`ByteSize`] with "/s".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let even = |(_, factor): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = SIZE_UNITS.iter().find(even).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", ByteSize(self.0))
    }
}

/// The shortest exact form: "250ms", "1500ms", "1h 1ns", "0s".
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let even = |(unit, factor): &(&str, u128)| {
        nanos
            .is_multiple_of(*factor)
            .then(|| format!("{}{unit}", nanos / factor))
    };
    let single = DURATION_UNITS.iter().find_map(even).unwrap_or_default();
    let mut rest = nanos;
    let mut parts = Vec::new();
    for (unit, factor) in DURATION_UNITS {
        if rest >= factor {
            parts.push(format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    let split = parts.join(" ");
    if split.len() < single.len() {
        split
    } else {
        single
    }
}

impl FromToml for Duration {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = text_of(value, "a duration", DURATION_HINT)?;
        let wrong = |fault: Fault| fault.at(value, "a duration", DURATION_HINT);
        let duration = read_duration(text, value.figures()).map_err(wrong)?;
        if duration <= MAX_DURATION {
            return Ok(duration);
        }
        Err(wrong(Fault::too_long()))
    }
}

impl FromToml for ByteSize {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = text_of(value, "a size", SIZE_HINT)?;
        let wrong = |fault: Fault| fault.at(value, "a size", SIZE_HINT);
        parse_size(text).map(Self).map_err(wrong)
    }
}

impl FromToml for Rate {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = text_of(value, "a rate", RATE_HINT)?;
        let wrong = |fault: Fault| fault.at(value, "a rate", RATE_HINT);
        let size = text.strip_suffix("/s").ok_or(Fault::Form).map_err(wrong)?;
        parse_size(size).map(Self).map_err(wrong)
    }
}

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeError(String);

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SizeError {}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |fault| match fault {
            Fault::Form => SIZE_HINT.to_owned(),
            Fault::Unit(unit, known) => {
                format!("unknown unit {}; units: {}", quoted(&unit), listed(known))
            }
            Fault::TooLarge(limit) => format!("more than {limit}"),
            // Of times alone.
            Fault::Expression
            | Fault::Unknown(_)
            | Fault::Unitless(_)
            | Fault::Negative
            | Fault::NoFigures => SIZE_HINT.to_owned(),
        };
        let size = parse_size(text).map(Self);
        size.map_err(|fault| SizeError(wrong(fault)))
    }
}

/// Why a text is no quantity.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not of the form "number unit".
    Form,
    /// The unit is none of the known ones.
    Unit(String, Vec<&'static str>),
    /// More than the limit named.
    TooLarge(String),
    /// Not of the form of an expression.
    Expression,
    /// In it, a word that is no client's figure.
    Unknown(String),
    /// In it, a number where a time is wanted.
    Unitless(String),
    /// It comes to less than nothing.
    Negative,
    /// It is an expression, and nobody's figures are known.
    NoFigures,
}

impl Fault {
    pub(super) fn too_long() -> Self {
        Self::TooLarge("10 years (3650 days)".to_owned())
    }

    fn at(self, value: Value<'_>, what: &str, hint: &str) -> Mismatch {
        let given = quoted(value.as_str().unwrap_or_default());
        let new = |message| Mismatch::new(value.span(), message);
        match self {
            Self::Form => new(format!("{given} is not {what}")).with_label(hint),
            Self::TooLarge(limit) => new(format!("{given} is more than {limit}")),
            Self::Expression => new(format!("{given} is not {what}")).with_label(EXPRESSION_HINT),
            Self::Unitless(number) => {
                let message = format!("{} in {given} has no unit", quoted(&number));
                new(message).with_label(hint)
            }
            Self::Negative => new(format!("{given} comes to less than nothing")),
            Self::NoFigures => new(format!(
                "{given} is an expression of a client's figures, and none are known here"
            ))
            .with_help(NO_FIGURES_HELP),
            Self::Unknown(name) => {
                let message = format!("{} is neither {what} nor a client's figure", quoted(&name));
                let label = did_you_mean(&name, Figures::NAMES);
                new(message)
                    .with_label(label.unwrap_or_else(|| hint.to_owned()))
                    .with_help(format!("figures: {}", listed(Figures::NAMES)))
            }
            Self::Unit(unit, known) => {
                let wrong = new(format!("unknown unit {} in {given}", quoted(&unit)));
                let label = did_you_mean(&unit, known.iter().copied());
                let wrong = wrong.with_help(format!("units: {}", listed(known)));
                match label {
                    Some(label) => wrong.with_label(label),
                    None => wrong,
                }
            }
        }
    }
}

fn text_of<'a>(value: Value<'a>, what: &str, hint: &str) -> Result<&'a str, Mismatch> {
    let mismatch = || value.mismatch(what).with_label(hint);
    value.as_str().ok_or_else(mismatch)
}

/// A time by itself, or an expression of figures.
fn read_duration(text: &str, figures: Option<&Figures>) -> Result<Duration, Fault> {
    let wrong = match parse_duration(text) {
        Err(wrong) if text.len() <= MAX_TEXT && is_expression(text) => wrong,
        plain => return plain,
    };
    match figures {
        Some(figures) => evaluate(text, figures),
        None if needs_figures(text) => Err(Fault::NoFigures),
        None => Err(wrong),
    }
}

/// Sum of the parts of a text such as "1m 30s".
pub(super) fn parse_duration(text: &str) -> Result<Duration, Fault> {
    if text.len() > MAX_TEXT || text.trim().is_empty() {
        return Err(Fault::Form);
    }
    let mut sum = Duration::ZERO;
    for part in parts(text) {
        let added = sum.checked_add(parse_part(part)?);
        sum = added.ok_or_else(Fault::too_long)?;
    }
    Ok(sum)
}

/// One part such as "1.5s". Each part goes to `humantime` alone because its
/// own addition of parts can overflow and panic.
fn parse_part(part: &str) -> Result<Duration, Fault> {
    let number = part.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = &part[number.len()..];
    if unit.is_empty() || !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Fault::Form);
    }
    if !READ_UNITS.contains(&unit) {
        let named = DURATION_UNITS.iter().map(|(unit, _)| *unit);
        return Err(Fault::Unit(
            unit.to_owned(),
            named.chain(["days"]).collect(),
        ));
    }
    humantime::parse_duration(part).map_err(|error| match error {
        humantime::DurationError::NumberOverflow => {
            Fault::TooLarge("10 years (3650 days), or finer than 1ns".to_owned())
        }
        _ => Fault::Form,
    })
}

/// Splits before every digit that follows a unit.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut after_unit = false;
    for (at, c) in text.char_indices() {
        if c.is_ascii_digit() && after_unit {
            parts.push(text[start..at].trim());
            start = at;
        }
        if !c.is_whitespace() {
            after_unit = c.is_alphabetic();
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// Bytes of a text such as "64KiB" or "64 KiB".
fn parse_size(text: &str) -> Result<u64, Fault> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - unit.len()];
    let unit = unit.trim_start();
    if digits.is_empty() || unit.is_empty() || !unit.chars().all(char::is_alphabetic) {
        return Err(Fault::Form);
    }
    let known = SIZE_UNITS.iter().find(|(name, _)| *name == unit);
    let Some((_, factor)) = known else {
        let named = SIZE_UNITS.iter().map(|(name, _)| *name);
        return Err(Fault::Unit(unit.to_owned(), named.collect()));
    };
    let number = digits.parse::<u64>().ok();
    let bytes = number.and_then(|number| number.checked_mul(*factor));
    bytes.ok_or_else(|| Fault::TooLarge(format!("{} bytes", u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(text: &str) -> Option<u128> {
        parse_duration(text).ok().map(|d| d.as_millis())
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(ms("250ms"), Some(250));
        assert_eq!(ms("1s 500ms"), Some(1_500));
        assert_eq!(ms("1m30s"), Some(90_000));
        assert_eq!(ms(" 1.5s "), Some(1_500));
        assert_eq!(ms("2 h"), Some(7_200_000));
        assert_eq!(ms("7µs"), Some(0));
        for wrong in [
            "", " ", "5", "0", "s", "-5s", "1s 5", "1s,5s", "1M", "1y", "1e3s", "1.s",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_never_overflow() {
        let all = [
            "18446744073709551615s 1000000000ns",
            "99999999999999999999s",
        ];
        for text in all {
            assert!(
                !matches!(parse_duration(text), Ok(d) if d <= MAX_DURATION),
                "{text}"
            );
        }
        assert_eq!(parse_duration(&"1s".repeat(1_000_000)), Err(Fault::Form));
    }

    #[test]
    fn durations_are_written_shortest() {
        let shown = |nanos| format_duration(Duration::from_nanos(nanos));
        assert_eq!(shown(0), "0s");
        assert_eq!(shown(250_000_000), "250ms");
        assert_eq!(shown(1_500_000_000), "1500ms");
        assert_eq!(shown(90_000_000_000), "90s");
        assert_eq!(shown(7_200_000_000_000), "2h");
        assert_eq!(shown(3_600_000_000_001), "1h 1ns");
        assert!(!format_duration(Duration::MAX).is_empty());
    }

    #[test]
    fn a_size_alone_is_read_or_told_why_not() {
        let read = |text: &str| text.parse::<ByteSize>().map_err(|error| error.to_string());
        assert_eq!(read("32MiB"), Ok(ByteSize(32 << 20)));
        assert_eq!(read("32"), Err(SIZE_HINT.to_owned()));
        let unknown = read("1kb").unwrap_err();
        assert!(
            unknown.starts_with("unknown unit `kb`; units: "),
            "{unknown}"
        );
        assert!(
            read("99999999999GiB")
                .unwrap_err()
                .starts_with("more than ")
        );
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("64KB"), Ok(64_000));
        assert_eq!(parse_size("500 B"), Ok(500));
        assert_eq!(parse_size("16GiB"), Ok(1 << 34));
        for wrong in ["", "64", "KiB", "-1B", "1.5KiB", "1KiB/s", "1KiB2"] {
            assert_eq!(parse_size(wrong), Err(Fault::Form), "{wrong}");
        }
        assert!(matches!(parse_size("1kb"), Err(Fault::Unit(..))));
        assert!(matches!(
            parse_size("99999999999GiB"),
            Err(Fault::TooLarge(_))
        ));
        assert_eq!(Rate(1_000_000).to_string(), "1MB/s");
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back(nanos in any::<u64>(), shift in 0_u32..64) {
            let duration = Duration::from_nanos(nanos >> shift);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn a_written_size_reads_back(bytes in any::<u64>(), shift in 0_u32..64) {
            let size = ByteSize(bytes >> shift << (shift / 2));
            prop_assert_eq!(parse_size(&size.to_string()), Ok(size.0));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[0-9]{0,20}[a-zµ. ]{0,3}[0-9]{0,20}.{0,9}") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }
    }
}
