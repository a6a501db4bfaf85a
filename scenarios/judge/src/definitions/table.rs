//! What affects which client, what he has to notice, and from when on he has to be back:
//! one row for each situation.

use chaos_proxy::Ending;

use super::*;
use crate::checks::Evidence;
use crate::journal::builder::JournalBuilder;
use crate::journal::{Header, Mark};
use crate::language::sample::{header, scenario};
use crate::subject::Traits;

const EXPECT: &str = "\n[expect]\nmax_live = 1\n";

/// What became of a story, in milliseconds.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// From when on each outage had an effect, and from when its recovery counts.
    outages: Vec<(u64, u64)>,
    /// How long each took from there.
    recovered: Vec<Option<u64>>,
    /// What had to be noticed: from when until when, and when it was.
    notices: Vec<(u64, Option<u64>, Option<u64>)>,
}

/// No rule affects any client: it is spent.
fn spent() -> Row {
    Row {
        outages: Vec::new(),
        recovered: Vec::new(),
        notices: Vec::new(),
    }
}

/// Folds the story under these rules, in this order and the other way round.
fn row(rules: &[&str], story: &JournalBuilder) -> Row {
    let forward = fold(&rules.concat(), story);
    let mut rules = rules.to_vec();
    rules.reverse();
    assert_eq!(fold(&rules.concat(), story), forward, "by the rules' order");
    forward
}

fn fold(rules: &str, story: &JournalBuilder) -> Row {
    fold_of(None, rules, story)
}

/// Likewise, of somebody else's clients.
fn fold_of(subject: Option<Traits>, rules: &str, story: &JournalBuilder) -> Row {
    let clients = "[clients]\ncount = 1\nconnect_timeout = '1s'\nreconnect.full_jitter = { base = '100ms', cap = '1s' }\n";
    let scenario = scenario(&format!("{rules}{clients}{EXPECT}"));
    let header = Header {
        subject,
        ..header(&scenario)
    };
    let evidence = Evidence::new(&scenario, &header, &story.entries());
    let millis = |at: Moment| at.as_micros() / 1000;
    let outages = evidence.outages.iter();
    let notices = evidence.effects.iter().flat_map(|effect| &effect.notices);
    let notices = notices.map(|notice| {
        let (until, noticed) = (notice.until.map(millis), notice.noticed.map(millis));
        (millis(notice.from), until, noticed)
    });
    let mut notices: Vec<_> = notices.collect();
    notices.sort_unstable();
    Row {
        outages: outages
            .clone()
            .map(|o| (millis(o.start), millis(o.end)))
            .collect(),
        recovered: outages
            .map(|outage| {
                let taken = outage.recovered().filter(|_| !outage.is_open);
                taken.map(|taken| u64::try_from(taken.as_millis()).unwrap_or(u64::MAX))
            })
            .collect(),
        notices,
    }
}

fn fault(name: &str, when: &str, inject: &str) -> String {
    format!("[[fault]]\nname = '{name}'\n{when}\ninject.{inject}\n")
}

fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500)
        .connected("c1", 1, 0, 10)
        .opened("c1", 1, 5)
}

/// A connection that stays, with data at the end of this time.
fn back(story: JournalBuilder, attempt: u64, accepted: u64) -> JournalBuilder {
    story
        .connected("c1", attempt, accepted, accepted + 10)
        .opened("c1", attempt, accepted + 5)
}

fn stall(lasting: &str) -> String {
    let when = format!("at = '1s'\nfor = '{lasting}'");
    fault("stall", &when, "stall = { direction = 'downstream' }")
}

fn reset() -> String {
    fault("reset", "at = '1s'", "reset = {}")
}

fn was_reset(story: JournalBuilder) -> JournalBuilder {
    story
        .struck("c1", 1, "reset", 1000)
        .ended("c1", 1, Ending::Reset, 1000)
        .closed("c1", 1, 1001)
}

