//! How long the clients of one run took to notice what hurt them, and to come
//! back: what is left of a run when many of them are looked at together.

use std::time::Duration;

use environment::Moment;

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
        let recovered = |outage: &Outage| outage.data.map(|data| between(outage.end, data));
        let detected = |effect: &Effect| effect.detected.map(|at| between(effect.start, at));
        Self {
            recover: outages.iter().filter_map(recovered).collect(),
            detect: effects.iter().filter_map(detected).collect(),
        }
    }
}

/// Between whole microseconds, as a journal has them, so that the file gives
/// what the run gave.
fn between(from: Moment, until: Moment) -> Duration {
    let micros = |moment: Moment| moment.since_origin().as_micros();
    let between = micros(until).saturating_sub(micros(from));
    Duration::from_micros(u64::try_from(between).unwrap_or(u64::MAX))
}
