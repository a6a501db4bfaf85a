//! Rules that are added, changed and removed while a connection is there; the
//! heal, the rounds of a plan that repeats, and a name that comes late.

use super::*;

const NOTHING: [&str; 0] = [];

#[test]
fn an_added_rule_acts_now_and_heals_when_it_is_removed() {
    let mut world = World::begun(Vec::new());
    world.to(1000);
    world.put(rule("at = '7s'\ninject.stall = {}"), None);
    assert_eq!(world.take(), ["1000 struck stall 1 planned 1000"]);
    world.to(2000);
    world.reconnect();
    assert_eq!(world.take(), ["2000 struck stall 1 planned 2000"]);
    world.to(3000);
    world.remove("stall");
    assert_eq!(world.take(), ["3000 healed stall 1"]);
}

#[test]
fn an_added_rule_is_removed_after_its_time() {
    let mut world = World::begun(Vec::new());
    world.put(rule("at = '0s'\ninject.stall = {}"), Some(1500));
    world.to(1499);
    assert_eq!(world.take(), ["0 struck stall 1 planned 0"]);
    world.to(9000);
    assert_eq!(world.take(), ["1500 healed stall 1"]);
}

#[test]
fn an_added_reset_strikes_what_is_there_and_is_not_kept() {
    let mut world = World::begun(Vec::new());
    world.put(rule("at = '0s'\ninject.reset = {}"), None);
    assert_eq!(world.take(), ["0 struck reset 1 planned 0", "0 reset Both"]);
    world.reconnect();
    assert_eq!(world.take(), NOTHING);
    world.put(rule("at = '0s'\ninject.reset = {}"), None);
    assert_eq!(world.take(), ["0 struck reset 1 planned 0", "0 reset Both"]);
}

#[test]
fn an_added_rule_on_connections_waits_for_what_is_still_to_come() {
    let open = rule("name = 'o'\non.phase = 'open'\ninject.reset = {}");
    let frames = rule("name = 'f'\non.frame = 2\nfor = '1s'\ninject.stall = {}");
    let accept = rule("name = 'a'\non.attempt = '1..'\ninject.reset = {}");
    let mut world = World::begun(Vec::new());
    world.reach(Phase::Open);
    world.frames(1);
    for rule in [open, frames, accept] {
        world.put(rule, None);
    }
    world.to(1000);
    assert_eq!(world.take(), NOTHING);
    world.frames(1);
    assert_eq!(world.take(), ["1000 struck f 1 planned 1000"]);
    world.to(3000);
    assert_eq!(world.take(), ["2000 healed f 1"]);
    world.reconnect();
    assert_eq!(world.take(), ["3000 struck a 1", "3000 reset Both"]);
}

#[test]
fn what_waits_for_a_rule_that_is_removed_waits_no_more() {
    let mut world = World::begun(Vec::new());
    world.put(rule("on.frame = 1\nafter = '1s'\ninject.reset = {}"), None);
    world.frames(1);
    assert!(world.machine.deadline(moment(0)).is_some());
    world.to(500);
    world.remove("reset");
    assert!(!world.machine.is_ruled());
    world.to(5000);
    assert_eq!(world.take(), NOTHING);
}

#[test]
fn a_changed_rule_goes_on_holding_from_when_it_did() {
    let mut world = World::begun(Vec::new());
    world.put(
        rule("name = 'r'\nat = '0s'\ninject.idle_timeout.delay = '2s'"),
        None,
    );
    world.to(1000);
    world.put(
        rule("name = 'r'\nat = '0s'\ninject.idle_timeout.delay = '3s'"),
        None,
    );
    assert_eq!(world.take(), NOTHING);
    world.to(2999);
    assert_eq!(world.take(), NOTHING);
    world.to(3000);
    assert_eq!(
        world.take(),
        ["3000 struck r 1 planned 3000", "3000 close Both"]
    );
}