#[test]
fn a_stall_hurts_from_the_first_byte_withheld() {
    let story = run()
        .struck("c1", 1, "stall", 1000)
        .withheld("c1", 1, 1050, None)
        .left("c1", 1, Ending::Fin, 2500);
    let notices = vec![(1050, Some(5000), Some(2500))];
    let left = Row {
        outages: vec![(1050, 5000)],
        recovered: vec![Some(0)],
        notices: notices.clone(),
    };
    assert_eq!(row(&[&stall("4s")], &back(story.clone(), 2, 2600)), left);
    let late = Row {
        recovered: vec![Some(110)],
        ..left
    };
    assert_eq!(row(&[&stall("4s")], &back(story, 2, 5100)), late);
}

#[test]
fn what_is_given_back_soon_need_not_be_noticed() {
    let story = run()
        .struck("c1", 1, "stall", 1000)
        .withheld("c1", 1, 1050, Some(1800))
        .healed("c1", 1, "stall", 1800)
        .resumed("c1", 1, 1800);
    let expected = Row {
        outages: vec![(1050, 1800)],
        recovered: vec![Some(0)],
        notices: vec![(1050, Some(1800), None)],
    };
    assert_eq!(row(&[&stall("800ms")], &story), expected);
}

#[test]
fn what_only_the_way_to_the_server_loses_hurts_nobody() {
    let up = fault(
        "up",
        "at = '1s'\nfor = '4s'",
        "discard = { direction = 'upstream' }",
    );
    let story = run()
        .struck("c1", 1, "up", 1000)
        .healed("c1", 1, "up", 5000);
    assert_eq!(row(&[&up], &story), spent());
}

#[test]
fn who_awaits_an_answer_that_was_kept_from_it_is_deprived() {
    let up = fault(
        "up",
        "at = '1s'\nfor = '4s'",
        "stall = { direction = 'upstream' }",
    );
    let awaits = Traits {
        upstream_liveness_us: Some(2_000_000),
        dial_bound_us: Some(1_000_000),
        ..Traits::default()
    };
    // It pings a second after the strike, and has no answer for one more.
    let story = run()
        .struck("c1", 1, "up", 1000)
        .withheld_upstream("c1", 1, 2000, None)
        .left("c1", 1, Ending::Fin, 3000);
    let back = back(story, 2, 5100);
    assert_eq!(fold(&up, &back), spent(), "who awaits nothing is not");
    let expected = Row {
        outages: vec![(2000, 5000)],
        recovered: vec![Some(110)],
        notices: vec![(2000, Some(5000), Some(3000))],
    };
    assert_eq!(fold_of(Some(awaits.clone()), &up, &back), expected);
    // What it sends comes through before it has lost patience.
    let late = run()
        .struck("c1", 1, "up", 1000)
        .withheld_upstream("c1", 1, 4500, Some(5000))
        .healed("c1", 1, "up", 5000)
        .resumed("c1", 1, 5100);
    let expected = Row {
        outages: vec![(4500, 5000)],
        recovered: vec![Some(100)],
        notices: vec![(4500, Some(5000), None)],
    };
    assert_eq!(fold_of(Some(awaits), &up, &late), expected);
}

#[test]
fn a_server_that_drops_who_it_cannot_hear_does_the_rules_work() {
    let up = fault(
        "up",
        "at = '1s'\nfor = '8s'",
        "stall = { direction = 'upstream' }",
    );
    let story = run()
        .struck("c1", 1, "up", 1000)
        .server_left("c1", 1, 7000)
        .ended("c1", 1, Ending::Fin, 7001)
        .left("c1", 1, Ending::Fin, 7002)
        .healed("c1", 1, "up", 9000);
    let expected = Row {
        outages: vec![(7001, 9000)],
        recovered: vec![Some(210)],
        notices: vec![(7001, None, Some(7002))],
    };
    assert_eq!(row(&[&up], &back(story, 2, 9200)), expected);
}

