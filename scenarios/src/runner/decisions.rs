//! What the proxy decided, untimed and in an order of its own: equal lines on
//! every run that comes to decide the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chaos_proxy::Decision;
use environment::Observer;

/// All decisions of a run, each once.
#[derive(Debug, Clone, Default)]
pub struct Decisions(Arc<Mutex<BTreeMap<Place, String>>>);

/// Where a decision stands among the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rule: String,
    client: String,
    occurrence: Option<u64>,
    attempt: Option<u64>,
    direction: Option<String>,
    index: Option<u64>,
    key: Option<String>,
}

/// The most decisions that are kept: as many as a journal has entries. A run
/// that makes more has broken its journal by then, since each needs a
/// connection.
const MOST: usize = crate::journal::MAX_ENTRIES;

impl Decisions {
    /// Keeps every decision that it is told.
    pub fn observer(&self) -> Observer<Decision> {
        let decisions = self.clone();
        Observer::new(move |decision: Decision| decisions.keep(&decision))
    }

    /// One JSON object a line, in order.
    pub fn lines(&self) -> Vec<String> {
        self.kept().values().cloned().collect()
    }

    fn keep(&self, decision: &Decision) {
        let place = Place {
            rule: decision.rule.clone(),
            client: decision.client.clone(),
            occurrence: decision.occurrence,
            attempt: decision.attempt,
            direction: decision.direction.clone(),
            index: decision.index,
            key: decision.key.clone(),
        };
        let mut kept = self.kept();
        if kept.len() < MOST {
            kept.insert(place, decision_line(decision));
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Place, String>> {
        // A panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A decision as `decisions.jsonl` and `chaos plan --json` have it.
pub fn decision_line(decision: &Decision) -> String {
    serde_json::to_string(decision).expect("names and finite numbers always have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::sample::scenario;
    use environment::Seed;

    #[test]
    fn the_order_in_which_decisions_are_told_does_not_matter() {
        let scenario = scenario(
            "[[fault]]\nat = '1s'\nfor = '1s'\ntarget.share = 0.5\ninject.stall = {}\n\
             [[fault]]\non = { attempt = '2..3' }\ninject.reset = {}\n[expect]\nmax_live = 1\n",
        );
        let names = scenario.client_names();
        let mut told = scenario.plan(Seed(1)).decisions(&names, 4);
        let lines = |told: &[Decision]| {
            let decisions = Decisions::default();
            let observer = decisions.observer();
            told.iter()
                .for_each(|decision| observer.tell(decision.clone()));
            decisions.lines()
        };
        let forward = lines(&told);
        assert_eq!(forward.len(), told.len());
        told.reverse();
        let twice = [told.clone(), told].concat();
        assert_eq!(lines(&twice), forward);
    }
}
