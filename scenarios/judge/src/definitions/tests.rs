//! Effects, outages, detection and recovery on told journals.

use std::time::Duration;

use chaos_proxy::Ending;

use super::*;
use crate::checks::Evidence;
use crate::journal::builder::{JournalBuilder, ms};
use crate::language::sample::{header, scenario};

const EXPECT: &str = "\n[expect]\nmax_live = 1\n";

/// Effects and outages of a story under these faults.
fn fold(faults: &str, story: &JournalBuilder) -> (Vec<Effect>, Vec<Outage>) {
    let scenario = scenario(&format!("{faults}{EXPECT}"));
    let evidence = Evidence::new(&scenario, &header(&scenario), &story.entries());
    (evidence.effects, evidence.outages)
}

fn fault(name: &str, when: &str, inject: &str) -> String {
    format!("[[fault]]\nname = '{name}'\n{when}\ninject.{inject}\n")
}

fn stall() -> String {
    fault("stall", "at = '1s'\nfor = '2s'", "stall = {}")
}

fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500).connected("c1", 1, 0, 10)
}

/// When what a client had to notice first was noticed.
fn noticed(effects: &[Effect]) -> Option<Moment> {
    effects[0].notices.first()?.noticed
}

fn recovered(outages: &[Outage]) -> Vec<Option<u128>> {
    let all = outages.iter().map(Outage::recovered);
    all.map(|taken| taken.map(|taken| taken.as_millis()))
        .collect()
}

#[test]
fn a_stall_is_an_outage_from_strike_to_heal() {
    let story = run().stalled("c1", 1, 1000).healed("c1", 1, "stall", 3002);
    let (effects, outages) = fold(&stall(), &story.clone().resumed("c1", 1, 3050));
    assert_eq!((effects[0].start, effects[0].end), (ms(1000), ms(3002)));
    assert_eq!(noticed(&effects), None);
    assert_eq!(recovered(&outages), [Some(48)]);
    assert_eq!(recovered(&fold(&stall(), &story).1), [None]);
}

#[test]
fn a_heal_that_nobody_told_is_taken_from_the_plan() {
    let story = run()
        .stalled("c1", 1, 1000)
        .left("c1", 1, Ending::Reset, 1800)
        .closed("c1", 1, 1801);
    let (effects, _) = fold(&stall(), &story);
    assert_eq!(effects[0].end, ms(3000));
    assert_eq!(noticed(&effects), Some(ms(1800)));
}

#[test]
fn data_on_a_connection_that_the_client_has_left_is_no_recovery() {
    let story = run()
        .stalled("c1", 1, 1000)
        .left("c1", 1, Ending::Fin, 1500)
        .healed("c1", 1, "stall", 3000)
        .resumed("c1", 1, 3001);
    assert_eq!(recovered(&fold(&stall(), &story).1), [None]);
}

#[test]
fn recovery_during_the_outage_takes_no_time() {
    let story = run()
        .stalled("c1", 1, 1000)
        .left("c1", 1, Ending::Fin, 1500)
        .connected("c1", 2, 1600, 1700);
    let (_, outages) = fold(&stall(), &story);
    assert_eq!(recovered(&outages), [Some(0)]);
    assert_eq!(outages[0].data, Some(ms(1700)));
}

#[test]
fn a_reset_is_an_outage_of_no_length() {
    let story = run()
        .struck("c1", 1, "reset", 1000)
        .closed("c1", 1, 1001)
        .told_closed("c1", 1, 1002)
        .connected("c1", 2, 1200, 1300);
    let (effects, outages) = fold(&fault("reset", "at = '1s'", "reset = {}"), &story);
    assert_eq!((effects[0].start, effects[0].end), (ms(1000), ms(1000)));
    assert_eq!(noticed(&effects), Some(ms(1002)), "its own close event");
    assert_eq!(recovered(&outages), [Some(300)]);
}

#[test]
fn a_client_that_tells_nothing_is_seen_to_notice_by_its_next_dial() {
    let story = run().struck("c1", 1, "reset", 1000).accepted("c1", 2, 1200);
    let (effects, _) = fold(&fault("reset", "at = '1s'", "reset = {}"), &story);
    assert_eq!(noticed(&effects), Some(ms(1200)));
}

#[test]
fn faults_that_follow_each_other_before_recovery_are_one_outage() {
    let faults = fault("reset", "at = '1s'", "reset = {}")
        + &fault("silent", "at = '1s'\nfor = '2s'", "accept_silent = {}");
    let story = run()
        .struck("c1", 1, "reset", 1000)
        .closed("c1", 1, 1001)
        .accepted("c1", 2, 1100)
        .struck("c1", 2, "silent", 1100)
        .connected("c1", 3, 3200, 3300);
    let (effects, outages) = fold(&faults, &story);
    assert_eq!(effects.len(), 2);
    assert_eq!(recovered(&outages), [Some(300)], "from the window's end");
    assert_eq!(
        outages[0].rules,
        ["reset".to_owned(), "silent".to_owned()].into()
    );
}

