//! One draw, one key: every random choice is a stream of its own, found by name.
//!
//! A draw depends on its [`Key`] and the [`Seed`] and on nothing else: not on
//! arrival order, on other draws, on the machine or on load. So adding a client
//! or a rule changes no other random choice. The stream's seed is
//! SHA-256("chaos-draw-v1", seed, key); the generator is ChaCha8, which rand
//! documents as portable; logarithms come from `libm`, since std's differ
//! between platforms. A golden test pins all of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// The version of the hash below: part of every key, changed with the scheme.
const SCHEME: &[u8] = b"chaos-draw-v1";

/// The one number that a run's decisions follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whose draw it is: keeps server, proxy and clients apart under one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Realm {
    /// The fault engine's decisions.
    Proxy,
    /// A simulated client's back-off.
    Client,
    /// The built-in server's values and, under a seed, session ids.
    Server,
}

impl Realm {
    /// The lower-case word of keys and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Toward the server.
    Upstream,
    /// Toward the client.
    Downstream,
}

impl Direction {
    /// The lower-case word of keys and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// The name of one draw. Unused parts stay empty or zero ([`Key::new`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a> {
    /// Whose draw.
    pub realm: Realm,
    /// What is decided, such as `share`, `jitter`, `backoff`.
    pub purpose: &'a str,
    /// The rule (or session) that asks.
    pub rule: &'a str,
    /// The client that it is about.
    pub client: &'a str,
    /// The client's connection, from 1; 0 when none is meant.
    pub attempt: u64,
    /// The way of the link, when one is meant.
    pub direction: Option<Direction>,
    /// A frame number, or stream offset ÷ 1,460, or a count of its own.
    pub index: u64,
}

impl<'a> Key<'a> {
    /// The key of a draw that needs no client, attempt, direction or index.
    pub const fn new(realm: Realm, purpose: &'a str, rule: &'a str) -> Self {
        Self {
            realm,
            purpose,
            rule,
            client: "",
            attempt: 0,
            direction: None,
            index: 0,
        }
    }

    /// The same draw about `client`.
    pub const fn client(self, client: &'a str) -> Self {
        Self { client, ..self }
    }

    /// The same draw about the client's connection number `attempt`.
    pub const fn attempt(self, attempt: u64) -> Self {
        Self { attempt, ..self }
    }

    /// The same draw about one way of a connection.
    pub const fn direction(self, direction: Direction) -> Self {
        Self {
            direction: Some(direction),
            ..self
        }
    }

    /// The same draw, the `index`-th of its kind.
    pub const fn index(self, index: u64) -> Self {
        Self { index, ..self }
    }
}

impl fmt::Display for Key<'_> {
    /// One line for people; the hash uses the parts with their lengths.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = self.direction.map_or("-", Direction::word);
        write!(
            f,
            "{}/{}/{}/{}/{}/{}/{}",
            self.realm.word(),
            self.purpose,
            self.rule,
            self.client,
            self.attempt,
            direction,
            self.index
        )
    }
}

impl Seed {
    /// The draw of this name. The same seed and key always give the same draw.
    pub fn draw(self, key: &Key<'_>) -> Draw {
        let mut hash = Sha256::new();
        hash.update(SCHEME);
        hash.update(self.0.to_le_bytes());
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        let direction = key.direction.map_or("", Direction::word);
        for part in [
            key.realm.word(),
            key.purpose,
            key.rule,
            key.client,
            direction,
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(key.attempt.to_le_bytes());
        hash.update(key.index.to_le_bytes());
        Draw(ChaCha8Rng::from_seed(hash.finalize().into()))
    }
}

/// A stream of numbers that belongs to one key.
#[derive(Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), in steps of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.bits() >> 11) as f64 * STEP
    }

    /// True with this probability: never at 0 or below, always at 1 or above.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..`bound`; 0 when the bound is 0.
    ///
    /// Multiply-shift (Lemire 2019) without rejection: the bias is below
    /// `bound` ÷ 2⁶⁴ and every draw costs exactly one step of the stream.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// Uniform between the two, both included, to the nanosecond.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low);
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        low.saturating_add(Duration::from_nanos(self.below(nanos.saturating_add(1))))
    }

    /// Standard normal: Box and Muller (1958), the cosine branch.
    pub fn normal(&mut self) -> f64 {
        // 1 − unit is in (0, 1], so the logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Log-normal: e to the power of a normal with this mean and deviation.
    pub fn lognormal(&mut self, mu: f64, sigma: f64) -> f64 {
        libm::exp(mu + sigma * self.normal())
    }
}

