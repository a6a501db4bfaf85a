//! Every trigger by itself: `at`, `every`, `until`, `for`; `on` with each of its
//! keys, `after`; `until_on`.

use super::*;

#[test]
fn a_window_holds_from_at_and_for_so_long() {
    check(
        &["at = '1s'\nfor = '2s'\ninject.stall = {}"],
        |_| {},
        &["1000 struck stall 1 planned 1000", "3000 healed stall 1"],
    );
}

#[test]
fn a_window_at_zero_is_there_as_the_connection_comes() {
    check(
        &["at = '0s'\nfor = '2s'\ninject.stall = {}"],
        |_| {},
        &["0 struck stall 1 planned 0", "2000 healed stall 1"],
    );
}

#[test]
fn without_for_a_hold_ends_with_the_plan() {
    check(
        &["at = '1s'\ninject.stall = {}"],
        |_| {},
        &["1000 struck stall 1 planned 1000", "60000 healed stall 1"],
    );
}

#[test]
fn every_and_until_repeat_a_window_both_ends_included() {
    check(
        &["at = '1s'\nevery = '2s'\nuntil = '5s'\nfor = '500ms'\ninject.stall = {}"],
        |_| {},
        &[
            "1000 struck stall 1 planned 1000",
            "1500 healed stall 1",
            "3000 struck stall 2 planned 3000",
            "3500 healed stall 2",
            "5000 struck stall 3 planned 5000",
            "5500 healed stall 3",
        ],
    );
}

#[test]
fn windows_may_touch() {
    check(
        &["at = '1s'\nevery = '1s'\nuntil = '2s'\nfor = '1s'\ninject.stall = {}"],
        |_| {},
        &[
            "1000 struck stall 1 planned 1000",
            "2000 healed stall 1",
            "2000 struck stall 2 planned 2000",
            "3000 healed stall 2",
        ],
    );
}

#[test]
fn what_strikes_once_strikes_what_is_there() {
    check(
        &["at = '1s'\nevery = '1s'\nuntil = '2s'\ninject.reset = {}"],
        |_| {},
        &[
            "1000 struck reset 1 planned 1000",
            "1000 reset Both",
            "2000 struck reset 2 planned 2000",
            "2000 reset Both",
        ],
    );
}

/// A connection that is accepted at this time, at t = 0 or later.
fn check_accepted_at(text: &str, at: u64, expect: &[&str]) {
    let mut world = World::new(rules(&[text]));
    world.is_spurious = true;
    world.begin();
    world.to(at);
    world.accept();
    world.to(HORIZON);
    assert_eq!(world.take(), expect, "{text:?} at {at}");
}

#[test]
fn one_that_comes_later_is_held_but_not_struck() {
    let stall = "at = '1s'\nfor = '2s'\ninject.stall = {}";
    let held = ["1500 struck stall 1 planned 1500", "3000 healed stall 1"];
    check_accepted_at(stall, 1500, &held);
    check_accepted_at(stall, 3000, &[]);
    let at_once = ["1000 struck stall 1 planned 1000", "3000 healed stall 1"];
    check_accepted_at(stall, 1000, &at_once);
    check_accepted_at("at = '1s'\ninject.reset = {}", 1500, &[]);
    let last = ["2999 struck stall 1 planned 2999", "3000 healed stall 1"];
    check_accepted_at(stall, 2999, &last);
}

#[test]
fn what_began_after_it_was_accepted_is_seen_by_it() {
    let mut world = World::new(rules(&["at = '0s'\ninject.reset = {}"]));
    world.begin();
    let actions = world.machine.accept(&world.in_force, 0, &world.at);
    world.note(actions);
    assert_eq!(world.take(), ["0 struck reset 1 planned 0", "0 reset Both"]);
}

/// What connections 1 to 4 of a client meet.
fn check_attempts(text: &str, expect: [&[&str]; 4]) {
    for (attempt, expect) in (1..).zip(expect) {
        let plan = Plan::new(rules(&[text]), None, Seed(7), millis(HORIZON));
        let mut world = World::of("c1", attempt, plan);
        world.is_spurious = true;
        world.begin();
        world.accept();
        world.to(HORIZON);
        assert_eq!(world.take(), expect, "{text:?} on attempt {attempt}");
    }
}