#[test]
fn a_fault_after_recovery_is_another_outage() {
    let faults = fault(
        "reset",
        "at = '1s'\nevery = '2s'\nuntil = '3s'",
        "reset = {}",
    );
    let story = run()
        .struck("c1", 1, "reset", 1000)
        .connected("c1", 2, 1100, 1200)
        .proxy(
            "c1",
            2,
            chaos_proxy::EventKind::Struck {
                rule: "reset".into(),
                fault: "reset".into(),
                occurrence: 2,
                planned_us: Some(3_000_000),
                actual_us: 3_000_000,
            },
            3000,
        )
        .connected("c1", 3, 3400, 3500);
    let (_, outages) = fold(&faults, &story);
    assert_eq!(recovered(&outages), [Some(200), Some(500)]);
}

#[test]
fn a_refusing_listener_hurts_from_the_loss_of_the_last_live_connection() {
    let faults = fault("gone", "at = '1s'\nfor = '2s'", "refuse = {}");
    let refused = run()
        .struck("c1", 0, "gone", 1000)
        .healed("c1", 0, "gone", 3000);
    let (kept, _) = fold(&faults, &refused);
    assert!(kept.is_empty(), "its connection lives on");
    let lost = refused
        .clone()
        .closed("c1", 1, 1500)
        .connected("c1", 2, 3100, 3150);
    let (effects, outages) = fold(&faults, &lost);
    assert_eq!((effects[0].start, effects[0].end), (ms(1500), ms(3000)));
    assert_eq!(recovered(&outages), [Some(150)]);
    let after = refused.closed("c1", 1, 3500);
    assert!(fold(&faults, &after).0.is_empty());
}

#[test]
fn a_client_that_was_never_live_is_kept_out_from_the_start() {
    let faults = fault("gone", "at = '0s'\nfor = '2s'", "refuse = {}");
    let story = JournalBuilder::run(10_000, 15_000, 15_500)
        .struck("c1", 0, "gone", 1)
        .dialled("c1", 1, 5)
        .healed("c1", 0, "gone", 2001)
        .connected("c1", 1, 2400, 2501);
    let (effects, outages) = fold(&faults, &story);
    assert_eq!(
        (effects[0].start, noticed(&effects)),
        (ms(5), None),
        "who dials knows that he is away"
    );
    assert_eq!(recovered(&outages), [Some(500)]);
}

#[test]
fn each_rejected_attempt_hurts_and_the_last_one_heals() {
    let faults = format!(
        "start = 'first_dial'\n{}",
        fault("no", "on = { attempt = '1..2' }", "reject = {}")
    );
    let story = JournalBuilder::run(10_000, 15_000, 15_500)
        .accepted("c1", 1, 100)
        .struck("c1", 1, "no", 100)
        .accepted("c1", 2, 300)
        .struck("c1", 2, "no", 300)
        .connected("c1", 3, 700, 800);
    let (effects, outages) = fold(&faults, &story);
    assert!(
        effects.iter().all(|effect| effect.notices.is_empty()),
        "it dials, and knows"
    );
    assert_eq!(recovered(&outages), [Some(500)]);
}

#[test]
fn latency_is_no_outage() {
    let faults = fault(
        "slow",
        "at = '1s'\nfor = '2s'",
        "latency = { delay = '50ms' }",
    );
    let (effects, outages) = fold(&faults, &run().struck("c1", 1, "slow", 1000));
    assert!(effects.is_empty() && outages.is_empty());
}

#[test]
fn times_count_from_t_zero() {
    let mut observed = Observations::default();
    observed.marks.t_zero = Some(ms(400));
    assert_eq!(observed.marks.since_zero(ms(1400)), Duration::from_secs(1));
    assert_eq!(observed.marks.moment(Duration::from_secs(1)), ms(1400));
}

/// Bits of the answer 101 are flipped, and later that connection is stalled.
#[test]
fn a_damaged_answer_opens_a_connection_only_if_its_client_says_so() {
    let flips = "corrupt = { bytes = 8, direction = 'downstream' }";
    let faults = fault("flips", "on.attempt = 2", flips) + &stall();
    let story = run()
        .left("c1", 1, Ending::Reset, 500)
        .dialled("c1", 2, 600)
        .accepted("c1", 2, 601)
        .struck("c1", 2, "flips", 601)
        .opened("c1", 2, 700)
        .first_data("c1", 2, 710)
        .destroyed("c1", 2, (650, 720), Some(650), None)
        .struck("c1", 2, "stall", 1000)
        .withheld("c1", 2, 1000, None)
        .closed("c1", 2, 5000);
    let asked = |story: &JournalBuilder| {
        let (effects, _) = fold(&faults, story);
        effects.iter().any(|effect| !effect.notices.is_empty())
    };
    assert!(!asked(&story), "the client never had it open");
    let opened = client_sim::EventKind::Opened { dial: 2 };
    assert!(asked(&story.client("c1", opened, 705)));
}
