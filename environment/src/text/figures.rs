//! Times as expressions of a client's own, such as "2 * liveness + 500ms".
//!
//! ```text
//! sum  = term, { ("+" | "-"), term }
//! term = [ number, "*" ], time, [ "*", number ]
//! time = one of the names, or a time with its unit
//! ```
//!
//! Invariant: the sum is exact to the nanosecond, and what is not a time from 0
//! on is told, never cut to fit.

use super::units::{Fault, parse_duration};
use std::time::Duration;

/// A client's own times, of which others can be expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// How long it takes to notice a silent connection.
    pub liveness: Duration,
    /// How long a dial, with its upgrade, takes at most before it is given up.
    pub dial_bound: Duration,
    /// The longest wait before the first dial after a loss.
    pub first_delay: Duration,
    /// The longest wait before any dial.
    pub longest_delay: Duration,
}

impl Figures {
    /// What they are called.
    pub const NAMES: [&str; 4] = ["liveness", "dial_bound", "first_delay", "longest_delay"];

    fn get(&self, name: &str) -> Option<Duration> {
        let all = [
            self.liveness,
            self.dial_bound,
            self.first_delay,
            self.longest_delay,
        ];
        let mut named = Self::NAMES.into_iter().zip(all);
        named
            .find(|(known, _)| *known == name)
            .map(|(_, time)| time)
    }
}

/// Whether a text that is no time by itself is meant as an expression.
pub(super) fn is_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(is_of_name) || text.get(1..).is_some_and(|rest| rest.contains(OPERATORS))
}

/// Whether it has a part that means something with figures alone.
pub(super) fn needs_figures(text: &str) -> bool {
    let words = text.split(|c| !is_of_name(c));
    text.contains(OPERATORS) || words.into_iter().any(|word| Figures::NAMES.contains(&word))
}

/// What a text comes to.
pub(super) fn evaluate(text: &str, figures: &Figures) -> Result<Duration, Fault> {
    let mut sum: i128 = 0;
    let mut rest = text;
    let mut sign = 1;
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let (first, after) = rest.split_at(end);
        let added = sign * term(first, figures)?;
        sum = sum.checked_add(added).ok_or_else(Fault::too_long)?;
        let Some(operator) = after.chars().next() else {
            break;
        };
        sign = if operator == '-' { -1 } else { 1 };
        rest = &after[operator.len_utf8()..];
    }
    let nanos = u64::try_from(sum).map_err(|_| match sum < 0 {
        true => Fault::Negative,
        false => Fault::too_long(),
    })?;
    Ok(Duration::from_nanos(nanos))
}

const OPERATORS: [char; 3] = ['+', '-', '*'];

fn is_of_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// In nanoseconds.
fn term(text: &str, figures: &Figures) -> Result<i128, Fault> {
    let factors: Vec<&str> = text.split('*').map(str::trim).collect();
    match factors[..] {
        [one] => time(one, figures),
        [first, second] => match (Number::read(first), Number::read(second)) {
            (Some(number), None) => number.times(time(second, figures)?),
            (None, Some(number)) => number.times(time(first, figures)?),
            (Some(_), Some(_)) => Err(Fault::Unitless(text.trim().to_owned())),
            (None, None) => Err(Fault::Expression),
        },
        _ => Err(Fault::Expression),
    }
}

fn time(text: &str, figures: &Figures) -> Result<i128, Fault> {
    if Number::read(text).is_some() {
        return Err(Fault::Unitless(text.to_owned()));
    }
    let is_name =
        text.starts_with(is_of_name) && text.chars().all(|c| is_of_name(c) || c.is_ascii_digit());
    let time = if is_name {
        let unknown = || Fault::Unknown(text.to_owned());
        figures.get(text).ok_or_else(unknown)
    } else {
        parse_duration(text).map_err(|fault| match fault {
            Fault::Form => Fault::Expression,
            other => other,
        })
    };
    i128::try_from(time?.as_nanos()).map_err(|_| Fault::too_long())
}

/// A decimal number, exactly.
#[derive(Debug, Clone, Copy)]
struct Number {
    digits: i128,
    scale: i128,
}

impl Number {
    /// Longer ones are nobody's.
    const LONGEST: usize = 18;

    fn read(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) || text.len() > Self::LONGEST {
            return None;
        }
        Some(Self {
            digits: format!("{whole}{part}").parse().ok()?,
            scale: 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?,
        })
    }

    /// Rounded to the nearest.
    fn times(self, nanos: i128) -> Result<i128, Fault> {
        let product = nanos.checked_mul(self.digits);
        let product = product.ok_or_else(Fault::too_long)?;
        Ok((product + self.scale / 2) / self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIGURES: Figures = Figures {
        liveness: Duration::from_millis(1_500),
        dial_bound: Duration::from_secs(2),
        first_delay: Duration::ZERO,
        longest_delay: Duration::from_secs(30),
    };

    fn ms(text: &str) -> Result<u128, Fault> {
        evaluate(text, &FIGURES).map(|time| time.as_millis())
    }

    #[test]
    fn sums_differences_and_products_are_evaluated() {
        let all = [
            ("liveness", 1_500),
            ("liveness + 2s", 3_500),
            ("2 * liveness + 500ms", 3_500),
            ("liveness*2-1s", 2_000),
            ("1m 30s - longest_delay", 60_000),
            ("0.5 * dial_bound + first_delay", 1_000),
            ("2s - 3s + liveness", 500),
            ("3s * 1.5", 4_500),
            ("dial_bound - 2s", 0),
        ];
        for (text, expected) in all {
            assert!(is_expression(text), "{text}");
            assert_eq!(ms(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_for_what_it_is() {
        let unknown = |name: &str| Err(Fault::Unknown(name.to_owned()));
        let unitless = |text: &str| Err(Fault::Unitless(text.to_owned()));
        assert_eq!(ms("livenes + 2s"), unknown("livenes"));
        assert_eq!(ms("liveness + 2"), unitless("2"));
        assert_eq!(ms("2 * 3"), unitless("2 * 3"));
        assert_eq!(ms("liveness - 2s"), Err(Fault::Negative));
        assert_eq!(
            ms("999999999999999999 * longest_delay"),
            Err(Fault::too_long())
        );
        for text in [
            "liveness +",
            "- liveness",
            "liveness dial_bound",
            "liveness * liveness",
            "liveness / 2",
            "2 * 2 * liveness",
            "(liveness)",
        ] {
            assert_eq!(ms(text), Err(Fault::Expression), "{text}");
        }
        assert!(matches!(ms("liveness + 2y"), Err(Fault::Unit(..))));
    }

    #[test]
    fn a_time_by_itself_is_no_expression() {
        for text in ["250ms", "1m 30s", "-5s", "5", "", "1s,5s"] {
            assert!(!is_expression(text), "{text}");
        }
        assert!(is_expression("fast") && !needs_figures("fast"));
        assert!(needs_figures("2*liveness") && needs_figures("1s + 1s"));
    }

    proptest! {
        #[test]
        fn any_text_is_expression_without_panic(text in "[0-9]{0,20}[a-z_µ. ]{0,3}[*+-]?.{0,9}(liveness)?[*+-]?[0-9.]{0,30}") {
            let _ = (is_expression(&text), needs_figures(&text), evaluate(&text, &FIGURES));
        }
    }
}
