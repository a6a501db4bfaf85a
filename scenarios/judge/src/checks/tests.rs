//! Each check where it holds, where it does not, and where it cannot tell.

use chaos_proxy::{Ending, EventKind as Proxy, Opcode};
use client_sim::EventKind as Client;

use super::*;
use crate::journal::builder::JournalBuilder;
use crate::language::sample::{header, scenario};

/// A scenario with one stall from 1 s to 3 s, or another fault.
pub(super) fn stalled(expect: &str) -> String {
    format!("[[fault]]\nat = '1s'\nfor = '2s'\ninject.stall = {{}}\n[expect]\n{expect}\n")
}

pub(super) fn reset(expect: &str) -> String {
    format!("[[fault]]\nat = '1s'\ninject.reset = {{}}\n[expect]\n{expect}\n")
}

#[track_caller]
pub(super) fn judge(text: &str, story: &JournalBuilder, result: Finding, why: &str) -> CheckResult {
    let scenario = scenario(text);
    let evidence = Evidence::new(&scenario, &header(&scenario), &story.entries());
    let judged = check(&evidence, scenario.expect[0]);
    assert_eq!((judged.result, judged.why.as_str()), (result, why));
    judged
}

fn expected(check: &'static Check, count: u64) -> Expectation {
    let limit = Limit::Count(count);
    Expectation { check, limit }
}

pub(super) fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500).connected("c1", 1, 0, 10)
}

#[test]
fn recovering_in_time_is_ok() {
    let story = run().stalled("c1", 1, 1000).resumed("c1", 1, 3050);
    let why = "1 outage, each recovered from within 1s; c1 took longest, 50ms after `stall`";
    let judged = judge(&stalled("recover_within = '1s'"), &story, Finding::Ok, why);
    assert_eq!(judged.limit, Measure::Text("1s".into()));
    assert_eq!(judged.observed, Measure::Text("50ms".into()));
}

#[test]
fn recovering_late_or_never_fails() {
    let text = stalled("recover_within = '1s'");
    let story = run().stalled("c1", 1, 1000);
    let late = story.clone().resumed("c1", 1, 5000);
    let why = "c1 had data only 2s after `stall` ended at 3s; expected within 1s";
    let judged = judge(&text, &late, Finding::Failed, why);
    assert_eq!(judged.hangs_on, ["stall".to_owned()].into());
    let both = late.connected("c2", 1, 0, 10).stalled("c2", 1, 1000);
    let why = "c2 had no data in the 12400ms after `stall` ended at 3s; expected within 1s (and 1 more such)";
    let judged = judge(&text, &both, Finding::Failed, why);
    assert_eq!(judged.observed, Measure::Text("never".into()));
    assert_eq!(judged.clients, ["c1", "c2"]);
}

#[test]
fn recovery_that_was_not_waited_for_is_not_judged() {
    let story = run().stalled("c1", 1, 1000);
    let why =
        "c1 had no data after `stall`, but was watched for 12400ms only, which is less than 20s";
    judge(
        &stalled("recover_within = '20s'"),
        &story,
        Finding::NotObservable,
        why,
    );
    let why = "no client had an outage to recover from";
    judge(
        &stalled("recover_within = '1s'"),
        &run(),
        Finding::NotObservable,
        why,
    );
}

#[test]
fn a_client_that_was_told_to_stop_owes_no_recovery() {
    let story = run()
        .stalled("c1", 1, 1000)
        .client("c1", Client::Stopped, 3500);
    let text = stalled("recover_within = '1s'");
    let why = "no client had an outage to recover from";
    judge(&text, &story, Finding::NotObservable, why);
    let why = "c1 had no data in the 500ms after `stall` ended at 3s; expected within 400ms";
    let text = stalled("recover_within = '400ms'");
    judge(&text, &story, Finding::Failed, why);
}

