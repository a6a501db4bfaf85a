//! The rules of a verdict, one by one.

use std::time::Duration;

use super::*;
use crate::checks::{Excess, Finding};
use crate::journal::builder::JournalBuilder;
use crate::journal::{Bound, Header, Mark};
use crate::language::Scenario;
use crate::language::sample::{header, scenario};
use crate::subject::{Ability, Traits};

mod firing;
mod machine;
mod server;

const RESET: &str = "[[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\nrecover_within = '1s'\n";

fn run() -> JournalBuilder {
    JournalBuilder::run(10_000, 15_000, 15_500)
        .connected("c1", 1, 0, 10)
        .connected("c2", 1, 0, 10)
}

/// Both clients reset at 1 s.
fn struck(late: u64) -> JournalBuilder {
    ["c1", "c2"].into_iter().fold(run(), |story, client| {
        story
            .struck_late(client, 1, "reset", 1000, 1000 + late)
            .closed(client, 1, 1001 + late)
    })
}

fn back(story: JournalBuilder) -> JournalBuilder {
    story
        .connected("c1", 2, 1500, 1600)
        .connected("c2", 2, 1500, 1600)
}

#[track_caller]
fn judged_as(text: &str, story: &JournalBuilder, verdict: Verdict, reasons: &[&str]) -> Judgement {
    judged_with(text, story, |_| {}, verdict, reasons)
}

#[track_caller]
fn judged_with(
    text: &str,
    story: &JournalBuilder,
    change: impl FnOnce(&mut Header),
    verdict: Verdict,
    reasons: &[&str],
) -> Judgement {
    let scenario = scenario(text);
    let mut header = header(&scenario);
    change(&mut header);
    let judgement = judge(&scenario, &header, &story.entries());
    assert_eq!(
        (judgement.verdict, sentences(&judgement.reasons)),
        (verdict, reasons.map_owned())
    );
    judgement
}

fn sentences(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(ToString::to_string).collect()
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for [&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|&s| s.to_owned()).collect()
    }
}

#[test]
fn faults_in_time_and_checks_ok_is_passed() {
    let judgement = judged_as(RESET, &back(struck(3)), Verdict::Passed, &[]);
    let [firing] = &judgement.firings[..] else {
        panic!("one rule")
    };
    assert_eq!(
        (firing.strikes, firing.lateness),
        (2, Duration::from_millis(3))
    );
}

#[test]
fn a_failed_check_whose_fault_fired_in_time_is_failed() {
    judged_as(RESET, &struck(3), Verdict::Failed, &[]);
}

#[test]
fn a_failed_check_whose_fault_was_late_is_inconclusive() {
    let reasons = [
        "`reset` was 251ms late, more than 250ms: the machine was too busy",
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
    ];
    judged_as(RESET, &struck(251), Verdict::Inconclusive, &reasons);
    judged_as(RESET, &struck(250), Verdict::Failed, &[]);
}

#[test]
fn nothing_ok_is_inconclusive() {
    let text = RESET.replace("recover_within = '1s'", "lost = 0");
    let reasons = ["no check could be measured as ok"];
    judged_as(&text, &back(struck(0)), Verdict::Inconclusive, &reasons);
}

fn wire(header: &mut Header) {
    header.control = Some("wire".into());
}

#[test]
fn a_control_without_effect_never_passes_and_never_fails() {
    let control = "a negative control: every fault was scheduled and none applied";
    judged_with(RESET, &run(), wire, Verdict::Inconclusive, &[control]);
    let text = RESET.replace("recover_within = '1s'", "max_live = 1");
    judged_with(&text, &run(), wire, Verdict::Inconclusive, &[control]);
    let doubled = run().connected("c1", 2, 500, 600);
    judged_with(&text, &doubled, wire, Verdict::Inconclusive, &[control]);
}

/// Or a harness that applies what it should not would never be found out.
#[test]
fn a_control_in_which_a_rule_acted_is_judged_like_any_run() {
    judged_with(RESET, &back(struck(0)), wire, Verdict::Passed, &[]);
    judged_with(RESET, &struck(0), wire, Verdict::Failed, &[]);
}

