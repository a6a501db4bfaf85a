//! Rules that did not act, or not in time.

use super::*;

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
        "no fault had any effect",
    ];
    judged_as(text, &run(), Verdict::Inconclusive, &reasons);
    let may = text.replace("on =", "must_fire = false\non =");
    judged_as(&may, &run(), Verdict::Inconclusive, &reasons[1..]);
}

#[test]
fn a_connection_that_was_there_and_not_struck_is_inconclusive() {
    let story = back(run().struck("c1", 1, "reset", 1000).closed("c1", 1, 1001));
    let reasons = ["`reset` was not applied to connection 1 of c2, which was open"];
    judged_as(RESET, &story, Verdict::Inconclusive, &reasons);
    let gone = story.closed("c2", 1, 1100);
    judged_as(RESET, &gone, Verdict::Passed, &[]);
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
fn an_effect_of_no_rule_is_inconclusive() {
    let text = "[expect]\nmax_live = 1\n";
    judged_as(
        text,
        &run(),
        Verdict::Inconclusive,
        &["no fault had any effect"],
    );
}
