//! What goes past a link's queue leaves no other trace than what went through it.

use std::time::Duration;

use super::*;
use crate::fault::{Latency, Slice, Way};
use environment::{Direction, Seed};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Apply(Box<Effects>),
    Wait,
}

fn link() -> Link {
    let name = LinkName {
        seed: Seed(7),
        client: Arc::from("c1"),
        attempt: 1,
        direction: Direction::Downstream,
    };
    Link::new(name, Segments::Raw, UnderWay::default())
}

fn effects() -> impl Strategy<Value = Effects> {
    let millis = |millis| Duration::from_millis(millis);
    let latency = (0..30_u64, 0..10_u64).prop_map(move |(delay, jitter)| {
        let mut effects = Effects::default();
        effects.delay(
            Arc::from("lag"),
            Latency {
                way: Way::Both,
                delay: millis(delay),
                jitter: millis(jitter),
                distribution: crate::fault::Distribution::Uniform,
            },
        );
        effects
    });
    let slice = (1..50_u64).prop_map(move |gap| {
        let mut effects = Effects::default();
        effects.slice(
            Arc::from("slice"),
            Slice {
                way: Way::Both,
                size: 100,
                variation: 0,
                gap: millis(gap),
            },
        );
        effects
    });
    prop_oneof![2 => Just(Effects::default()), 1 => latency, 1 => slice]
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        4 => (1..500_usize).prop_map(Step::Push),
        1 => effects().prop_map(|effects| Step::Apply(Box::new(effects))),
        2 => Just(Step::Wait),
    ];
    prop::collection::vec((0..20_u64, step), 1..40)
}

/// Everything that is due leaves; when and how much.
fn flush(link: &mut Link, now: Moment, left: &mut Vec<(Moment, usize)>) {
    while let Output::Write(bytes) = link.poll(now) {
        let count = bytes.len();
        link.wrote(now, count);
        left.push((now, count));
    }
}

fn run(steps: &[(u64, Step)], takes_the_short_way: bool) -> (Vec<(Moment, usize)>, u64, u64) {
    let (mut link, mut now, mut left) = (link(), Moment::ORIGIN, Vec::new());
    for (after, step) in steps {
        now = now + Duration::from_millis(*after);
        flush(&mut link, now, &mut left);
        match step {
            Step::Push(count) if takes_the_short_way && link.is_wire() => {
                link.passed_by(now, *count);
                left.push((now, *count));
            }
            Step::Push(count) => link.push(now, Bytes::from(vec![7; *count])),
            Step::Apply(effects) => link.apply(*effects.clone()),
            Step::Wait => {}
        }
        flush(&mut link, now, &mut left);
    }
    while let Some(due) = link.deadline() {
        now = now.max(due);
        flush(&mut link, now, &mut left);
    }
    (left, link.admitted(), link.written())
}

proptest! {
    #[test]
    fn past_the_queue_is_as_through_it(steps in steps()) {
        prop_assert_eq!(run(&steps, true), run(&steps, false));
    }
}

#[test]
fn a_link_is_no_wire_while_it_holds_or_ends_anything() {
    let mut link = link();
    assert!(link.is_wire());
    let mut stalled = Effects::default();
    stalled.stall();
    link.apply(stalled);
    assert!(!link.is_wire());
    link.push(Moment::ORIGIN, Bytes::from_static(b"held"));
    link.apply(Effects::default());
    assert!(!link.is_wire());
    flush(&mut link, Moment::ORIGIN, &mut Vec::new());
    assert!(link.is_wire());
    link.push_end(Moment::ORIGIN, End::Fin);
    assert!(!link.is_wire());
}
