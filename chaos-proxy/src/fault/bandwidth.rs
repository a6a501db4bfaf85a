//! `bandwidth`: bytes pass no faster than a rate.
//!
//! The generic cell rate algorithm (ITU-T I.371): a theoretical arrival time
//! runs ahead by the cost of what was let through; a piece is due once that
//! time, less the burst's worth, has come. In any window of length w pass at
//! most rate × w + burst + one piece.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use environment::Moment;
use environment::text::{ByteSize, Rate, Table};

use super::Way;

/// A piece takes this long at the rate, so that no wait is much longer.
const PIECE: Duration = Duration::from_millis(2);
/// But it is never larger than this.
const LARGEST: usize = 16 * 1024;

/// A limit on the rate of a link, or of all links of the proxy together.
#[derive(Debug, Clone)]
pub struct Bandwidth {
    /// Which links.
    pub way: Way,
    /// Bytes per second; 0 lets nothing pass.
    pub rate: u64,
    /// Bytes that may pass at once after a silence.
    pub burst: u64,
    #[doc(hidden)]
    /// One limit for all links that the rule is about; `None`: each its own.
    pub shared: Option<Arc<Mutex<Pace>>>,
}

/// How far a limit is used: the theoretical arrival time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace(Moment);

impl PartialEq for Bandwidth {
    fn eq(&self, other: &Self) -> bool {
        let key = |limit: &Self| (limit.way, limit.rate, limit.burst, limit.shared.is_some());
        key(self) == key(other)
    }
}

impl Bandwidth {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let ByteSize(burst) = table.or("burst", ByteSize(0));
        let shared = table.or("shared", false).then(Arc::default);
        let Rate(rate) = table.required("rate")?;
        Some(Self {
            way,
            rate,
            burst,
            shared,
        })
    }

    /// How many bytes are let through as one.
    #[doc(hidden)]
    pub fn piece(&self) -> usize {
        let bytes = u128::from(self.rate) * PIECE.as_nanos() / 1_000_000_000;
        usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .clamp(1, LARGEST)
    }

    /// When `bytes` that came at `arrived` may leave; `pace` is used up by them.
    #[doc(hidden)]
    pub fn admit(&self, pace: &mut Pace, arrived: Moment, bytes: u64) -> Moment {
        self.with_pace(pace, |pace| self.spend(pace, arrived, bytes))
    }

    /// Nothing that was not used before `floor` may be used later.
    pub(crate) fn raise(&self, pace: &mut Pace, floor: Moment) {
        self.with_pace(pace, |pace| pace.0 = pace.0.max(floor));
    }

    /// Gives back what a shared limit was used for in vain. A link's own pace
    /// needs no such thing: it is forgotten with the piece.
    pub(crate) fn refund(&self, bytes: u64) {
        if self.shared.is_some() && self.rate > 0 {
            self.with_pace(&mut Pace::default(), |pace| {
                pace.0 = pace.0 - self.cost(bytes);
            });
        }
    }

    fn with_pace<T>(&self, own: &mut Pace, act: impl FnOnce(&mut Pace) -> T) -> T {
        match &self.shared {
            // The lock guards one number: a panic elsewhere leaves it good.
            Some(shared) => act(&mut shared.lock().unwrap_or_else(PoisonError::into_inner)),
            None => act(own),
        }
    }

    fn spend(&self, pace: &mut Pace, arrived: Moment, bytes: u64) -> Moment {
        if self.rate == 0 {
            return Moment::after_origin(Duration::MAX);
        }
        pace.0 = pace.0.max(arrived) + self.cost(bytes);
        (pace.0 - self.cost(self.burst)).max(arrived)
    }

    /// The time that `bytes` take; rounded up, so that the rate is never passed.
    fn cost(&self, bytes: u64) -> Duration {
        let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(self.rate.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(rate: u64, burst: u64) -> Bandwidth {
        Bandwidth {
            way: Way::Both,
            rate,
            burst,
            shared: None,
        }
    }

    fn at(micros: u64) -> Moment {
        Moment::after_origin(Duration::from_micros(micros))
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let (limit, mut pace) = (limit(1000, 500), Pace::default());
        assert_eq!(limit.admit(&mut pace, at(0), 500), at(0));
        assert_eq!(limit.admit(&mut pace, at(0), 100), at(100_000));
        // A second of silence fills the burst again, and no more.
        assert_eq!(limit.admit(&mut pace, at(10_000_000), 500), at(10_000_000));
        assert_eq!(limit.admit(&mut pace, at(10_000_000), 1), at(10_001_000));
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_pass() {
        let due = limit(0, 0).admit(&mut Pace::default(), at(0), 1);
        assert!(due > Moment::after_origin(Duration::from_secs(1 << 40)));
    }

    #[test]
    fn a_shared_limit_counts_all_links() {
        let shared = Bandwidth {
            shared: Some(Arc::default()),
            ..limit(1000, 0)
        };
        let other = shared.clone();
        assert_eq!(shared.admit(&mut Pace::default(), at(0), 100), at(100_000));
        assert_eq!(other.admit(&mut Pace::default(), at(0), 100), at(200_000));
    }

    proptest! {
        #[test]
        fn no_window_carries_more_than_rate_and_burst(
            rate in 100_u64..1_000_000,
            burst in 0_u64..50_000,
            pushes in prop::collection::vec((0_u64..50_000, 1_u64..3000), 1..60),
        ) {
            let (limit, mut pace, mut now) = (limit(rate, burst), Pace::default(), at(0));
            let mut sent: Vec<(Moment, u64)> = Vec::new();
            for (after, bytes) in pushes {
                now = now + Duration::from_micros(after);
                sent.push((limit.admit(&mut pace, now, bytes), bytes));
            }
            for first in 0..sent.len() {
                let mut sum = 0;
                for (when, bytes) in &sent[first..] {
                    sum += bytes;
                    let window = when.since(sent[first].0).as_secs_f64();
                    let most = rate as f64 * window + (burst + sent[first].1) as f64 + 1.0;
                    prop_assert!(sum as f64 <= most, "{sum} bytes in {window} s");
                }
            }
        }
    }
}
