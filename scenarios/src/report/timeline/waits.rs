//! How long clients waited before each new dial, and how long the scenario's
//! policy would have them wait.

use std::collections::BTreeMap;
use std::time::Duration;

use client_sim::Policy;

use crate::checks::{Evidence, runs_of};

/// No chart goes beyond so many retries in a row.
const MOST_RETRIES: usize = 40;
/// Waits that differ by less than this share of the longest are one dot.
const ROWS: u128 = 60;

/// Every wait before a dial, by the number of the retry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) count: usize,
    /// What the policy allows before retry 0, 1, 2 …
    pub(crate) envelope: Vec<(Duration, Duration)>,
    pub(crate) dots: Vec<Dot>,
    /// The formula's word.
    pub(crate) shape: &'static str,
}

/// Some waits of about the same length before the same retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dot {
    /// From 0.
    pub(crate) retry: usize,
    /// The longest of them.
    pub(crate) wait: Duration,
    /// Whose that was.
    pub(crate) client: String,
    pub(crate) count: usize,
}

impl Waits {
    pub(crate) fn new(evidence: &Evidence<'_>) -> Self {
        let mut waits: Vec<(usize, Duration, &str)> = Vec::new();
        for (client, own) in evidence.dials.iter() {
            for run in runs_of(evidence, client, own) {
                let gaps = run.gaps.into_iter().enumerate().take(MOST_RETRIES);
                waits.extend(gaps.map(|(retry, gap)| (retry, gap, client)));
            }
        }
        let policy = &evidence.scenario.clients.behaviour.reconnect;
        let retries = waits.iter().map(|(retry, ..)| retry + 1).max().unwrap_or(0);
        Self {
            count: waits.len(),
            envelope: envelope(policy, retries.max(5)),
            dots: dots(&waits),
            shape: policy.shape.word(),
        }
    }

    /// The longest wait that was, or that is allowed.
    pub(crate) fn longest(&self) -> Duration {
        let waits = self.dots.iter().map(|dot| dot.wait);
        let allowed = self.envelope.iter().map(|(_, high)| *high);
        waits.chain(allowed).max().unwrap_or_default()
    }
}

/// Where a delay depends on the one before, that was the longest possible.
fn envelope(policy: &Policy, retries: usize) -> Vec<(Duration, Duration)> {
    let mut previous = None;
    let retries = (0_u32..).take(retries);
    let bounds = retries.map(|retry| {
        let (low, high) = policy.bounds(retry, previous);
        previous = Some(high);
        (low, high)
    });
    bounds.collect()
}

fn dots(waits: &[(usize, Duration, &str)]) -> Vec<Dot> {
    let longest = waits.iter().map(|(_, wait, _)| wait.as_micros()).max();
    let row = |wait: &Duration| wait.as_micros() * ROWS / longest.unwrap_or(1).max(1);
    let mut dots: BTreeMap<(usize, u128), Dot> = BTreeMap::new();
    for (retry, wait, client) in waits {
        let dot = dots.entry((*retry, row(wait))).or_insert_with(|| Dot {
            retry: *retry,
            wait: Duration::ZERO,
            client: String::new(),
            count: 0,
        });
        dot.count += 1;
        if dot.count == 1 || *wait > dot.wait {
            dot.wait = *wait;
            (*client).clone_into(&mut dot.client);
        }
    }
    dots.into_values().collect()
}
