//! Each check of a client that tells nothing, and of one that tells some.

use chaos_proxy::Ending;
use client_sim::{CloseReason, EventKind};

use super::tests::{reset, run, stalled};
use super::*;
use crate::journal::Mark;
use crate::journal::builder::JournalBuilder;
use crate::language::sample::{header, scenario};
use crate::subject::{Ability, Report, Traits};

/// Of a client that can and tells this.
#[track_caller]
fn judged(text: &str, story: &JournalBuilder, can: &[Ability], reports: &[Report]) -> CheckResult {
    judged_of(
        text,
        story,
        Traits {
            can: can.iter().copied().collect(),
            reports: reports.iter().copied().collect(),
            ..Traits::default()
        },
    )
}

fn judged_of(text: &str, story: &JournalBuilder, traits: Traits) -> CheckResult {
    let scenario = scenario(text);
    let mut header = header(&scenario);
    header.subject = Some(traits);
    let evidence = Evidence::new(&scenario, &header, &story.entries());
    check(&evidence, scenario.expect[0])
}

#[track_caller]
fn blind(text: &str, story: &JournalBuilder, can: &[Ability], reports: &[Report], part: &str) {
    let judged = judged(text, story, can, reports);
    assert_eq!(judged.result, Finding::NotObservable, "{}", judged.why);
    assert!(judged.why.contains(part), "{}", judged.why);
}

/// Reset, and back half a second later.
fn back() -> JournalBuilder {
    run()
        .struck("c1", 1, "reset", 1000)
        .left("c1", 1, Ending::Reset, 1001)
        .closed("c1", 1, 1001)
        .connected("c1", 2, 1500, 1600)
}

#[test]
fn what_the_proxy_sees_is_judged_of_anybody() {
    for (expect, result) in [
        ("recover_within = '1s'", Finding::Ok),
        ("recover_within = '100ms'", Finding::Failed),
        ("detect_within = '1s'", Finding::Ok),
        ("max_live = 1", Finding::Ok),
        ("max_dials = 5", Finding::Ok),
        ("max_dials = 0", Finding::Failed),
        ("min_dial_gap = '100ms'", Finding::Ok),
        ("min_dial_gap = '5s'", Finding::Failed),
        ("availability = 0.4", Finding::Ok),
        ("availability = 1.0", Finding::Failed),
    ] {
        let seen = judged(&reset(expect), &back(), &[], &[]);
        assert_eq!(seen.result, result, "{expect}: {}", seen.why);
    }
}

#[test]
fn what_a_client_does_not_tell_is_not_held_against_it() {
    let told = |text: &str, part: &str| blind(text, &back(), &[], &[], part);
    told(&reset("lost = 0"), "cannot `resume`");
    told(&reset("duplicated = 0"), "does not report `seq`");
    told(&reset("reordered = 0"), "does not report `seq`");
    told(&reset("state_equal = true"), "cannot `pause`");
    told(&reset("close_code = 1006"), "does not report `dial`");
    told(
        &stalled("stale_flagged_within = '1s'"),
        "does not report whether what it shows is live",
    );
    let stop = "[[action]]\nat = '2s'\ndo = 'stop'\n";
    told(
        &format!("{stop}{}", reset("quiet_after_stop = true")),
        "cannot `stop`",
    );
    let all = [Ability::Resume, Ability::Pause];
    blind(&reset("lost = 0"), &back(), &all, &[], "report `seq`");
    blind(
        &reset("state_equal = true"),
        &back(),
        &all,
        &[],
        "report `seq`",
    );
}

#[test]
fn a_case_about_a_deed_that_the_client_cannot_do_is_not_judged_at_all() {
    let text = format!(
        "requires = ['reconnect']\n{}",
        reset("recover_within = '1s'")
    );
    blind(&text, &back(), &[], &[], "clients that can `reconnect`");
    let able = judged(&text, &back(), &[Ability::Reconnect], &[]);
    assert_eq!(able.result, Finding::Ok);
    let hidden = format!(
        "[[action]]\nat = '2s'\ndo = 'hide'\n{}",
        reset("max_live = 1")
    );
    blind(&hidden, &back(), &[], &[], "clients that can `hide`");
    let paused = format!("requires = ['pause']\n{}", reset("max_live = 1"));
    blind(&paused, &back(), &[], &[], "clients that can `pause`");
    let resumed = format!("requires = ['resume']\n{}", reset("max_live = 1"));
    blind(
        &resumed,
        &back(),
        &[],
        &[],
        "clients that can `resume` their session",
    );
    // Not required, it is a matter of its own check alone.
    let told = format!(
        "[[action]]\nat = '2s'\ndo = 'pause'\n{}",
        reset("max_live = 1")
    );
    assert_eq!(judged(&told, &back(), &[], &[]).result, Finding::Ok);
}

