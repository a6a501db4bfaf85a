//! What a check found, before it has a name and a limit.

use std::collections::BTreeSet;

use super::measure::Measure;
use super::result::{Excess, Finding, Unseen};

/// What a check found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) result: Finding,
    pub(super) observed: Measure,
    pub(super) why: String,
    /// Every client that failed.
    pub(super) clients: BTreeSet<String>,
    /// The rules that a failure hangs on; `None`: all that acted.
    pub(super) rules: Option<BTreeSet<String>>,
    /// By how much a time was beyond its limit.
    pub(super) excess: Option<Excess>,
    /// Why nothing could be seen, if so.
    pub(super) unseen: Option<Unseen>,
}

impl Found {
    fn new(result: Finding, observed: Measure, why: String) -> Self {
        Self {
            result,
            observed,
            why,
            clients: BTreeSet::new(),
            rules: None,
            excess: None,
            unseen: None,
        }
    }

    /// There was nothing to judge.
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        Self::unseen(Unseen::Nothing, why)
    }

    /// It cannot be judged.
    pub(super) fn unseen(unseen: Unseen, why: impl Into<String>) -> Self {
        Self {
            unseen: Some(unseen),
            ..Self::new(Finding::NotObservable, Measure::Unknown, why.into())
        }
    }

    /// It held.
    pub(super) fn ok(observed: Measure, why: String) -> Self {
        Self::new(Finding::Ok, observed, why)
    }

    /// It did not, by the doing of these clients.
    pub(super) fn failed<C: AsRef<str>>(
        observed: Measure,
        why: String,
        clients: impl IntoIterator<Item = C>,
    ) -> Self {
        let clients = clients.into_iter();
        Self {
            clients: clients.map(|client| client.as_ref().to_owned()).collect(),
            ..Self::new(Finding::Failed, observed, why)
        }
    }
}
