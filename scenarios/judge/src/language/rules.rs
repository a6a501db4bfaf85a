//! `[[fault]]`: read by the crate that obeys it; here each rule gets its place
//! in the file, for errors that only the whole file shows.

use chaos_proxy::{Reading, Rule, read_rules};
use environment::text::{Span, Table};

use super::top::Top;

/// The rules of a file.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    /// Of each rule; empty when one of them could not be read, since then which
    /// place is whose is not known.
    places: Vec<Place>,
}

/// Where a file says what a rule is: each key's value, else the table.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) table: Span,
    pub(super) name: Span,
    pub(super) at: Span,
    pub(super) every: Span,
    pub(super) on: Span,
    pub(super) after: Span,
    pub(super) until_on: Span,
    pub(super) target: Span,
    pub(super) probability: Span,
}

impl Place {
    fn of(table: &Table<'_>) -> Self {
        Self {
            table: table.span(),
            name: table.span_of("name"),
            at: table.span_of("at"),
            every: table.span_of("every"),
            on: table.span_of("on"),
            after: table.span_of("after"),
            until_on: table.span_of("until_on"),
            target: table.span_of("target"),
            probability: table.span_of("probability"),
        }
    }
}

impl Rules {
    /// Each rule with its place, if all are known.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&Rule, &Place)> {
        self.rules.iter().zip(&self.places)
    }
}

/// Reads every `[[fault]]`.
pub(super) fn read(root: &mut Table<'_>, clients: &[String], top: &Top) -> Rules {
    let tables = root.tables("fault");
    let mut places: Vec<Place> = tables.iter().map(Place::of).collect();
    let reading = Reading {
        clients: Some(clients),
        horizon: top.duration,
        ..Reading::default()
    };
    let rules = read_rules(tables, reading);
    if rules.len() != places.len() {
        places.clear();
    }
    Rules { rules, places }
}