#[test]
fn what_is_not_disturbed_is_a_case_and_has_no_control() {
    let text = "[clients]\ncount = 2\n[expect]\nmax_dials = 1\nmax_live = 1\n";
    let judged = |story: &JournalBuilder, wire: bool| {
        let scenario = sound_and_undisturbed(text);
        let mut header = header(&scenario);
        header.control = wire.then(|| "wire".into());
        let judgement = judge(&scenario, &header, &story.entries());
        (judgement.verdict, sentences(&judgement.reasons))
    };
    assert_eq!(judged(&run(), false), (Verdict::Passed, Vec::new()));
    let restless = run().connected("c1", 2, 500, 600);
    assert_eq!(judged(&restless, false).0, Verdict::Failed);
    let reason = "a negative control, and the scenario has no fault to leave out".to_owned();
    assert_eq!(judged(&run(), true), (Verdict::NotApplicable, vec![reason]));
}

fn sound_and_undisturbed(text: &str) -> Scenario {
    let text = format!("id = 'x'\nduration = '10s'\nsettle = '5s'\n{text}");
    let source = environment::text::Source::new("x.toml", text);
    crate::language::read(&source).unwrap()
}

const PAUSE: &str = "[[action]]\nat = '2s'\ndo = 'pause'\n\
    [[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\nrecover_within = '1s'\nstate_equal = true\n";

fn foreign(header: &mut Header) {
    header.subject = Some(Traits::default());
}

#[test]
fn what_the_client_cannot_do_or_does_not_show_makes_a_case_not_applicable() {
    let proven = format!("{PAUSE}[proof]\nflaw = 'forgets_pause'\nfails = 'state_equal'\n");
    let hidden = "the scenario is about `state_equal`, which cannot be measured for this client: \
        this client cannot `pause`";
    let story = back(struck(0));
    judged_with(&proven, &story, foreign, Verdict::NotApplicable, &[hidden]);
    // What else it does wrong is wrong all the same.
    judged_with(&proven, &struck(0), foreign, Verdict::Failed, &[]);
    // Without a proof, one of the checks is enough.
    judged_with(PAUSE, &story, foreign, Verdict::Passed, &[]);
    let alone = PAUSE.replace("recover_within = '1s'\n", "");
    judged_with(&alone, &story, foreign, Verdict::NotApplicable, &[hidden]);
    let required = format!("requires = ['pause']\n{PAUSE}");
    let missing = "the scenario needs clients that can `pause`, which this client cannot";
    judged_with(
        &required,
        &story,
        foreign,
        Verdict::NotApplicable,
        &[missing],
    );
    // It is known without any run, so it goes before whatever went wrong with one.
    let nothing = JournalBuilder::new();
    judged_with(
        &required,
        &nothing,
        foreign,
        Verdict::NotApplicable,
        &[missing],
    );
}

#[test]
fn what_a_clients_own_server_or_a_machine_with_browsers_cannot_do_is_not_applicable() {
    let page = |header: &mut Header| {
        header.subject = Some(Traits {
            can: [Ability::Page].into(),
            server: Some("ws://localhost:8080/".into()),
            ..Traits::default()
        });
    };
    let check = |text: &str, why: &[&str]| {
        let source = environment::text::Source::new(
            "x.toml",
            format!("id = 'x'\nduration = '10s'\nsettle = '5s'\n{text}"),
        );
        let mut of_page = crate::journal::Header::clone(&header(&sound_and_undisturbed(text)));
        page(&mut of_page);
        let fitted = crate::language::read_for(&source, of_page.subject.as_ref()).unwrap();
        let judgement = judge(&fitted, &of_page, &run().entries());
        let is_other = judgement.verdict == Verdict::NotApplicable;
        assert_eq!(is_other, !why.is_empty(), "{judgement:?}");
        if is_other {
            assert_eq!(sentences(&judgement.reasons), why);
        }
    };
    let expect = "[expect]\nmax_live = 1\n";
    check(
        &format!("[server]\ntick = '1s'\n[clients]\ncount = 6\n{expect}"),
        &[],
    );
    check(
        &format!("[server]\nmax_connections = 3\n{expect}"),
        &[
            "the scenario needs `max_connections` of its server, and this client uses a server of its own, which cannot be configured",
        ],
    );
    check(
        "[[fault]]\non = { attempt = 2 }\ninject.upgrade_reply = { status = 503 }\n\
         [expect]\nmin_dial_gap = '2s'\n",
        &[
            "the scenario is about the response to a refused handshake, which browsers do not show to pages",
        ],
    );
    check(
        &format!("[clients]\ncount = 7\n{expect}"),
        &["the scenario has 7 clients, each is a browser, and there are at most 6"],
    );
}

