//! Timelines of told journals.

use std::time::Duration;

use chaos_proxy::Ending;
use client_sim::EventKind as Client;

use super::state::{Segment, State, merged};
use super::*;
use crate::journal::Mark;
use crate::journal::builder::{JournalBuilder, ms};
use crate::language::sample::{header, scenario};

const EXPECT: &str = "\n[expect]\nmax_live = 1\n";

/// The timeline of a story under these faults; no check has failed.
fn timeline(rest: &str, story: &JournalBuilder) -> Timeline {
    let rest = if rest.contains("[expect]") {
        rest.to_owned()
    } else {
        format!("{rest}{EXPECT}")
    };
    let scenario = scenario(&rest);
    let evidence = Evidence::new(&scenario, &header(&scenario), &story.entries());
    Timeline::of(&evidence, &[])
}

fn lane<'a>(timeline: &'a Timeline, client: &str) -> &'a Lane {
    let mut lanes = timeline.crowd.lanes.iter();
    lanes.find(|lane| lane.client == client).unwrap()
}

/// `state from..until`, in milliseconds.
fn told(timeline: &Timeline, client: &str) -> Vec<String> {
    let segments = lane(timeline, client).segments.iter();
    let millis = |at: Moment| at.since_origin().as_millis();
    segments
        .map(|s| {
            format!(
                "{} {}..{}",
                s.state.class(),
                millis(s.from),
                millis(s.until)
            )
        })
        .collect()
}

fn fault(name: &str, when: &str, inject: &str) -> String {
    format!("[[fault]]\nname = '{name}'\n{when}\ninject.{inject}\n")
}

fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500)
}

#[test]
fn a_client_that_is_reset_is_down_until_it_is_live_again() {
    let faults = fault("reset", "at = '1s'", "reset = {}");
    let story = run()
        .dialled("c1", 1, 100)
        .connected("c1", 1, 200, 300)
        .struck("c1", 1, "reset", 1000)
        .closed("c1", 1, 1001)
        .told_closed("c1", 1, 1002)
        .dialled("c1", 2, 2000)
        .connected("c1", 2, 2300, 2500);
    let expected = [
        "dialling 100..200",
        "open 200..300",
        "live 300..1000",
        "down 1000..2000",
        "dialling 2000..2300",
        "open 2300..2500",
        "live 2500..15400",
    ];
    assert_eq!(told(&timeline(&faults, &story), "c1"), expected);
}

#[test]
fn a_stall_hurts_from_its_strike_until_data_flows_again() {
    let faults = fault("stall", "at = '1s'\nfor = '2s'", "stall = {}");
    let story = run()
        .connected("c1", 1, 0, 200)
        .stalled("c1", 1, 1000)
        .healed("c1", 1, "stall", 3000)
        .resumed("c1", 1, 3200)
        .connected("c2", 1, 0, 200);
    let timeline = timeline(&faults, &story);
    let expected = [
        "open 0..200",
        "live 200..1000",
        "hurt 1000..3200",
        "live 3200..15400",
    ];
    assert_eq!(told(&timeline, "c1"), expected);
    assert_eq!(told(&timeline, "c2"), ["open 0..200", "live 200..15400"]);
}

#[test]
fn two_live_connections_are_shown_as_such() {
    let story = run()
        .connected("c1", 1, 0, 200)
        .connected("c1", 2, 1000, 1500)
        .left("c1", 1, Ending::Fin, 4000);
    let expected = [
        "open 0..200",
        "live 200..1500",
        "double 1500..4000",
        "live 4000..15400",
    ];
    assert_eq!(told(&timeline("", &story), "c1"), expected);
}

#[test]
fn who_gave_up_and_who_was_stopped() {
    let story = run()
        .connected("c1", 1, 0, 200)
        .closed("c1", 1, 1000)
        .client("c1", Client::GaveUp, 2000)
        .connected("c2", 1, 0, 200)
        .left("c2", 1, Ending::Fin, 3000)
        .client("c2", Client::Stopped, 3000);
    let timeline = timeline("", &story);
    let expected = [
        "open 0..200",
        "live 200..1000",
        "down 1000..2000",
        "gave 2000..15400",
    ];
    assert_eq!(told(&timeline, "c1"), expected);
    assert_eq!(told(&timeline, "c2"), ["open 0..200", "live 200..3000"]);
}

#[test]
fn a_dial_that_hangs_is_shown_to_the_end() {
    let story = run().dialled("c1", 1, 1000);
    assert_eq!(told(&timeline("", &story), "c1"), ["dialling 1000..15400"]);
}

