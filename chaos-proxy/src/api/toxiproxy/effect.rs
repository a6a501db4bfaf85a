//! What a toxic does, in the engine's words.
//!
//! Where Toxiproxy's behaviour is a fault of its own, ours is not: resets are
//! RST on idle, busy and open connections alike (a new one is reset after its
//! first bytes, as there), times do not start again, and a
//! toxicity of 0 has no effect at all.

use std::time::Duration;

use super::toxic::Kind;
use super::toxic::Toxic;
use crate::fault::{
    Bandwidth, Cut, Distribution, Expiry, Fault, How, Latency, Place, Side, Slice, SlowClose, Way,
};
use crate::rule::{Rule, Target, When};

/// Bytes per second in Toxiproxy's KB/s.
const KILOBYTE: u64 = 1000;

/// The rule of a toxic; `None`: it strikes nobody.
///
/// Draws are keyed by proxy and toxic, so another toxic changes none of them.
pub(crate) fn rule(proxy: &str, toxic: &Toxic) -> Option<Rule> {
    let probability = f64::from(toxic.toxicity);
    if probability <= 0.0 {
        return None;
    }
    Some(Rule {
        name: rule_name(proxy, &toxic.name),
        when: When::Timed {
            at: Duration::ZERO,
            every: None,
            until: None,
            lasting: None,
        },
        until_on: None,
        probability: (probability < 1.0).then_some(probability),
        target: Target::All,
        fault: fault(toxic)?,
        must_fire: false,
    })
}

/// How the rule of a toxic is called.
pub(crate) fn rule_name(proxy: &str, toxic: &str) -> String {
    format!("{proxy}/{toxic}")
}

fn fault(toxic: &Toxic) -> Option<Fault> {
    let way = toxic.stream.way();
    let [first, second, third] = toxic.attributes.values();
    let millis = |value: i64| Duration::from_millis(at_least_0(value));
    match toxic.attributes.kind() {
        Kind::Latency => Some(Fault::Latency(Latency {
            way,
            delay: millis(first),
            jitter: millis(second),
            distribution: Distribution::UniformMillis,
        })),
        // A rate of 0 lets nothing pass and the sender wait: clients rely on it.
        Kind::Bandwidth => Some(Fault::Bandwidth(Bandwidth {
            way,
            rate: at_least_0(first).saturating_mul(KILOBYTE),
            burst: 0,
            shared: None,
        })),
        Kind::SlowClose => Some(Fault::SlowClose(SlowClose {
            way,
            delay: millis(first),
        })),
        Kind::Timeout => Some(Fault::Expiry(Expiry {
            delay: (first > 0).then(|| millis(first)),
            awaits_bytes: false,
            how: How::Close,
            swallows: Some(way),
            ends_when_healed: true,
        })),
        Kind::ResetPeer => Some(Fault::Expiry(Expiry {
            delay: Some(millis(first)),
            awaits_bytes: true,
            how: How::Reset,
            swallows: Some(way),
            ends_when_healed: false,
        })),
        Kind::Slicer => slice(way, first, second, third).map(Fault::Slice),
        Kind::LimitData => Some(Fault::Cut(Cut {
            way,
            place: Place::Bytes(at_least_0(first)),
            how: How::Close,
            side: Side::Both,
        })),
        Kind::Noop => None,
    }
}

/// Pieces of no size are none: Toxiproxy itself would never come to an end.
fn slice(way: Way, size: i64, variation: i64, gap: i64) -> Option<Slice> {
    /// As large as [`Slice`] can be.
    const LARGEST: u64 = 1 << 30;
    let size = at_least_0(size).min(LARGEST);
    let most = size.checked_sub(1)?;
    Some(Slice {
        way,
        size,
        variation: at_least_0(variation).min(most),
        gap: Duration::from_micros(at_least_0(gap)),
    })
}

fn at_least_0(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
