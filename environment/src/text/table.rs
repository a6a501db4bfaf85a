//! One table being read, key by key.
//!
//! Invariant: every key of the file is either asked for or reported. A table
//! that goes out of scope reports the keys nobody asked for, and only then
//! the missing ones: a misspelt key is one error, not two.

use super::diagnostics::{Diagnostic, Diagnostics};
use super::document::Context;
use super::figures::Figures;
use super::source::Span;
use super::value::{FromToml, Mismatch, Value};
use super::words::{listed, nearest, quoted};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table whose keys are taken one after the other. Dropping it reports those
/// that nobody asked for.
#[derive(Debug)]
pub struct Table<'a> {
    entries: &'a DeTable<'a>,
    span: Span,
    context: Context<'a>,
    known: Vec<&'static str>,
    absent: Vec<Absent>,
    ignored: bool,
    /// Words of other programs, each with what it is here.
    elsewhere: &'static [(&'static str, &'static str)],
}

/// Keys of which one was needed; not reported if one of them was misspelt.
#[derive(Debug)]
struct Absent {
    keys: Vec<&'static str>,
    report: Diagnostic,
    /// Any unknown key was meant to be one of them.
    is_choice: bool,
}

impl<'a> Table<'a> {
    pub(super) fn new(entries: &'a DeTable<'a>, span: Span, context: Context<'a>) -> Self {
        Self {
            entries,
            span,
            context,
            known: Vec::new(),
            absent: Vec::new(),
            ignored: false,
            elsewhere: &[],
        }
    }

    /// Keys that other programs have for something that is here, and how that is
    /// said.
    pub fn known_elsewhere(&mut self, words: &'static [(&'static str, &'static str)]) {
        self.elsewhere = words;
    }

