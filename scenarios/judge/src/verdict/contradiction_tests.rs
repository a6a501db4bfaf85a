//! What becomes of a verdict where the witnesses contradict each other.

use super::*;
use crate::checks::{Finding, Unseen};
use crate::journal::builder::JournalBuilder;
use crate::language::sample::{header, scenario};

const RESET: &str = "[[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\n";

fn judged(expect: &str, story: &JournalBuilder) -> Judgement {
    let scenario = scenario(&format!("{RESET}{expect}"));
    judge(&scenario, &header(&scenario), &story.entries())
}

/// Both clients are reset and never come back, as the proxy sees it.
fn lost() -> JournalBuilder {
    ["c1", "c2"].into_iter().fold(
        JournalBuilder::run(10_000, 15_000, 15_500),
        |story, client| {
            story
                .connected(client, 1, 0, 10)
                .struck(client, 1, "reset", 1000)
                .closed(client, 1, 1001)
        },
    )
}

/// One of them goes on hearing from the server.
fn fed(story: JournalBuilder) -> JournalBuilder {
    let received = client_sim::EventKind::Received { dial: 1 };
    story.client("c1", received, 8000)
}

const BOTH_SIDES: &str = "the witnesses contradict each other: c1 reported 1 message, first at 8s, \
    and the proxy saw nothing pass to it then: what bypasses the proxy is not measured";

#[test]
fn nobody_is_blamed_for_what_the_witnesses_do_not_agree_about() {
    let expect = "recover_within = '1s'\nmax_dials = 9\n";
    assert_eq!(judged(expect, &lost()).verdict, Verdict::Failed);
    let judgement = judged(expect, &fed(lost()));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.reasons[0].to_string(), BOTH_SIDES);
    let [recover, dials] = &judgement.checks[..] else {
        panic!("{judgement:#?}")
    };
    let unseen = (recover.result, recover.unseen, recover.why.as_str());
    let witnesses = Some(Unseen::Witnesses);
    assert_eq!(unseen, (Finding::NotObservable, witnesses, BOTH_SIDES));
    // Another fact is as good as ever.
    assert_eq!(dials.result, Finding::Ok);
}

#[test]
fn nor_for_anything_else_in_such_a_run() {
    let expect = "recover_within = '1s'\nmax_dials = 0\n";
    let dialled = |story: JournalBuilder| story.accepted("c2", 2, 3000).closed("c2", 2, 3001);
    assert_eq!(judged(expect, &dialled(lost())).verdict, Verdict::Failed);
    let judgement = judged(expect, &dialled(fed(lost())));
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{judgement:#?}");
}

#[test]
fn a_contradiction_on_which_nothing_hangs_is_only_told() {
    let expect = "max_dials = 9\n";
    let judgement = judged(expect, &fed(lost()));
    assert_eq!(judgement.verdict, Verdict::Passed, "{judgement:#?}");
    let told: Vec<String> = judgement
        .contradictions
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, [BOTH_SIDES]);
}