#[test]
fn a_defining_check_that_had_nothing_to_judge_is_inconclusive() {
    let text = format!("{PAUSE}[proof]\nflaw = 'forgets_pause'\nfails = 'state_equal'\n");
    let reason = "the scenario is about `state_equal`, which could not be measured: \
        no client reported a session that it had at the end of settling";
    let story = back(struck(0));
    judged_as(&text, &story, Verdict::Inconclusive, &[reason]);
    judged_as(PAUSE, &story, Verdict::Passed, &[]);
}

#[test]
fn a_run_cut_short_is_inconclusive_whatever_failed() {
    let cut = JournalBuilder::new()
        .mark(Mark::TZero, 0)
        .connected("c1", 1, 0, 10)
        .connected("c2", 1, 0, 10)
        .struck("c1", 1, "reset", 1000)
        .struck("c2", 1, "reset", 1000);
    let broken = |reason: &str| {
        let failed = "`recover_within` failed, but not because of the client";
        [
            reason.to_owned(),
            "no check could be measured as ok".into(),
            failed.into(),
        ]
    };
    let interrupted = cut.clone().mark(Mark::Interrupted, 5000);
    let reasons = broken("the run was interrupted");
    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
    judged_as(RESET, &interrupted, Verdict::Inconclusive, &reasons);
    let silent = cut.accepted("c1", 2, 5000);
    let reasons = broken("the journal ends before the run does");
    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
    judged_as(RESET, &silent, Verdict::Inconclusive, &reasons);
}

#[test]
fn a_process_that_ends_by_itself_fails_what_it_should_have_done_and_passes_nothing() {
    let ended = |client: &str| Mark::ClientEnded {
        client: client.to_owned(),
        how: "exit status: 1".into(),
    };
    let dead = struck(0).mark(ended("c1"), 1100);
    let dead = dead.connected("c2", 2, 1500, 1600);
    judged_with(RESET, &dead, foreign, Verdict::Failed, &[]);
    let late = back(struck(0)).mark(ended("c1"), 15_100);
    let reason = "the process of c1 ended by itself at 15100ms: exit status: 1";
    judged_with(RESET, &late, foreign, Verdict::Inconclusive, &[reason]);
    let gave_up = late.client("c1", client_sim::EventKind::GaveUp, 15_050);
    judged_with(RESET, &gave_up, foreign, Verdict::Passed, &[]);
}

/// A client that took too much of the run is judged by what counts that.
#[test]
fn who_goes_beyond_the_bounds_is_failed_by_what_counts_dials_alone() {
    let most = 100;
    let (client, bound) = ("c1".to_owned(), Bound::Connections);
    let mark = Mark::Exceeded {
        client,
        bound,
        most,
    };
    let story = JournalBuilder::new()
        .mark(Mark::TZero, 0)
        .connected("c1", 1, 0, 10)
        .connected("c1", 2, 500, 510)
        .struck("c1", 1, "reset", 1000)
        .closed("c1", 2, 1001)
        .mark(mark, 9000);
    let rule = "[[fault]]\nname = 'reset'\nat = '1s'\ninject.reset = {}\n";
    let counted = format!("{rule}[expect]\nmax_live = 1\n");
    judged_as(&counted, &story, Verdict::Failed, &[]);
    let other = format!("{rule}[expect]\nrecover_within = '1s'\n");
    let scenario = scenario(&other);
    let judgement = judge(&scenario, &header(&scenario), &story.entries());
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.checks[0].result, Finding::Failed);
    let why = "c1 had more than 100 connections at once, which ended the run";
    assert_eq!(judgement.reasons[0].to_string(), why);
}

#[test]
fn a_journal_that_does_not_tell_what_was_withheld_says_nothing_of_a_stall() {
    let stall = "[[fault]]\nat = '1s'\nfor = '2s'\ninject.stall = {}\n[expect]\nmax_live = 1\n";
    let story = run()
        .struck("c1", 1, "stall", 1000)
        .struck("c2", 1, "stall", 1000);
    let old = |header: &mut Header| header.version = 1;
    let reason = "the journal is of version 1, which does not record what `stall` kept from which client; run the scenario again";
    judged_with(stall, &story, old, Verdict::Inconclusive, &[reason]);
    judged_with(stall, &story, |_| {}, Verdict::Passed, &[]);
    // What only ends connections has told enough.
    judged_with(RESET, &back(struck(0)), old, Verdict::Passed, &[]);
}
