//! The properties that every fault must keep, over random traffic, chunking and
//! times: one suite, run for each of them and for all together.

use std::time::Duration;

use super::segments::Frame;
use super::*;
use crate::fault::{Bandwidth, Distribution, FlipBits, Latency, Slice, Way};
use crate::websocket::OrderId;
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
    Link::new(name(), Segments::Raw)
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

const LATE: OrderId = OrderId {
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
                link.push_late(now, Bytes::copy_from_slice(bytes), *late);
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
        let before = trace.bytes.len();
        drain(link, now, most, trace);
        assert!(
            trace.bytes.len() > before || link.is_ended(),
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

proptest! {
    /// Conservation, order, causality, progress and pass-through after a heal.
    #[test]
    fn what_goes_in_comes_out_in_order_and_not_before(steps in steps(), most in 1_usize..5000) {
        let (trace, link) = run(&steps, most, true);
        let pushed = pushed(&steps);
        prop_assert_eq!(only_bytes(&trace.bytes), only_bytes(&pushed));
        for ((_, left), (_, came)) in trace.bytes.iter().zip(&pushed) {
            prop_assert!(left >= came);
        }
        prop_assert!(matches!(trace.end, Some((End::Fin, _))), "a healed link ends at once");
        prop_assert!(link.is_ended() && link.deadline().is_none());
        prop_assert_eq!(link.written(), link.admitted());
    }

    /// Nothing leaves before arrival plus the least delay.
    #[test]
    fn a_delay_is_never_undercut(delay in 0_u64..200, jitter in 0_u64..100, pushes in prop::collection::vec((0_u64..30, prop::collection::vec(any::<u8>(), 1..4000)), 1..15)) {
        let effects = delayed(latency(delay, jitter, Distribution::Uniform));
        let mut steps = vec![(0, Step::Apply(effects))];
        steps.extend(pushes.into_iter().map(|(after, bytes)| (after, Step::Push(bytes, None))));
        steps.push((1000, Step::Poll));
        let (trace, _) = run(&steps, usize::MAX, true);
        let least = Duration::from_millis(delay.saturating_sub(jitter));
        let most = Duration::from_millis(delay + jitter);
        // Between the steps every deadline is kept, so late is as bound as early.
        for ((_, left), (_, came)) in trace.bytes.iter().zip(pushed(&steps)) {
            prop_assert!(*left >= came + least);
            prop_assert!(left.since(came) <= most + Duration::from_millis(1));
        }
    }

    /// Spurious polls and the size of writes change nothing.
    #[test]
    fn polls_and_write_sizes_do_not_matter(steps in steps(), most in 1_usize..3000) {
        prop_assert_eq!(run(&steps, most, true).0, run(&steps, usize::MAX, false).0);
    }

    /// However the bytes were cut into reads of the same moment, they leave at
    /// the same moments.
    #[test]
    fn chunking_does_not_matter(steps in steps_under(effects_by_offset()), size in 1_usize..3000) {
        let cut: Vec<(u64, Step)> = steps.iter().flat_map(|(after, step)| match step {
            Step::Push(bytes, late) => bytes
                .chunks(size)
                .enumerate()
                .map(|(index, part)| (if index == 0 { *after } else { 0 }, Step::Push(part.to_vec(), *late)))
                .collect(),
            Step::Apply(_) | Step::Poll => vec![(*after, step.clone())],
        }).collect();
        prop_assert_eq!(run(&cut, usize::MAX, false).0, run(&steps, usize::MAX, false).0);
    }

    /// Under any faults the link stops reading before the bound is passed.
    #[test]
    fn the_queue_is_bounded(effects in effects(), sizes in prop::collection::vec(1_usize..100_000, 1..20)) {
        let mut link = link();
        link.apply(effects);
        for size in sizes {
            if link.wants_input() {
                let size = size.min(link.room());
                link.push(at(0), Bytes::from(vec![0; size]));
            }
            prop_assert!(link.held <= CAPACITY);
            prop_assert_eq!(link.wants_input(), link.held + link.queue.len() * CHUNK_COST <= CAPACITY - LEAST_ROOM);
        }
    }

    /// After a cut only the end comes, and everything else is thrown away.
    #[test]
    fn a_cut_drops_what_is_held(steps in steps(), reset: bool) {
        let mut link = link();
        link.apply(stalled());
        for (_, step) in &steps {
            if let Step::Push(bytes, _) = step {
                link.push(at(0), Bytes::copy_from_slice(bytes));
            }
        }
        let end = if reset { End::Reset } else { End::Fin };
        link.cut(end);
        let mut trace = Trace::default();
        drain(&mut link, at(1), 100, &mut trace);
        prop_assert_eq!(&trace, &Trace { bytes: vec![], end: Some((end, at(1))) });
        link.push(at(2), Bytes::from_static(b"late"));
        prop_assert_eq!(link.poll(at(9)), Output::Wait);
        prop_assert!(link.wants_input(), "what still comes is read and thrown away");
    }
}

#[test]
fn a_stall_holds_bytes_and_fin_until_it_is_healed() {
    let mut link = link();
    link.apply(stalled());
    link.push(at(0), Bytes::from_static(b"held"));
    link.push_end(at(1), End::Fin);
    assert_eq!(link.poll(at(1_000_000)), Output::Wait);
    assert_eq!(link.deadline(), None);
    link.apply(Effects::default());
    let mut trace = Trace::default();
    drain(&mut link, at(1_000_000), 100, &mut trace);
    assert_eq!(only_bytes(&trace.bytes), b"held");
    assert_eq!(trace.end, Some((End::Fin, at(1_000_000))));
}

#[test]
fn a_removed_delay_lets_go_at_once_and_an_added_one_counts_from_arrival() {
    let mut link = link();
    let slow = delayed(latency(500, 0, Distribution::Uniform));
    link.apply(slow.clone());
    link.push(at(0), Bytes::from_static(b"a"));
    assert_eq!(link.deadline(), Some(at(500)));
    link.apply(Effects::default());
    assert_eq!(link.poll(at(10)), Output::Write(b"a"));
    link.apply(slow);
    assert_eq!(link.deadline(), Some(at(500)));
}

#[test]
fn only_the_upgrades_answer_is_late_and_what_follows_waits_behind_it() {
    let mut link = Link::new(name(), Segments::frames());
    let mut effects = Effects::default();
    effects.delay_answer(Duration::from_millis(300));
    link.apply(effects);
    link.segments().note(Frame {
        index: 1,
        start: 6,
        end: 8,
    });
    link.push(at(0), Bytes::from_static(b"answer\x81\x00"));
    assert_eq!(link.deadline(), Some(at(300)));
    assert_eq!(link.poll(at(300)), Output::Write(b"answer"));
    link.wrote(at(300), 6);
    assert_eq!(link.poll(at(300)), Output::Write(b"\x81\x00"));
    link.wrote(at(300), 2);
    link.push(at(400), Bytes::from_static(b"\x81"));
    assert_eq!(link.poll(at(400)), Output::Write(b"\x81"));
}

#[test]
fn a_late_message_is_late_only_while_its_rule_holds() {
    let late = Late {
        id: LATE,
        delay: Duration::from_millis(500),
    };
    let mut link = link();
    let mut effects = Effects::default();
    effects.allow_late(LATE);
    link.apply(effects);
    link.push_late(at(0), Bytes::from_static(b"a"), Some(late));
    link.push(at(0), Bytes::from_static(b"b"));
    assert_eq!(link.deadline(), Some(at(500)));
    link.apply(Effects::default());
    assert_eq!(link.poll(at(10)), Output::Write(b"a"));
}

#[test]
fn the_same_seed_gives_the_same_delays_and_another_client_others() {
    let trace = |client: &str| {
        let mut link = Link::new(
            LinkName {
                client: Arc::from(client),
                ..name()
            },
            Segments::Raw,
        );
        link.apply(delayed(latency(500, 400, Distribution::Uniform)));
        link.push(at(0), Bytes::from_static(b"a"));
        link.deadline()
    };
    assert_eq!(trace("c1"), trace("c1"));
    assert_ne!(trace("c1"), trace("c2"));
}

#[test]
fn a_cut_lets_exactly_so_many_bytes_pass() {
    let mut link = link();
    let mut effects = Effects::default();
    effects.cut_at(6);
    link.apply(effects);
    link.push(at(0), Bytes::from_static(b"abcd"));
    assert!(link.wants_input());
    link.push(at(0), Bytes::from_static(b"efgh"));
    let mut trace = Trace::default();
    drain(&mut link, at(0), 100, &mut trace);
    assert_eq!(only_bytes(&trace.bytes), b"abcdef");
    assert_eq!(trace.end, Some((End::Cut, at(0))));
    assert_eq!(
        link.damage(),
        Damage {
            discarded: 2,
            corrupted: 0
        }
    );
}

#[test]
fn discarded_bytes_are_swallowed_and_counted() {
    let mut link = link();
    link.push(at(0), Bytes::from_static(b"before"));
    let mut effects = Effects::default();
    effects.discard();
    link.apply(effects);
    link.push(at(0), Bytes::from_static(b"gone"));
    link.apply(Effects::default());
    link.push(at(0), Bytes::from_static(b"after"));
    let mut trace = Trace::default();
    drain(&mut link, at(0), 100, &mut trace);
    assert_eq!(only_bytes(&trace.bytes), b"beforeafter");
    assert_eq!(
        link.damage(),
        Damage {
            discarded: 4,
            corrupted: 0
        }
    );
}

#[test]
fn a_slow_close_delays_the_fin_and_nothing_else() {
    let mut link = link();
    let mut effects = Effects::default();
    effects.delay_fin(Duration::from_millis(300));
    link.apply(effects);
    link.push(at(0), Bytes::from_static(b"x"));
    link.push_end(at(0), End::Fin);
    assert_eq!(link.poll(at(0)), Output::Write(b"x"));
    link.wrote(at(0), 1);
    assert_eq!(
        (link.poll(at(299)), link.deadline()),
        (Output::Wait, Some(at(300)))
    );
    assert_eq!(link.poll(at(300)), Output::ShutdownWrite);
}

#[test]
fn a_slice_leaves_a_gap_between_its_pieces() {
    let mut link = link();
    let mut effects = Effects::default();
    let gap = Duration::from_millis(10);
    effects.slice(
        Arc::from("slice"),
        Slice {
            way: Way::Both,
            size: 2,
            variation: 0,
            gap,
        },
    );
    link.apply(effects);
    link.push(at(0), Bytes::from_static(b"abcde"));
    let mut trace = Trace::default();
    for time in [0, 5, 10, 20] {
        drain(&mut link, at(time), 100, &mut trace);
    }
    let expect = [(b'a', 0), (b'b', 0), (b'c', 10), (b'd', 10), (b'e', 20)];
    assert_eq!(trace.bytes, expect.map(|(byte, time)| (byte, at(time))));
}

proptest! {
    /// Destructive faults lose only what they report, and keep the order.
    #[test]
    fn damage_is_what_is_reported(
        pushes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..3000)), 1..12),
        count in 1_u32..5,
    ) {
        let (mut link, mut expect) = (link(), Vec::new());
        for (is_discarded, bytes) in &pushes {
            let mut effects = Effects::default();
            effects.corrupt(Arc::from("corrupt"), FlipBits { way: Way::Both, bytes: count });
            if *is_discarded {
                effects.discard();
            } else {
                expect.extend_from_slice(bytes);
            }
            link.apply(effects);
            link.push(at(0), Bytes::copy_from_slice(bytes));
        }
        let mut trace = Trace::default();
        drain(&mut link, at(0), usize::MAX, &mut trace);
        let sent: usize = pushes.iter().map(|(_, bytes)| bytes.len()).sum();
        prop_assert_eq!(trace.bytes.len() as u64, sent as u64 - link.damage().discarded);
        let pairs = trace.bytes.iter().zip(&expect);
        let flipped: u32 = pairs.map(|((came, _), sent)| (came ^ sent).count_ones()).sum();
        // Every hit flips one bit; a position drawn twice may flip it back.
        prop_assert!(u64::from(flipped) <= link.damage().corrupted);
        prop_assert_eq!(u64::from(flipped) % 2, link.damage().corrupted % 2);
    }

    /// No window of time carries more than the rate allows, whatever the pushes.
    #[test]
    fn a_rate_is_kept(
        rate in 5_000_u64..200_000,
        burst in 0_u64..5_000,
        pushes in prop::collection::vec((0_u64..60, prop::collection::vec(any::<u8>(), 1..4000)), 1..10),
    ) {
        let mut effects = Effects::default();
        let bandwidth = limit(rate, burst);
        let piece = bandwidth.piece();
        effects.limit(bandwidth);
        let mut steps = vec![(0, Step::Apply(effects))];
        steps.extend(pushes.into_iter().map(|(after, bytes)| (after, Step::Push(bytes, None))));
        steps.push((10_000, Step::Poll));
        let (trace, _) = run(&steps, usize::MAX, false);
        let times: Vec<Moment> = trace.bytes.iter().map(|(_, when)| *when).collect();
        for (first, begin) in times.iter().enumerate().step_by(97) {
            for (last, end) in times.iter().enumerate().skip(first).step_by(89) {
                let most = rate as f64 * end.since(*begin).as_secs_f64() + burst as f64 + 2.0 * piece as f64;
                prop_assert!((last - first) as f64 <= most + 1.0);
            }
        }
    }
}

