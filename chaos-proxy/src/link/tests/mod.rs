//! A link, driven manually: here is what drives it. The properties that every
//! fault must keep, each fault by itself, and rates are in the modules below,
//! and what a link as a whole is to carry by when, worked out in another way.

mod properties;
mod rates;
mod reference;
mod single;
mod under_way;

use std::time::Duration;

use super::queue::CHUNK_COST;
use super::room::{CAPACITY, LEAST_ROOM};
use super::segments::Frame;
use super::*;
use crate::fault::{Bandwidth, Distribution, FlipBits, Latency, Slice, Way};
use crate::websocket::FrameRuleId;
use environment::{Direction, Seed};
use proptest::prelude::*;

fn name() -> LinkName {
    LinkName {
        seed: Seed(7),
        client: Arc::from("c1"),
        attempt: 1,
        direction: Direction::Downstream,
    }
}

fn link() -> Link {
    Link::new(name(), Segments::Raw, UnderWay::default())
}

fn at(millis: u64) -> Moment {
    Moment::after_origin(Duration::from_millis(millis))
}

fn latency(delay: u64, jitter: u64, distribution: Distribution) -> Latency {
    Latency {
        way: Way::Both,
        delay: Duration::from_millis(delay),
        jitter: Duration::from_millis(jitter),
        distribution,
    }
}

fn delayed(latency: Latency) -> Effects {
    let mut effects = Effects::default();
    effects.delay(Arc::from("lag"), latency);
    effects
}

fn stalled() -> Effects {
    let mut effects = Effects::default();
    effects.stall();
    effects
}

/// Something done to a link, `after` milliseconds after the one before.
#[derive(Debug, Clone)]
enum Step {
    Push(Vec<u8>, Option<Late>),
    Apply(Effects),
    Poll,
}

/// What came out: bytes with the moment when they did.
#[derive(Debug, Default, PartialEq)]
struct Trace {
    bytes: Vec<(u8, Moment)>,
    end: Option<(End, Moment)>,
}

const LATE: FrameRuleId = FrameRuleId {
    rule: 0,
    occurrence: 1,
};

fn late() -> impl Strategy<Value = Late> {
    (0_u64..80).prop_map(|delay| Late {
        id: LATE,
        delay: Duration::from_millis(delay),
    })
}

/// Any chain of faults that lose nothing.
fn effects() -> impl Strategy<Value = Effects> {
    let delay = (0_u64..80, 0_u64..60, 0_usize..3).prop_map(|(delay, jitter, which)| {
        let all = [
            Distribution::Uniform,
            Distribution::Normal,
            Distribution::Lognormal,
        ];
        latency(delay, jitter, all[which])
    });
    let slice = (1_u64..300, 0_u64..300, 0_u64..3).prop_map(|(size, variation, gap)| Slice {
        way: Way::Both,
        size,
        variation: variation.min(size - 1),
        gap: Duration::from_millis(gap),
    });
    let limit =
        (20_000_u64..10_000_000, 0_u64..20_000).prop_map(|(rate, burst)| limit(rate, burst));
    (
        prop::bool::weighted(0.2),
        prop::collection::vec(delay, 0..3),
        prop::collection::vec(slice, 0..2),
        prop::collection::vec(limit, 0..2),
        any::<bool>(),
    )
        .prop_map(|(is_stalled, delays, slices, limits, has_late)| {
            let mut effects = if is_stalled {
                stalled()
            } else {
                Effects::default()
            };
            delays
                .into_iter()
                .for_each(|delay| effects.delay(Arc::from("lag"), delay));
            slices
                .into_iter()
                .for_each(|slice| effects.slice(Arc::from("slice"), slice));
            limits.into_iter().for_each(|limit| effects.limit(limit));
            if has_late {
                effects.allow_late(LATE);
            }
            effects
        })
}

