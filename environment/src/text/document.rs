//! A parsed file: the tree that syntax allows, and where syntax was broken.
//!
//! Invariant: parsing always yields a tree. What the parser had to invent or
//! could not understand is marked, so that no second error is reported for
//! a value that is already reported as bad syntax.

use super::diagnostics::{Diagnostic, Diagnostics};
use super::figures::Figures;
use super::repair::{loses_the_rest, repair};
use super::source::{Source, Span};
use super::table::Table;
use super::words::{did_you_mean, quoted, shown};
use std::collections::BTreeSet;
use toml::de::DeTable;

/// A parsed file, borrowing its source.
#[derive(Debug)]
pub struct Document<'s> {
    root: DeTable<'s>,
    flaws: Flaws,
}

/// Where the tree does not say what the file says.
#[derive(Debug, Default)]
struct Flaws {
    /// Where syntax is broken, by start.
    broken: Vec<Span>,
    /// Keys whose lines could not be read.
    lost: BTreeSet<String>,
    /// Whether anything else may be missing from the tree.
    cut: bool,
}

/// What every value and table needs besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    flaws: &'a Flaws,
    pub(super) diagnostics: &'a Diagnostics,
    /// Of which times may be expressions.
    pub(super) figures: Option<Figures>,
}

impl<'a> Context<'a> {
    /// Where syntax is broken, by start.
    pub(super) fn broken(self) -> &'a [Span] {
        &self.flaws.broken
    }

    /// Whether the key may well be in the file, in a line that was not understood.
    pub(super) fn is_lost(self, key: &str) -> bool {
        self.flaws.cut || self.flaws.lost.contains(key)
    }
}

impl<'s> Document<'s> {
    /// Largest text that is parsed, in bytes. The parser takes up to 350 bytes
    /// of memory for each byte of a hostile text; no person writes this much.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Parses as much as can be. Syntax errors go to `diagnostics`; a text
    /// above [`Document::MAX_BYTES`] is one error and an empty document.
    pub fn parse(source: &'s Source, diagnostics: &Diagnostics) -> Self {
        let bytes = source.text().len();
        let mut flaws = Flaws::default();
        if bytes > Self::MAX_BYTES {
            let limit = Self::MAX_BYTES;
            diagnostics.error(
                0..0,
                format!("the file has {bytes} bytes, more than {limit}"),
            );
            flaws.cut = true;
            let root = DeTable::new();
            return Self { root, flaws };
        }
        let repair = repair(source);
        flaws.lost = repair.lost;
        repair.reports.into_iter().for_each(|r| diagnostics.push(r));
        let text = match repair.text {
            Some(text) => source.repaired.get_or_init(|| text),
            None => source.text(),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let Span { start, end } = error.span().unwrap_or(0..0);
            // A repaired text has boundaries where the source has none.
            let span = source.boundary(start)..source.boundary(end);
            diagnostics.push(syntax(source, span.clone(), error.message()));
            flaws.broken.push(span);
            flaws.cut |= loses_the_rest(error.message());
        }
        flaws.broken.sort_by_key(|span| span.start);
        let root = root.into_inner();
        Self { root, flaws }
    }

    /// The top-level table; errors in it go to `diagnostics`.
    pub fn root<'a>(&'a self, diagnostics: &'a Diagnostics) -> Table<'a> {
        let flaws = &self.flaws;
        let context = Context {
            flaws,
            diagnostics,
            figures: None,
        };
        Table::new(&self.root, 0..0, context)
    }
}

/// A syntax error in the words of this crate. The parser says "what, expected
/// this": the second half goes beside the caret. Of a bare word it guesses the
/// type by the first letter, which misleads: nearly always quotes are missing.
pub(super) fn syntax(source: &Source, span: Span, message: &str) -> Diagnostic {
    let word = source.text().get(span.clone()).unwrap_or_default();
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let unquoted = what == "string values must be quoted";
    if unquoted && word.is_empty() {
        return Diagnostic::new(span, "missing value");
    }
    let guessed = unquoted || what == "invalid boolean" || what == "invalid float";
    if guessed && word.starts_with(|c: char| c.is_alphabetic()) {
        let constant = did_you_mean(word, ["true", "false"]);
        let label = constant.unwrap_or_else(|| "strings are written in quotes".to_owned());
        return Diagnostic::new(span, format!("{} is not a value", quoted(word))).with_label(label);
    }
    let report = Diagnostic::new(span, shown(what));
    match expected {
        "" => report,
        _ => report.with_label(format!("expected {}", shown(expected))),
    }
}