#[test]
fn who_hears_the_server_need_not_notice_what_is_dropped() {
    let drop = fault(
        "drop",
        "at = '1s'\nfor = '1s'",
        "drop_frame = { opcode = 'text', direction = 'downstream' }",
    );
    let story = run()
        .struck("c1", 1, "drop", 1100)
        .destroyed("c1", 1, (1100, 1900), Some(1300), Some(2050))
        .healed("c1", 1, "drop", 2000)
        .resumed("c1", 1, 2050);
    let expected = Row {
        outages: vec![(1100, 2000)],
        recovered: vec![Some(50)],
        notices: vec![(1100, Some(1300), None)],
    };
    assert_eq!(row(&[&drop], &story), expected);
}

#[test]
fn of_a_server_that_has_no_more_to_say_nothing_is_judged() {
    let drop = fault(
        "drop",
        "at = '1s'\nfor = '1s'",
        "drop_frame = { direction = 'downstream' }",
    );
    let story = run()
        .struck("c1", 1, "drop", 1100)
        .destroyed("c1", 1, (1100, 1100), None, None)
        .healed("c1", 1, "drop", 2000);
    assert_eq!(row(&[&drop], &story), spent());
}

#[test]
fn a_delay_beyond_all_patience_is_a_silence_and_a_trickle_is_none() {
    let slow = fault(
        "slow",
        "at = '1s'\nfor = '5s'",
        "latency = { delay = '30s', direction = 'downstream' }",
    );
    let story = run()
        .struck("c1", 1, "slow", 1000)
        .healed("c1", 1, "slow", 6000);
    let silent = story.clone().withheld("c1", 1, 1050, Some(6000));
    let row = |story| row(&[&slow], &story);
    assert_eq!(row(silent).notices, [(1050, Some(6000), None)]);
    let trickle = story.proxy(
        "c1",
        1,
        chaos_proxy::EventKind::Withheld {
            direction: "downstream".into(),
            since_us: 1_050_000,
            first_us: Some(1_400_000),
            until_us: Some(6_000_000),
            bytes: 9,
            silent_from_us: Some(1_050_000),
            silent_until_us: Some(1_400_000),
            silent_since_us: None,
        },
        6000,
    );
    assert_eq!(row(trickle).notices, [(1050, Some(1400), None)]);
}

#[test]
fn behind_what_is_still_under_way_a_silence_begins_when_that_is_out() {
    let slow = fault("slow", "at = '1s'", "latency = { delay = '500ms' }");
    let discard = |inject: &str| fault("discard", "at = '6s'\nfor = '4s'", inject);
    let story = run()
        .struck("c1", 1, "slow", 1000)
        .withheld("c1", 1, 1050, Some(6500))
        .struck("c1", 1, "discard", 6000)
        .destroyed("c1", 1, (6050, 9950), None, None)
        .left("c1", 1, Ending::Fin, 8000);
    let notices = |inject| row(&[&slow, &discard(inject)], &back(story.clone(), 2, 10_100)).notices;
    let silent = (6500, Some(10_000), Some(8000));
    assert!(notices("discard = {}").contains(&silent));
    // Flipped bits come all the same: there is nothing to notice in time.
    let flipped = (6050, Some(6050), Some(8000));
    assert!(notices("corrupt = { bytes = 8 }").contains(&flipped));
}

#[test]
fn whom_a_rule_throws_out_each_time_has_not_failed_to_stay() {
    let cut = fault("cut", "at = '1s'", "cut = { frame = 3, part = 'between' }");
    let mut story = run();
    for attempt in 1..=8 {
        let at = 1000 + attempt * 500;
        story = story
            .struck("c1", attempt, "cut", at)
            .ended("c1", attempt, Ending::Fin, at)
            .closed("c1", attempt, at + 1);
        story = back(story, attempt + 1, at + 100);
    }
    assert_eq!(row(&[&cut], &story).recovered, [Some(110); 8]);
}