/// What a stall or a sink that takes nothing held back does not pass at once
/// under a limit: a piece, and what 20 ms carry.
#[test]
fn a_limit_does_not_catch_up_with_a_stall() {
    for is_stalled_first in [true, false] {
        let mut link = link();
        let mut before = if is_stalled_first {
            stalled()
        } else {
            Effects::default()
        };
        if is_stalled_first {
            before.limit(limit(10_000, 0));
        }
        link.apply(before);
        link.push(at(0), Bytes::from(vec![7; 200_000]));
        let mut after = Effects::default();
        after.limit(limit(10_000, 0));
        link.apply(after);
        let mut trace = Trace::default();
        drain(&mut link, at(10_000), usize::MAX, &mut trace);
        assert!(
            trace.bytes.len() <= 300,
            "{} bytes at once under 10 kB/s",
            trace.bytes.len()
        );
    }
}

/// A link that is looked after too late, and holds less than passes meanwhile,
/// keeps its rate all the same, if bytes were waiting for room.
#[test]
fn a_full_link_makes_good_what_it_kept_waiting() {
    let rate = 50_000_000;
    let carried = |is_waiting: bool| {
        let (mut link, mut written) = (link(), 0);
        let mut effects = Effects::default();
        effects.limit(limit(rate, 0));
        link.apply(effects);
        for millis in (0..=1000).step_by(10) {
            // One write, one read, as the shell does; a source that is not waiting
            // has nothing more until the next time.
            while let Output::Write(bytes) = link.poll(at(millis)) {
                let count = bytes.len();
                link.wrote(at(millis), count);
                written += count;
                if is_waiting {
                    fill(&mut link, at(millis));
                }
            }
            fill(&mut link, at(millis));
        }
        written
    };
    let expect = usize::try_from(rate).unwrap();
    assert!(carried(true).abs_diff(expect) < expect / 200);
    assert!(carried(false) < expect * 6 / 10);
}

