//! How long recoveries took: a histogram that is kept in a file, and put together
//! with others.
//!
//! The one invariant: a percentile of several histograms added is that of all
//! their recoveries, to the histogram's three digits. The mean of percentiles is
//! a percentile of nothing. Used by [`Statistics`](crate::Statistics) and by the
//! binary.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::Serialize;

/// Longer recoveries count as this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Significant decimal digits of every time.
const DIGITS: u8 = 3;

/// Of the format: a cookie, the payload's length, and what the histogram is like.
const HEADER: usize = 40;

/// Where in the header it begins to say what the histogram is like.
const SHAPE: usize = 8;

/// Times from a loss, as a client noticed it, to the first data after it.
#[derive(Debug, Clone)]
pub struct Recoveries {
    /// In microseconds.
    histogram: Histogram<u64>,
}

/// How long recoveries took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recovery {
    /// How many there were.
    pub count: u64,
    /// Half took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Why bytes are no histogram of recoveries.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveriesError {
    /// Something else, or half of one.
    #[error("this is no histogram as `client-sim --histogram` writes it: {0}")]
    Strange(String),
    /// One of other bounds or digits.
    #[error("this is an HDR histogram, and none of recoveries: its bounds or digits are others")]
    OtherShape,
}

impl Default for Recoveries {
    fn default() -> Self {
        Self::new()
    }
}

impl Recoveries {
    /// None yet.
    pub fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
        let histogram = Histogram::new_with_max(longest, DIGITS);
        Self {
            histogram: histogram.expect("3 digits up to a day fit"),
        }
    }

    /// Adds one.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(micros);
    }

    /// Adds all of another's.
    pub fn add(&mut self, other: &Self) {
        let added = self.histogram.add(&other.histogram);
        added.expect("all have the same bounds");
    }

    /// What they come to; of none, nothing.
    pub fn summary(&self) -> Option<Recovery> {
        let millis = |quantile| self.histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!self.histogram.is_empty()).then(|| Recovery {
            count: self.histogram.len(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            max_ms: millis(1.0),
        })
    }

    /// In the HDR histogram's format V2, in microseconds.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = V2Serializer::new().serialize(&self.histogram, &mut bytes);
        written.expect("counts of recoveries fit, and memory takes every byte");
        bytes
    }

    /// Reads what [`Recoveries::to_bytes`] wrote.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecoveriesError> {
        let strange = |why: &str| RecoveriesError::Strange(why.to_owned());
        let (Some(header), Some(payload)) = (bytes.get(..HEADER), bytes.get(HEADER..)) else {
            return Err(strange("it is too short"));
        };
        // Whatever the header says, no more memory is taken than for one of ours.
        let own = Self::new().to_bytes();
        if header[..4] != own[..4] {
            return Err(strange("it does not begin as one"));
        }
        if header[SHAPE..] != own[SHAPE..HEADER] {
            return Err(RecoveriesError::OtherShape);
        }
        let length = u32::try_from(payload.len()).map(u32::to_be_bytes);
        if length.as_ref().ok() != header[4..SHAPE].try_into().ok().as_ref() {
            return Err(strange("it is not as long as it says"));
        }
        let mut reader = bytes;
        let histogram = Deserializer::new().deserialize(&mut reader);
        let histogram = histogram.map_err(|error| strange(&error.to_string()))?;
        Ok(Self { histogram })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Recoveries {
        let mut recoveries = Recoveries::new();
        let times = millis.into_iter().map(Duration::from_millis);
        times.for_each(|took| recoveries.record(took));
        recoveries
    }

    #[test]
    fn a_percentile_of_all_is_no_mean_of_percentiles() {
        // 1,000 quick ones on one machine, 20 slow ones on another.
        let (quick, slow) = (of((0..1000).map(|_| 100)), of((0..20).map(|_| 9_000)));
        let mut all = quick.clone();
        all.add(&slow);
        let all = all.summary().unwrap();
        assert_eq!(all.count, 1020);
        assert!((all.p50_ms - 100.0).abs() < 1.0, "{all:?}");
        assert!((all.p99_ms - 9_000.0).abs() < 9.0, "{all:?}");
        let p99 = |of: &Recoveries| of.summary().unwrap().p99_ms;
        let mean = f64::midpoint(p99(&quick), p99(&slow));
        assert!((mean - all.p99_ms).abs() > 4_000.0);
    }

    #[test]
    fn what_is_no_histogram_of_ours_is_told() {
        let told = |bytes: &[u8]| Recoveries::from_bytes(bytes).unwrap_err().to_string();
        let good = of([5, 7]).to_bytes();
        assert!(told(b"").contains("it is too short"));
        assert!(told(&[b'x'; 100]).contains("it does not begin as one"));
        let half = told(&good[..good.len() - 1]);
        assert!(half.contains("it is not as long as it says"), "{half}");
        let other: Histogram<u64> = Histogram::new(2).unwrap();
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&other, &mut bytes).unwrap();
        assert_eq!(
            Recoveries::from_bytes(&bytes).unwrap_err(),
            RecoveriesError::OtherShape
        );
    }

    proptest! {
        // Each walks over tens of thousands of counts.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

        #[test]
        fn shards_come_to_what_one_would_have(
            parts in prop::collection::vec(prop::collection::vec(0_u64..100_000_000, 0..50), 1..5),
        ) {
            let mut merged = Recoveries::new();
            for part in &parts {
                merged.add(&Recoveries::from_bytes(&of(part.iter().copied()).to_bytes()).unwrap());
            }
            let one = of(parts.iter().flatten().copied());
            prop_assert_eq!(merged.to_bytes(), one.to_bytes());
            prop_assert_eq!(merged.summary(), one.summary());
        }

        #[test]
        fn damage_is_refused_or_read_and_never_more(at in 0_usize..100, byte: u8) {
            let mut bytes = of([1, 50, 900, 86_400_000]).to_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(mut read) = Recoveries::from_bytes(&bytes) {
                read.add(&of([3]));
                let _ = (read.summary(), read.to_bytes().len());
            }
        }
    }
}
