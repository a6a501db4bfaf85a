//! A rate is kept, whatever the pushes, the stalls and the changes.

use super::*;

proptest! {
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
