//! What a message says: a pattern in files, and whether a message is of it. JSON and
//! expressions come with the feature `api`: a library alone needs neither.

use environment::text::{Diagnostic, Span, Table};
#[cfg(feature = "patterns")]
use environment::text::{FromToml, Mismatch, Value};
#[cfg(feature = "patterns")]
use regex_lite::{Regex, RegexBuilder};
#[cfg(feature = "patterns")]
use serde_json::Value as Json;

/// The longest message that is looked into; a longer one is of no pattern.
pub(crate) const LONGEST_MESSAGE: usize = 64 * 1024;

/// The keys that say a pattern.
pub(crate) const PATTERN_KEYS: [&str; 4] = ["contains", "json", "equals", "matches"];

#[cfg(feature = "patterns")]
/// The memory that a compiled expression may take.
const LARGEST_EXPRESSION: usize = 256 * 1024;

/// What a message must say.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// It has this text in it; never empty.
    Contains(String),
    #[cfg(feature = "patterns")]
    /// It is JSON, and this value stands there.
    Json {
        /// Where: a JSON pointer (RFC 6901), such as `/type`.
        pointer: String,
        /// What.
        equals: Json,
    },
    #[cfg(feature = "patterns")]
    /// It is UTF-8, and this expression is found in it.
    Matches(Regex),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Contains(one), Self::Contains(other)) => one == other,
            #[cfg(feature = "patterns")]
            (
                Self::Json { pointer, equals },
                Self::Json {
                    pointer: other,
                    equals: value,
                },
            ) => pointer == other && equals == value,
            #[cfg(feature = "patterns")]
            (Self::Matches(one), Self::Matches(other)) => one.as_str() == other.as_str(),
            #[cfg(feature = "patterns")]
            _ => false,
        }
    }
}

impl Pattern {
    /// Reads `{ contains = "…" }`, `{ json = "/type", equals = "tick" }` or
    /// `{ matches = "regex" }`; errors are reported at their place. Without the
    /// feature `patterns` the first alone.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let given = ["contains", "json", "matches"].map(|key| table.has(key).then_some(key));
        let mut given = given.into_iter().flatten();
        let (first, second) = (given.next(), given.next());
        let contains = table.spanned::<String>("contains");
        let beyond_text = Beyond::read(table);
        let Some(first) = first else {
            let help = "one of `contains = \"…\"`, `json = \"/type\", equals = \"…\"`, `matches = \"regex\"`";
            let report = Diagnostic::new(table.span(), "no pattern is given");
            table.miss(&PATTERN_KEYS, report.with_help(help));
            return None;
        };
        if let Some(second) = second {
            let message = format!("`{first}` and `{second}` exclude each other");
            table.error(table.key_span(second), message);
            return None;
        }
        if first != "json" && table.has("equals") {
            let message = "`equals` is about the value that `json` points at";
            table.error(table.key_span("equals"), message);
            return None;
        }
        match first {
            "contains" => containing(table, contains?),
            _ => beyond_text.pattern(table, first),
        }
    }

    /// What may stand anywhere in a message, if that is all that it asks for.
    pub(crate) fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Contains(text) => Some(text.as_bytes()),
            #[cfg(feature = "patterns")]
            Self::Json { .. } | Self::Matches(_) => None,
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        self.text().is_some()
    }

    /// Whether this message is of it.
    pub fn is_in(&self, message: &[u8]) -> bool {
        match self {
            Self::Contains(text) => has(message, text.as_bytes()),
            #[cfg(feature = "patterns")]
            Self::Json { pointer, equals } => {
                serde_json::from_slice::<Json>(message).is_ok_and(|json| {
                    json.pointer(pointer)
                        .is_some_and(|value| same(value, equals))
                })
            }
            #[cfg(feature = "patterns")]
            Self::Matches(regex) => {
                std::str::from_utf8(message).is_ok_and(|text| regex.is_match(text))
            }
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "contains {text:?}"),
            #[cfg(feature = "patterns")]
            Self::Json { pointer, equals } => write!(f, "{pointer} equals {equals}"),
            #[cfg(feature = "patterns")]
            Self::Matches(regex) => write!(f, "matches {:?}", regex.as_str()),
        }
    }
}