#[test]
fn a_dial_that_is_merely_slowed_hurts_nobody_within_its_bound() {
    let slow = fault(
        "slow",
        "on = { attempt = 2 }",
        "connect_delay = { delay = '600ms' }",
    );
    let story = was_reset(run()).struck("c1", 2, "slow", 1200);
    let in_time = story
        .clone()
        .connected("c1", 2, 1200, 1810)
        .opened("c1", 2, 1805);
    let expected = Row {
        outages: vec![(1000, 1000)],
        recovered: vec![Some(810)],
        notices: vec![(1000, None, Some(1200))],
    };
    assert_eq!(row(&[&reset(), &slow], &in_time), expected);
    // An answer that comes when it has been given up reaches nobody.
    let late = fault("late", "on = { attempt = 2 }", "latency = { delay = '3s' }");
    let late_answer = was_reset(run())
        .struck("c1", 2, "late", 1200)
        .accepted("c1", 2, 1200)
        .left("c1", 2, Ending::Fin, 2200)
        .opened("c1", 2, 4200)
        .closed("c1", 2, 4201);
    let outages = row(&[&reset(), &late], &back(late_answer, 3, 4300)).outages;
    assert_eq!(outages, [(1000, 2200)], "until that dial is over");
    // Given up, and never a reason to count from later.
    let given_up = story
        .accepted("c1", 2, 1200)
        .left("c1", 2, Ending::Fin, 2200);
    let expected = Row {
        recovered: vec![Some(1310)],
        ..expected
    };
    assert_eq!(row(&[&reset(), &slow], &back(given_up, 3, 2300)), expected);
}

#[test]
fn what_strikes_a_connection_that_was_left_is_spent() {
    let idle = fault(
        "idle",
        "at = '3s'\nfor = '1s'",
        "idle_timeout = { delay = '600ms', how = 'reset' }",
    );
    let story = run()
        .left("c1", 1, Ending::Fin, 2500)
        .struck("c1", 1, "idle", 3600);
    assert_eq!(row(&[&idle], &back(story, 2, 2600)), spent());
}

#[test]
fn a_shut_port_hurts_who_dials_it_and_nobody_else() {
    let shut = fault("shut", "at = '1s'\nfor = '2s'", "refuse = {}");
    let closed = run()
        .dialled("c1", 1, 0)
        .struck("c1", 0, "shut", 1000)
        .healed("c1", 0, "shut", 3000);
    assert_eq!(row(&[&shut], &closed), spent(), "it is connected");
    // Its connection ends within the window, and its wait does after that.
    let waits = closed.clone().closed("c1", 1, 2500).dialled("c1", 2, 3100);
    assert_eq!(row(&[&shut], &back(waits, 2, 3101)), spent());
    let story = was_reset(closed)
        .dialled("c1", 2, 1100)
        .told_closed("c1", 2, 1101)
        .dialled("c1", 3, 3100);
    let one = Row {
        outages: vec![(1000, 3000)],
        recovered: vec![Some(111)],
        notices: vec![(1000, None, Some(1100))],
    };
    assert_eq!(row(&[&reset(), &shut], &back(story, 2, 3101)), one);
}

#[test]
fn the_servers_end_alone_leaves_the_client_in_silence() {
    let server = fault("server", "at = '1s'", "reset = { side = 'server' }");
    let story = run()
        .struck("c1", 1, "server", 1000)
        .left("c1", 1, Ending::Fin, 2500);
    let expected = Row {
        outages: vec![(1000, 1000)],
        recovered: vec![Some(1610)],
        notices: vec![(1000, None, Some(2500))],
    };
    assert_eq!(row(&[&server], &back(story, 2, 2600)), expected);
}

