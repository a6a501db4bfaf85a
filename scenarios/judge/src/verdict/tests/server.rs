//! A server that goes and comes back, or was never there.

use super::*;

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
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
    ];
    judged_as(KILL, &killed(1300), Verdict::Inconclusive, &reasons);
    let reasons = [
        "`kill` did not happen to the server",
        "no fault had any effect",
        "no check could be measured as ok",
    ];
    judged_as(KILL, &run(), Verdict::Inconclusive, &reasons);
    let gone = run().server_down("kill", 1000);
    let text = KILL.replace("recover_within = '1s'", "max_live = 1");
    let reasons = ["the server did not come back after `kill`"];
    judged_as(&text, &gone, Verdict::Inconclusive, &reasons);
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
    let reason = "the harness killed the server, which had not ended 3s after `restart`";
    judged_as(&text, &down, Verdict::Failed, &[]);
    let failed = [
        reason,
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
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
fn a_server_that_the_proxy_could_not_reach_is_inconclusive() {
    let failed = chaos_proxy::EventKind::UpstreamFailed {
        error: "connection refused".into(),
    };
    let story = struck(0).proxy("c1", 2, failed, 1200);
    let reasons = [
        "the proxy could not reach the server: connection refused",
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
    ];
    judged_as(RESET, &story, Verdict::Inconclusive, &reasons);
}

#[test]
fn of_a_run_that_could_not_begin_the_cause_is_told_alone() {
    let failed = || Mark::Failed {
        reason: "the server does not answer".into(),
    };
    let nothing = JournalBuilder::new().mark(failed(), 20);
    let cause = ["the server does not answer"];
    judged_as(KILL, &nothing, Verdict::Inconclusive, &cause);
    // Of one that had begun there is more to tell.
    let begun = run().mark(failed(), 2000);
    let scenario = scenario(KILL);
    let judgement = judge(&scenario, &header(&scenario), &begun.entries());
    assert!(judgement.reasons.len() > 1, "{:?}", judgement.reasons);
}
