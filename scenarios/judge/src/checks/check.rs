//! What a check is: one value with all that there is to know of it.
//!
//! The file of a check owns its [`Check`], and the table in
//! [`checks`](super) has one line for it. Nothing else knows any check by name.

use std::time::Duration;

use environment::text::Table;

use super::evidence::Evidence;
use super::found::Found;
use super::limit::Limit;
use crate::definitions::Fact;
use crate::language::{Objection, Setting};
use crate::subject::{Ability, Report};

/// The fewest clients of which it makes sense to say that they do something in
/// step.
pub(crate) const CROWD: usize = 10;

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Its key in `[expect]`, and its name in results.
    pub key: &'static str,
    /// Reads its limit at this key, and reports what is wrong with it.
    pub(crate) read: fn(&mut Table<'_>, &'static str) -> Option<Limit>,
    /// Why nothing in a file can exercise it, if nothing can.
    pub(crate) objection: fn(&Setting<'_>) -> Option<Objection>,
    /// What must be seen for it to be judged.
    pub(crate) needs: fn(&Evidence<'_>) -> Needs,
    /// What it hangs on of which several witnesses speak.
    pub(crate) facts: &'static [Fact],
    /// How long the clients ask for themselves, if they do; a shorter limit is
    /// made as long.
    pub(crate) asked: fn(&Evidence<'_>) -> Option<Duration>,
    /// Whether it is about dials or connections, and what has broken it stays so
    /// however the run goes on.
    pub(crate) counts_dials: bool,
    /// Judges a run under a limit that `read` has made.
    pub(super) judge: fn(&Evidence<'_>, Limit) -> Found,
}

/// What must be seen of clients and server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// What a server that is not the ticker does not tell of, in words.
    pub(crate) of_server: Option<&'static str>,
    /// What the clients must be able to do.
    pub(crate) abilities: &'static [Ability],
    /// What they must tell.
    pub(crate) reports: &'static [Report],
    /// Whether they must tell if what they show is live, as only the simulated
    /// client does.
    pub(crate) freshness: bool,
    /// Whether they must tell what they send and under which number, as only the
    /// simulated client does.
    pub(crate) numbers: bool,
    /// Which of their dials must have been seen.
    pub(crate) dials: DialsSeen,
}

/// What becomes of a check if there may have been dials that nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DialsSeen {
    /// Nothing: it is not about dials.
    #[default]
    Any,
    /// What those seen break is broken; that it holds cannot be told.
    AllToHold,
    /// It cannot be judged.
    All,
}

impl Needs {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        of_server: None,
        abilities: &[],
        reports: &[],
        freshness: false,
        numbers: false,
        dials: DialsSeen::Any,
    };

    /// All dials must be seen.
    pub(super) fn all_dials(_: &Evidence<'_>) -> Self {
        Self {
            dials: DialsSeen::All,
            ..Self::default()
        }
    }

    /// The numbers of the ticks must be; where the case is for clients that
    /// resume, by clients that do.
    pub(super) fn numbered_ticks(evidence: &Evidence<'_>) -> Self {
        let is_for_resuming = evidence.requires(Ability::Resume);
        Self {
            abilities: if is_for_resuming {
                &[Ability::Resume]
            } else {
                &[]
            },
            reports: &[Report::Seq],
            ..Self::default()
        }
    }
}

impl Check {
    /// A check that needs nothing and that anything exercises: what a
    /// descriptor does not say.
    pub(super) const BASE: Self = Self {
        key: "",
        read: |_, _| None,
        objection: |_| None,
        needs: |_| Needs::default(),
        facts: &[Fact::Passage],
        asked: |_| None,
        counts_dials: false,
        judge: |_, _| Found::nothing("nothing is judged"),
    };
}
