//! What is wrong with a file, collected while it is read.
//!
//! Invariant: however many errors are pushed and in whatever order, the
//! first [`Diagnostics::KEPT`] by position are kept and the rest are counted.

use super::render;
use super::source::{Source, Span};
use super::value::Mismatch;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One error and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The bytes to underline; an empty span underlines one column.
    pub span: Span,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// Short hint shown beside the caret, such as "did you mean `seed`?".
    pub label: Option<String>,
    /// What would be right, shown below; each of its lines gets a `=`.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without label and help.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// Adds the hint beside the caret.
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds what would be right.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects errors; shared by reference while nested tables are read.
#[derive(Debug, Default)]
pub struct Diagnostics {
    found: RefCell<Found>,
}

/// Start and end of the span, then the message: two errors equal in these are one.
type Rank = (usize, usize, String);

#[derive(Debug, Default)]
struct Found {
    kept: BTreeMap<Rank, Diagnostic>,
    left_off: usize,
}

impl Diagnostics {
    /// How many are kept at most.
    pub const KEPT: usize = 100;

    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error; the same message at the same place counts once.
    pub fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        let Span { start, end } = diagnostic.span;
        let rank = (start, end, diagnostic.message.clone());
        found.kept.insert(rank, diagnostic);
        if found.kept.len() > Self::KEPT {
            found.kept.pop_last();
            found.left_off += 1;
        }
    }

    /// Adds an error by place and message.
    pub fn error(&self, span: Span, message: impl Into<String>) {
        self.push(Diagnostic::new(span, message));
    }

    /// Adds an error together with what would be right.
    pub fn error_with_help(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::new(span, message).with_help(help));
    }

    /// Adds everything that is wrong with a value.
    pub fn mismatch(&self, mismatch: Mismatch) {
        let (diagnostics, left_off) = mismatch.into_parts();
        diagnostics.into_iter().for_each(|d| self.push(d));
        self.leave_off(left_off);
    }

    /// Counts errors that the caller has found but not described.
    pub(super) fn leave_off(&self, count: usize) {
        self.found.borrow_mut().left_off += count;
    }

    /// Whether nothing is wrong so far. Tables report unknown keys when they
    /// are dropped, so ask after that.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many errors were found, those left off included.
    pub fn len(&self) -> usize {
        let found = self.found.borrow();
        found.kept.len() + found.left_off
    }

    /// The kept errors by position, then by message.
    pub fn sorted(&self) -> Vec<Diagnostic> {
        self.found.borrow().kept.values().cloned().collect()
    }

    /// All kept errors as text for a person: blocks that begin with
    /// `FILE:LINE:COLUMN: message` and are separated by an empty line. Ends
    /// with a newline unless nothing was found.
    pub fn render(&self, source: &Source) -> String {
        let found = self.found.borrow();
        let blocks = found.kept.values().map(|d| render::block(source, d));
        let mut out = Vec::from_iter(blocks).join("\n");
        if found.left_off > 0 {
            out.push_str(&render::left_off(source, found.left_off));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_hundred_by_position_and_counts_the_rest() {
        let source = Source::new("a.toml", "x".repeat(300));
        let diagnostics = Diagnostics::new();
        (0..250)
            .rev()
            .for_each(|at| diagnostics.error(at..at + 1, "no"));
        assert_eq!(diagnostics.len(), 250);
        let starts = diagnostics.sorted().into_iter().map(|d| d.span.start);
        assert!(starts.eq(0..100));
        let rendered = diagnostics.render(&source);
        assert!(rendered.ends_with("\na.toml: 150 more errors are not shown\n"));
    }

    #[test]
    fn the_same_mistake_counts_once() {
        let diagnostics = Diagnostics::new();
        diagnostics.error(3..4, "no");
        diagnostics.error(3..4, "no");
        assert_eq!(diagnostics.len(), 1);
    }
}