/// 32 hexadecimal digits from the operating system's randomness: what must be
/// unguessable, such as a session id, and therefore never repeats.
///
/// # Errors
/// When the system has none to give.
#[cfg(feature = "secret")]
pub fn secret() -> std::io::Result<String> {
    use rand_chacha::rand_core::{OsRng, TryRngCore};
    let mut bytes = [0; 16];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(std::io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Eight hexadecimal digits that stand for a secret, such as a session id, in
/// journals: the same for the same secret, and no way back.
pub fn tag(secret: &str) -> String {
    let hash = Sha256::new()
        .chain_update(b"chaos-tag-v1")
        .chain_update(secret.as_bytes())
        .finalize();
    hash.iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key<'a>() -> Key<'a> {
        Key::new(Realm::Proxy, "share", "cable pulled").client("c1")
    }

    /// Pins the scheme: a changed number here means that every seed ever
    /// written down stops repeating what it repeated.
    #[test]
    fn golden_draws_of_every_distribution() {
        let seed = Seed(1);
        let draw = || seed.draw(&key());
        let golden = [
            ("bits", format!("{:016x}", draw().bits())),
            ("unit", format!("{:?}", draw().unit())),
            ("below 1000", draw().below(1000).to_string()),
            (
                "between 0 and 1 s",
                format!(
                    "{:?}",
                    draw().between(Duration::ZERO, Duration::from_secs(1))
                ),
            ),
            ("normal", format!("{:?}", draw().normal())),
            (
                "lognormal(0, 0.5)",
                format!("{:?}", draw().lognormal(0.0, 0.5)),
            ),
            ("chance 0.5", draw().chance(0.5).to_string()),
            (
                "attempt 3, upstream, index 7",
                seed.draw(&key().attempt(3).direction(Direction::Upstream).index(7))
                    .unit()
                    .to_string(),
            ),
            ("seed 2", Seed(2).draw(&key()).unit().to_string()),
        ];
        let text: String = golden
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        assert_eq!(text, include_str!("../golden/draws.txt"));
    }

    #[test]
    fn every_part_of_a_key_matters() {
        let seed = Seed(1);
        let base = key();
        let others = [
            Key {
                realm: Realm::Client,
                ..base
            },
            Key {
                purpose: "jitter",
                ..base
            },
            Key {
                rule: "cable pulle",
                client: "dc1",
                ..base
            },
            Key {
                client: "c2",
                ..base
            },
            base.attempt(1),
            base.direction(Direction::Upstream),
            base.direction(Direction::Downstream),
            base.index(1),
        ];
        let mut seen: Vec<u64> = others.iter().map(|key| seed.draw(key).bits()).collect();
        seen.push(seed.draw(&base).bits());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), others.len() + 1);
    }

    #[test]
    fn secrets_differ_and_tags_do_not() {
        let (one, two) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
        assert_eq!(tag(&one), tag(&one));
        assert_ne!(tag(&one), tag(&two));
        assert_eq!(tag(&one).len(), 8);
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let count: u32 = 20_000;
        let draws: Vec<f64> = (0..count)
            .map(|index| Seed(1).draw(&key().index(index.into())).normal())
            .collect();
        let mean = draws.iter().sum::<f64>() / f64::from(count);
        let variance =
            draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(count);
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    }

    proptest! {
        #[test]
        fn draws_stay_in_their_range(seed: u64, index: u64, bound in 1_u64.., low in 0_u64..1 << 40, span in 0_u64..1 << 40) {
            let draw = || Seed(seed).draw(&key().index(index));
            prop_assert!((0.0..1.0).contains(&draw().unit()));
            prop_assert!(draw().below(bound) < bound);
            let (low, high) = (Duration::from_nanos(low), Duration::from_nanos(low + span));
            let between = draw().between(low, high);
            prop_assert!(low <= between && between <= high);
            prop_assert!(draw().normal().is_finite());
            prop_assert!(!draw().chance(0.0) && draw().chance(1.0));
        }
    }
}
