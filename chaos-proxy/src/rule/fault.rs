//! The faults, each with its units, and which kind of thing it does.

use std::time::Duration;

use environment::{Direction, Draw};

/// What a rule does to the connections that it strikes.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The listener is closed: dials get ECONNREFUSED. A window only.
    Refuse,
    /// Accepted, and reset at once.
    Reject,
    /// Accepted; the server is never dialled, what comes in is thrown away.
    AcceptSilent,
    /// Nothing passes; everything is held in order until the fault is healed.
    Stall(Way),
    /// FIN. Bytes not yet passed on are dropped, nothing follows.
    Close(Side),
    /// RST.
    Reset(Side),
    /// Everything passes later, in order.
    Latency(Latency),
}

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
pub enum Distribution {
    /// Evenly in delay ± jitter.
    Uniform,
    /// Normally, with jitter as the standard deviation.
    Normal,
    /// Log-normally, with delay as the median and, for small jitter, jitter as
    /// about the standard deviation (σ of the logarithm = jitter ÷ delay): a
    /// long tail on the late side.
    Lognormal,
}

/// Which links a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Toward the server.
    Upstream,
    /// Toward the client.
    Downstream,
    /// Both.
    Both,
}

/// Which peer gets a close or a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client; the server's side stays open.
    Client,
    /// The server; the client's side stays open.
    Server,
    /// Both.
    Both,
}

/// What kind of act a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// On the listener, for a window.
    Listener,
    /// On a connection as it is accepted.
    Accept,
    /// On a connection, once.
    Strike,
    /// On the links of a connection, while it holds.
    Hold,
}

impl Way {
    /// Whether this link is meant.
    pub fn covers(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::Upstream => direction == Direction::Upstream,
            Self::Downstream => direction == Direction::Downstream,
        }
    }
}

impl Side {
    /// Whether the client gets it.
    pub fn is_client(self) -> bool {
        self != Self::Server
    }

    /// Whether the server gets it.
    pub fn is_server(self) -> bool {
        self != Self::Client
    }
}

impl Fault {
    /// The word of scenario files and journals.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reject => "reject",
            Self::AcceptSilent => "accept_silent",
            Self::Stall(_) => "stall",
            Self::Close(_) => "close",
            Self::Reset(_) => "reset",
            Self::Latency(_) => "latency",
        }
    }

    /// What kind of act it is.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Refuse => Phase::Listener,
            Self::Reject | Self::AcceptSilent => Phase::Accept,
            Self::Close(_) | Self::Reset(_) => Phase::Strike,
            Self::Stall(_) | Self::Latency(_) => Phase::Hold,
        }
    }
}

impl Latency {
    /// The delay that this draw gives.
    ///
    /// Every distribution uses the draw's stream from its beginning, so the
    /// uniform one needs exactly one number of it.
    pub fn delay(&self, draw: &mut Draw) -> Duration {
        let (middle, stray) = (self.delay.as_secs_f64(), self.jitter.as_secs_f64());
        if self.jitter.is_zero() {
            return self.delay;
        }
        let seconds = match self.distribution {
            Distribution::Uniform => middle + stray * (2.0 * draw.unit() - 1.0),
            Distribution::Normal => middle + stray * draw.normal(),
            Distribution::Lognormal if self.delay.is_zero() => 0.0,
            Distribution::Lognormal => middle * draw.lognormal(0.0, stray / middle),
        };
        // A long tail may leave what a Duration holds; a day is for ever here.
        const LONGEST: f64 = 86_400.0;
        Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{Key, Realm, Seed};
    use proptest::prelude::*;

    const ALL: [Distribution; 3] = [
        Distribution::Uniform,
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

    /// Kolmogorov and Smirnov's distance against the stated distribution, at 1 %:
    /// 1.63 ÷ √n.
    #[test]
    fn jitter_follows_its_stated_distribution() {
        let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        let uniform = |x: f64| ((x - 80.0) / 40.0).clamp(0.0, 1.0);
        for distribution in ALL {
            let mut sample = draws(distribution, 5000);
            sample.sort_by(f64::total_cmp);
            let expect = |x: f64| match distribution {
                Distribution::Uniform => uniform(x),
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
        fn any_latency_gives_a_delay(delay in 0_u64..100_000, jitter in 0_u64..100_000, which in 0_usize..3, index: u64) {
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
