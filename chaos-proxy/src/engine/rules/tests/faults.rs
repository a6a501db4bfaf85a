//! What each kind of fault asks of the connection, and what it does not.

use environment::Direction;

use super::*;
use crate::event::Peer;
use crate::fault::{Expiry, How, Way};
use crate::link::Effects;
use crate::websocket::{FrameRuleId, Opcode};

const NOTHING: [&str; 0] = [];

const FIRST: FrameRuleId = FrameRuleId {
    rule: 0,
    occurrence: 1,
};

fn held_by(inject: &str) -> World {
    World::begun(rules(&[&format!("name = 'r'\nat = '0s'\ninject.{inject}")]))
}

#[test]
fn close_and_reset_are_about_a_side() {
    for (word, said) in [("close", "close"), ("reset", "reset")] {
        for side in ["client", "server", "both"] {
            let text = format!("at = '1s'\ninject.{word}.side = '{side}'");
            let mut upper = side.to_owned();
            upper[..1].make_ascii_uppercase();
            let expect = format!("1000 {said} {upper}");
            let struck = format!("1000 struck {word} 1 planned 1000");
            check(&[&text], |_| {}, &[&struck, &expect]);
        }
    }
}

#[test]
fn a_rejected_connection_meets_nothing_more_of_its_entry() {
    let texts = [
        "name = 'a'\non.attempt = 1\ninject.reject = {}",
        "name = 'b'\non.attempt = 1\ninject.stall = {}",
    ];
    let world = World::begun(rules(&texts));
    assert_eq!(world.said, ["0 struck a 1", "0 reject"]);
}

#[test]
fn accept_silent_leaves_the_server_and_needs_no_delay_of_its_dial() {
    let texts = [
        "name = 'a'\non.attempt = 1\ninject.accept_silent = {}",
        "name = 'b'\non.attempt = 1\ninject.connect_delay.delay = '1s'",
    ];
    let world = World::begun(rules(&texts));
    assert_eq!(world.said, ["0 struck a 1", "0 leave server"]);
}

#[test]
fn a_server_that_is_reset_is_not_dialled_late() {
    let texts = [
        "name = 'a'\non.attempt = 1\ninject.reset.side = 'server'",
        "name = 'b'\non.attempt = 1\ninject.connect_delay.delay = '1s'",
    ];
    let world = World::begun(rules(&texts));
    assert_eq!(world.said, ["0 struck a 1", "0 reset Server"]);
    let client = texts[0].replace("server", "client");
    let world = World::begun(rules(&[&client, texts[1]]));
    assert_eq!(
        world.said,
        ["0 struck a 1", "0 reset Client", "0 struck b 1"]
    );
}

#[test]
fn delays_of_the_dial_add_up() {
    let texts = [
        "name = 'a'\non.attempt = 1\ninject.connect_delay.delay = '1s'",
        "name = 'b'\non.attempt = 1\nfor = '3s'\ninject.connect_delay.delay = '2s'",
    ];
    let mut world = World::begun(rules(&texts));
    assert_eq!(world.take(), ["0 struck a 1", "0 struck b 1"]);
    assert_eq!(world.machine.dial_at(moment(10)), moment(3010));
    world.to(3000);
    assert_eq!(world.machine.dial_at(moment(10)), moment(1010));
}

#[test]
fn what_is_about_listeners_does_nothing_to_connections() {
    check(
        &["at = '1s'\nfor = '1s'\ninject.refuse = {}"],
        |_| {},
        &NOTHING,
    );
    check(
        &["at = '1s'\nfor = '1s'\ninject.reject = {}"],
        |_| {},
        &NOTHING,
    );
}

#[test]
fn a_cut_behind_bytes_counts_from_when_it_took_hold() {
    let mut world = World::begun(Vec::new());
    world.deliver(1000);
    world.put(rule("name = 'r'\nat = '0s'\ninject.cut.bytes = 300"), None);
    let mut expect = Effects::default();
    expect.cut_at(1300);
    assert_eq!(world.machine.effects(Direction::Downstream), expect);
    assert_eq!(
        world.machine.effects(Direction::Upstream),
        Effects::default()
    );
    assert_eq!(world.take(), NOTHING);
    world.at.downstream.cut = Some(CutBy::Bytes);
    let actions = world.machine.cut(Peer::Client, &world.at);
    world.note(actions);
    assert_eq!(world.take(), ["0 struck r 1", "0 close Both"]);
    assert_eq!(world.machine.cut(Peer::Client, &world.at), []);
}

