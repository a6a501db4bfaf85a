//! What is to be known of a subject when it is judged; it stands in the header
//! of its journals.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Ability, Adapter, Report};

/// Somebody else's client, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traits {
    /// The client's version.
    pub version: String,
    /// What it can do.
    pub can: BTreeSet<Ability>,
    /// What it tells of itself.
    pub reports: BTreeSet<Report>,
    /// How long it takes to notice a silent connection, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_us: Option<u64>,
    /// How long after the last fault it takes until all is as it should be, in
    /// microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_us: Option<u64>,
}

impl Traits {
    /// How long it takes to notice a silent connection, if it ever does.
    pub fn liveness(&self) -> Option<Duration> {
        self.liveness_us.map(Duration::from_micros)
    }

    /// How long after the last fault it takes until all is as it should be.
    pub fn settle(&self) -> Option<Duration> {
        self.settle_us.map(Duration::from_micros)
    }
}

impl From<&Adapter> for Traits {
    fn from(adapter: &Adapter) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            version: adapter.version.clone(),
            can: adapter.can.clone(),
            reports: adapter.reports.clone(),
            liveness_us: adapter.liveness.map(micros),
            settle_us: adapter.settle.map(micros),
        }
    }
}
