//! Outages of a client, and its recovery.
//!
//! Effects that follow each other before the client has recovered are one
//! outage: a client that is reset, and then refused for three seconds, cannot
//! be back before the refusing ends, and its recovery counts from there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use super::Observations;
use super::effects::Effect;

/// From a fault's first effect on a client until all that hurt it is healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Whose.
    pub client: Arc<str>,
    /// The rules that made it.
    pub rules: BTreeSet<String>,
    /// The first effect.
    pub start: Moment,
    /// The last heal.
    pub end: Moment,
    /// From when on data counts: `start`, or when a lost server was back.
    silent_until: Moment,
    /// When the first data of the server after that was delivered to the
    /// client, on a connection that it had not left; on one that a fault held,
    /// after that let go.
    pub data: Option<Moment>,
}

impl Outage {
    /// From the later of start and heal to the data; zero if it came during
    /// the outage, on another connection.
    pub fn recovered(&self) -> Option<Duration> {
        self.data.map(|data| data.since(self.end))
    }
}

/// Every outage, by client, then by time, from [`effects`](super::effects())' list.
pub fn outages(observed: &Observations, effects: &[Effect]) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    for effect in effects {
        match outages.last_mut() {
            Some(outage) if outage.goes_on_with(effect) => {
                outage.end = outage.end.max(effect.end);
                outage.silent_until = outage.silent_until.max(effect.silent_until);
                outage.data = data_after(observed, &effect.client, outage.silent_until);
                outage.rules.insert(effect.rule.clone());
            }
            _ => outages.push(Outage {
                client: Arc::clone(&effect.client),
                rules: BTreeSet::from([effect.rule.clone()]),
                start: effect.start,
                end: effect.end,
                silent_until: effect.silent_until,
                data: data_after(observed, &effect.client, effect.silent_until),
            }),
        }
    }
    outages
}

impl Outage {
    fn goes_on_with(&self, effect: &Effect) -> bool {
        self.client == effect.client && self.data.is_none_or(|data| effect.start < data)
    }
}

/// The first data on a connection that had none before, or that was held. What
/// flows into a connection that the client has left reaches nobody.
fn data_after(observed: &Observations, client: &str, start: Moment) -> Option<Moment> {
    let connections = observed.connections.of(client);
    let data = connections.flat_map(|connection| {
        let data = connection.first_data.iter().chain(&connection.resumed);
        let left = connection.left;
        data.copied()
            .filter(move |at| left.is_none_or(|left| *at < left))
    });
    data.filter(|at| *at > start).min()
}