#[test]
fn a_run_of_which_nothing_is_known_is_empty() {
    assert!(timeline("", &JournalBuilder::new()).is_empty());
    assert!(!timeline("", &run().connected("c1", 1, 0, 10)).is_empty());
}

#[test]
fn short_states_become_one_that_shows_what_matters_most() {
    let segment = |state, from, until| Segment {
        state,
        from: ms(from),
        until: ms(until),
    };
    let segments = [
        segment(State::Live, 0, 1000),
        segment(State::Connecting, 1000, 1003),
        segment(State::Down, 1003, 1005),
        segment(State::Connected, 1005, 1008),
        segment(State::Live, 1008, 2000),
    ];
    let expected = [
        segment(State::Live, 0, 1000),
        segment(State::Down, 1000, 1008),
        segment(State::Live, 1008, 2000),
    ];
    assert_eq!(merged(&segments, Duration::from_millis(100)), expected);
    assert_eq!(merged(&segments, Duration::from_millis(1)), segments);
}

#[test]
fn a_storm_of_dials_is_no_more_marks_than_a_lane_can_show() {
    let story = (0..15_000).fold(run(), |story, n| {
        story.connected("c1", n + 1, n, n).closed("c1", n + 1, n)
    });
    let timeline = timeline("", &story);
    let lane = lane(&timeline, "c1");
    assert!(lane.segments.len() <= 2000, "{}", lane.segments.len());
    assert!(lane.dials.len() <= 1001, "{}", lane.dials.len());
    let dials: usize = lane.dials.iter().map(|dial| dial.count).sum();
    assert_eq!(dials, 15_000);
    assert!(timeline.open.steps.len() <= 1001);
}

/// `name: from..until`, with a question mark where nobody felt it.
fn tracks(timeline: &Timeline) -> Vec<String> {
    let millis = |at: Moment| at.since_origin().as_millis();
    let spans = |track: &Track| {
        let spans = track.spans.iter().map(|span| {
            let felt = if span.was_felt { "" } else { "?" };
            format!("{}..{}{felt}", millis(span.from), millis(span.until))
        });
        spans.collect::<Vec<_>>().join(" ")
    };
    let tracks = timeline.tracks.iter();
    tracks
        .map(|track| format!("{}: {}", track.name, spans(track)))
        .collect()
}

#[test]
fn a_track_has_the_windows_of_its_rule() {
    let faults = fault(
        "stall",
        "at = '1s'\nevery = '4s'\nuntil = '5s'\nfor = '2s'",
        "stall = {}",
    ) + &fault("reset", "at = '3s'", "reset = {}");
    let story = run()
        .connected("c1", 1, 0, 10)
        .stalled("c1", 1, 1000)
        .struck("c1", 1, "reset", 3000);
    let expected = ["stall: 1000..3000 5000..7000?", "reset: 3000..3000"];
    assert_eq!(tracks(&timeline(&faults, &story)), expected);
}

#[test]
fn a_rule_on_connections_has_the_times_in_which_it_held_them() {
    let faults = fault("silent", "on = { attempt = '1..' }", "accept_silent = {}");
    let story = run()
        .accepted("c1", 1, 100)
        .struck("c1", 1, "silent", 100)
        .closed("c1", 1, 2000)
        .accepted("c1", 2, 5000)
        .struck("c1", 2, "silent", 5000)
        .healed("c1", 2, "silent", 9000);
    assert_eq!(
        tracks(&timeline(&faults, &story)),
        ["silent: 100..100 5000..9000"]
    );
}

#[test]
fn what_befell_the_server_and_what_people_did_have_tracks() {
    let events = "[[server_event]]\nat = '1s'\nfor = '2s'\ndo = 'kill'\n";
    let paused = Mark::Action {
        action: "pause".into(),
        targets: ["c1".to_owned(), "c2".to_owned()].into(),
    };
    let story = run()
        .server_down("kill", 1000)
        .server_up("kill", 3000)
        .mark(paused, 4000)
        .mark(Mark::HeldUp { late_us: 99_000 }, 5000)
        .mark(Mark::HeldUp { late_us: 500_000 }, 6000);
    let timeline = timeline(events, &story);
    let expected = [
        "kill: 1000..3000",
        "pause: 4000..4000",
        "machine: 5500..6000",
    ];
    assert_eq!(tracks(&timeline), expected);
    assert_eq!(timeline.tracks[1].spans[0].count, 2);
}