#[test]
fn attempts_are_counted_and_both_ends_belong_to_a_range() {
    let struck: &[&str] = &["0 struck reset 1", "0 reset Both"];
    let reset = |attempts: &str| format!("on.attempt = {attempts}\ninject.reset = {{}}");
    check_attempts(&reset("2"), [&[], struck, &[], &[]]);
    check_attempts(&reset("'2..3'"), [&[], struck, struck, &[]]);
    check_attempts(&reset("'3..'"), [&[], &[], struck, struck]);
}

#[test]
fn a_hold_on_an_attempt_lasts_for_so_long() {
    check(
        &["on.attempt = 1\nfor = '2s'\ninject.stall = {}"],
        |_| {},
        &["0 struck stall 1", "2000 healed stall 1"],
    );
    check(
        &["on.attempt = 1\ninject.stall = {}"],
        |_| {},
        &["0 struck stall 1", "60000 healed stall 1"],
    );
}

#[test]
fn each_phase_is_waited_for() {
    let phases = [
        ("upgrade", Phase::Upgrade),
        ("open", Phase::Open),
        ("closing", Phase::Closing),
    ];
    for (word, meant) in phases {
        let text = format!("on.phase = '{word}'\ninject.reset = {{}}");
        let script = |world: &mut World| {
            for (at, (_, phase)) in (1..).zip(phases) {
                world.to(at * 1000);
                world.reach(phase);
                let expect = usize::from(phase == meant) * 2;
                assert_eq!(world.take().len(), expect, "{word} at {phase:?}");
            }
        };
        check(&[&text], script, &[]);
    }
    let connect = "on.phase = 'connect'\ninject.reset = {}";
    check(&[connect], |_| {}, &["0 struck reset 1", "0 reset Both"]);
}

#[test]
fn a_phase_that_never_comes_is_never_struck() {
    let closing_only = |world: &mut World| {
        world.to(1000);
        world.reach(Phase::Closing);
    };
    check(&["on.phase = 'open'\ninject.reset = {}"], closing_only, &[]);
}

#[test]
fn bytes_are_counted_to_the_last_one() {
    let script = |world: &mut World| {
        world.to(1000);
        world.deliver(99);
        assert_eq!(world.take(), Vec::<String>::new());
        world.to(2000);
        world.deliver(1);
    };
    check(
        &["on.bytes = 100\ninject.reset = {}"],
        script,
        &["2000 struck reset 1 planned 2000", "2000 reset Both"],
    );
}

#[test]
fn frames_are_counted_to_the_last_one() {
    let script = |world: &mut World| {
        world.to(1000);
        world.frames(2);
        assert_eq!(world.take(), Vec::<String>::new());
        world.to(2000);
        world.frames(1);
    };
    check(
        &["on.frame = 3\ninject.reset = {}"],
        script,
        &["2000 struck reset 1 planned 2000", "2000 reset Both"],
    );
}

#[test]
fn all_parts_of_a_condition_must_be_so() {
    let text = "on = { attempt = 1, phase = 'open', bytes = 10, frame = 2 }\ninject.reset = {}";
    let script = |world: &mut World| {
        world.deliver(10);
        world.frames(2);
        world.to(3000);
        world.reach(Phase::Open);
    };
    let expect = ["3000 struck reset 1 planned 3000", "3000 reset Both"];
    check(&[text], script, &expect);
    let other = text.replace("attempt = 1", "attempt = 2");
    check(&[&other], script, &[]);
}

#[test]
fn after_counts_from_the_condition() {
    let script = |world: &mut World| {
        world.to(1000);
        world.reach(Phase::Open);
        world.to(1999);
        assert_eq!(world.take(), Vec::<String>::new());
    };
    check(
        &["on.phase = 'open'\nafter = '1s'\nfor = '2s'\ninject.stall = {}"],
        script,
        &["2000 struck stall 1 planned 2000", "4000 healed stall 1"],
    );
    check(
        &["on.attempt = 1\nafter = '1s'\ninject.reset = {}"],
        |_| {},
        &["1000 struck reset 1 planned 1000", "1000 reset Both"],
    );
}

