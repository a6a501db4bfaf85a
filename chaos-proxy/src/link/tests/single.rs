//! Each fault by itself, manually.

use super::*;

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
    let mut link = Link::new(name(), Segments::frames(), UnderWay::default());
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
    link.push_late(at(0), Bytes::from_static(b"a"), Some(late), at(0));
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
            UnderWay::default(),
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
        (link.deadline(), link.poll(at(299))),
        (Some(at(300)), Output::Wait)
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

#[test]
fn frames_that_were_swallowed_are_forgotten() {
    let mut link = Link::new(name(), Segments::frames(), UnderWay::default());
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