/// Any chain of faults whose due times do not depend on how bytes were read.
fn effects_by_offset() -> impl Strategy<Value = Effects> {
    effects().prop_filter("a rate is paid by the piece", |effects| {
        effects.limited().is_none()
    })
}

fn limit(rate: u64, burst: u64) -> Bandwidth {
    Bandwidth {
        way: Way::Both,
        rate,
        burst,
        shared: None,
    }
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    steps_under(effects())
}

fn steps_under(effects: impl Strategy<Value = Effects>) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        4 => (prop::collection::vec(any::<u8>(), 1..4000), prop::option::weighted(0.2, late()))
            .prop_map(|(bytes, late)| Step::Push(bytes, late)),
        1 => effects.prop_map(Step::Apply),
        2 => Just(Step::Poll),
    ];
    prop::collection::vec((0_u64..50, step), 1..30)
}

/// Takes everything that is due, in writes of at most `most` bytes.
fn drain(link: &mut Link, now: Moment, most: usize, trace: &mut Trace) {
    loop {
        let (wrote, end) = match link.poll(now) {
            Output::Write(bytes) => {
                let count = bytes.len().min(most);
                trace
                    .bytes
                    .extend(bytes[..count].iter().map(|&byte| (byte, now)));
                (count, None)
            }
            Output::ShutdownWrite => (0, Some(End::Fin)),
            Output::Reset => (0, Some(End::Reset)),
            Output::Cut => (0, Some(End::Cut)),
            Output::Wait => return,
        };
        link.wrote(now, wrote);
        if let Some(end) = end {
            trace.end = Some((end, now));
            link.ended();
        }
    }
}

/// Runs the steps, polling at each and at every deadline between them; then
/// heals the link, ends it, and drives it until it is idle.
fn run(steps: &[(u64, Step)], most: usize, spurious: bool) -> (Trace, Link) {
    let (mut link, mut trace, mut now) = (link(), Trace::default(), at(0));
    for (after, step) in steps {
        now = advance(
            &mut link,
            now,
            now + Duration::from_millis(*after),
            most,
            spurious,
            &mut trace,
        );
        match step {
            Step::Push(bytes, late) => {
                link.push_late(now, Bytes::copy_from_slice(bytes), *late, now);
            }
            Step::Apply(effects) => link.apply(effects.clone()),
            Step::Poll => {}
        }
        drain(&mut link, now, most, &mut trace);
    }
    link.push_end(now, End::Fin);
    link.apply(Effects::default());
    drain(&mut link, now, most, &mut trace);
    (trace, link)
}

fn advance(
    link: &mut Link,
    mut now: Moment,
    to: Moment,
    most: usize,
    spurious: bool,
    trace: &mut Trace,
) -> Moment {
    while let Some(deadline) = link.deadline().filter(|&deadline| deadline <= to) {
        if spurious {
            let middle = now + deadline.since(now) / 2;
            assert!(
                middle >= deadline || link.poll(middle) == Output::Wait,
                "early"
            );
        }
        now = now.max(deadline);
        let before = (trace.bytes.len(), link.room());
        drain(link, now, most, trace);
        assert!(
            (trace.bytes.len(), link.room()) > before || link.is_ended(),
            "a deadline without effect"
        );
    }
    to
}

fn pushed(steps: &[(u64, Step)]) -> Vec<(u8, Moment)> {
    let mut now = at(0);
    let mut bytes = Vec::new();
    for (after, step) in steps {
        now = now + Duration::from_millis(*after);
        if let Step::Push(pushed, _) = step {
            bytes.extend(pushed.iter().map(|&byte| (byte, now)));
        }
    }
    bytes
}

fn only_bytes(timed: &[(u8, Moment)]) -> Vec<u8> {
    timed.iter().map(|(byte, _)| *byte).collect()
}

fn fill(link: &mut Link, now: Moment) {
    if link.wants_input() {
        link.push(now, Bytes::from(vec![7; link.room()]));
    }
}
