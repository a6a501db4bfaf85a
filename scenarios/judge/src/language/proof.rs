//! `[proof]`: the flaw that a scenario must catch, and the check that it must
//! fail. Data about the scenario itself: a run does not look at it,
//! the test of the built-in scenarios and `chaos list` do.

use std::fmt;

use client_sim::Flaw;
use environment::text::Table;

use super::expect::Expectation;
use super::top::Name;

/// What shows that a scenario can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Who fails it.
    pub flaw: Flawed,
    /// The name of the one check that fails with it.
    pub fails: &'static str,
}

/// Somebody with one known bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flawed {
    /// The simulated client.
    Sim(Flaw),
    /// A page, by its name: one of `scenarios/tests/pages`.
    Page(String),
}

impl Flawed {
    /// The flaw, if it is the simulated client's.
    pub fn sim(&self) -> Option<Flaw> {
        match self {
            Self::Sim(flaw) => Some(*flaw),
            Self::Page(_) => None,
        }
    }
}

/// The word by which it is known.
impl fmt::Display for Flawed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim(flaw) => f.write_str(flaw.word()),
            Self::Page(name) => f.write_str(name),
        }
    }
}

pub(super) fn read(table: &mut Table<'_>, expect: &[Expectation]) -> Option<Proof> {
    let flaw = read_flawed(table);
    let (word, span) = table.required_spanned::<String>("fails")?;
    let mut names = expect.iter().map(|expected| expected.name());
    let Some(fails) = names.find(|name| *name == word) else {
        let message = format!("`{}` is not among what is expected", word.escape_debug());
        table.error_with_help(span, message, "name a key of [expect]");
        return None;
    };
    Some(Proof { flaw: flaw?, fails })
}

fn read_flawed(table: &mut Table<'_>) -> Option<Flawed> {
    let page = table.optional::<Name>("page");
    if !table.has("page") {
        return table.required::<Flaw>("flaw").map(Flawed::Sim);
    }
    if table.optional::<Flaw>("flaw").is_some() {
        let message = "`flaw` and `page` exclude each other: it is the simulated client that fails, or a page";
        table.error(table.key_span("page"), message);
    }
    page.map(|Name(name)| Flawed::Page(name))
}
