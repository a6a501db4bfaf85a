use super::*;
use crate::journal::builder::{JournalBuilder, ms};
use crate::language::sample::scenario;
use chaos_proxy::Ending;

const STALL: &str = "[[fault]]\nat = '4s'\nfor = '20s'\ninject.stall = {}\n[expect]\nlost = 0\n";

fn found_with(text: &str, story: &JournalBuilder, is_websocket: bool) -> Vec<Contradiction> {
    let plan = scenario(text).plan(environment::Seed(1));
    contradictions(&Observations::of(&story.entries()), &plan, is_websocket)
}

fn found(story: &JournalBuilder) -> Vec<Contradiction> {
    found_with(STALL, story, true)
}

/// Live from 10 ms on, with a session and its first ticks.
fn live() -> JournalBuilder {
    JournalBuilder::run(30_000, 35_000, 35_500)
        .proxy("c1", 1, Proxy::UpstreamConnected, 1)
        .connected("c1", 1, 0, 10)
        .socket_opened(1, "s", 5)
        .client("c1", Client::Opened { dial: 1 }, 9)
        .welcomed("c1", 1, "s", 11)
        .ticks("s", 1..=100, 100)
        .applied("c1", "s", 1..=100, 101)
}

fn received(story: JournalBuilder, at: u64) -> JournalBuilder {
    story.client("c1", Client::Received { dial: 1 }, at)
}

fn messages(count: usize, first: u64) -> Vec<Contradiction> {
    vec![Contradiction::Messages {
        client: "c1".into(),
        count,
        first: Duration::from_millis(first),
    }]
}

#[test]
fn witnesses_who_agree_are_not_contradicted() {
    assert_eq!(found(&live()), []);
    // Nor is anybody by one who tells of nothing.
    let alone = JournalBuilder::run(30_000, 35_000, 35_500)
        .client("c1", Client::Opened { dial: 1 }, 9)
        .welcomed("c1", 1, "s", 11)
        .applied("c1", "s", 1..=3, 101)
        .socket_opened(1, "t", 5);
    let strange = found(&alone);
    assert!(
        matches!(strange[..], [Contradiction::Session { .. }]),
        "{strange:?}"
    );
}

#[test]
fn messages_of_a_client_to_which_nothing_ever_passed() {
    let story = JournalBuilder::run(30_000, 35_000, 35_500)
        .accepted("c1", 1, 0)
        .connected("c2", 1, 0, 10);
    let story = received(received(story, 500), 900);
    assert_eq!(found(&story), messages(2, 500));
}

#[test]
fn messages_while_the_only_connection_is_silent_or_gone() {
    let silent = live().stalled("c1", 1, 4000);
    // What was in the client already may be told of for a while.
    assert_eq!(found(&received(silent.clone(), 6000)), []);
    assert_eq!(found(&received(silent.clone(), 6001)), messages(1, 6001));
    let healed = silent.resumed("c1", 1, 9000);
    assert_eq!(
        found(&received(healed.clone(), 7000)),
        [],
        "it may be written down late"
    );
    assert_eq!(found(&received(healed, 6999)), messages(1, 6999));
    let left = live().left("c1", 1, Ending::Fin, 4000);
    assert_eq!(found(&received(left.clone(), 6001)), [], "it may read on");
    let gone = left.closed("c1", 1, 4000);
    assert_eq!(found(&received(gone.clone(), 6001)), messages(1, 6001));
    let replaced = gone.connected("c1", 2, 5000, 5010);
    assert_eq!(found(&received(replaced, 6001)), []);
}

#[test]
fn who_slept_tells_of_what_it_had_got_before_when_it_wakes_up() {
    let told = |action: &str| Mark::Action {
        action: action.into(),
        targets: ["c1".to_owned()].into(),
    };
    let slept = |story: JournalBuilder| story.mark(told("sleep"), 3500).mark(told("wake"), 9000);
    let silent = live().stalled("c1", 1, 4000);
    assert_eq!(found(&received(silent.clone(), 9100)), messages(1, 9100));
    assert_eq!(found(&received(slept(silent.clone()), 9100)), []);
    // Not indefinitely.
    assert_eq!(found(&received(slept(silent), 11_500)), messages(1, 11_500));
}

#[test]
fn a_tick_that_was_made_when_nothing_passed_any_more_did_not_come_that_way() {
    let silent = live().stalled("c1", 1, 4000);
    let late = silent.clone().applied("c1", "s", 100..=100, 4500);
    assert_eq!(found(&late), [], "it was made, and on its way, before");
    let past = silent
        .ticks("s", 101..=101, 4100)
        .applied("c1", "s", 101..=101, 4101);
    assert_eq!(found(&past), messages(1, 4101));
}