#[test]
fn of_several_cuts_the_first_in_the_stream_is_made() {
    let mut world = World::begun(rules(&[
        "name = 'a'\nat = '0s'\ninject.cut.bytes = 500",
        "name = 'b'\nat = '0s'\ninject.cut = { bytes = 300, how = 'reset', side = 'client' }",
        "name = 'c'\nat = '0s'\ninject.cut = { bytes = 100, direction = 'upstream' }",
    ]));
    world.at.downstream.cut = Some(CutBy::Bytes);
    let actions = world.machine.cut(Peer::Client, &world.at);
    world.note(actions);
    assert_eq!(
        world.take(),
        ["0 struck b 1", "0 reset Client behind Client"]
    );
}

#[test]
fn a_cut_that_has_let_its_last_byte_in_outlives_its_rule() {
    for has_come in [true, false] {
        let mut world = World::begun(rules(&[
            "name = 'r'\nat = '0s'\nfor = '1s'\ninject.cut.bytes = 300",
        ]));
        world.at.downstream.cut = has_come.then_some(CutBy::Bytes);
        world.to(2000);
        assert_eq!(world.machine.is_ruled(), has_come);
        let actions = world.machine.cut(Peer::Client, &world.at);
        assert_eq!(actions.is_empty(), !has_come);
        assert_eq!(world.take(), NOTHING);
    }
}

/// What holds it back may do so for long: it waits for no time of its own.
#[test]
fn a_cut_that_outlives_its_rule_has_no_deadline() {
    let mut world = World::begun(rules(&[
        "name = 'r'\nat = '0s'\nfor = '1s'\ninject.cut.bytes = 300",
        "name = 'on'\non.attempt = 1\nfor = '1s'\ninject.cut.bytes = 400",
    ]));
    world.at.downstream.cut = Some(CutBy::Bytes);
    world.to(2000);
    assert!(world.machine.is_ruled());
    assert_eq!(world.machine.deadline(world.at.heard_at), None);
}

#[test]
fn a_cut_inside_a_frame_is_made_by_the_rule_that_said_so() {
    let mut world = World::begun(rules(&[
        "name = 'a'\nat = '0s'\nfor = '1s'\ninject.cut.frame = 2",
        "name = 'b'\nat = '0s'\nfor = '1s'\ninject.cut.frame = 1",
    ]));
    let second = FrameRuleId { rule: 1, ..FIRST };
    world.at.downstream.cut = Some(CutBy::Frame(second));
    let actions = world
        .machine
        .edited(second, Direction::Downstream, 7, Opcode::Text);
    world.note(actions);
    // It strikes when all before it has left.
    assert_eq!(world.take(), ["0 frame b 7"]);
    world.to(2000);
    assert!(world.machine.is_ruled(), "carried out, healed or not");
    let actions = world.machine.cut(Peer::Client, &world.at);
    world.note(actions);
    assert_eq!(world.take(), ["2000 struck b 1", "2000 close Both"]);
    assert!(!world.machine.is_ruled());
}

#[test]
fn a_silence_ends_the_connection_and_bytes_put_it_off() {
    let text = "name = 'r'\nat = '0s'\ninject.idle_timeout = { delay = '2s', how = 'reset' }";
    let mut world = World::begun(rules(&[text]));
    world.is_spurious = true;
    world.to(1500);
    world.deliver(1);
    world.to(3499);
    assert_eq!(world.take(), NOTHING);
    assert_eq!(
        world.machine.deadline(world.at.heard_at),
        Some(moment(3500))
    );
    world.to(9000);
    assert_eq!(
        world.take(),
        ["3500 struck r 1 planned 3500", "3500 reset Both"]
    );
    assert!(!world.machine.is_ruled());
}

#[test]
fn a_silence_is_counted_from_the_hold_on() {
    check(
        &["name = 'r'\nat = '5s'\ninject.idle_timeout.delay = '2s'"],
        |_| {},
        &["7000 struck r 1 planned 7000", "7000 close Both"],
    );
}

