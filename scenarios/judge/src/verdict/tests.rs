//! The rules of a verdict, one by one.

use std::time::Duration;

use super::*;
use crate::checks::{Excess, Finding};
use crate::journal::builder::JournalBuilder;
use crate::journal::{Bound, Header, Mark};
use crate::language::Scenario;
use crate::language::sample::{header, scenario};
use crate::subject::Traits;

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
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    judged_as(RESET, &struck(251), Verdict::Inconclusive, &reasons);
    judged_as(RESET, &struck(250), Verdict::Failed, &[]);
}

/// Both come back 400 ms later than they may.
fn late_by_400(held_up: &[u64]) -> JournalBuilder {
    let story = ["c1", "c2"].into_iter().fold(struck(3), |story, client| {
        story.connected(client, 2, 2300, 2400)
    });
    held_up.iter().fold(story, |story, late| {
        story.mark(
            Mark::HeldUp {
                late_us: late * 1000,
            },
            2000,
        )
    })
}

#[test]
fn a_time_beyond_its_limit_is_not_blamed_on_the_client_if_the_machine_withheld_as_much() {
    let judgement = judged_as(RESET, &late_by_400(&[]), Verdict::Failed, &[]);
    let excess = Excess::Late(Duration::from_millis(397));
    assert_eq!(judgement.checks[0].excess, Some(excess));
    judged_as(RESET, &late_by_400(&[200, 190]), Verdict::Failed, &[]);
    let reasons = [
        "the machine let the harness wait, for 200ms at 2s, 400ms in all: it was too busy",
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    judged_as(
        RESET,
        &late_by_400(&[200, 200]),
        Verdict::Inconclusive,
        &reasons,
    );
}

#[test]
fn after_a_long_hold_up_nobody_is_blamed_for_what_was_late() {
    judged_as(RESET, &late_by_400(&[250]), Verdict::Failed, &[]);
    let reasons = [
        "the machine let the harness wait, for 251ms at 2s, 251ms in all: it was too busy",
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    let story = late_by_400(&[251]);
    judged_as(RESET, &story, Verdict::Inconclusive, &reasons);
    let doubled = |late| {
        back(struck(3))
            .connected("c1", 3, 5000, 5100)
            .mark(Mark::HeldUp { late_us: late }, 2000)
    };
    let live = RESET.replace("recover_within = '1s'", "max_live = 1");
    judged_as(&live, &doubled(250_000), Verdict::Failed, &[]);
    let reasons = reasons.map(|reason| reason.replace("recover_within", "max_live"));
    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
    let doubled = doubled(251_000);
    judged_as(&live, &doubled, Verdict::Inconclusive, &reasons);
    // Nor does it excuse anything if it was over when t = 0 came.
    let before = late_by_400(&[])
        .mark(Mark::HeldUp { late_us: 900_000 }, 1)
        .mark(Mark::TZero, 2);
    judged_as(RESET, &before, Verdict::Failed, &[]);
    // It takes nothing from a pass.
    let back = back(struck(3)).mark(Mark::HeldUp { late_us: 900_000 }, 2000);
    judged_as(RESET, &back, Verdict::Passed, &[]);
}

#[test]
fn who_never_comes_back_is_blamed_though_the_machine_was_once_slow() {
    // Both are watched for 14,397 ms after the reset, 13,397 ms too long.
    let story = |late_us| struck(3).mark(Mark::HeldUp { late_us }, 2000);
    judged_as(RESET, &story(13_396_999), Verdict::Failed, &[]);
    let reasons = [
        "the machine let the harness wait, for 13397ms at 2s, 13397ms in all: it was too busy",
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    judged_as(RESET, &story(13_397_000), Verdict::Inconclusive, &reasons);
}

#[test]
fn ticks_that_a_slow_machine_had_no_time_for_are_not_lost() {
    let text = RESET.replace("recover_within = '1s'", "lost = 0");
    // Nobody is back for the last of them, which was waited for from 14,800 ms on.
    let end = |applied: &[u64], late_us| {
        let story = struck(3).welcomed("c1", 1, "s", 5);
        let story = story
            .ticks("s", 1..=1, 100)
            .ticks("s", 2..=3, 14_800)
            .applied("c1", "s", applied.iter().copied(), 14_900);
        (0..20).fold(story, |story, at| {
            story.mark(Mark::HeldUp { late_us }, 2000 + 100 * at)
        })
    };
    judged_as(&text, &end(&[1], 20_000), Verdict::Failed, &[]);
    let reasons = [
        "the machine let the harness wait, for 200ms at 3900ms, 4s in all: it was too busy",
        "no check could be judged ok",
        "`lost` failed, but not by the client's doing",
    ];
    judged_as(&text, &end(&[1], 200_000), Verdict::Inconclusive, &reasons);
    // A gap is one on any machine.
    judged_as(&text, &end(&[1, 3], 200_000), Verdict::Failed, &[]);
}

#[test]
fn a_fault_on_a_connection_that_came_later_is_late_from_then_on() {
    let text = "[[fault]]\nat = '1s'\nfor = '5s'\ninject.stall = {}\n[expect]\nmax_live = 1\n";
    let story = run()
        .stalled("c1", 1, 1000)
        .stalled("c2", 1, 1000)
        .accepted("c1", 2, 3000)
        .struck_late("c1", 2, "stall", 1000, 3001);
    let judgement = judged_as(text, &story, Verdict::Passed, &[]);
    assert_eq!(judgement.firings[0].lateness, Duration::from_millis(1));
}

#[test]
fn a_rule_on_an_attempt_that_never_came_is_inconclusive() {
    let text = "[[fault]]\non = { attempt = 99 }\ninject.reset = {}\n[expect]\nmax_live = 1\n";
    let reasons = [
        "no connection came to attempt 99 while `reset` was armed",
        "no rule had any effect",
    ];
    judged_as(text, &run(), Verdict::Inconclusive, &reasons);
    let may = text.replace("on =", "must_fire = false\non =");
    judged_as(&may, &run(), Verdict::Inconclusive, &reasons[1..]);
}

#[test]
fn a_connection_that_was_there_and_not_struck_is_inconclusive() {
    let story = back(run().struck("c1", 1, "reset", 1000).closed("c1", 1, 1001));
    let reasons = ["`reset` did not strike connection 1 of c2, which was there"];
    judged_as(RESET, &story, Verdict::Inconclusive, &reasons);
    let gone = story.closed("c2", 1, 1100);
    judged_as(RESET, &gone, Verdict::Passed, &[]);
}

#[test]
fn a_machine_that_slept_explains_that_a_rule_missed_somebody() {
    let story = back(run().struck("c1", 1, "reset", 1000).closed("c1", 1, 1001));
    let slept = |late_us| story.clone().mark(Mark::HeldUp { late_us }, 1400);
    let missed = "`reset` did not strike connection 1 of c2, which was there";
    judged_as(RESET, &slept(250_000), Verdict::Inconclusive, &[missed]);
    let reasons = [
        missed,
        "the machine let the harness wait, for 400ms at 1400ms, 400ms in all: it was too busy",
    ];
    judged_as(RESET, &slept(400_000), Verdict::Inconclusive, &reasons);
}

#[test]
fn a_timed_rule_that_found_nobody_is_inconclusive() {
    let text = format!(
        "[[fault]]\nname = 'silent'\nat = '5s'\nfor = '1s'\ninject.accept_silent = {{}}\n{RESET}"
    );
    let reasons = ["`silent` never found a connection to act on"];
    judged_as(&text, &back(struck(0)), Verdict::Inconclusive, &reasons);
}

#[test]
fn a_rule_whose_targets_have_all_given_up_need_not_fire() {
    let text = format!(
        "[[fault]]\nname = 'silent'\nat = '5s'\nfor = '1s'\ninject.accept_silent = {{}}\n{RESET}"
    );
    let story = struck(0)
        .client("c1", client_sim::EventKind::GaveUp, 1100)
        .client("c2", client_sim::EventKind::GaveUp, 1100);
    let judgement = judged_as(&text, &story, Verdict::Failed, &[]);
    assert_eq!(judgement.firings[0].missing, None);
}

#[test]
fn nothing_ok_is_inconclusive() {
    let text = RESET.replace("recover_within = '1s'", "lost = 0");
    let reasons = ["no check could be judged ok"];
    judged_as(&text, &back(struck(0)), Verdict::Inconclusive, &reasons);
}

fn wire(header: &mut Header) {
    header.control = Some("wire".into());
}

#[test]
fn a_control_without_effect_never_passes_and_never_fails() {
    let control = "a control: every fault was planned and none applied";
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
    let reason = "a control, and the case has no fault to leave out".to_owned();
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
    let hidden = "the case is about `state_equal`, which cannot be judged of this client: \
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
    let missing = "the case is about clients that `pause` when told to, which this client cannot";
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
fn a_defining_check_that_had_nothing_to_judge_is_inconclusive() {
    let text = format!("{PAUSE}[proof]\nflaw = 'forgets_pause'\nfails = 'state_equal'\n");
    let reason = "the case is about `state_equal`, which could not be judged: \
        no client told of a session that it had when all had settled";
    let story = back(struck(0));
    judged_as(&text, &story, Verdict::Inconclusive, &[reason]);
    judged_as(PAUSE, &story, Verdict::Passed, &[]);
}

#[test]
fn a_case_about_a_bound_from_above_says_nothing_if_the_machine_withheld_time() {
    let with = |proof: &str| {
        let text = RESET.replace(
            "recover_within = '1s'",
            "recover_within = '1s'\nmax_dials = 9",
        );
        format!("{text}{proof}")
    };
    let proven = with("[proof]\nflaw = 'no_backoff'\nfails = 'max_dials'\n");
    let held_up = |late_us| back(struck(0)).mark(Mark::HeldUp { late_us }, 2000);
    judged_as(&proven, &held_up(3_000_000), Verdict::Passed, &[]);
    let reasons = [
        "the machine let the harness wait, for 4s at 2s, 4s in all: it was too busy",
        "the case is about `max_dials`, which could not be judged: no client dialled more than \
         2 times from t = 0 to the end of settling, but the machine withheld 4s, so that proves nothing",
    ];
    judged_as(
        &proven,
        &held_up(4_000_000),
        Verdict::Inconclusive,
        &reasons,
    );
    judged_as(&with(""), &held_up(4_000_000), Verdict::Passed, &[]);
}

#[test]
fn two_at_once_are_explained_by_as_much_as_the_machine_withheld() {
    let text = "[[fault]]\nat = '1s'\nfor = '5s'\ninject.stall = {}\n[expect]\nmax_live = 1\n";
    // That it has left the first is seen 150 ms late: a hundred more than may be.
    let story = |late_us| {
        run()
            .struck("c1", 1, "stall", 1000)
            .struck("c2", 1, "stall", 1000)
            .connected("c1", 2, 1100, 1150)
            .left("c1", 1, chaos_proxy::Ending::Reset, 1300)
            .struck("c1", 2, "stall", 1150)
            .mark(Mark::HeldUp { late_us }, 1300)
    };
    judged_as(text, &story(99_999), Verdict::Failed, &[]);
    let reasons = [
        "the machine let the harness wait, for 100ms at 1300ms, 100ms in all: it was too busy",
        "no check could be judged ok",
        "`max_live` failed, but not by the client's doing",
    ];
    judged_as(text, &story(100_000), Verdict::Inconclusive, &reasons);
}

#[test]
fn nobody_is_blamed_for_what_he_saw_of_a_server_that_the_harness_killed() {
    let text = KILL.replace("'kill'", "'restart'");
    let killed = |story: JournalBuilder| {
        let name = "restart".to_owned();
        story.mark(
            Mark::ServerKilled {
                name,
                after_us: 3_000_000,
            },
            1900,
        )
    };
    let down = run()
        .server_down("restart", 1000)
        .closed("c1", 1, 1901)
        .closed("c2", 1, 1901)
        .server_up("restart", 3000);
    let reason = "the server was killed by the harness, for it had not ended 3s after `restart`";
    judged_as(&text, &down, Verdict::Failed, &[]);
    let failed = [
        reason,
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    judged_as(&text, &killed(down.clone()), Verdict::Inconclusive, &failed);
    judged_as(
        &text,
        &killed(back_again(down)),
        Verdict::Inconclusive,
        &[reason],
    );
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
        let failed = "`recover_within` failed, but not by the client's doing";
        [
            reason.to_owned(),
            "no check could be judged ok".into(),
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
fn an_effect_of_no_rule_is_inconclusive() {
    let text = "[expect]\nmax_live = 1\n";
    judged_as(
        text,
        &run(),
        Verdict::Inconclusive,
        &["no rule had any effect"],
    );
}

#[test]
fn a_server_that_the_proxy_could_not_reach_is_inconclusive() {
    let failed = chaos_proxy::EventKind::UpstreamFailed {
        error: "connection refused".into(),
    };
    let story = struck(0).proxy("c1", 2, failed, 1200);
    let reasons = [
        "the proxy could not reach the server: connection refused",
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    judged_as(RESET, &story, Verdict::Inconclusive, &reasons);
}

const KILL: &str =
    "[[server_event]]\nat = '1s'\nfor = '2s'\ndo = 'kill'\n[expect]\nrecover_within = '1s'\n";

/// The server is gone from `down` until 3 s, and both clients lose it.
fn killed(down: u64) -> JournalBuilder {
    run()
        .server_down("kill", down)
        .closed("c1", 1, down + 1)
        .closed("c2", 1, down + 1)
        .server_up("kill", 3000)
}

fn back_again(story: JournalBuilder) -> JournalBuilder {
    story
        .connected("c1", 2, 3100, 3200)
        .connected("c2", 2, 3100, 3200)
}

#[test]
fn a_server_event_is_a_fault_like_any_other() {
    let judgement = judged_as(KILL, &back_again(killed(1000)), Verdict::Passed, &[]);
    let [firing] = &judgement.firings[..] else {
        panic!("one event")
    };
    assert_eq!((firing.rule.as_str(), firing.strikes), ("kill", 2));
    judged_as(KILL, &killed(1000), Verdict::Failed, &[]);
    let dialled_in_vain = |client, at| {
        let what = chaos_proxy::EventKind::UpstreamFailed {
            error: "connection refused".into(),
        };
        move |story: JournalBuilder| story.accepted(client, 2, at).proxy(client, 2, what, at)
    };
    let story = dialled_in_vain("c1", 1500)(killed(1000));
    judged_as(KILL, &story, Verdict::Failed, &[]);
}

#[test]
fn a_server_event_must_happen_in_time_and_come_to_its_end() {
    let reasons = [
        "`kill` was 300ms late, more than 250ms: the machine was too busy",
        "no check could be judged ok",
        "`recover_within` failed, but not by the client's doing",
    ];
    judged_as(KILL, &killed(1300), Verdict::Inconclusive, &reasons);
    let reasons = [
        "`kill` did not befall the server",
        "no rule had any effect",
        "no check could be judged ok",
    ];
    judged_as(KILL, &run(), Verdict::Inconclusive, &reasons);
    let gone = run().server_down("kill", 1000);
    let text = KILL.replace("recover_within = '1s'", "max_live = 1");
    let reasons = ["the server did not come back after `kill`"];
    judged_as(&text, &gone, Verdict::Inconclusive, &reasons);
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
    let reason = "the journal is of version 1, which does not tell what `stall` kept from whom; run the case again";
    judged_with(stall, &story, old, Verdict::Inconclusive, &[reason]);
    judged_with(stall, &story, |_| {}, Verdict::Passed, &[]);
    // What only ends connections has told enough.
    judged_with(RESET, &back(struck(0)), old, Verdict::Passed, &[]);
}