#[test]
fn noticing_in_time_is_ok() {
    let story = run()
        .stalled("c1", 1, 1000)
        .left("c1", 1, Ending::Reset, 1800);
    let why = "1 effect, each noticed within 1s; c1 took longest, 800ms after `stall`";
    judge(&stalled("detect_within = '1s'"), &story, Finding::Ok, why);
}

#[test]
fn noticing_late_or_never_fails() {
    let text = stalled("detect_within = '500ms'");
    let story = run().stalled("c1", 1, 1000);
    let late = story.clone().left("c1", 1, Ending::Reset, 1800);
    let why = "c1 noticed `stall` only after 800ms, which affected it at 1s; expected within 500ms";
    judge(&text, &late, Finding::Failed, why);
    let why = "c1 never noticed `stall`, which affected it at 1s; expected within 500ms";
    let after_the_heal = story.left("c1", 1, Ending::Reset, 3500);
    judge(&text, &after_the_heal, Finding::Failed, why);
}

#[test]
fn a_fault_shorter_than_the_limit_need_not_be_noticed() {
    let text = stalled("detect_within = '4s'");
    let why = "every fault was over before 4s had passed";
    let story = run().stalled("c1", 1, 1000);
    judge(&text, &story, Finding::NotObservable, why);
    judge(
        &text,
        &run(),
        Finding::NotObservable,
        "no fault affected any client",
    );
}

#[test]
fn one_live_connection_after_the_other_is_ok() {
    let story = run()
        .left("c1", 1, Ending::Fin, 1000)
        .connected("c1", 2, 900, 960);
    let why = "no client ever had more than 1 live at once (ignoring overlaps below 50ms)";
    judge(&reset("max_live = 1"), &story, Finding::Ok, why);
}

#[test]
fn a_connection_that_was_reset_toward_the_client_is_live_no_more() {
    let text = "[[fault]]\nat = '1s'\ninject.reset = { side = 'client' }\n[expect]\nmax_live = 1\n";
    let story = run()
        .struck("c1", 1, "reset", 1000)
        .connected("c1", 2, 1100, 1200);
    let why = "no client ever had more than 1 live at once (ignoring overlaps below 50ms)";
    judge(text, &story, Finding::Ok, why);
}

#[test]
fn two_live_connections_at_once_fail() {
    let story = run()
        .connected("c1", 2, 1000, 1100)
        .left("c1", 1, Ending::Fin, 1150);
    let why = "c1 had 2 live connections at 1100ms; expected at most 1";
    let judged = judge(&reset("max_live = 1"), &story, Finding::Failed, why);
    assert_eq!(judged.observed, Measure::Count(2));
    let why = "no connection was ever live";
    let silent = JournalBuilder::run(1, 2, 3).accepted("c1", 1, 0);
    judge(&reset("max_live = 1"), &silent, Finding::NotObservable, why);
}

#[test]
fn every_tick_applied_once_in_order_is_ok() {
    let story = run()
        .welcomed("c1", 1, "s", 5)
        .ticks("s", 1..=3, 100)
        .applied("c1", "s", 1..=3, 200);
    judge(&reset("lost = 0"), &story, Finding::Ok, "no tick was lost");
    judge(
        &reset("duplicated = 0"),
        &story,
        Finding::Ok,
        "no tick was applied again",
    );
    judge(
        &reset("reordered = 0"),
        &story,
        Finding::Ok,
        "no tick was applied out of order",
    );
}

#[test]
fn a_tick_lost_repeated_or_late_fails() {
    let base = run().welcomed("c1", 1, "s", 5).ticks("s", 1..=4, 100);
    let lost = base.clone().applied("c1", "s", [1, 2, 4], 200);
    let why = "tick 3 of c1 was made before the end of settling and never applied; lost in all: 1, expected at most 0";
    judge(&reset("lost = 0"), &lost, Finding::Failed, why);
    judge(
        &reset("lost = 1"),
        &lost,
        Finding::Ok,
        &why.replace("most 0", "most 1"),
    );
    let again = base.clone().applied("c1", "s", [1, 2, 2, 3, 4], 200);
    let why =
        "c1 applied tick 2 a second time at 202ms; applied again in all: 1, expected at most 0";
    judge(&reset("duplicated = 0"), &again, Finding::Failed, why);
    let late = base.applied("c1", "s", [1, 3, 2, 4], 200);
    let why = "c1 applied tick 2 after a later one at 202ms; applied out of order in all: 1, expected at most 0";
    judge(&reset("reordered = 0"), &late, Finding::Failed, why);
}

