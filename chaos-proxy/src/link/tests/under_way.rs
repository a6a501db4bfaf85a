//! What is under way in a delay slows nobody down, and is bounded.

use super::*;

/// A source that is never idle, and a sink that takes everything.
fn carried(effects: Effects, millis: u64) -> usize {
    let (mut link, mut written) = (link(), 0);
    link.apply(effects);
    for now in 0..=millis {
        fill(&mut link, at(now));
        while let Output::Write(bytes) = link.poll(at(now)) {
            let count = bytes.len();
            link.wrote(at(now), count);
            written += count;
        }
    }
    written
}

#[test]
fn a_delay_is_no_limit() {
    let written = carried(delayed(latency(300, 0, Distribution::Uniform)), 1000);
    assert!(written > 64 * 1024 * 1024, "{written} bytes");
}

#[test]
fn a_rate_is_reached_behind_a_long_delay() {
    let mut effects = delayed(latency(400, 0, Distribution::Uniform));
    effects.limit(limit(1_000_000, 0));
    let written = carried(effects, 2400);
    assert!(written.abs_diff(2_000_000) < 10_000, "{written} bytes");
}

#[test]
fn a_late_message_is_no_limit() {
    let (mut link, late) = (
        link(),
        Late {
            id: LATE,
            delay: Duration::from_millis(300),
        },
    );
    let mut effects = Effects::default();
    effects.allow_late(LATE);
    link.apply(effects);
    for _ in 0..20 {
        assert!(link.room() >= 1_000_000);
        link.push_late(at(0), Bytes::from(vec![7; 1_000_000]), Some(late), at(0));
    }
    let mut trace = Trace::default();
    drain(&mut link, at(300), usize::MAX, &mut trace);
    assert_eq!(trace.bytes.len(), 20_000_000);
}

#[test]
fn what_is_under_way_is_bounded_by_link_and_in_all() {
    let bounds = UnderWay::new(1_000_000, 1_500_000);
    let mut links = [(); 3].map(|()| Link::new(name(), Segments::Raw, bounds.clone()));
    let held = |link: &mut Link| {
        link.apply(delayed(latency(300, 0, Distribution::Uniform)));
        while link.wants_input() {
            let room = link.room();
            link.push(at(0), Bytes::from(vec![7; room.min(10_000)]));
        }
        link.cost()
    };
    let [first, second, third] = &mut links;
    assert!(held(first).abs_diff(1_000_000) < LEAST_ROOM);
    // What every link has is not counted: 1.5 MB − (1 MB − 256 KiB) + 256 KiB.
    assert!(held(second).abs_diff(1_000_000) < LEAST_ROOM);
    let left = held(third);
    assert!((CAPACITY - LEAST_ROOM..600_000).contains(&left), "{left}");
    let mut trace = Trace::default();
    drain(first, at(300), usize::MAX, &mut trace);
    assert!(third.room() > 500_000, "what another gave back");
}

#[test]
fn what_a_stall_or_a_deaf_sink_holds_back_is_bounded_as_ever() {
    let mut link = link();
    let mut effects = delayed(latency(300, 0, Distribution::Uniform));
    effects.stall();
    link.apply(effects);
    fill(&mut link, at(0));
    assert!(link.cost() <= CAPACITY + 64);
    link.apply(delayed(latency(300, 0, Distribution::Uniform)));
    assert!(link.room() > CAPACITY);
    assert!(link.room_held_back() < CAPACITY);
}

#[test]
fn what_is_under_way_takes_its_time_whatever_rate_comes() {
    let mut link = link();
    link.apply(delayed(latency(300, 0, Distribution::Uniform)));
    link.push(at(0), Bytes::from(vec![7; 10_000]));
    let mut effects = delayed(latency(300, 0, Distribution::Uniform));
    effects.limit(limit(1000, 0));
    link.apply(effects);
    let mut trace = Trace::default();
    drain(&mut link, at(300), usize::MAX, &mut trace);
    assert_eq!(trace.bytes.len(), 10_000);
}
