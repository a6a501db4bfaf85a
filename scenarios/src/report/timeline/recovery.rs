//! How long clients took to have data again, outage by outage.

use std::time::Duration;

use super::axis::Axis;
use crate::checks::{Evidence, RECOVER_WITHIN, stretched};
use crate::definitions::Outage;

/// No chart has more bars than this.
const MOST_BARS: usize = 60;

/// Every outage that a client was to recover from, the quickest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recoveries {
    pub(crate) count: usize,
    /// How many of them never ended.
    pub(crate) never: usize,
    /// The middle one; `None`: it never ended.
    pub(crate) median: Option<Duration>,
    pub(crate) bars: Vec<Bar>,
    /// `recover_within`, if the scenario has it, as this client is judged by it.
    pub(crate) limit: Option<Duration>,
}

/// Some outages that took about as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// The longest of them; `None`: it never ended.
    pub(crate) taken: Option<Duration>,
    /// Of that one.
    pub(crate) client: String,
    /// What made it.
    pub(crate) rules: Vec<String>,
    /// When it was healed.
    pub(crate) healed: String,
    /// How many outages the bar stands for.
    pub(crate) count: usize,
}

impl Recoveries {
    pub(crate) fn new(evidence: &Evidence<'_>, axis: &Axis) -> Self {
        let mut outages: Vec<&Outage> = evidence.outages.iter().collect();
        outages.retain(|outage| outage.data.is_some() || owes_data(evidence, outage));
        outages.sort_by_key(|outage| outage.recovered().unwrap_or(Duration::MAX));
        let mut expected = evidence.scenario.expect.iter();
        let limit = expected
            .find(|expected| expected.name() == RECOVER_WITHIN.key)
            .and_then(|expected| stretched(evidence, *expected).within());
        let bars = outages.chunks(outages.len().div_ceil(MOST_BARS).max(1));
        Self {
            count: outages.len(),
            never: outages
                .iter()
                .filter(|outage| outage.data.is_none())
                .count(),
            median: outages
                .get(outages.len() / 2)
                .and_then(|outage| outage.recovered()),
            bars: bars.filter_map(|outages| Bar::of(outages, axis)).collect(),
            limit,
        }
    }
}

/// Who was told to stop owes nothing any more.
fn owes_data(evidence: &Evidence<'_>, outage: &Outage) -> bool {
    let stopped = evidence.observed.reports.stopped(&outage.client);
    stopped.is_none_or(|stopped| stopped >= evidence.observed.watched_until())
}

impl Bar {
    fn of(outages: &[&Outage], axis: &Axis) -> Option<Self> {
        let longest = outages.last()?;
        Some(Self {
            taken: longest.recovered(),
            client: longest.client.to_string(),
            rules: longest.rules.iter().cloned().collect(),
            healed: axis.time(longest.end),
            count: outages.len(),
        })
    }
}