#[test]
fn whose_doing_it_is_that_nothing_can_be_seen_is_told_as_data() {
    let unseen = |text: &str, story: &JournalBuilder| judged(text, story, &[], &[]).unseen;
    let of_client = reset("state_equal = true");
    assert_eq!(unseen(&of_client, &back()), Some(Unseen::Client));
    let refused = back().struck("c1", 0, "refuse", 1000);
    assert_eq!(
        unseen(&reset("max_dials = 5"), &refused),
        Some(Unseen::Client)
    );
    let external = format!(
        "[server]\nexternal = 'ws://localhost:1'\n{}",
        reset("no_leak = true")
    );
    assert_eq!(unseen(&external, &back()), Some(Unseen::Server));
    assert_eq!(
        unseen(&reset("recover_within = '1s'"), &run()),
        Some(Unseen::Nothing)
    );
    assert_eq!(unseen(&reset("recover_within = '1s'"), &back()), None);
}

#[test]
fn a_bound_from_above_that_held_proves_nothing_on_a_machine_that_withheld_time() {
    let held_up = |late_us| back().mark(Mark::HeldUp { late_us }, 2000);
    // Of 15 s.
    let often = |times| {
        let held_up = |story: JournalBuilder, _| {
            let late_us = 250_000;
            story.mark(Mark::HeldUp { late_us }, 3000)
        };
        (0..times).fold(back(), held_up)
    };
    let found = |expect: &str, story: &JournalBuilder| {
        let judged = judged(&reset(expect), story, &[], &[]);
        (judged.result, judged.unseen)
    };
    let withheld = (Finding::NotObservable, Some(Unseen::Machine));
    for expect in ["max_dials = 5", "max_live = 1"] {
        assert_eq!(found(expect, &often(15)), (Finding::Ok, None));
        assert_eq!(found(expect, &held_up(4_000_000)), withheld);
        assert_eq!(found(expect, &often(16)), withheld);
    }
    let over = found("max_dials = 0", &held_up(4_000_000));
    assert_eq!(
        over,
        (Finding::Failed, None),
        "it did too much all the same"
    );
    let other = found("recover_within = '1s'", &held_up(4_000_000));
    assert_eq!(other, (Finding::Ok, None), "what came soon came soon");
    let why = judged(&reset("max_dials = 5"), &held_up(4_000_000), &[], &[]).why;
    let part = ", but the machine withheld 4s, so that proves nothing";
    assert!(why.ends_with(part), "{why}");
}

#[test]
fn dials_that_nobody_saw_prove_nothing() {
    let refused = back().struck("c1", 0, "refuse", 1000);
    for expect in [
        "max_dials = 5",
        "min_dial_gap = '100ms'",
        "dial_gaps_grow = true",
    ] {
        blind(&reset(expect), &refused, &[], &[], "not visible");
    }
    let over = judged(&reset("max_dials = 0"), &refused, &[], &[]);
    assert_eq!(over.result, Finding::Failed, "there were at least as many");
    let told = judged(&reset("max_dials = 5"), &refused, &[], &[Report::Dial]);
    assert_eq!(told.result, Finding::Ok);
}

#[test]
fn a_socket_is_no_leak_while_the_client_holds_it() {
    let story = |left: bool| {
        let story = back()
            .socket_opened(1, "a", 0)
            .socket_opened(2, "b", 1600)
            .mark(Mark::Drained, 15_400);
        if left {
            story.socket_closed(1, "a", 1100)
        } else {
            story
        }
    };
    let leak = judged(&reset("no_leak = true"), &story(false), &[], &[]);
    assert_eq!(leak.result, Finding::Failed, "{}", leak.why);
    let held = judged(
        &reset("no_leak = true"),
        &story(true).socket_closed(2, "b", 15_450),
        &[],
        &[],
    );
    assert_eq!(held.result, Finding::Ok, "{}", held.why);
}

#[test]
fn a_close_code_is_what_the_client_says() {
    let reports = [Report::Dial, Report::Open, Report::Close];
    let ended = |code| {
        back()
            .dialled("c1", 1, 0)
            .client("c1", EventKind::Opened { dial: 1 }, 5)
            .client(
                "c1",
                EventKind::Closed {
                    dial: 1,
                    why: CloseReason::Unknown,
                    code,
                },
                1002,
            )
    };
    let found = |code| judged(&reset("close_code = 1006"), &ended(code), &[], &reports).result;
    assert_eq!(found(Some(1006)), Finding::Ok);
    assert_eq!(found(Some(1000)), Finding::Failed);
    assert_eq!(found(None), Finding::NotObservable);
}

#[test]
fn a_pause_is_wanted_as_the_person_said_it() {
    let text = format!(
        "[[action]]\nat = '2s'\ndo = 'pause'\n{}",
        reset("state_equal = true")
    );
    let can = [Ability::Pause];
    let paused = Mark::Action {
        action: "pause".into(),
        targets: ["c1".to_owned()].into(),
    };
    let story = back().welcomed("c1", 2, "s", 1700).mark(paused, 2000);
    let forgot = judged(&text, &story, &can, &[Report::Seq]);
    assert_eq!(forgot.result, Finding::Failed, "{}", forgot.why);
    let holds = story.server_paused("s", true, 2010);
    let holds = judged(&text, &holds, &can, &[Report::Seq]);
    assert_eq!(holds.result, Finding::Ok, "{}", holds.why);
}