fn fill(link: &mut Link, now: Moment) {
    if link.wants_input() {
        link.push(now, Bytes::from(vec![7; link.room()]));
    }
}

/// Other changes of the plan do not use up a shared limit.
#[test]
fn a_shared_limit_is_not_used_by_changes() {
    let shared = Arc::default();
    let effects = |delay: u64| {
        let mut effects = delayed(latency(delay, 0, Distribution::Uniform));
        effects.limit(Bandwidth {
            shared: Some(Arc::clone(&shared)),
            ..limit(10_000, 0)
        });
        effects
    };
    let (mut link, mut trace) = (link(), Trace::default());
    link.push(at(0), Bytes::from(vec![7; 1000]));
    for time in 0..500 {
        link.apply(effects(time % 2));
        drain(&mut link, at(time), usize::MAX, &mut trace);
    }
    assert_eq!(trace.bytes.len(), 1000);
}

/// A delay on one way does not hold back the other under a shared limit.
#[test]
fn a_shared_limit_is_used_before_the_delay() {
    let shared = Arc::default();
    let limited = |mut effects: Effects| {
        effects.limit(Bandwidth {
            shared: Some(Arc::clone(&shared)),
            ..limit(10_000, 0)
        });
        effects
    };
    let (mut down, mut up) = (link(), link());
    down.apply(limited(delayed(latency(5000, 0, Distribution::Uniform))));
    up.apply(limited(Effects::default()));
    down.push(at(0), Bytes::from_static(b"x"));
    up.push(at(0), Bytes::from_static(b"x"));
    assert!(up.deadline() < Some(at(10)), "{:?}", up.deadline());
}

