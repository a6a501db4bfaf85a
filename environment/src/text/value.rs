//! A value of the file, and the decoding of plain types.
//!
//! Invariant: decoding never panics and never rounds silently; what does not
//! fit the type is a [`Mismatch`] that names the place and what would fit.

use super::diagnostics::{Diagnostic, Diagnostics};
use super::document::Context;
use super::figures::Figures;
use super::source::Span;
use super::words::{did_you_mean, listed, quoted};
use toml::Spanned;
use toml::de::DeValue;

/// A value together with its place in the file.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    node: &'a Spanned<DeValue<'a>>,
    context: Context<'a>,
}

impl<'a> Value<'a> {
    pub(super) fn new(node: &'a Spanned<DeValue<'a>>, context: Context<'a>) -> Self {
        Self { node, context }
    }

    pub(super) fn node(self) -> &'a Spanned<DeValue<'a>> {
        self.node
    }

    /// Of which times may be expressions, if they are known.
    pub(super) fn figures(&self) -> Option<&Figures> {
        self.context.figures.as_ref()
    }

    /// The place of the value.
    pub fn span(self) -> Span {
        self.node.span()
    }

    /// The kind with its article, such as "an integer".
    pub fn kind(self) -> &'static str {
        match self.node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    /// The text of a string.
    pub fn as_str(self) -> Option<&'a str> {
        self.node.get_ref().as_str()
    }

    /// A boolean.
    fn as_bool(self) -> Option<bool> {
        self.node.get_ref().as_bool()
    }

    /// An integer; `None` also for one beyond 128 bits.
    pub fn as_integer(self) -> Option<i128> {
        let integer = self.node.get_ref().as_integer()?;
        i128::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// The elements of an array.
    pub fn as_array(self) -> Option<impl Iterator<Item = Value<'a>>> {
        let elements = self.node.get_ref().as_array()?;
        Some(elements.iter().map(move |node| Self { node, ..self }))
    }

    /// "expected …, found …" at this value; `expected` has its article.
    pub fn mismatch(self, expected: &str) -> Mismatch {
        let message = format!("expected {expected}, found {}", self.kind());
        Mismatch::new(self.span(), message)
    }

    /// Whether the value is reported as bad syntax already: it was invented in
    /// recovery (then it has no place), or a syntax error lies in it.
    pub(super) fn is_broken(self) -> bool {
        let span = self.node.span();
        let broken = self.context.broken();
        let first = broken.partition_point(|b| b.start < span.start);
        let inside = broken.get(first).is_some_and(|b| b.start < span.end);
        span.is_empty() || inside
    }
}

/// What is wrong with a value; several errors if it has several parts.
#[derive(Debug, Clone)]
pub struct Mismatch {
    first: Diagnostic,
    others: Vec<Diagnostic>,
    left_off: usize,
}

impl Mismatch {
    /// One error at `span`, usually [`Value::span`].
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            first: Diagnostic::new(span, message),
            others: Vec::new(),
            left_off: 0,
        }
    }

    /// Adds the hint beside the (first) caret.
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.first.label = Some(label.into());
        self
    }

    /// Adds what would be right, to the first error.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.first.help = Some(help.into());
        self
    }

    /// Adds the errors of another part of the same value.
    pub fn and(mut self, other: Self) -> Self {
        self.left_off += other.left_off;
        for diagnostic in std::iter::once(other.first).chain(other.others) {
            if self.others.len() < Diagnostics::KEPT {
                self.others.push(diagnostic);
            } else {
                self.left_off += 1;
            }
        }
        self
    }

    /// The errors, and how many more there were.
    pub(super) fn into_parts(self) -> (Vec<Diagnostic>, usize) {
        let mut all = vec![self.first];
        all.extend(self.others);
        (all, self.left_off)
    }
}

/// A type that a value of the file can be decoded to.
pub trait FromToml: Sized {
    /// Decodes the value, or says everything that is wrong with it.
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch>;
}

impl FromToml for bool {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let mismatch = || value.mismatch("true or false");
        value.as_bool().ok_or_else(mismatch)
    }
}

impl FromToml for String {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = value.as_str().ok_or_else(|| value.mismatch("a string"))?;
        Ok(text.to_owned())
    }
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl FromToml for $type {
            fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
                let range = || format!("an integer from 0 to {}", Self::MAX);
                // The largest number of all is no help to people.
                let wanted = || match Self::BITS {
                    64 => "an integer of 0 or more".to_owned(),
                    _ => range(),
                };
                let Some(integer) = value.node.get_ref().as_integer() else {
                    return Err(value.mismatch(&wanted()));
                };
                let fitting = value.as_integer().and_then(|integer| Self::try_from(integer).ok());
                fitting.ok_or_else(|| {
                    let given = integer.to_string();
                    let wanted = if given.starts_with('-') { wanted() } else { range() };
                    let given = quoted(&given);
                    Mismatch::new(value.span(), format!("expected {wanted}, found {given}"))
                })
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64, usize);

/// Finite numbers, integers included.
impl FromToml for f64 {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let number = match value.node.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => return Err(value.mismatch("a decimal number")),
        };
        let finite = number.filter(|number: &Self| number.is_finite());
        finite.ok_or_else(|| Mismatch::new(value.span(), "expected a finite number"))
    }
}

/// Every bad element is reported at its own place.
impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let elements = value.as_array().ok_or_else(|| value.mismatch("an array"))?;
        let mut decoded = Self::new();
        let mut wrong: Option<Mismatch> = None;
        for element in elements {
            match (T::from_toml(element), wrong.take()) {
                (Ok(element), before) => {
                    decoded.push(element);
                    wrong = before;
                }
                (Err(mismatch), None) => wrong = Some(mismatch),
                (Err(mismatch), Some(before)) => wrong = Some(before.and(mismatch)),
            }
        }
        wrong.map_or(Ok(decoded), Err)
    }
}

/// One of a fixed set of words, such as `mode = "fast"`. Another word is
/// reported with the allowed ones and the nearest spelling.
pub fn choice<T: Clone>(value: Value<'_>, allowed: &[(&str, T)]) -> Result<T, Mismatch> {
    let words = || allowed.iter().map(|(word, _)| *word);
    let help = || format!("allowed here: {}", listed(words()));
    let Some(given) = value.as_str() else {
        return Err(value.mismatch("a string").with_help(help()));
    };
    if let Some((_, meaning)) = allowed.iter().find(|(word, _)| *word == given) {
        return Ok(meaning.clone());
    }
    let message = format!("{} is not allowed here", quoted(given));
    let mismatch = Mismatch::new(value.span(), message).with_help(help());
    Err(match did_you_mean(given, words()) {
        Some(label) => mismatch.with_label(label),
        None => mismatch,
    })
}
