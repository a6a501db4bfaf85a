//! What it takes to be back: data that stays and that the client tells of, a
//! complete answer, or the word that it gives up where the case is content with it.

use chaos_proxy::{Ending, EventKind as Proxy};
use client_sim::EventKind as Client;

use super::*;
use crate::journal::builder::JournalBuilder;
use crate::language::sample::{header, scenario};
use crate::subject::{Report, Traits};
use crate::verdict::{Verdict, judge};

const WHO: &str = "[clients]\ncount = 1\n[server]\ncommand = ['x', '{port}']\n";

/// A custom client that reports its dials and messages.
fn telling() -> Traits {
    Traits {
        reports: Report::ALL.map(|(_, report)| report).into(),
        ..Traits::default()
    }
}

fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500)
        .connected("c1", 1, 0, 10)
        .opened("c1", 1, 5)
        .dialled("c1", 1, 0)
        .client("c1", Client::Received { dial: 1 }, 11)
        .struck("c1", 1, "reset", 1000)
        .ended("c1", 1, Ending::Reset, 1000)
        .closed("c1", 1, 1001)
}

/// The verdict, and what the file's first check came to.
#[track_caller]
fn judged(rest: &str, story: &JournalBuilder, traits: Traits) -> (Verdict, Finding, Vec<String>) {
    let scenario = scenario(&format!("{rest}\n{WHO}"));
    let mut header = header(&scenario);
    header.subject = Some(traits);
    let judgement = judge(&scenario, &header, &story.entries());
    let notes = judgement.notes.iter().map(ToString::to_string);
    (
        judgement.verdict,
        judgement.checks[0].result,
        notes.collect(),
    )
}

fn recovering(story: &JournalBuilder, traits: Traits) -> Finding {
    let rest = "[[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\nrecover_within = '1s'";
    judged(rest, story, traits).1
}

#[test]
fn who_tells_of_its_messages_is_back_with_one_that_it_tells() {
    let back = run().connected("c1", 2, 1500, 1510).opened("c1", 2, 1505);
    assert_eq!(recovering(&back, telling()), Finding::Failed, "a greeting");
    let told = back
        .clone()
        .client("c1", Client::Received { dial: 2 }, 1700);
    assert_eq!(recovering(&told, telling()), Finding::Ok);
    let silent = Traits {
        reports: [Report::Open].into(),
        ..Traits::default()
    };
    assert_eq!(
        recovering(&back, silent),
        Finding::Ok,
        "the proxy's word alone"
    );
}

#[test]
fn the_client_may_write_its_message_down_before_the_proxy_does() {
    let back = |told| {
        run()
            .connected("c1", 2, 1500, 1510)
            .opened("c1", 2, 1505)
            .client("c1", Client::Received { dial: 2 }, told)
    };
    assert_eq!(recovering(&back(1509), telling()), Finding::Ok);
    assert_eq!(recovering(&back(1500), telling()), Finding::Ok);
    assert_eq!(recovering(&back(1499), telling()), Finding::Failed);
}

#[test]
fn who_wants_a_pause_is_owed_no_message() {
    let pause = crate::journal::Mark::Action {
        action: "pause".to_owned(),
        targets: ["c1".to_owned()].into(),
    };
    let back = run()
        .mark(pause, 500)
        .connected("c1", 2, 1500, 1510)
        .opened("c1", 2, 1505);
    assert_eq!(recovering(&back, telling()), Finding::Ok);
}

#[test]
fn a_message_behind_the_end_of_the_connection_confirms_nothing() {
    let refused = run()
        .connected("c1", 2, 1500, 1510)
        .opened("c1", 2, 1505)
        .server_left("c1", 2, 1520)
        .ended("c1", 2, Ending::Fin, 1520)
        .closed("c1", 2, 1521)
        .client("c1", Client::Received { dial: 2 }, 1900);
    assert_eq!(recovering(&refused, telling()), Finding::Failed);
}

#[test]
fn who_polls_has_what_it_asked_for_with_the_answer() {
    let poll = |story: JournalBuilder| {
        story
            .accepted("c1", 2, 1500)
            .first_data("c1", 2, 1510)
            .client("c1", Client::Received { dial: 1 }, 1511)
            .left("c1", 2, Ending::Fin, 1520)
            .closed("c1", 2, 1521)
    };
    assert_eq!(
        recovering(&poll(run()), telling()),
        Finding::Failed,
        "thrown out"
    );
    let answered = run()
        .accepted("c1", 2, 1500)
        .first_data("c1", 2, 1510)
        .proxy("c1", 2, Proxy::AnswerComplete, 1510)
        .client("c1", Client::Received { dial: 1 }, 1511)
        .left("c1", 2, Ending::Fin, 1520)
        .closed("c1", 2, 1521);
    assert_eq!(recovering(&answered, telling()), Finding::Ok);
}

const HAMMERING: &str = "[[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\nmin_dial_gap = '1s'\nrecover_within = '3s'\n\
     [proof]\nflaw = 'hammers_when_denied'\nfails = 'min_dial_gap'";

#[test]
fn to_give_up_is_as_good_where_the_case_says_so() {
    let gave_up = run().client("c1", Client::GaveUp, 1100);
    let (verdict, _, notes) = judged(HAMMERING, &gave_up, telling());
    assert_eq!(verdict, Verdict::Failed, "it never came back");
    assert_eq!(
        notes,
        [
            "c1 was not connected at the end",
            "any first message of this server counted as recovery: `[server] data` can say what does"
        ]
    );
    let content = format!("outcomes = ['recovered', 'gave_up']\n{HAMMERING}");
    let scenario = scenario(&format!("{content}\n{WHO}"));
    let mut header = header(&scenario);
    header.subject = Some(telling());
    let judgement = judge(&scenario, &header, &gave_up.entries());
    assert_eq!(judgement.verdict, Verdict::Passed);
    // Nor does it come to what a rule waits for.
    let later = "[[fault]]\nname = 'later'\non = { attempt = 2 }\ninject.reset = {}\n";
    let waiting = content.replacen("[[fault]]", &format!("{later}[[fault]]"), 1);
    assert_eq!(judged(&waiting, &gave_up, telling()).0, Verdict::Passed);
    let waiting = HAMMERING.replacen("[[fault]]", &format!("{later}[[fault]]"), 1);
    let stayed = run().client("c1", Client::Received { dial: 1 }, 1100);
    assert_ne!(judged(&waiting, &stayed, telling()).0, Verdict::Passed);
    let gap = judgement.checks.iter().find(|c| c.name == "min_dial_gap");
    assert_eq!(
        gap.map(|gap| gap.why.as_str()),
        Some("c1 gave up at 1100ms and said so, which is a good outcome of this scenario")
    );
}

#[test]
fn who_gives_up_without_a_cause_or_goes_on_all_the_same_has_not_done_well() {
    let content = format!("outcomes = ['recovered', 'gave_up']\n{HAMMERING}");
    let before = run().client("c1", Client::GaveUp, 900);
    assert_ne!(judged(&content, &before, telling()).0, Verdict::Passed);
    let hammers = run()
        .client("c1", Client::GaveUp, 1100)
        .dialled("c1", 2, 1200)
        .dialled("c1", 3, 1250)
        .accepted("c1", 2, 1200)
        .accepted("c1", 3, 1250);
    let (verdict, ..) = judged(&content, &hammers, telling());
    assert_eq!(verdict, Verdict::Failed, "its dials are judged");
}