#[test]
fn an_answer_of_any_kind_may_bring_messages() {
    let story = JournalBuilder::run(30_000, 35_000, 35_500)
        .accepted("c1", 1, 0)
        .proxy("c1", 1, Proxy::Upgraded { status: 200 }, 500);
    assert_eq!(found(&received(story, 600)), []);
}

#[test]
fn open_connections_that_the_proxy_never_saw_answered() {
    let opened = |story: JournalBuilder, at| story.client("c1", Client::Opened { dial: 2 }, at);
    let again = live()
        .left("c1", 1, Ending::Fin, 4000)
        .accepted("c1", 2, 4500);
    let expected = [Contradiction::Opened {
        client: "c1".into(),
        told: 2,
        seen: 1,
        at: Duration::from_millis(5000),
    }];
    assert_eq!(found(&opened(again.clone(), 5000)), expected);
    // What is raw is open as soon as it is accepted.
    assert_eq!(found_with(STALL, &opened(again.clone(), 5000), false), []);
    let answered = |at| again.clone().opened("c1", 2, at);
    assert_eq!(found(&opened(answered(4600), 5000)), []);
    assert_eq!(
        found(&opened(answered(7000), 5000)),
        [],
        "written down late"
    );
    assert_eq!(found(&opened(answered(7001), 5000)), expected);
    // Whoever takes another's answer for the server's is wrong, and no bad witness.
    let forged = again.struck("c1", 2, "upgrade_reply", 4600);
    assert_eq!(found(&opened(forged, 5000)), []);
}

#[test]
fn what_the_machine_withheld_is_no_contradiction() {
    let held_up = |late_us| {
        let story = live().stalled("c1", 1, 4000).resumed("c1", 1, 9000);
        received(story, 6950).mark(crate::journal::Mark::HeldUp { late_us }, 6900)
    };
    assert_eq!(found(&held_up(49_999)), messages(1, 6950));
    assert_eq!(found(&held_up(50_000)), []);
}

#[test]
fn sockets_that_the_proxy_never_dialled() {
    let story = live().socket_opened(2, "t", 3000);
    let expected = [Contradiction::Sockets {
        server: 2,
        proxy: 1,
        at: Duration::from_millis(3000),
    }];
    assert_eq!(found(&story), expected);
    let dialled = |at| story.clone().proxy("c1", 2, Proxy::UpstreamConnected, at);
    assert_eq!(found(&dialled(5000)), []);
    assert_eq!(found(&dialled(5001)), expected);
}

#[test]
fn sessions_that_were_never_given_and_ticks_that_were_never_made() {
    let welcomed = live().welcomed("c1", 1, "other", 3000);
    let session = [Contradiction::Session {
        client: "c1".into(),
        session: "other".into(),
        at: Duration::from_millis(3000),
    }];
    assert_eq!(found(&welcomed), session);
    let applied = live().applied("c1", "s", 101..=103, 3000);
    let tick = [Contradiction::Tick {
        client: "c1".into(),
        session: "s".into(),
        seq: 101,
        at: Duration::from_millis(3000),
    }];
    assert_eq!(found(&applied), tick);
    // Of one that went with its server nobody knows, and nobody else was asked.
    let killed = applied.clone().server_down("kill", 3200);
    assert_eq!(found(&killed), []);
    // Told a moment too late, it was made all the same.
    assert_eq!(found(&applied.clone().ticks("s", 101..=103, 3001)), []);
    let garbles = STALL.replace("inject.stall = {}", "inject.corrupt = { bytes = 1 }");
    assert_eq!(found_with(&garbles, &welcomed, true), []);
    assert_eq!(found_with(&garbles, &applied, true), []);
}

#[test]
fn what_meets_a_spell_is_found_in_any_number_of_them() {
    let spells = merged(vec![
        (ms(0), ms(10)),
        (ms(5), ms(20)),
        (ms(20), ms(30)),
        (ms(50), ms(60)),
    ]);
    assert_eq!(spells, [(ms(0), ms(30)), (ms(50), ms(60))]);
    for (from, until, is_met) in [
        (30, 40, true),
        (31, 49, false),
        (31, 50, true),
        (60, 99, true),
        (61, 99, false),
    ] {
        assert_eq!(overlaps(&spells, ms(from), ms(until)), is_met, "{from}");
    }
}
