//! What each client did in the course of a probe, as far as it is about dials.

use std::time::Duration;

use environment::Moment;

use super::report::Outcome;
use crate::definitions::{Dial, Dials, Observations};

/// One client's dials, and how long it waited before each but the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    dials: Vec<Dial>,
    /// Before each dial but the first.
    pub(super) waits: Vec<Duration>,
    has_given_up: bool,
    /// From when the first rule struck it until it did anything about it.
    noticed: Option<Duration>,
    /// When all that was done to it was over.
    healed: Moment,
    /// The longest time for which the machine let the harness wait.
    held_up: Duration,
}

/// Of each of these clients, in their order.
pub fn courses(observed: &Observations, clients: &[String]) -> Vec<Course> {
    let dials = Dials::of(observed);
    let own = |client: &str| {
        let mut all = dials.iter();
        let found = all.find(|(name, _)| *name == client);
        found.map_or(Vec::new(), |(_, own)| own.dials.clone())
    };
    let course = |client: &String| Course::of(observed, client, own(client));
    clients.iter().map(course).collect()
}

impl Course {
    fn of(observed: &Observations, client: &str, dials: Vec<Dial>) -> Self {
        let strikes = observed.connections.strikes().iter();
        let struck: Vec<Moment> = strikes
            .filter(|strike| &*strike.client == client)
            .map(|strike| strike.at)
            .collect();
        // Of a connection whose client does not tell of its end, and has not left it.
        let lost_before = |next: Moment| struck.iter().rev().find(|at| **at <= next);
        let waits = dials.iter().zip(dials.iter().skip(1));
        let waits = waits.map(|(dial, next)| {
            let ended = dial.ended.or(lost_before(next.at).copied());
            next.at.since(ended.unwrap_or(dial.at))
        });
        Self {
            waits: waits.collect(),
            has_given_up: observed.reports.gave_up(client).is_some(),
            noticed: noticed(observed, client, &dials, struck.first().copied()),
            healed: healed(observed),
            held_up: observed
                .marks
                .longest_hold_up()
                .map_or(Duration::ZERO, |(_, late)| late),
            dials,
        }
    }

    /// What came of it once this dial, from 0, was lost.
    pub(super) fn after(&self, dial: usize) -> Outcome {
        match self.waits.get(dial) {
            Some(wait) => Outcome::After(*wait),
            None if self.has_given_up => Outcome::GaveUp,
            None => Outcome::Never,
        }
    }

    /// After how long it gave up each dial after the first. Of the last one nothing
    /// can be said, unless the client itself was done: it may be the run's end.
    pub(super) fn bounds(&self) -> Vec<Outcome> {
        let whole = match self.has_given_up {
            true => self.dials.len(),
            false => self.dials.len().saturating_sub(1),
        };
        let later = self.dials.iter().take(whole).skip(1);
        let ended = later.filter_map(|dial| Some((dial.at, dial.ended?)));
        let ended = ended.filter(|(_, ended)| *ended <= self.healed);
        let ended = ended.map(|(at, ended)| ended.since(at));
        let bounds: Vec<Outcome> = ended.map(Outcome::After).collect();
        match self.dials.get(1) {
            Some(_) if bounds.is_empty() => vec![Outcome::Never],
            _ => bounds,
        }
    }

    /// The longest time for which the machine let the harness wait meanwhile.
    pub(super) fn held_up(&self) -> Duration {
        self.held_up
    }

    /// When it noticed that its first connection was silent.
    pub(super) fn noticed(&self) -> Outcome {
        self.noticed.map_or(Outcome::Never, Outcome::After)
    }
}

/// What a client does from then on it does of what has come through at last.
fn healed(observed: &Observations) -> Moment {
    observed.marks.healed.unwrap_or(observed.last)
}

fn noticed(
    observed: &Observations,
    client: &str,
    dials: &[Dial],
    struck: Option<Moment>,
) -> Option<Duration> {
    let struck = struck?;
    let told = observed.reports.noticed(client, struck);
    let redialled = dials.get(1).map(|dial| dial.at);
    let left = observed.connections.of(client).next();
    let left = left.and_then(|connection| connection.left);
    let all = [told, redialled, left].into_iter().flatten();
    let first = all.filter(|at| *at >= struck && *at <= healed(observed));
    first.min().map(|at| at.since(struck))
}
