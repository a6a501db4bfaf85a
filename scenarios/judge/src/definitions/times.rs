//! How long the clients of one run took to notice what hurt them, and to come
//! back: what is left of a run when many of them are looked at together.

use std::time::Duration;

use super::{Effect, Outage};

/// The times of one run, of all its clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// Of every outage that ended in recovery: see [`Outage::recovered`].
    pub recover: Vec<Duration>,
    /// Of every effect that was noticed: from its start.
    pub detect: Vec<Duration>,
}

impl Times {
    /// Of these outages and effects.
    pub fn of(outages: &[Outage], effects: &[Effect]) -> Self {
        let detected = |effect: &Effect| effect.detected.map(|at| at.since(effect.start));
        Self {
            recover: outages.iter().filter_map(Outage::recovered).collect(),
            detect: effects.iter().filter_map(detected).collect(),
        }
    }
}