    /// The key's value; `None` if absent, or wrong and reported.
    pub fn optional<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        self.optional_with(key, T::from_toml)
    }

    /// Like [`Table::optional`] with a decoder of the caller's, such as [`super::choice`].
    pub fn optional_with<T>(
        &mut self,
        key: &'static str,
        decode: impl FnOnce(Value<'a>) -> Result<T, Mismatch>,
    ) -> Option<T> {
        let value = self.value(key)?;
        match decode(value) {
            Ok(decoded) => Some(decoded),
            Err(mismatch) => {
                self.context.diagnostics.mismatch(mismatch);
                None
            }
        }
    }

    /// The key's value; `None` if absent or wrong, both reported. Absence is
    /// reported at the table's header.
    pub fn required<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        self.required_with(key, T::from_toml)
    }

    /// Like [`Table::required`] with a decoder of the caller's, such as [`super::choice`].
    fn required_with<T>(
        &mut self,
        key: &'static str,
        decode: impl FnOnce(Value<'a>) -> Result<T, Mismatch>,
    ) -> Option<T> {
        self.require(key);
        self.optional_with(key, decode)
    }

    /// The key's value, or `default` if absent, or wrong and reported.
    pub fn or<T: FromToml>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// Like [`Table::optional`], with the place of the value for later checks.
    pub fn spanned<T: FromToml>(&mut self, key: &'static str) -> Option<(T, Span)> {
        let span = self.span_of(key);
        self.optional(key).map(|value| (value, span))
    }

    /// Like [`Table::required`], with the place of the value for later checks.
    pub fn required_spanned<T: FromToml>(&mut self, key: &'static str) -> Option<(T, Span)> {
        self.require(key);
        self.spanned(key)
    }

    /// The key's raw value; `None` if absent or already reported as bad syntax.
    pub fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.ignore(key);
        let value = self.find(key)?;
        (!value.is_broken()).then_some(value)
    }

    /// The table under the key; `None` if absent, or no table and reported.
    pub fn table(&mut self, key: &'static str) -> Option<Self> {
        self.ignore(key);
        let value = self.find(key)?;
        let table = self.open(value.node());
        if table.is_none() && !value.is_broken() {
            self.context.diagnostics.mismatch(value.mismatch("a table"));
        }
        table
    }

    /// Like [`Table::table`], and absence is reported.
    pub fn required_table(&mut self, key: &'static str) -> Option<Self> {
        self.require(key);
        self.table(key)
    }

    /// The tables of an array such as `[[fault]]`, in the file's order. Empty
    /// if absent; anything that is no table is reported and left out.
    pub fn tables(&mut self, key: &'static str) -> Vec<Self> {
        self.ignore(key);
        let Some(value) = self.find(key) else {
            return Vec::new();
        };
        let Some(elements) = value.node().get_ref().as_array() else {
            if !value.is_broken() {
                let hint = format!("write each as `[[{key}]]`");
                let mismatch = value.mismatch("an array of tables").with_label(hint);
                self.context.diagnostics.mismatch(mismatch);
            }
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in elements.iter() {
            match self.open(element) {
                Some(table) => tables.push(table),
                None if value.is_broken() => {}
                None => {
                    let element = Value::new(element, self.context);
                    self.context
                        .diagnostics
                        .mismatch(element.mismatch("a table"));
                }
            }
        }
        tables
    }

    /// The one of `keys` that is present, with its table: a choice between
    /// variants. None and several are reported (`what` names the choice, such
    /// as "fault"); of several, none is returned.
    pub fn one_of(&mut self, what: &str, keys: &[&'static str]) -> Option<(&'static str, Self)> {
        keys.iter().for_each(|key| self.ignore(key));
        let mut present: Vec<&'static str> =
            keys.iter().copied().filter(|key| self.has(key)).collect();
        present.sort_by_key(|key| self.key_span(key).start);
        match present[..] {
            [] => {
                let message = format!("no {what} is given");
                let help = format!("exactly one of: {}", listed(keys.iter().copied()));
                let report = Diagnostic::new(self.span(), message).with_help(help);
                self.absent.push(Absent {
                    keys: keys.to_vec(),
                    report,
                    is_choice: true,
                });
                None
            }
            [key] => self.table(key).map(|table| (key, table)),
            [first, ref others @ ..] => {
                for other in others {
                    let message = format!("a second {what}, `{other}`: only one may be given");
                    let report = Diagnostic::new(self.key_span(other), message)
                        .with_label(format!("`{first}` is given already"));
                    self.context.diagnostics.push(report);
                }
                None
            }
        }
    }

    /// Whether the key is in the file; does not count as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The place of the table: its header, its braces, or the key of a dotted table.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The place of the key's value, else of the table.
    pub fn span_of(&self, key: &str) -> Span {
        let value = self.entries.get(key);
        value.map_or(self.span(), Spanned::span)
    }

    /// The place of the key itself, else of the table.
    pub fn key_span(&self, key: &str) -> Span {
        let entry = self.entries.get_key_value(key);
        entry.map_or(self.span(), |(key, _)| key.span())
    }

    /// Every key in the file with its place, in alphabetical order; does not
    /// count as asking for them.
    pub fn keys(&self) -> impl Iterator<Item = (&'a str, Span)> + use<'a> {
        let entries = self.entries.iter();
        entries.map(|(key, _)| (key.get_ref().as_ref(), key.span()))
    }

    /// Every key with its place and value, in alphabetical order: for tables
    /// whose keys are the file's own. None of them is unknown then.
    pub fn entries(&mut self) -> impl Iterator<Item = (&'a str, Span, Value<'a>)> + use<'a> {
        self.ignore_all();
        let (entries, context) = (self.entries.iter(), self.context);
        entries.map(move |(key, node)| {
            let value = Value::new(node, context);
            (key.get_ref().as_ref(), key.span(), value)
        })
    }

    /// Known, but read by somebody else or not at all.
    pub fn ignore(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// Not read on purpose: neither unknown nor missing keys are reported.
    pub(super) fn ignore_all(&mut self) {
        self.ignored = true;
    }

    /// From here on times in this table, and in those within it, may be expressions
    /// of these.
    pub fn set_figures(&mut self, figures: Figures) {
        self.context.figures = Some(figures);
    }

    /// Where this table's errors go.
    pub fn diagnostics(&self) -> &'a Diagnostics {
        self.context.diagnostics
    }

    /// Reports an error that the caller found.
    pub fn error(&self, span: Span, message: impl Into<String>) {
        self.context.diagnostics.error(span, message);
    }

    /// Reports an error that the caller found, with what would be right.
    pub fn error_with_help(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.context
            .diagnostics
            .error_with_help(span, message, help);
    }

    /// Reports unknown and missing keys now; the same as dropping the table.
    pub fn finish(self) {}

    fn find(&self, key: &str) -> Option<Value<'a>> {
        let node = self.entries.get(key)?;
        Some(Value::new(node, self.context))
    }

    fn open(&self, node: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        let entries = node.get_ref().as_table()?;
        Some(Self::new(entries, node.span(), self.context))
    }

    fn require(&mut self, key: &'static str) {
        if !self.has(key) {
            let mut report = Diagnostic::new(self.span(), format!("missing key `{key}`"));
            if self.span.is_empty() {
                report = report.with_label("at the top level of the file");
            }
            self.miss(&[key], report);
        }
    }

    /// One of these keys was needed and none is there: not reported if one of them
    /// was misspelt.
    pub fn miss(&mut self, keys: &[&'static str], report: Diagnostic) {
        let keys = keys.to_vec();
        self.absent.push(Absent {
            keys,
            report,
            is_choice: false,
        });
    }

    /// Keys nobody asked for, by position.
    fn unknown(&self) -> Vec<(Span, &'a str)> {
        let unasked = self.keys().filter(|(key, _)| !self.known.contains(key));
        let mut unknown: Vec<(Span, &str)> = unasked.map(|(key, span)| (span, key)).collect();
        unknown.sort_by_key(|(span, _)| span.start);
        unknown
    }

    /// The one key that is missing where one stands that nobody knows: in an inline table
    /// of a key or two it is what that was to be.
    fn wanted(&self, unknown: usize) -> Option<&'static str> {
        match (&self.absent[..], unknown, self.span.is_empty()) {
            ([absent], 1, false) if !absent.is_choice && absent.keys.len() == 1 => {
                absent.keys.first().copied()
            }
            _ => None,
        }
    }

    /// Reports unknown keys; returns the known keys that they probably mean.
    fn report_unknown(&self, unknown: Vec<(Span, &'a str)>) -> Vec<&'static str> {
        let wanted = self.wanted(unknown.len());
        // Beyond what can be shown, describing is wasted work on a hostile file.
        let described = unknown.len().min(Diagnostics::KEPT);
        let left_off = unknown.len() - described;
        self.context.diagnostics.leave_off(left_off);
        let mut meant = Vec::new();
        for (span, key) in unknown.into_iter().take(described) {
            let guess = nearest(key, self.known.iter().copied());
            let mut elsewhere = self.elsewhere.iter();
            let ours = elsewhere.find(|(word, _)| *word == key);
            let report = Diagnostic::new(span, format!("unknown key {}", quoted(key)));
            let label = match (ours, guess) {
                (Some((_, ours)), _) => Some(format!("here that is {ours}")),
                (None, Some(guess)) => Some(format!("did you mean `{guess}`?")),
                (None, None) => {
                    wanted.map(|key| format!("did you mean `{key}`, which is missing?"))
                }
            };
            let guess = guess.or(wanted.filter(|_| ours.is_none()));
            self.context.diagnostics.push(Diagnostic {
                label,
                help: Some(self.allowed()),
                ..report
            });
            meant.extend(self.known.iter().find(|known| Some(**known) == guess));
        }
        meant
    }

    fn allowed(&self) -> String {
        match listed(self.known.iter().copied()) {
            none if none.is_empty() => "no keys are allowed here".to_owned(),
            keys => format!("allowed here: {keys}"),
        }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        if self.ignored {
            return;
        }
        let unknown = self.unknown();
        let has_unknown = !unknown.is_empty();
        let meant = self.report_unknown(unknown);
        for absent in self.absent.drain(..) {
            let lost = absent.keys.iter().any(|key| self.context.is_lost(key));
            if absent.is_choice && has_unknown {
                continue;
            }
            if !lost && !absent.keys.iter().any(|key| meant.contains(key)) {
                self.context.diagnostics.push(absent.report);
            }
        }
    }
}