/// Whether `text` stands anywhere in `bytes`.
pub(crate) fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(feature = "patterns")]
/// Numbers are equal by their value: 1 is 1.0.
fn same(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

fn containing(table: &Table<'_>, (text, span): (String, Span)) -> Option<Pattern> {
    let fits = (1..=LONGEST_MESSAGE).contains(&text.len());
    if !fits {
        let message = if text.is_empty() {
            "every message has nothing in it".to_owned()
        } else {
            format!(
                "no message of at most {LONGEST_MESSAGE} bytes, which alone are looked into, has so much in it"
            )
        };
        table.error(span, message);
    }
    fits.then_some(Pattern::Contains(text))
}

#[cfg(feature = "patterns")]
fn pointing(
    table: &Table<'_>,
    (pointer, span): (String, Span),
    equals: Option<Scalar>,
) -> Option<Pattern> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        let help = format!("a JSON pointer begins with `/` (RFC 6901): \"/{pointer}\"");
        table.error_with_help(span, format!("{pointer:?} points at nothing"), help);
        return None;
    }
    let is_escaped = |part: &str| part.starts_with('0') || part.starts_with('1');
    if !pointer.split('~').skip(1).all(is_escaped) {
        let message = format!(
            "{pointer:?} points at nothing, ever: `~` is written `~0`, and `/` in a key `~1`"
        );
        table.error(span, message);
        return None;
    }
    if !table.has("equals") {
        let message = "`json` says where a value stands, and `equals` is needed to say which";
        table.error(table.key_span("json"), message);
    }
    let Scalar(equals) = equals?;
    if equals
        .as_str()
        .is_some_and(|text| text.len() > LONGEST_MESSAGE)
    {
        let message = format!(
            "no message of at most {LONGEST_MESSAGE} bytes, which alone are looked into, has so long a text in it"
        );
        table.error(table.span_of("equals"), message);
        return None;
    }
    Some(Pattern::Json { pointer, equals })
}

/// What is read beside plain text.
#[cfg(feature = "patterns")]
struct Beyond {
    json: Option<(String, Span)>,
    equals: Option<Scalar>,
    matches: Option<Expression>,
}

#[cfg(feature = "patterns")]
impl Beyond {
    fn read(table: &mut Table<'_>) -> Self {
        Self {
            json: table.spanned("json"),
            equals: table.optional("equals"),
            matches: table.optional("matches"),
        }
    }

    fn pattern(self, table: &Table<'_>, key: &str) -> Option<Pattern> {
        if key == "json" {
            return pointing(table, self.json?, self.equals);
        }
        let Expression(regex) = self.matches?;
        Some(Pattern::Matches(regex))
    }
}

/// Nothing: a library alone knows neither JSON nor expressions.
#[cfg(not(feature = "patterns"))]
struct Beyond;

#[cfg(not(feature = "patterns"))]
impl Beyond {
    fn read(table: &mut Table<'_>) -> Self {
        ["json", "equals", "matches"]
            .iter()
            .for_each(|key| table.ignore(key));
        Self
    }

    fn pattern(self, table: &Table<'_>, key: &str) -> Option<Pattern> {
        let message = format!("`{key}` needs the feature `patterns` of chaos-proxy");
        table.error_with_help(table.key_span(key), message, "`contains` needs none");
        None
    }
}

#[cfg(feature = "patterns")]
/// A text, a number, or true or false.
struct Scalar(Json);