#[test]
fn ticks_that_went_wrong_are_on_the_lane_of_their_client() {
    let story = run()
        .connected("c1", 1, 0, 10)
        .welcomed("c1", 1, "s", 10)
        .ticks("s", 1..=20, 1000)
        .applied("c1", "s", (1..=5).chain([5]).chain(11..=20), 2000);
    let strays = |resume| {
        let clients = format!("[clients]\ncount = 2\nresume = {resume}\n");
        let timeline = timeline(&clients, &story);
        let strays = lane(&timeline, "c1").strays.clone();
        strays
            .into_iter()
            .map(|stray| (stray.kind, stray.count))
            .collect::<Vec<_>>()
    };
    assert_eq!(strays(true), [(StrayKind::Lost, 5), (StrayKind::Again, 1)]);
    assert_eq!(strays(false), [(StrayKind::Again, 1)], "nobody promised");
}

/// A hundred clients; of c7 nothing is seen after a second.
fn crowd() -> JournalBuilder {
    (1..=100).fold(run(), |story, number| {
        let client = format!("c{number}");
        let story = story.connected(&client, 1, 0, 0);
        if number == 7 {
            story.closed("c7", 1, 1000)
        } else {
            story
        }
    })
}

#[test]
fn a_crowd_is_shown_by_shares_and_by_its_worst() {
    let timeline = timeline("[clients]\ncount = 100\n", &crowd());
    let stack = timeline.crowd.stack.as_ref().unwrap();
    let column = |column: usize| {
        let states = State::ALL.iter().zip(&stack.shares);
        let shares = states.map(|(state, shares)| (*state, shares[column]));
        shares.filter(|(_, share)| *share > 0).collect::<Vec<_>>()
    };
    assert_eq!(column(5), [(State::Live, 100_000)]);
    assert_eq!(column(200), [(State::Live, 99_000), (State::Down, 1000)]);
    let lanes: Vec<&str> = timeline
        .crowd
        .lanes
        .iter()
        .map(|l| l.client.as_str())
        .collect();
    assert_eq!(lanes.len(), 12);
    assert_eq!(lanes[..3], ["c1", "c2", "c3"]);
    assert!(lanes.contains(&"c7"));
    assert_eq!(stack.dials.iter().sum::<u32>(), 100);
}

#[test]
fn every_client_that_failed_has_a_lane_whatever_a_sentence_says() {
    let scenario = scenario(&format!("[clients]\ncount = 100\n{EXPECT}"));
    let evidence = Evidence::new(&scenario, &header(&scenario), &crowd().entries());
    let check = |why: &str, clients: &[&str]| CheckResult {
        name: "max_live".into(),
        result: crate::checks::Finding::Failed,
        limit: crate::checks::Measure::Count(1),
        observed: crate::checks::Measure::Count(2),
        why: why.into(),
        clients: clients.iter().map(|&client| client.into()).collect(),
        hangs_on: [].into(),
        excess: None,
        unseen: None,
    };
    let checks = [
        check("c93 had 2, unlike c9", &["c93", "c95"]),
        check("", &["c94"]),
    ];
    let timeline = Timeline::of(&evidence, &checks);
    let lanes = timeline.crowd.lanes.iter();
    let failed: Vec<&str> = lanes
        .filter(|l| l.has_failed)
        .map(|l| l.client.as_str())
        .collect();
    assert_eq!(failed, ["c93", "c94", "c95"]);
}

#[test]
fn recoveries_go_from_the_quickest_to_what_never_came() {
    let faults = fault("reset", "at = '1s'", "reset = {}") + "[expect]\nrecover_within = '1s'\n";
    let struck = |story: JournalBuilder, client: &str| {
        let story = story.connected(client, 1, 0, 10);
        story
            .struck(client, 1, "reset", 1000)
            .closed(client, 1, 1000)
    };
    let story = struck(struck(run(), "c2"), "c1").connected("c2", 2, 1300, 1400);
    let recoveries = timeline(&faults, &story).recoveries;
    let bars = recoveries
        .bars
        .iter()
        .map(|bar| (bar.client.as_str(), bar.taken));
    let expected = [("c2", Some(Duration::from_millis(400))), ("c1", None)];
    assert!(bars.eq(expected));
    assert_eq!((recoveries.count, recoveries.never), (2, 1));
    assert_eq!(recoveries.limit, Some(Duration::from_secs(1)));
    let stopped = story.client("c1", Client::Stopped, 2000);
    assert_eq!(
        timeline(&faults, &stopped).recoveries.count,
        1,
        "c1 owes nothing"
    );
}