#[test]
fn a_changed_rule_is_neither_struck_again_nor_healed() {
    let mut world = World::begun(Vec::new());
    let discard = "name = 'r'\nat = '0s'\ninject.discard = { direction = 'upstream' }";
    world.put(rule("name = 'r'\nat = '0s'\ninject.stall = {}"), None);
    assert_eq!(world.take(), ["0 struck r 1 planned 0"]);
    world.put(rule(discard), None);
    assert_eq!(world.take(), NOTHING);
    let none = crate::link::Effects::default();
    assert_eq!(
        world.machine.effects(environment::Direction::Downstream),
        none
    );
    assert_ne!(
        world.machine.effects(environment::Direction::Upstream),
        none
    );
    world.remove("r");
    assert_eq!(world.take(), ["0 healed r 1"]);
}

#[test]
fn a_rule_on_connections_that_is_changed_waits_as_it_is_now() {
    let on = |bytes: u64| {
        rule(&format!(
            "on.bytes = {bytes}\nfor = '1s'\ninject.stall = {{}}"
        ))
    };
    let mut world = World::begun(Vec::new());
    world.put(on(100), None);
    world.put(on(50), None);
    world.deliver(50);
    assert_eq!(world.take(), ["0 struck stall 1 planned 0"]);
    world.put(on(200), None);
    assert_eq!(world.take(), NOTHING);
    world.to(1000);
    assert_eq!(world.take(), ["1000 healed stall 1"]);
}

#[test]
fn a_rule_that_was_over_for_a_client_and_is_added_again_is_not() {
    let text = "at = '0s'\nuntil_on.frame = 1\ninject.stall = {}";
    let mut world = World::begun(Vec::new());
    world.put(rule(text), None);
    world.frames(1);
    assert_eq!(
        world.take(),
        ["0 struck stall 1 planned 0", "0 healed stall 1"]
    );
    world.reconnect();
    assert_eq!(world.take(), NOTHING);
    world.remove("stall");
    world.put(rule(text), None);
    assert_eq!(world.take(), ["0 struck stall 1 planned 0"]);
}

#[test]
fn several_changes_may_come_as_one() {
    let mut world = World::begun(rules(&[
        "name = 'a'\nat = '1s'\nfor = '1s'\ninject.stall = {}",
        "name = 'b'\nat = '3s'\ninject.reset = {}",
        "name = 'c'\nat = '4s'\nfor = '9s'\ninject.stall = {}",
    ]));
    world.at.now = moment(5000);
    world.advance();
    world.change();
    let expect = [
        "5000 struck b 1 planned 3000",
        "5000 reset Both",
        "5000 struck c 1 planned 4000",
    ];
    // A hold that began and ended meanwhile held nothing.
    assert_eq!(world.take(), expect);
}

#[test]
fn a_heal_lets_everything_go_and_disarms_the_rest() {
    let mut world = World::begun(rules(&[
        "name = 'held'\nat = '1s'\ninject.stall = {}",
        "name = 'first'\non.attempt = 1\ninject.stall = {}",
        "name = 'later'\non.frame = 1\ninject.reset = {}",
        "name = 'planned'\nat = '5s'\ninject.reset = {}",
    ]));
    world.put(rule("name = 'added'\nat = '0s'\ninject.stall = {}"), None);
    world.to(2000);
    world.take();
    world.heal();
    let expect = [
        "2000 healed first 1",
        "2000 healed added 1",
        "2000 healed held 1",
    ];
    assert_eq!(world.take(), expect);
    assert!(!world.machine.is_ruled());
    world.frames(1);
    world.to(HORIZON);
    world.reconnect();
    assert_eq!(world.take(), NOTHING);
}

#[test]
fn the_end_of_the_plan_leaves_what_was_added() {
    let mut world = World::begun(rules(&["name = 'planned'\nat = '1s'\ninject.stall = {}"]));
    world.put(rule("name = 'added'\nat = '0s'\ninject.stall = {}"), None);
    world.put(
        rule("name = 'waits'\non.frame = 1\ninject.reset = {}"),
        None,
    );
    world.to(HORIZON);
    world.take();
    assert!(world.machine.is_ruled());
    world.frames(1);
    let expect = ["60000 struck waits 1 planned 60000", "60000 reset Both"];
    assert_eq!(world.take(), expect);
    world.remove("added");
    assert_eq!(world.take(), ["60000 healed added 1"]);
}