#[test]
fn frames_that_were_swallowed_are_forgotten() {
    let mut link = Link::new(name(), Segments::frames());
    let mut effects = Effects::default();
    effects.discard();
    link.apply(effects);
    for index in 0..1000_u64 {
        let (start, end) = (index * 4, index * 4 + 4);
        link.segments().note(segments::Frame {
            index: index + 1,
            start,
            end,
        });
        link.push(at(index), Bytes::from_static(b"\x81\x02hi"));
    }
    assert_eq!(link.passed(), 4000);
    let Segments::Frames(known) = link.segments() else {
        panic!("they were frames")
    };
    assert!(known.len() < 10, "{} are remembered", known.len());
}

#[test]
fn a_reset_follows_a_fin_and_a_forced_end_is_the_last() {
    let mut link = link();
    link.push_end(at(0), End::Fin);
    assert_eq!(link.poll(at(0)), Output::ShutdownWrite);
    link.ended();
    assert!(link.is_ended());
    link.push_end(at(1), End::Reset);
    assert!(!link.is_ended());
    assert_eq!(link.poll(at(1)), Output::Reset);
    let mut link = self::link();
    link.apply(stalled());
    link.cut(End::Fin);
    assert_eq!(
        link.poll(at(0)),
        Output::ShutdownWrite,
        "no stall holds a forced end"
    );
    link.ended();
    link.push_end(at(1), End::Reset);
    assert_eq!(link.poll(at(1)), Output::Wait);
}