fn expiry(delay: Option<u64>, swallows: Option<Way>) -> Rule {
    let fault = Fault::Expiry(Expiry {
        delay: delay.map(millis),
        awaits_bytes: false,
        how: How::Reset,
        swallows,
        ends_when_healed: true,
    });
    Rule::by_hand("r", fault, Target::All)
}

#[test]
fn an_expiry_ends_the_connection_whatever_flows() {
    let mut world = World::begun(Vec::new());
    world.put(expiry(Some(2000), None), None);
    world.to(1500);
    world.deliver(1);
    assert_eq!(world.take(), NOTHING);
    world.to(9000);
    assert_eq!(
        world.take(),
        ["2000 struck r 1 planned 2000", "2000 reset Both"]
    );
}

#[test]
fn an_expiry_that_swallows_strikes_at_once_and_closes_when_it_is_removed() {
    let mut world = World::begun(Vec::new());
    world.put(expiry(None, Some(Way::Upstream)), None);
    let mut discard = Effects::default();
    discard.discard();
    assert_eq!(world.machine.effects(Direction::Upstream), discard);
    assert_eq!(
        world.machine.effects(Direction::Downstream),
        Effects::default()
    );
    assert_eq!(world.take(), ["0 struck r 1 planned 0"]);
    world.to(1000);
    world.remove("r");
    assert_eq!(world.take(), ["1000 healed r 1", "1000 close Both"]);
}

#[test]
fn a_rule_about_frames_strikes_at_its_first_frame_and_heals_if_it_did() {
    for has_come in [true, false] {
        let mut world = held_by("drop_frame.index = 2");
        assert_eq!(world.take(), NOTHING);
        if has_come {
            world.to(1000);
            for index in [2, 3] {
                let edited =
                    world
                        .machine
                        .edited(FIRST, Direction::Downstream, index, Opcode::Text);
                world.note(edited);
            }
            let expect = ["1000 struck r 1", "1000 frame r 2", "1000 frame r 3"];
            assert_eq!(world.take(), expect);
        }
        world.to(HORIZON);
        assert_eq!(world.take().len(), usize::from(has_come));
    }
}

#[test]
fn a_close_frame_waits_for_a_boundary_until_the_heal() {
    let mut world = World::begun(rules(&["name = 'r'\nat = '1s'\ninject.close_frame = {}"]));
    world.to(5000);
    assert_eq!(world.machine.edits(Direction::Downstream).orders.len(), 1);
    assert_eq!(world.take(), NOTHING);
    let edited = world
        .machine
        .edited(FIRST, Direction::Downstream, 4, Opcode::Close);
    world.note(edited);
    assert_eq!(world.take(), ["5000 struck r 1", "5000 frame r 4"]);
    world.to(HORIZON);
    assert!(!world.machine.is_ruled());
    assert_eq!(world.take(), NOTHING);
}

#[test]
fn an_answer_is_given_once_and_the_server_hears_nothing() {
    let mut world = held_by("upgrade_reply.status = 503");
    assert!(world.machine.edits(Direction::Upstream).asks);
    assert!(!world.machine.edits(Direction::Downstream).asks);
    let actions = world.machine.answer(FIRST);
    world.note(actions);
    let expect = ["0 struck r 1", "0 leave server", "0 answer Some(503) true"];
    assert_eq!(world.take(), expect);
    world.to(HORIZON);
    assert_eq!(world.take(), NOTHING);
}

#[test]
fn only_an_answering_rule_answers() {
    let mut world = held_by("stall = {}");
    assert!(!world.machine.edits(Direction::Upstream).asks);
    assert_eq!(world.machine.answer(FIRST), []);
}

#[test]
fn what_compression_would_break_is_known_from_the_rules() {
    let refuses = |inject| {
        let world = held_by(inject);
        world.machine.edits(Direction::Upstream).refuses_extensions
    };
    assert!(refuses("drop_frame = {}"));
    assert!(!refuses("stall = {}"));
}

#[test]
fn powerless_is_told_once() {
    let mut world = held_by("drop_frame = {}");
    for _ in 0..2 {
        let action = world.machine.powerless(FIRST, "it is compressed");
        world.note(action);
    }
    assert_eq!(world.take(), ["0 powerless r"]);
}

