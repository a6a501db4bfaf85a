//! How long the clients of one run took to notice what affected them, and to come
//! back: what is left of a run when many of them are looked at together.

use std::time::Duration;

use super::{Effect, Notice, Outage};

/// The times of one run, of all its clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// Of every outage that ended in recovery: see [`Outage::recovered`].
    pub recover: Vec<Duration>,
    /// Of everything that was noticed: from when it was there to be.
    pub detect: Vec<Duration>,
}

impl Times {
    /// Of these outages and effects.
    pub fn of(outages: &[Outage], effects: &[Effect]) -> Self {
        let noticed = effects.iter().flat_map(|effect| &effect.notices);
        let detected = |notice: &Notice| notice.noticed.map(|at| at.since(notice.from));
        Self {
            recover: outages.iter().filter_map(Outage::recovered).collect(),
            detect: noticed.filter_map(detected).collect(),
        }
    }
}
