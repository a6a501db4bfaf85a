//! What many seeds of one scenario come to: how long its clients took to notice
//! faults, and to recover from them.
//!
//! Invariant: the order in which runs end changes nothing, and the memory
//! depends on the number of scenarios and clients under test alone.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::ScenarioResult;
use crate::definitions::Times;
use crate::verdict::Verdict;

/// Longer times count as this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// One scenario with one subject, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The scenario's id.
    pub id: String,
    /// The client under test.
    pub client: String,
    /// How many seeds were run.
    pub seeds: u64,
    /// How many of these say something: those that passed or failed. The times
    /// are theirs alone.
    pub judged: u64,
    /// From the end of an outage to the first data after it, of those outages
    /// after which there was any.
    pub recover: Option<Spread>,
    /// From the first effect of a fault on a client until that noticed, of
    /// those faults that were noticed.
    pub detect: Option<Spread>,
}

/// How times are spread; in milliseconds, to three digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// 9 of 10 took no longer.
    pub p90_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Takes in one run after the other, in any order.
#[derive(Debug, Default)]
pub struct Collection {
    /// By scenario and subject.
    sums: BTreeMap<(String, String), Sum>,
}

#[derive(Debug)]
struct Sum {
    seeds: u64,
    judged: u64,
    recover: Histogram<u32>,
    detect: Histogram<u32>,
}

impl Collection {
    /// Adds a run.
    pub fn add(&mut self, result: &ScenarioResult, times: &Times) {
        let key = (result.id.clone(), result.client.clone());
        let sum = self.sums.entry(key).or_insert_with(Sum::new);
        sum.seeds += 1;
        // Of a run that says nothing, its times say nothing, either.
        if matches!(result.verdict, Verdict::Passed | Verdict::Failed) {
            sum.judged += 1;
            record(&mut sum.recover, &times.recover);
            record(&mut sum.detect, &times.detect);
        }
    }

    /// Of every scenario and subject, in the order in which these results have
    /// them; empty unless one of them had more than one seed.
    pub(super) fn statistics(mut self, scenarios: &[ScenarioResult]) -> Vec<Statistics> {
        if self.sums.values().all(|sum| sum.seeds < 2) {
            return Vec::new();
        }
        let statistics = scenarios.iter().filter_map(|scenario| {
            let key = (scenario.id.clone(), scenario.client.clone());
            self.sums.remove(&key).map(|sum| sum.statistics(key))
        });
        statistics.collect()
    }
}

impl Sum {
    fn new() -> Self {
        // Grows with what is recorded: some 50 KiB for times of seconds.
        let empty = || Histogram::new(3).expect("3 digits are allowed");
        Self {
            seeds: 0,
            judged: 0,
            recover: empty(),
            detect: empty(),
        }
    }

    fn statistics(self, (id, client): (String, String)) -> Statistics {
        Statistics {
            id,
            client,
            seeds: self.seeds,
            judged: self.judged,
            recover: Spread::of(&self.recover),
            detect: Spread::of(&self.detect),
        }
    }
}

fn record(histogram: &mut Histogram<u32>, times: &[Duration]) {
    for time in times {
        let micros = (*time).min(LONGEST).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        histogram
            .record(micros)
            .expect("it grows with what is recorded, which is bounded");
    }
}

impl Spread {
    fn of(histogram: &Histogram<u32>) -> Option<Self> {
        let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50_ms: millis(0.5),
            p90_ms: millis(0.9),
            p99_ms: millis(0.99),
            max_ms: millis(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample::{run, times};
    use Verdict::{Failed, Inconclusive, NotApplicable, Passed};

    fn statistics(runs: &[ScenarioResult]) -> Vec<Statistics> {
        let mut collection = Collection::default();
        // In whatever order they end.
        runs.iter()
            .rev()
            .for_each(|run| collection.add(run, &times(run)));
        collection.statistics(runs)
    }

    #[test]
    fn times_are_those_of_runs_that_say_something() {
        let mut runs: Vec<_> = (1..=100)
            .map(|seed| run("b", "sim", seed, Passed))
            .collect();
        runs.push(run("b", "sim", 9_000, Inconclusive));
        runs.push(run("b", "sim", 9_001, NotApplicable));
        runs.push(run("a", "sim", 300, Failed));
        let [b, a] = &statistics(&runs)[..] else {
            panic!("two scenarios, in the order of the runs")
        };
        assert_eq!((b.id.as_str(), b.seeds, b.judged), ("b", 102, 100));
        let detect = b.detect.unwrap();
        let times = [detect.p50_ms, detect.p90_ms, detect.p99_ms, detect.max_ms];
        for (time, expect) in times.into_iter().zip([50.0, 90.0, 99.0, 100.0]) {
            assert!((time - expect).abs() <= expect / 1000.0, "{time} {expect}");
        }
        assert_eq!((detect.count, a.seeds), (100, 1));
        let recover = a.recover.unwrap().max_ms;
        assert!((recover - 3000.0).abs() < 3.0, "{recover}");
    }

    #[test]
    fn of_one_seed_there_is_none_and_of_nothing_seen_no_time() {
        let one = vec![run("a", "sim", 1, Passed), run("b", "sim", 1, Passed)];
        assert_eq!(statistics(&one), []);
        let silent = vec![
            run("a", "sim", 1, Inconclusive),
            run("a", "sim", 2, Inconclusive),
        ];
        let of = &statistics(&silent)[0];
        assert_eq!((of.judged, of.detect, of.recover), (0, None, None));
    }

    #[test]
    fn no_time_is_too_long() {
        let runs = vec![
            run("a", "sim", 1, Passed),
            run("a", "sim", u64::MAX / 10, Passed),
        ];
        let longest = statistics(&runs)[0].recover.unwrap().max_ms;
        assert!((longest / 86_400_000.0 - 1.0).abs() < 0.001, "{longest}");
    }
}
