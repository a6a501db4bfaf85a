//! `latency`: everything passes later, in order.

use std::time::Duration;

use environment::Draw;
use environment::text::{FromToml, Mismatch, Table, Value, choice};

use super::Way;

/// Delay on every byte of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Which links.
    pub way: Way,
    /// The middle of the delay.
    pub delay: Duration,
    /// How far the delay strays from it; zero: not at all.
    pub jitter: Duration,
    /// How it strays.
    pub distribution: Distribution,
}

/// How a delay strays. Negative results count as no delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distribution {
    /// Evenly in delay ± jitter.
    Uniform,
    #[doc(hidden)]
    /// Evenly among the whole milliseconds in [delay − jitter, delay + jitter).
    /// Toxiproxy's; only by its API.
    UniformMillis,
    /// Normally, with jitter as the standard deviation.
    Normal,
    /// Log-normally, with delay as the median and, for small jitter, jitter as
    /// about the standard deviation (σ of the logarithm = jitter ÷ delay): a
    /// long tail on the late side.
    Lognormal,
}

impl Latency {
    /// The delay that this draw gives.
    ///
    /// Every distribution uses the draw's stream from its beginning, so the
    /// uniform one needs exactly one number of it.
    #[doc(hidden)]
    pub fn delay(&self, draw: &mut Draw) -> Duration {
        let (middle, stray) = (self.delay.as_secs_f64(), self.jitter.as_secs_f64());
        if self.jitter.is_zero() {
            return self.delay;
        }
        let seconds = match self.distribution {
            Distribution::Uniform => middle + stray * (2.0 * draw.unit() - 1.0),
            Distribution::UniformMillis => {
                let millis = (stray * 1000.0).floor();
                middle + ((2.0 * millis * draw.unit()).floor() - millis) / 1000.0
            }
            Distribution::Normal => middle + stray * draw.normal(),
            Distribution::Lognormal if self.delay.is_zero() => 0.0,
            Distribution::Lognormal => middle * draw.lognormal(0.0, stray / middle),
        };
        // A long tail may leave what a Duration holds; a day counts as endless here.
        const LONGEST: f64 = 86_400.0;
        Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))
    }

    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let jitter = table.or("jitter", Duration::ZERO);
        let distribution = table.or("distribution", Distribution::Uniform);
        let delay = table.required::<Duration>("delay")?;
        Some(Self {
            way,
            delay,
            jitter,
            distribution,
        })
    }
}

impl FromToml for Distribution {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(
            value,
            &[
                ("uniform", Self::Uniform),
                ("normal", Self::Normal),
                ("lognormal", Self::Lognormal),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{Key, Realm, Seed};
    use proptest::prelude::*;

    const ALL: [Distribution; 4] = [
        Distribution::Uniform,
        Distribution::UniformMillis,
        Distribution::Normal,
        Distribution::Lognormal,
    ];

    fn draws(distribution: Distribution, count: u64) -> Vec<f64> {
        let latency = Latency {
            way: Way::Both,
            delay: Duration::from_millis(100),
            jitter: Duration::from_millis(20),
            distribution,
        };
        (0..count)
            .map(|index| {
                let key = Key::new(Realm::Proxy, "jitter", "lag").index(index);
                latency.delay(&mut Seed(1).draw(&key)).as_secs_f64() * 1000.0
            })
            .collect()
    }

    #[test]
    fn whole_milliseconds_are_as_likely_as_each_other_and_the_last_is_left_out() {
        let mut counts = [0; 40];
        for millis in draws(Distribution::UniformMillis, 40_000) {
            assert!((millis - millis.round()).abs() < 1e-6, "{millis}");
            let whole = Duration::from_secs_f64(millis.round() / 1000.0).as_millis();
            counts[usize::try_from(whole).unwrap() - 80] += 1;
        }
        // 1,000 each; six standard deviations.
        let is_even = |count: &i32| (810..1190).contains(count);
        assert!(counts.iter().all(is_even), "{counts:?}");
    }

    /// Kolmogorov and Smirnov's distance against the stated distribution, at 1 %:
    /// 1.63 ÷ √n.
    #[test]
    fn jitter_follows_its_stated_distribution() {
        let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        let uniform = |x: f64| ((x - 80.0) / 40.0).clamp(0.0, 1.0);
        let smooth = ALL
            .into_iter()
            .filter(|distribution| *distribution != Distribution::UniformMillis);
        for distribution in smooth {
            let mut sample = draws(distribution, 5000);
            sample.sort_by(f64::total_cmp);
            let expect = |x: f64| match distribution {
                Distribution::Uniform | Distribution::UniformMillis => uniform(x),
                Distribution::Normal => normal((x - 100.0) / 20.0),
                Distribution::Lognormal => normal(libm::log(x / 100.0) / 0.2),
            };
            let count = sample.len() as f64;
            let distance = sample
                .iter()
                .enumerate()
                .map(|(index, &x)| {
                    let (below, above) = (index as f64 / count, (index + 1) as f64 / count);
                    (expect(x) - below).abs().max((expect(x) - above).abs())
                })
                .fold(0.0, f64::max);
            assert!(
                distance < 1.63 / count.sqrt(),
                "{distribution:?}: {distance}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_latency_gives_a_delay(delay in 0_u64..100_000, jitter in 0_u64..100_000, which in 0_usize..ALL.len(), index: u64) {
            let latency = Latency {
                way: Way::Both,
                delay: Duration::from_millis(delay),
                jitter: Duration::from_millis(jitter),
                distribution: ALL[which],
            };
            let key = Key::new(Realm::Proxy, "jitter", "lag").index(index);
            let drawn = latency.delay(&mut Seed(7).draw(&key));
            prop_assert!(drawn <= Duration::from_secs(86_400));
            if jitter == 0 {
                prop_assert_eq!(drawn, latency.delay);
            }
        }
    }
}
