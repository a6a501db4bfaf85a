//! How long clients waited before each new dial, and how long they may: simulated
//! ones by the scenario's policy, others by what is declared or measured of them.

use std::collections::BTreeMap;
use std::time::Duration;

use client_sim::Policy;

use crate::checks::{Evidence, runs_of};
use crate::subjects::Traits;

/// No chart goes beyond so many retries in a row.
const MOST_RETRIES: usize = 40;
/// Waits that differ by less than this share of the longest are one dot.
const ROWS: u128 = 60;

/// Every wait before a dial, by the number of the retry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) count: usize,
    /// For so many retries in a row there is room.
    pub(crate) retries: usize,
    /// What is allowed before retry 0, 1, 2 …, as far as that is known.
    pub(crate) envelope: Vec<(Duration, Duration)>,
    /// Who says so.
    pub(crate) by: Authority,
    pub(crate) dots: Vec<Dot>,
}

/// Who says how long a client may wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Nobody.
    #[default]
    Nobody,
    /// The scenario, by the formula with this word.
    Scenario(&'static str),
    /// The client's own figures, from its `client.toml` or its profile.
    Client,
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
        let retries = retries.max(5);
        let (envelope, by) = match &evidence.subject {
            None => {
                let by = Authority::Scenario(policy.shape.word());
                (envelope(policy, retries), by)
            }
            Some(traits) => own(traits, retries),
        };
        Self {
            count: waits.len(),
            retries,
            envelope,
            by,
            dots: dots(&waits),
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

/// What a client of another make says of itself: its longest wait before the first
/// dial after a loss, and before any. How its waits grow from one to the other it
/// does not say.
fn own(traits: &Traits, retries: usize) -> (Vec<(Duration, Duration)>, Authority) {
    let (first, longest) = (traits.first_delay(), traits.longest_delay());
    let upto = |high: Duration| (Duration::ZERO, high);
    let envelope: Vec<_> = match (first, longest) {
        (None, None) => return (Vec::new(), Authority::Nobody),
        // Of the later ones nothing is known.
        (Some(first), None) => vec![upto(first)],
        (first, Some(longest)) => {
            let first = first.unwrap_or(longest);
            let later = std::iter::repeat_n(longest.max(first), retries.saturating_sub(1));
            [first].into_iter().chain(later).map(upto).collect()
        }
    };
    (envelope, Authority::Client)
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