#[test]
fn nobody_owes_ticks_made_after_a_stop_or_after_settling() {
    let story = run()
        .welcomed("c1", 1, "s", 5)
        .ticks("s", 1..=1, 100)
        .applied("c1", "s", [1], 101)
        .client("c1", Client::Stopped, 150)
        .ticks("s", 2..=3, 200)
        .ticks("unheard of", 1..=3, 300)
        .welcomed("c2", 1, "t", 5)
        .ticks("t", 1..=1, 15_001);
    judge(&reset("lost = 0"), &story, Finding::Ok, "no tick was lost");
}

#[test]
fn sequences_nobody_tells_are_not_judged() {
    let why = "no client reported a tick that it applied";
    for key in ["lost", "duplicated", "reordered"] {
        let text = reset(&format!("{key} = 0"));
        judge(
            &text,
            &run().ticks("s", 1..=3, 100),
            Finding::NotObservable,
            why,
        );
    }
    let text = reset("duplicated = 0\n[clients]\nresume = false");
    let scenario = scenario(&text);
    let story = run().welcomed("c1", 1, "s", 5).ticks("s", 1..=1, 100);
    let evidence = Evidence::new(&scenario, &header(&scenario), &story.entries());
    let judged = check(&evidence, expected(LOST, 0));
    assert_eq!(judged.result, Finding::NotObservable);
    assert_eq!(judged.why, "the clients do not declare resume");
}

fn paused(paused: bool) -> JournalBuilder {
    let wanted = Client::Intended { paused: true };
    run()
        .dialled("c1", 1, 1)
        .welcomed("c1", 1, "s", 5)
        .client("c1", wanted, 500)
        .server_paused("s", true, 510)
        .told_closed("c1", 1, 1000)
        .dialled("c1", 2, 1100)
        .welcomed("c1", 2, "t", 1200)
        .server_paused("t", paused, 1210)
}

#[test]
fn a_pause_that_the_server_holds_is_ok() {
    let why = "1 session at 15s, each held by the server as its client wanted it";
    judge(
        &reset("state_equal = true"),
        &paused(true),
        Finding::Ok,
        why,
    );
}

#[test]
fn a_pause_that_the_new_session_lost_fails() {
    let why =
        "c1 wants its session paused, and the server held it running at 15s; expected them equal";
    judge(
        &reset("state_equal = true"),
        &paused(false),
        Finding::Failed,
        why,
    );
}

#[test]
fn a_state_without_a_connection_is_not_judged() {
    let why = "no client reported a session that it had at the end of settling";
    let away = paused(false).told_closed("c1", 2, 2000);
    judge(
        &reset("state_equal = true"),
        &away,
        Finding::NotObservable,
        why,
    );
    let cut = JournalBuilder::new().welcomed("c1", 1, "s", 5);
    let why = "the run did not reach the end of settling";
    judge(
        &reset("state_equal = true"),
        &cut,
        Finding::NotObservable,
        why,
    );
}

fn sockets() -> JournalBuilder {
    run()
        .dialled("c1", 1, 1)
        .socket_opened(1, "s", 5)
        .told_closed("c1", 1, 1000)
        .dialled("c1", 2, 1100)
        .socket_opened(2, "s", 1200)
        .socket_closed(2, "s", 15_499)
}

