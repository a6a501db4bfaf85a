//! What a link draws, and whether its bytes go on as they came.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use environment::{Direction, Draw, Key, Realm, Seed};

use super::effects::{Effects, Ruled};
use crate::fault::Latency;
use crate::plan::jitter_key;

/// Whose link it is: what the keys of its draws need.
#[derive(Debug, Clone)]
pub struct LinkName {
    /// The seed of the plan.
    pub seed: Seed,
    /// The client.
    pub client: Arc<str>,
    /// Its connection, from 1.
    pub attempt: u64,
    /// Which way.
    pub direction: Direction,
}

impl LinkName {
    /// What this rule draws for this index.
    pub(super) fn draw(&self, purpose: &str, rule: &str, index: u64) -> Draw {
        let key = Key::new(Realm::Proxy, purpose, rule)
            .client(&self.client)
            .attempt(self.attempt)
            .direction(self.direction)
            .index(index);
        self.seed.draw(&key)
    }

    /// How much later all delays together let this segment leave.
    pub(super) fn delay(&self, effects: &Effects, segment: u64) -> Duration {
        let delays = effects.delays().iter();
        delays.map(|delay| self.delay_by(delay, segment)).sum()
    }

    fn delay_by(&self, delay: &Ruled<Latency>, segment: u64) -> Duration {
        let (attempt, direction) = (self.attempt, self.direction);
        let key = jitter_key(&delay.rule, &self.client, attempt, direction, segment);
        delay.fault.delay(&mut self.seed.draw(&key))
    }

    /// The bytes as they go on, and how many of them were changed.
    pub(super) fn damage(&self, effects: &Effects, bytes: Bytes, offset: u64) -> (Bytes, u64) {
        if effects.corrupts().is_empty() {
            return (bytes, 0);
        }
        let mut damaged = bytes.to_vec();
        let hits = effects.corrupts().iter().map(|corrupt| {
            let draw = |index| self.draw("corrupt", &corrupt.rule, index);
            corrupt.fault.damage(&mut damaged, offset, draw)
        });
        let hit = hits.sum();
        (Bytes::from(damaged), hit)
    }
}