#[test]
fn what_waits_for_its_time_has_a_deadline() {
    let mut world = World::begun(rules(&[
        "on.phase = 'open'\nafter = '1s'\nfor = '2s'\ninject.stall = {}",
    ]));
    let deadline = |world: &World| world.machine.deadline(world.at.heard_at);
    assert_eq!(deadline(&world), None);
    assert!(world.machine.is_ruled());
    world.to(1000);
    world.reach(Phase::Open);
    assert_eq!(deadline(&world), Some(moment(2000)));
    world.to(2000);
    assert_eq!(deadline(&world), Some(moment(4000)));
    world.to(4000);
    assert_eq!(deadline(&world), None);
    assert!(!world.machine.is_ruled());
}

#[test]
fn until_on_ends_a_hold_for_the_client() {
    let text = "at = '1s'\nfor = '9s'\nuntil_on.frame = 3\ninject.stall = {}";
    let script = |world: &mut World| {
        world.frames(2);
        world.to(2000);
        assert_eq!(world.take(), ["1000 struck stall 1 planned 1000"]);
        world.frames(1);
        assert_eq!(world.take(), ["2000 healed stall 1"]);
        world.to(3000);
        world.reconnect();
    };
    check(&[text], script, &[]);
}

#[test]
fn until_on_ends_what_still_waits() {
    let text = "on.phase = 'open'\nafter = '2s'\nuntil_on.bytes = 10\ninject.reset = {}";
    let script = |world: &mut World| {
        world.reach(Phase::Open);
        world.to(1000);
        world.deliver(10);
    };
    check(&[text], script, &[]);
}

#[test]
fn until_on_an_attempt_lets_the_earlier_ones_be_struck() {
    let text = "at = '0s'\nuntil_on.attempt = 3\ninject.stall = {}";
    let struck: &[&str] = &["0 struck stall 1 planned 0", "60000 healed stall 1"];
    check_attempts(text, [struck, struck, &[], &[]]);
    let on = "on.attempt = '1..'\nuntil_on.attempt = 2\ninject.reset = {}";
    check_attempts(on, [&["0 struck reset 1", "0 reset Both"], &[], &[], &[]]);
}

#[test]
fn a_rule_is_ended_once_and_reported_once() {
    let mut world = World::begun(rules(&["at = '1s'\nuntil_on.frame = 1\ninject.stall = {}"]));
    world.at.progress.frames = 1;
    for _ in 0..3 {
        let actions = world.machine.progress(&world.in_force, &world.at);
        world.note(actions);
    }
    assert!(world.machine.has_unreported());
    assert_eq!(world.machine.take_unreported(), [0]);
    assert!(!world.machine.has_unreported());
    let actions = world.machine.progress(&world.in_force, &world.at);
    world.note(actions);
    assert!(!world.machine.has_unreported());
}

#[test]
fn before_t_0_nothing_waits_and_nothing_strikes() {
    let mut world = World::new(rules(&[
        "on.attempt = 1\ninject.reset = {}",
        "on.phase = 'open'\nname = 'open'\ninject.reset = {}",
        "on.frame = 1\nname = 'frame'\ninject.stall = {}",
    ]));
    world.accept();
    world.reach(Phase::Open);
    world.to(1000);
    assert_eq!(world.take(), Vec::<String>::new());
    world.begin();
    // It was there, and has been open: that does not come again.
    assert_eq!(world.take(), Vec::<String>::new());
    world.to(2000);
    world.frames(1);
    assert_eq!(world.take(), ["2000 struck frame 1 planned 2000"]);
    world.reconnect();
    world.reach(Phase::Open);
    let expect = ["2000 struck open 1 planned 2000", "2000 reset Both"];
    assert_eq!(world.take(), expect);
}