#[test]
fn no_more_sockets_than_clients_is_ok() {
    let why =
        "the server had 1 socket for 1 connection at 15s, and none after the clients had ended";
    let story = run()
        .dialled("c1", 1, 1)
        .socket_opened(1, "s", 5)
        .socket_closed(1, "s", 15_500);

    judge(&reset("no_leak = true"), &story, Finding::Ok, why);
}

#[test]
fn a_socket_that_no_client_has_fails() {
    let why = "the server had 2 sockets open at 15s, when the clients had 1; expected no more than theirs";
    let story = sockets().socket_closed(1, "s", 15_450);
    judge(&reset("no_leak = true"), &story, Finding::Failed, why);
    let why = "the server still had 1 socket open at 15500ms, after every client had ended; expected none";
    let kept = run().dialled("c1", 1, 1).socket_opened(1, "s", 5);
    judge(&reset("no_leak = true"), &kept, Finding::Failed, why);
}

#[test]
fn a_socket_whose_end_was_on_its_way_is_no_leak() {
    let story = sockets().socket_closed(1, "s", 15_100);
    let why =
        "the server had 1 socket for 1 connection at 15s, and none after the clients had ended";
    judge(&reset("no_leak = true"), &story, Finding::Ok, why);
    let why = "the server reported no socket";
    judge(
        &reset("no_leak = true"),
        &run(),
        Finding::NotObservable,
        why,
    );
}

#[test]
fn a_check_of_the_whole_run_hangs_on_the_rules_that_acted() {
    let text = "[[fault]]\nname = 'a'\nat = '1s'\ninject.reset = {}\n\
                [[fault]]\nname = 'b'\nat = '2s'\ninject.reset = {}\n[expect]\nmax_live = 1\n";
    let scenario = scenario(text);
    let hangs_on = |story: JournalBuilder| {
        let evidence = Evidence::new(&scenario, &header(&scenario), &story.entries());
        check(&evidence, expected(ALL[2], 1)).hangs_on
    };
    assert_eq!(
        hangs_on(run().struck("c1", 1, "b", 2000)),
        ["b".to_owned()].into()
    );
    assert_eq!(hangs_on(run()), ["a".to_owned(), "b".to_owned()].into());
}

/// A message of a rule's own on its way to client 1.
fn told(story: JournalBuilder, at: u64) -> JournalBuilder {
    let frame = Proxy::Frame {
        rule: "send_message".into(),
        direction: "downstream".into(),
        index: 3,
        opcode: Opcode::Text,
    };
    let struck = story.struck("c1", 1, "send_message", at);
    struck.proxy("c1", 1, frame, at)
}

#[test]
fn whom_a_rule_tells_something_knows_no_sooner() {
    let faults = "[[fault]]\nat = '1s'\ninject.reset = { side = 'server' }\n\
         [[fault]]\nat = '2s'\ninject.send_message = { text = 'x' }\n[expect]\n";
    let severed = run().opened("c1", 1, 5).struck("c1", 1, "reset", 1000);
    let noticed = |at| told(severed.clone(), 2000).left("c1", 1, Ending::Fin, at);
    let text = format!("{faults}detect_within = '1500ms'");
    let why = "1 effect, each noticed within 1500ms; c1 took longest, 1400ms after `reset`";
    judge(&text, &noticed(3400), Finding::Ok, why);
    let why =
        "c1 noticed `reset` only after 1600ms, which affected it at 2s; expected within 1500ms";
    judge(&text, &noticed(3600), Finding::Failed, why);
    let text = format!("{faults}recover_within = '1500ms'");
    let back = noticed(3400).connected("c1", 2, 3410, 3450);
    let why = "1 outage, each recovered from within 1500ms; c1 took longest, 1450ms after `reset`";
    judge(&text, &back, Finding::Ok, why);
    let why = "c1 had data only 1600ms after `reset` ended at 2s; expected within 1500ms";
    let late = noticed(3400).connected("c1", 2, 3410, 3600);
    judge(&text, &late, Finding::Failed, why);
}