#[test]
fn a_thousand_recoveries_are_a_few_bars() {
    let faults = format!(
        "[clients]\ncount = 1000\n{}",
        fault("reset", "at = '1s'", "reset = {}")
    );
    let story = (1..=1000).fold(run(), |story, number| {
        let client = format!("c{number}");
        let story = story
            .connected(&client, 1, 0, 10)
            .struck(&client, 1, "reset", 1000);
        let back = 1000 + number;
        story
            .closed(&client, 1, 1000)
            .connected(&client, 2, back, back)
    });
    let recoveries = timeline(&faults, &story).recoveries;
    assert!(recoveries.bars.len() <= 60);
    assert_eq!(
        recoveries.bars.iter().map(|bar| bar.count).sum::<usize>(),
        1000
    );
    assert_eq!(
        recoveries.bars.last().unwrap().taken,
        Some(Duration::from_secs(1))
    );
}

#[test]
fn waits_stand_by_their_retry_beside_what_the_policy_allows() {
    let clients = "[clients]\ncount = 2\nreconnect = { exponential = { base = '100ms', cap = '1s', factor = 2.0 } }\n";
    let story = run()
        .dialled("c1", 1, 1000)
        .told_closed("c1", 1, 1000)
        .dialled("c1", 2, 1100)
        .told_closed("c1", 2, 1100)
        .dialled("c1", 3, 1300);
    let waits = timeline(clients, &story).waits;
    let millis = |time: Duration| time.as_millis();
    let dots: Vec<_> = waits
        .dots
        .iter()
        .map(|dot| (dot.retry, millis(dot.wait)))
        .collect();
    assert_eq!(dots, [(0, 100), (1, 200)]);
    let envelope = waits
        .envelope
        .iter()
        .map(|(low, high)| (millis(*low), millis(*high)));
    let expected = [100, 200, 400, 800, 1000].map(|wait| (wait, wait));
    assert!(envelope.eq(expected));
}

#[test]
fn waits_of_another_make_stand_beside_its_own_figures() {
    use super::Authority;
    let scenario = scenario("[expect]\nmax_live = 1\n");
    let waits = |first_delay_us, longest_delay_us| {
        let mut header = header(&scenario);
        header.subject = Some(crate::subjects::Traits {
            first_delay_us,
            longest_delay_us,
            ..Default::default()
        });
        let evidence = Evidence::new(&scenario, &header, &run().entries());
        let waits = Timeline::of(&evidence, &[]).waits;
        let highest = waits.envelope.iter().map(|(_, high)| high.as_secs());
        (waits.by, waits.retries, highest.collect::<Vec<_>>())
    };
    let (own, second) = (Authority::Client, 1_000_000);
    assert_eq!(
        waits(Some(second), Some(4 * second)),
        (own, 5, vec![1, 4, 4, 4, 4])
    );
    assert_eq!(waits(None, Some(4 * second)), (own, 5, vec![4; 5]));
    assert_eq!(waits(Some(second), None), (own, 5, vec![1]));
    assert_eq!(waits(None, None), (Authority::Nobody, 5, Vec::new()));
}

#[test]
fn long_texts_are_cut_between_letters() {
    assert_eq!(clipped("häuser", 2), "h \u{2026}");
    assert_eq!(clipped("haus", 4), "haus");
}

#[test]
fn a_client_is_shown_by_what_it_is_judged_by() {
    let rest = fault("reset", "at = '1s'", "reset = {}") + "[expect]\nrecover_within = '1s'\n";
    let scenario = scenario(&rest);
    let mut header = header(&scenario);
    header.subject = Some(crate::subjects::Traits {
        reports: [crate::subjects::Report::Seq].into(),
        settle_us: Some(3_000_000),
        ..Default::default()
    });
    let story = run()
        .connected("c1", 1, 0, 10)
        .welcomed("c1", 1, "s", 10)
        .ticks("s", 1..=20, 1000)
        .applied("c1", "s", [1, 2, 2], 2000);
    let evidence = Evidence::new(&scenario, &header, &story.entries());
    let timeline = Timeline::of(&evidence, &[]);
    assert_eq!(timeline.recoveries.limit, Some(Duration::from_secs(3)));
    let strays = &lane(&timeline, "c1").strays;
    let kinds: Vec<StrayKind> = strays.iter().map(|stray| stray.kind).collect();
    assert_eq!(kinds, [StrayKind::Again], "it cannot take up a session");
}