#[test]
fn each_round_of_a_plan_strikes_anew() {
    let mut world = World::new(rules(&[
        "name = 'window'\nat = '1s'\nfor = '2s'\ninject.stall = {}",
        "name = 'frame'\non.frame = 3\ninject.reset = {}",
        "name = 'second'\non.attempt = 2\ninject.stall = {}",
        "name = 'once'\nat = '0s'\nuntil_on.bytes = 9\ninject.stall = {}",
    ]));
    (world.repeats, world.is_spurious) = (true, true);
    world.begin();
    world.accept();
    world.deliver(9);
    world.frames(1);
    world.reconnect();
    let expect = [
        "0 struck once 1 planned 0",
        "0 healed once 1",
        "0 struck second 1",
    ];
    assert_eq!(world.take(), expect);
    world.to(5000);
    assert_eq!(
        world.take(),
        ["1000 struck window 1 planned 1000", "3000 healed window 1"]
    );
    world.deliver(20);
    world.to(HORIZON + 5000);
    // It is old: its number strikes nothing, and bytes that have gone end nothing.
    let expect = [
        "60000 healed second 1",
        "60000 struck once 1 planned 60000",
        "61000 struck window 1 planned 61000",
        "63000 healed window 1",
    ];
    assert_eq!(world.take(), expect);
    world.frames(3);
    assert_eq!(
        world.take(),
        ["65000 struck frame 1 planned 65000", "65000 reset Both"]
    );
    // What holds when its next round begins with t = 0 goes on holding.
    world.to(2 * HORIZON);
    assert_eq!(world.take(), NOTHING);
    assert!(world.machine.is_ruled());
}

#[test]
fn a_name_brings_its_rules_and_keeps_what_holds() {
    let mut world = World::new(rules(&[
        "name = 'all'\nat = '0s'\ninject.stall = {}",
        "name = 'mine'\nat = '0s'\ntarget.clients = ['bob']\ninject.stall = {}",
        "name = 'ordinal'\non.attempt = 1\ninject.stall = {}",
        "name = 'third'\non.attempt = 3\ninject.stall = {}",
        "name = 'late'\non.frame = 1\ntarget.clients = ['bob']\ninject.reset = {}",
        "name = 'once'\nat = '0s'\ninject.reset = {}",
    ]));
    world.is_spurious = true;
    world.begin();
    world.accept();
    assert_eq!(
        world.take(),
        ["0 struck all 1 planned 0", "0 struck ordinal 1"]
    );
    world.to(1000);
    world.rename("bob", 3);
    let expect = [
        "1000 struck mine 1 planned 1000",
        "1000 struck third 1",
        "1000 healed ordinal 1",
    ];
    assert_eq!(world.take(), expect);
    assert_eq!(
        (&**world.machine.client(), world.machine.attempt()),
        ("bob", 3)
    );
    world.frames(1);
    assert_eq!(
        world.take(),
        ["1000 struck late 1 planned 1000", "1000 reset Both"]
    );
}

#[test]
fn a_close_frame_that_still_waits_is_kept_with_the_name() {
    let mut world = World::begun(rules(&["at = '1s'\ninject.close_frame = {}"]));
    world.to(1000);
    world.rename("bob", 1);
    let edits = world.machine.edits(environment::Direction::Downstream);
    assert_eq!(edits.orders.len(), 1);
    assert_eq!(world.take(), NOTHING);
}

#[test]
fn what_an_ordinal_has_ended_is_not_ended_for_the_name() {
    let text = "at = '0s'\nuntil_on.bytes = 1\ninject.stall = {}";
    let mut world = World::begun(rules(&[text]));
    world.at.progress.bytes = 1;
    let actions = world.machine.progress(&world.in_force, &world.at);
    world.note(actions);
    world.at.progress.bytes = 0;
    world.rename("bob", 1);
    assert_eq!(world.take(), ["0 struck stall 1 planned 0"]);
    assert!(world.machine.is_ruled());
}