#[test]
fn another_answer_to_the_upgrade_is_part_of_the_outage() {
    let busy = fault(
        "busy",
        "at = '1s'\nfor = '2s'",
        "upgrade_reply = { status = 503 }",
    );
    let story = was_reset(run())
        .accepted("c1", 2, 1100)
        .struck("c1", 2, "busy", 1101)
        .closed("c1", 2, 1102);
    let expected = Row {
        outages: vec![(1000, 1101)],
        recovered: vec![Some(2109)],
        notices: vec![(1000, None, Some(1100))],
    };
    assert_eq!(row(&[&reset(), &busy], &back(story, 3, 3200)), expected);
    let garbage = fault(
        "garbage",
        "on = { attempt = 2 }",
        "upgrade_reply = { kind = 'garbage' }",
    );
    let story = was_reset(run())
        .accepted("c1", 2, 1100)
        .struck("c1", 2, "garbage", 1101)
        .closed("c1", 2, 1102);
    let expected = Row {
        outages: vec![(1000, 1101)],
        recovered: vec![Some(109)],
        notices: vec![(1000, None, Some(1100))],
    };
    assert_eq!(row(&[&reset(), &garbage], &back(story, 3, 1200)), expected);
}

#[test]
fn who_is_let_in_and_thrown_out_again_has_not_come_back() {
    let mut story = was_reset(run());
    for attempt in 2..=30 {
        let at = 1000 + (attempt - 1) * 500;
        story = back(story, attempt, at)
            .server_left("c1", attempt, at + 20)
            .ended("c1", attempt, Ending::Fin, at + 20)
            .closed("c1", attempt, at + 21);
    }
    assert_eq!(row(&[&reset()], &story).recovered, [None]);
    let at_the_tail = back(story, 31, 15_380);
    assert_eq!(
        row(&[&reset()], &at_the_tail).recovered,
        [None],
        "too young to say"
    );
}

#[test]
fn what_the_person_ends_after_recovery_is_no_failure_to_stay() {
    let reconnect = Mark::Action {
        action: "reconnect".into(),
        targets: ["c1".to_owned()].into(),
    };
    let story =
        back(was_reset(run()), 2, 1200)
            .mark(reconnect, 1500)
            .left("c1", 2, Ending::Fin, 1501);
    assert_eq!(
        row(&[&reset()], &back(story, 3, 1502)).recovered,
        [Some(210)]
    );
}

#[test]
fn whoever_has_another_connection_that_is_fed_is_not_deprived() {
    let story = back(run(), 2, 500)
        .struck("c1", 1, "stall", 1000)
        .withheld("c1", 1, 1050, None);
    assert_eq!(row(&[&stall("4s")], &story), spent());
    // Until that one is gone, too.
    let lost = story
        .clone()
        .ended("c1", 2, Ending::Fin, 2000)
        .closed("c1", 2, 2001);
    assert_eq!(row(&[&stall("4s")], &lost).outages, [(2000, 5000)]);
    // Or its server has gone without a word, and nobody feeds it any more.
    let severs = fault(
        "severs",
        "on = { attempt = 2 }\nafter = '1s'",
        "reset = { side = 'server' }",
    );
    let severed = story.struck("c1", 2, "severs", 2000);
    let outages = row(&[&stall("4s"), &severs], &severed).outages;
    assert_eq!(outages, [(2000, 5000)]);
}

#[test]
fn a_server_that_dies_behind_a_stall_is_missed_when_that_reaches_the_client() {
    let story = run()
        .struck("c1", 1, "stall", 1000)
        .withheld("c1", 1, 1050, Some(1800))
        .server_down("kill", 1500)
        .server_left("c1", 1, 1500)
        .healed("c1", 1, "stall", 1800)
        .ended("c1", 1, Ending::Fin, 1800)
        .left("c1", 1, Ending::Fin, 1801)
        .server_up("kill", 3000);
    let kill = "[[server_event]]\nname = 'kill'\nat = '1500ms'\nfor = '1500ms'\ndo = 'kill'\n";
    let expected = Row {
        outages: vec![(1050, 1800), (1800, 3000)],
        recovered: vec![Some(0), Some(110)],
        // The end, once by each rule.
        notices: vec![
            (1050, Some(1800), Some(1801)),
            (1800, None, Some(1801)),
            (1800, None, Some(1801)),
        ],
    };
    assert_eq!(
        row(&[&stall("800ms"), kill], &back(story, 2, 3100)),
        expected
    );
}
