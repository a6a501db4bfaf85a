//! What a machine without time explains.

use super::*;

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
        "the machine was too busy: the harness had to wait 200ms at 2s, 400ms in all",
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
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
        "the machine was too busy: the harness had to wait 251ms at 2s, 251ms in all",
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
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
        "the machine was too busy: the harness had to wait 13397ms at 2s, 13397ms in all",
        "no check could be measured as ok",
        "`recover_within` failed, but not because of the client",
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
        "the machine was too busy: the harness had to wait 200ms at 3900ms, 4s in all",
        "no check could be measured as ok",
        "`lost` failed, but not because of the client",
    ];
    judged_as(&text, &end(&[1], 200_000), Verdict::Inconclusive, &reasons);
    // A gap is one on any machine.
    judged_as(&text, &end(&[1, 3], 200_000), Verdict::Failed, &[]);
}

#[test]
fn a_machine_that_slept_explains_that_a_rule_missed_somebody() {
    let story = back(run().struck("c1", 1, "reset", 1000).closed("c1", 1, 1001));
    let slept = |late_us| story.clone().mark(Mark::HeldUp { late_us }, 1400);
    let missed = "`reset` was not applied to connection 1 of c2, which was open";
    judged_as(RESET, &slept(250_000), Verdict::Inconclusive, &[missed]);
    let reasons = [
        missed,
        "the machine was too busy: the harness had to wait 400ms at 1400ms, 400ms in all",
    ];
    judged_as(RESET, &slept(400_000), Verdict::Inconclusive, &reasons);
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
        "the machine was too busy: the harness had to wait 4s at 2s, 4s in all",
        "the scenario is about `max_dials`, which could not be measured: no client dialled more than \
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
        "the machine was too busy: the harness had to wait 100ms at 1300ms, 100ms in all",
        "no check could be measured as ok",
        "`max_live` failed, but not because of the client",
    ];
    judged_as(text, &story(100_000), Verdict::Inconclusive, &reasons);
}
