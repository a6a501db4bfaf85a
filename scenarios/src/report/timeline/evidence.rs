//! The evidence of a run, found by client.

use std::collections::BTreeMap;

use environment::Moment;

use crate::checks::Evidence;
use crate::definitions::{Connection, Dial, Effect, Outage, Strike};

/// A run's evidence; what is about one client is at hand.
pub(crate) struct Known<'a> {
    pub(crate) evidence: &'a Evidence<'a>,
    by_client: BTreeMap<&'a str, Own<'a>>,
}

/// What is known of one client.
#[derive(Default)]
struct Own<'a> {
    effects: Vec<&'a Effect>,
    outages: Vec<&'a Outage>,
    strikes: Vec<&'a Strike>,
    dials: &'a [Dial],
}

impl<'a> Known<'a> {
    pub(crate) fn new(evidence: &'a Evidence<'a>) -> Self {
        let mut by_client: BTreeMap<&str, Own<'_>> = BTreeMap::new();
        for effect in &evidence.effects {
            by_client.entry(&effect.client).or_default().effects.push(effect);
        }
        for outage in &evidence.outages {
            by_client.entry(&outage.client).or_default().outages.push(outage);
        }
        for strike in evidence.observed.connections.strikes() {
            by_client.entry(&strike.client).or_default().strikes.push(strike);
        }
        for (client, dials) in evidence.dials.iter() {
            by_client.entry(client).or_default().dials = &dials.dials;
        }
        Self { evidence, by_client }
    }

    pub(crate) fn connections(&self, client: &str) -> impl Iterator<Item = &'a Connection> {
        self.evidence.observed.connections.of(client)
    }

    pub(crate) fn dials(&self, client: &str) -> impl Iterator<Item = &'a Dial> {
        let own = self.by_client.get(client);
        own.into_iter().flat_map(|own| own.dials)
    }

    pub(crate) fn strikes(&self, client: &str) -> impl Iterator<Item = &'a Strike> {
        let own = self.by_client.get(client);
        own.into_iter().flat_map(|own| own.strikes.iter().copied())
    }

    /// When faults kept the data of a connection away, in order of time: from an
    /// effect that hurt it until the client had data again after the outage.
    pub(crate) fn hurt(&self, client: &str, attempt: u64) -> Vec<(Moment, Moment)> {
        let Some(own) = self.by_client.get(client) else {
            return Vec::new();
        };
        let end = self.evidence.observed.last;
        let effects = own.effects.iter();
        let mut hurt: Vec<(Moment, Moment)> = effects
            .filter(|effect| effect.hurt.contains(&attempt))
            .map(|effect| {
                let mut outages = own.outages.iter().rev();
                let outage = outages.find(|outage| outage.start <= effect.start);
                let data = outage.and_then(|outage| outage.data);
                (effect.start, data.unwrap_or(end))
            })
            .collect();
        hurt.sort_unstable();
        hurt
    }
}