#[test]
fn without_frames_their_rules_are_powerless_and_nothing_is_edited() {
    let plan = Plan::new(Vec::new(), None, Seed(7), millis(HORIZON));
    let mut world = World::of("c1", 1, plan);
    let traits = Traits {
        number: 5,
        has_frames: false,
        reads_messages: false,
        is_subject: true,
    };
    let rules = Arc::clone(&world.in_force.rules);
    world.machine = Machine::new(rules, Arc::from("c1"), 1, traits);
    world.begin();
    world.accept();
    world.put(
        rule("name = 'r'\nat = '0s'\ninject.upgrade_delay.delay = '1s'"),
        None,
    );
    assert_eq!(world.take(), ["0 powerless r", "0 struck r 1 planned 0"]);
    assert_eq!(world.machine.edits(Direction::Upstream), Default::default());
}

#[test]
fn effects_are_those_of_the_faults_in_their_direction() {
    fn only(make: impl FnOnce(&mut Effects)) -> Effects {
        let mut effects = Effects::default();
        make(&mut effects);
        effects
    }
    let both = |inject: &str| {
        let world = held_by(inject);
        [Direction::Upstream, Direction::Downstream].map(|way| world.machine.effects(way))
    };
    let none = Effects::default;
    let stall = only(Effects::stall);
    assert_eq!(both("stall = {}"), [stall.clone(), stall.clone()]);
    assert_eq!(both("stall.direction = 'upstream'"), [stall, none()]);
    let discard = only(Effects::discard);
    assert_eq!(both("discard.direction = 'downstream'"), [none(), discard]);
    let late = only(|effects| effects.delay_answer(millis(20)));
    assert_eq!(both("upgrade_delay.delay = '20ms'"), [none(), late]);
    let slow = only(|effects| effects.delay_fin(millis(20)));
    assert_eq!(both("slow_close.delay = '20ms'"), [slow.clone(), slow]);
    let late = only(|effects| effects.allow_late(FIRST));
    assert_eq!(both("delay_frame.delay = '20ms'"), [late.clone(), late]);
    for inject in [
        "latency.delay = '9ms'",
        "bandwidth.rate = '1KB/s'",
        "slice.size = '1B'",
        "corrupt = {}",
    ] {
        assert!(
            both(inject).iter().all(|effects| *effects != none()),
            "{inject}"
        );
    }
}

#[test]
fn an_expiry_that_awaits_bytes_counts_from_them_on_new_connections_alone() {
    let awaiting = |delay| {
        let mut rule = expiry(Some(delay), Some(Way::Downstream));
        if let Fault::Expiry(it) = &mut rule.fault {
            (it.awaits_bytes, it.ends_when_healed) = (true, false);
        }
        rule
    };
    let mut open = World::begun(Vec::new());
    open.put(awaiting(2000), None);
    assert_eq!(open.machine.deadline(open.at.heard_at), Some(moment(2000)));
    open.to(9000);
    let reset = |at: u64| {
        [
            format!("{at} struck r 1 planned {at}"),
            format!("{at} reset Both"),
        ]
    };
    assert_eq!(open.take(), reset(2000));
    open.reconnect();
    assert!(open.take().is_empty(), "it is told when it resets");
    assert_eq!(open.machine.deadline(open.at.heard_at), None);
    open.to(20_000);
    assert_eq!(open.take(), NOTHING);
    open.at.downstream.has_ended = true;
    open.turn();
    open.to(30_000);
    assert_eq!(open.take(), reset(22_000));
}

#[test]
fn what_goes_wrong_with_tls_is_asked_of_the_connection_once() {
    let stall = "on.attempt = 1\ninject.tls_stall = {}";
    check(&[stall], |_| {}, &["0 secure tls_stall 1"]);
    let end = "at = \"1s\"\ninject.tls_truncate = {}";
    check(&[end], |_| {}, &["1000 secure tls_truncate 1"]);
    // Connections that are there already have made their handshake.
    let late = "at = \"1s\"\nfor = \"1s\"\ninject.tls_alert = {}";
    check(&[late], |_| {}, &[]);
}
