//! What a link carries by when, worked out in another way: byte by byte, a paced
//! queue, and behind it a delay with jitter that keeps the order.

use super::*;
use environment::{Key, Realm};

/// What a raw stream's draws count.
const SEGMENT: u64 = 1460;

/// What is in force on the link.
#[derive(Debug, Clone)]
struct Chain {
    slice: Option<(u64, u64)>,
    rate: Option<u64>,
    burst: u64,
    delay: u64,
    jitter: u64,
}

fn chain() -> impl Strategy<Value = Chain> {
    (
        prop::option::weighted(0.3, (50_u64..2000, 0_u64..20)),
        prop::option::weighted(0.8, 2_000_u64..2_000_000),
        prop_oneof![2 => Just(0_u64), 1 => 0_u64..20_000],
        0_u64..500,
        prop_oneof![1 => Just(0_u64), 1 => 0_u64..400],
    )
        .prop_map(|(slice, rate, burst, delay, jitter)| Chain {
            slice,
            rate,
            burst,
            delay,
            jitter,
        })
}

impl Chain {
    /// In either order of the rules.
    fn effects(&self, is_delay_first: bool) -> Effects {
        let mut effects = Effects::default();
        let lag = latency(self.delay, self.jitter, Distribution::Uniform);
        if is_delay_first {
            effects.delay(Arc::from("lag"), lag);
        }
        if let Some(rate) = self.rate {
            effects.limit(limit(rate, self.burst));
        }
        if let Some((size, gap)) = self.slice {
            let slice = Slice {
                way: Way::Both,
                size,
                variation: 0,
                gap: Duration::from_millis(gap),
            };
            effects.slice(Arc::from("slice"), slice);
        }
        if !is_delay_first {
            effects.delay(Arc::from("lag"), lag);
        }
        effects
    }

    /// When every byte arrives, in seconds.
    fn arrivals(&self, came: &[f64]) -> Vec<f64> {
        let mut arrived = Vec::with_capacity(came.len());
        // When the slice began to leave; when the sender is free again, less
        // what a burst lets it run ahead; when the byte before arrived.
        let (mut sliced, mut free, mut last) = (f64::MIN, f64::MIN, 0.0_f64);
        let mut delay = 0.0;
        for (offset, &came) in (0_u64..).zip(came) {
            let mut sent = came;
            if let Some((size, gap)) = self.slice {
                if offset % size == 0 && offset > 0 {
                    sliced = sent.max(sliced + gap as f64 / 1000.0);
                } else {
                    sliced = sent.max(sliced);
                }
                sent = sliced;
            }
            if let Some(rate) = self.rate {
                free = free.max(sent) + 1.0 / rate as f64;
                sent = sent.max(free - self.burst as f64 / rate as f64);
            }
            if offset % SEGMENT == 0 {
                delay = self.drawn(offset / SEGMENT);
            }
            last = last.max(sent + delay);
            arrived.push(last);
        }
        arrived
    }

    fn drawn(&self, segment: u64) -> f64 {
        let key = Key::new(Realm::Proxy, "jitter", "lag")
            .client("c1")
            .attempt(1)
            .direction(Direction::Downstream)
            .index(segment);
        let stray = 2.0 * name().seed.draw(&key).unit() - 1.0;
        ((self.delay as f64 + self.jitter as f64 * stray) / 1000.0).max(0.0)
    }

    /// How much leaves as one, at most.
    fn piece(&self) -> usize {
        let rate = self.rate.map_or(1, |rate| limit(rate, 0).piece());
        rate.max(1)
    }
}

/// A link that is driven at its deadlines, and whose source waits while there is
/// no room; with what came when.
fn drive(chain: &Chain, pushes: &[(u64, usize)], is_delay_first: bool) -> (Vec<f64>, Vec<f64>) {
    let (mut link, mut trace, mut came) = (link(), Trace::default(), Vec::new());
    link.apply(chain.effects(is_delay_first));
    let mut now = at(0);
    for (after, size) in pushes {
        let until = now + Duration::from_millis(*after);
        now = advance(&mut link, now, until, usize::MAX, false, &mut trace);
        link.push(now, Bytes::from(vec![7; *size]));
        came.extend(std::iter::repeat_n(seconds(now), *size));
        drain(&mut link, now, usize::MAX, &mut trace);
    }
    let end = now + Duration::from_secs(100_000);
    advance(&mut link, now, end, usize::MAX, false, &mut trace);
    let left = trace.bytes.iter().map(|(_, when)| seconds(*when)).collect();
    (came, left)
}

fn seconds(moment: Moment) -> f64 {
    moment.since(Moment::ORIGIN).as_secs_f64()
}

proptest! {
    #[test]
    fn what_has_arrived_is_what_a_paced_queue_and_a_delay_behind_it_say(
        chain in chain(),
        pushes in prop::collection::vec((0_u64..400, 1_usize..1000), 1..8),
        is_delay_first: bool,
    ) {
        let (came, left) = drive(&chain, &pushes, is_delay_first);
        let expect = chain.arrivals(&came);
        prop_assert_eq!(left.len(), expect.len(), "every byte arrives");
        let piece = chain.piece();
        for (index, left) in left.iter().enumerate() {
            // A piece leaves when its last byte may, and with it its first.
            let earliest = expect[index];
            let latest = expect[(index + piece).min(expect.len() - 1)];
            prop_assert!(
                *left >= earliest - 1e-6 && *left <= latest + 1e-6,
                "byte {index} left at {left}, and not from {earliest} to {latest}",
            );
        }
    }
}

/// The example of a public report: 50 kB at 5 kB/s behind 50 ms.
#[test]
fn a_slow_link_is_as_slow_as_its_rate_and_later_by_its_delay() {
    let chain = Chain {
        slice: None,
        rate: Some(5000),
        burst: 0,
        delay: 50,
        jitter: 0,
    };
    let (_, left) = drive(&chain, &[(0, 50_000)], true);
    let last = left[left.len() - 1];
    assert!((last - 10.05).abs() < 1e-3, "{last} s");
}
