//! `[proof]`: the flaw that a scenario must catch, and the check that it must
//! fail. Data about the scenario itself: a run does not look at it, the
//! catalogue's own test and `chaos list` do.

use client_sim::Flaw;
use environment::text::Table;

use super::expect::Expectation;

/// What shows that a scenario can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The flaw.
    pub flaw: Flaw,
    /// The name of the one check that fails with it.
    pub fails: &'static str,
}

pub(super) fn read(table: &mut Table<'_>, expect: &[Expectation]) -> Option<Proof> {
    let flaw = table.required::<Flaw>("flaw");
    let (word, span) = table.required_spanned::<String>("fails")?;
    let mut names = expect.iter().map(|expected| expected.name());
    let Some(fails) = names.find(|name| *name == word) else {
        let message = format!("`{}` is not among what is expected", word.escape_debug());
        table.error_with_help(span, message, "name a key of [expect]");
        return None;
    };
    Some(Proof { flaw: flaw?, fails })
}
