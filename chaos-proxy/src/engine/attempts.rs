//! How connections are numbered, and what they are called.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// At most this many names are counted on a shared listener; those that come
/// after are called by their ordinal. A bound on what strangers can make us keep.
const NAMES: usize = 100_000;

/// The counter of one listener.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    accepted: u64,
    /// On a shared listener, how many connections each name has had.
    named: Arc<Mutex<BTreeMap<Arc<str>, u64>>>,
}

/// Lets a connection on a shared listener take its name.
pub(super) type Names = Arc<Mutex<BTreeMap<Arc<str>, u64>>>;

impl Attempts {
    /// The number of the connection that was just accepted.
    pub(super) fn next(&mut self) -> u64 {
        self.accepted += 1;
        self.accepted
    }

    pub(super) fn names(&self) -> Names {
        Arc::clone(&self.named)
    }
}

/// What a connection is called.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) client: Arc<str>,
    pub(super) attempt: u64,
    /// Where it may still take a name of its own.
    pub(super) names: Option<Names>,
}

impl Named {
    pub(super) fn known(client: Arc<str>, attempt: u64) -> Self {
        Self {
            client,
            attempt,
            names: None,
        }
    }

    pub(super) fn ordinal(ordinal: u64, names: Names) -> Self {
        Self {
            client: Arc::from(ordinal.to_string()),
            attempt: ordinal,
            names: Some(names),
        }
    }
}

/// The name's next attempt; `None` if there are too many names.
pub(super) fn take_name(names: &Names, name: &str) -> Option<(Arc<str>, u64)> {
    // The lock guards a counter: a panic elsewhere leaves it as good as it was.
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    if names.len() >= NAMES && !names.contains_key(name) {
        return None;
    }
    let name: Arc<str> = Arc::from(name);
    let count = names.entry(Arc::clone(&name)).or_default();
    *count += 1;
    Some((name, *count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_counts_its_own_connections() {
        let attempts = Attempts::default();
        let names = attempts.names();
        let taken: Vec<u64> = ["a", "b", "a"]
            .iter()
            .map(|name| take_name(&names, name).unwrap().1)
            .collect();
        assert_eq!(taken, [1, 1, 2]);
    }
}