#[test]
fn a_client_has_the_time_that_it_asks_for_and_that_is_told() {
    let slow = |settle_us| Traits {
        settle_us,
        ..Traits::default()
    };
    let text = reset("recover_within = '100ms'");
    let strict = judged_of(&text, &back(), slow(None));
    assert_eq!(strict.result, Finding::Failed);
    let patient = judged_of(&text, &back(), slow(Some(2_000_000)));
    assert_eq!(patient.result, Finding::Ok);
    assert_eq!(patient.limit, Measure::Text("2s".into()));
    let why = "; the file says 100ms, and this client asks for 2s";
    assert!(patient.why.ends_with(why), "{}", patient.why);
}

#[test]
fn where_nothing_comes_any_more_a_client_must_first_notice_that() {
    let patient = || Traits {
        liveness_us: Some(3_000_000),
        settle_us: Some(2_000_000),
        ..Traits::default()
    };
    let limit = |text: &str| judged_of(text, &back(), patient()).limit;
    let text = reset("recover_within = '100ms'");
    assert_eq!(limit(&text), Measure::Text("2s".into()));
    let silent = stalled("recover_within = '100ms'");
    assert_eq!(limit(&silent), Measure::Text("5s".into()));
}

#[test]
fn doubles_are_for_those_to_see_who_go_by_numbers() {
    let text = reset("duplicated = 0");
    let story = back()
        .welcomed("c1", 1, "s", 10)
        .applied("c1", "s", [4, 4], 20);
    let seen = judged(&text, &story, &[], &[Report::Seq]);
    assert_eq!(seen.result, Finding::Failed, "{}", seen.why);
    let text = format!("requires = ['resume']\n{text}");
    blind(
        &text,
        &story,
        &[],
        &[Report::Seq],
        "clients that can `resume` their session",
    );
    let seen = judged(&text, &story, &[Ability::Resume], &[Report::Seq]);
    assert_eq!(seen.result, Finding::Failed, "{}", seen.why);
}

#[test]
fn a_process_that_died_is_told_beside_what_it_did_not_do() {
    let died = Mark::ClientEnded {
        client: "c1".into(),
        how: "exit status: 1".into(),
    };
    let story = run()
        .struck("c1", 1, "reset", 1000)
        .closed("c1", 1, 1001)
        .mark(died, 1002);
    let dead = judged(&reset("recover_within = '1s'"), &story, &[], &[]);
    assert_eq!(dead.result, Finding::Failed);
    let part = "(its process ended by itself at 1002ms, exit status: 1)";
    assert!(dead.why.contains(part), "{}", dead.why);
}

#[test]
fn of_a_server_that_is_no_ticker_only_what_passes_by_is_judged() {
    let own = |expect: &str| format!("[server]\nexternal = 'ws://localhost:1'\n{}", reset(expect));
    let all_reports: Vec<Report> = Report::ALL.map(|(_, report)| report).into();
    let all_can: Vec<Ability> = Ability::ALL.map(|(_, ability)| ability).into();
    for expect in ["state_equal = true", "no_leak = true"] {
        let text = own(expect);
        blind(
            &text,
            &back(),
            &all_can,
            &all_reports,
            "your own server does not report",
        );
    }
    let recovered = judged(&own("recover_within = '1s'"), &back(), &[], &[]);
    assert_eq!(recovered.result, Finding::Ok);
}

#[test]
fn with_any_server_the_numbers_of_the_clients_say_what_is_missing() {
    let own = |expect: &str| format!("[server]\nexternal = 'ws://localhost:1'\n{}", reset(expect));
    let (can, tells) = ([Ability::Resume], [Report::Seq]);
    let whole = back().applied("c1", "s", [7, 8, 9], 1700);
    let gap = back().applied("c1", "s", [7, 9], 1700);
    let again = back().applied("c1", "s", [7, 8, 7], 1700);
    let late = back().applied("c1", "s", [7, 9, 8], 1700);
    for (expect, story, result) in [
        ("lost = 0", &whole, Finding::Ok),
        ("lost = 0", &gap, Finding::Failed),
        ("lost = 1", &gap, Finding::Ok),
        ("duplicated = 0", &whole, Finding::Ok),
        ("duplicated = 0", &again, Finding::Failed),
        ("reordered = 0", &whole, Finding::Ok),
        ("reordered = 0", &late, Finding::Failed),
    ] {
        let judged = judged(&own(expect), story, &can, &tells);
        assert_eq!(judged.result, result, "{expect}: {}", judged.why);
    }
    let told = judged(&own("lost = 0"), &gap, &can, &tells).why;
    let why =
        "message 8 of c1 never came, though a later one did; lost in all: 1, expected at most 0";
    assert_eq!(told, why);
    blind(
        &own("lost = 0"),
        &back(),
        &can,
        &tells,
        "no client reported the number",
    );
    blind(&own("lost = 0"), &gap, &[], &tells, "cannot `resume`");
}