#[cfg(feature = "patterns")]
impl FromToml for Scalar {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = value.as_str().map(Json::from);
        let number = || {
            value
                .as_integer()
                .and_then(|number| i64::try_from(number).ok())
        };
        let scalar = text
            .or_else(|| number().map(Json::from))
            .or_else(|| bool::from_toml(value).ok().map(Json::from))
            .or_else(|| f64::from_toml(value).ok().map(Json::from));
        let wrong = || value.mismatch("a string, a number or a boolean");
        // No JSON has infinities, and nothing equals what is no number.
        let scalar = scalar.filter(|scalar| !scalar.is_null());
        scalar.map(Self).ok_or_else(wrong)
    }
}

#[cfg(feature = "patterns")]
/// A regular expression of bounded size.
struct Expression(Regex);

#[cfg(feature = "patterns")]
impl FromToml for Expression {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = String::from_toml(value)?;
        let mut builder = RegexBuilder::new(&text);
        let regex = builder.size_limit(LARGEST_EXPRESSION).build();
        let wrong =
            |error| Mismatch::new(value.span(), format!("{text:?} cannot be read: {error}"));
        regex.map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read(text: &str) -> Result<Pattern, String> {
        let diagnostics = Diagnostics::new();
        let source = Source::new("x.toml", text);
        let document = Document::parse(&source, &diagnostics);
        let pattern = Pattern::read(&mut document.root(&diagnostics));
        pattern.ok_or_else(|| diagnostics.render(&source))
    }

    #[test]
    fn a_message_is_of_its_pattern() {
        for (pattern, is, is_not) in [
            ("contains = 'tick'", "a tick.", "a tic k"),
            (
                "json = '/type'\nequals = 'tick'",
                r#"{"type":"tick"}"#,
                r#"{"x":"tick"}"#,
            ),
            (
                "json = '/a/1'\nequals = 2",
                r#"{"a":[1,2.0]}"#,
                r#"{"a":[2,1]}"#,
            ),
            ("json = ''\nequals = true", "true", "\"true\""),
            (
                "json = '/x'\nequals = 0.5",
                r#"{"x":5e-1}"#,
                r#"{"x":"0.5"}"#,
            ),
            ("matches = '^a+$'", "aaa", "aab"),
        ] {
            let pattern = read(pattern).unwrap();
            assert!(pattern.is_in(is.as_bytes()), "{pattern}: {is}");
            assert!(!pattern.is_in(is_not.as_bytes()), "{pattern}: {is_not}");
            assert!(!pattern.is_in(b"\xff"), "{pattern}");
        }
    }

    #[test]
    fn a_text_that_no_message_has_room_for_is_told() {
        let long = "x".repeat(LONGEST_MESSAGE + 1);
        for key in ["contains = ", "json = '/a'\nequals = "] {
            let error = read(&format!("{key}'{long}'")).unwrap_err();
            assert!(error.contains("no message of at most 65536 bytes"), "{key}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_at_its_place() {
        for (text, begins) in [
            ("", "x.toml:1:1: no pattern is given"),
            (
                "contains = ''",
                "x.toml:1:12: every message has nothing in it",
            ),
            (
                "contains = 'a'\njson = '/a'",
                "x.toml:2:1: `contains` and `json` exclude",
            ),
            ("json = '/a'", "x.toml:1:1: `json` says where"),
            (
                "json = 'a'\nequals = 1",
                "x.toml:1:8: \"a\" points at nothing",
            ),
            (
                "json = '/a'\nequals = []",
                "x.toml:2:10: expected a string, a number",
            ),
            (
                "contains = 'a'\nequals = 1",
                "x.toml:2:1: `equals` is about",
            ),
            (
                "json = '/a~b'\nequals = 1",
                "x.toml:1:8: \"/a~b\" points at nothing, ever",
            ),
            (
                "json = '/a'\nequals = nan",
                "x.toml:2:10: expected a string, a number",
            ),
            ("matches = '('", "x.toml:1:11: \"(\" cannot be read"),
            ("matches = '(a{1000}){1000}'", "x.toml:1:11: "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(begins), "{text}: {error}");
        }
    }
}
