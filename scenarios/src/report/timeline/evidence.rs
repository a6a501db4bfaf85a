//! The evidence of a run, found by client.

use std::collections::BTreeMap;

use environment::Moment;

use crate::checks::Evidence;
use crate::definitions::{Connection, Dial, Effect, Outage, Strike};

/// A run's evidence; what is about one client or connection is at hand.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) evidence: &'a Evidence<'a>,
    dials: BTreeMap<&'a str, &'a [Dial]>,
    strikes: BTreeMap<&'a str, Vec<&'a Strike>>,
    effects: BTreeMap<&'a str, BTreeMap<u64, Vec<&'a Effect>>>,
    outages: BTreeMap<&'a str, Vec<&'a Outage>>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(evidence: &'a Evidence<'a>) -> Self {
        let dials = evidence.dials.iter();
        let mut known = Self {
            evidence,
            dials: dials
                .map(|(client, own)| (client, &own.dials[..]))
                .collect(),
            strikes: BTreeMap::new(),
            effects: BTreeMap::new(),
            outages: BTreeMap::new(),
        };
        for strike in evidence.observed.connections.strikes() {
            known
                .strikes
                .entry(&strike.client)
                .or_default()
                .push(strike);
        }
        for effect in &evidence.effects {
            for attempt in &effect.hurt {
                let own = known.effects.entry(&effect.client).or_default();
                own.entry(*attempt).or_default().push(effect);
            }
        }
        for outage in &evidence.outages {
            known
                .outages
                .entry(&outage.client)
                .or_default()
                .push(outage);
        }
        known
    }

    /// In accept order.
    pub(crate) fn connections(&self, client: &str) -> impl Iterator<Item = &'a Connection> {
        self.evidence.observed.connections.of(client)
    }

    /// In order of time.
    pub(crate) fn dials(&self, client: &str) -> &'a [Dial] {
        self.dials.get(client).copied().unwrap_or_default()
    }

    pub(crate) fn strikes(&self, client: &str) -> &[&'a Strike] {
        self.strikes.get(client).map_or(&[], Vec::as_slice)
    }

    /// What affected a connection, in order of time.
    pub(crate) fn effects(&self, client: &str, attempt: u64) -> &[&'a Effect] {
        let own = self.effects.get(client);
        let own = own.and_then(|own| own.get(&attempt));
        own.map_or(&[], Vec::as_slice)
    }

    /// When faults kept the data of a connection away, in order of time: from an
    /// effect that affected it until the client had data again after the outage.
    pub(crate) fn hurt(&self, client: &str, attempt: u64) -> Vec<(Moment, Moment)> {
        let end = self.evidence.observed.last;
        let effects = self.effects(client, attempt).iter();
        let hurt = effects.map(|effect| {
            let data = self.outage(effect).and_then(|outage| outage.data);
            (effect.start, data.unwrap_or(end))
        });
        hurt.collect()
    }

    /// The outage that an effect is part of: the last that began before it.
    fn outage(&self, effect: &Effect) -> Option<&'a Outage> {
        let own = self.outages.get(&*effect.client)?;
        let after = own.partition_point(|outage| outage.start <= effect.start);
        own.get(after.checked_sub(1)?).copied()
    }
}
