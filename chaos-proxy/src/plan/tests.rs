//! The plan: windows, shares, and that no line depends on its neighbours.

use super::*;
use crate::fault::{Side, Way};
use crate::rule::Phase;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn rule(name: &str, at: u64, target: Target, fault: Fault) -> Rule {
    let when = When::Timed {
        at: SECOND * u32::try_from(at).unwrap(),
        every: None,
        until: None,
        lasting: None,
    };
    Rule {
        name: name.to_owned(),
        when,
        target,
        fault,
        must_fire: true,
        until_on: None,
        probability: None,
    }
}

fn condition(attempts: &str) -> Condition {
    Condition {
        attempts: attempts.parse().unwrap(),
        phase: Phase::Connect,
        bytes: 0,
        frames: 0,
        message: None,
    }
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("c{n}")).collect()
}

fn plan(rules: Vec<Rule>, clients: usize) -> Plan {
    Plan::new(rules, Some(&names(clients)), Seed(7), SECOND * 20)
}

fn lines(plan: &Plan, clients: usize) -> BTreeSet<String> {
    plan.decisions(&names(clients), 20)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_repeated_rule_ends_at_until_and_at_the_horizon() {
    let mut repeated = rule("r", 2, Target::All, Fault::Stall(Way::Both));
    repeated.when = When::Timed {
        at: SECOND * 2,
        every: Some(SECOND * 8),
        until: Some(SECOND * 18),
        lasting: Some(SECOND * 4),
    };
    let times: Vec<_> = plan(vec![repeated], 1)
        .timed()
        .iter()
        .map(|o| (o.number, o.from.as_secs(), o.until.map(|u| u.as_secs())))
        .collect();
    assert_eq!(
        times,
        [(1, 2, Some(6)), (2, 10, Some(14)), (3, 18, Some(20))]
    );
}

#[test]
fn without_for_a_hold_lasts_to_the_end_and_a_strike_no_time() {
    let plan = plan(
        vec![
            rule("hold", 1, Target::All, Fault::Stall(Way::Both)),
            rule("strike", 1, Target::All, Fault::Reset(Side::Both)),
            rule("too late", 20, Target::All, Fault::Reset(Side::Both)),
        ],
        1,
    );
    let ends: Vec<_> = plan.timed().iter().map(|o| o.until).collect();
    assert_eq!(ends, [Some(SECOND * 20), None]);
}

#[test]
fn a_share_that_draws_nobody_takes_the_lowest() {
    let plan = plan(
        vec![rule(
            "rare",
            1,
            Target::Share(1e-12),
            Fault::Reset(Side::Both),
        )],
        9,
    );
    let decisions = plan.timed_decisions(&names(9));
    let struck: Vec<_> = decisions
        .iter()
        .filter(|d| d.strikes == Some(true))
        .collect();
    assert_eq!(struck.len(), 1);
    assert!(decisions.iter().all(|d| struck[0].draw <= d.draw));
}

#[test]
fn a_share_of_nothing_strikes_nobody() {
    let plan = plan(
        vec![rule(
            "never",
            1,
            Target::Share(0.0),
            Fault::Reset(Side::Both),
        )],
        9,
    );
    assert!(
        plan.timed_decisions(&names(9))
            .iter()
            .all(|d| d.strikes == Some(false))
    );
}

#[test]
fn rules_on_attempts_strike_those_and_no_others() {
    let mut second = rule("second", 0, Target::All, Fault::Reject);
    second.when = When::On {
        condition: condition("2..3"),
        after: Duration::ZERO,
        lasting: None,
    };
    let plan = plan(vec![second], 1);
    let struck: Vec<u64> = (1..10)
        .filter(|&n| plan.strikes_attempt(0, "c1", n))
        .collect();
    assert_eq!(struck, [2, 3]);
    assert_eq!(plan.decisions(&names(1), 20).len(), 2);
}

#[test]
fn a_probability_is_drawn_for_each_occurrence_and_each_attempt() {
    let mut timed = rule("timed", 1, Target::All, Fault::Reset(Side::Both));
    timed.probability = Some(0.5);
    timed.when = When::Timed {
        at: SECOND,
        every: Some(SECOND / 10),
        until: None,
        lasting: None,
    };
    let mut on = rule("on", 1, Target::All, Fault::Reject);
    on.probability = Some(0.5);
    on.when = When::On {
        condition: condition("1.."),
        after: Duration::ZERO,
        lasting: None,
    };
    let plan = plan(vec![timed, on], 1);
    let strikes = plan
        .timed()
        .iter()
        .filter(|occurrence| plan.strikes(occurrence, "c1"))
        .count();
    assert!(
        (60..130).contains(&strikes),
        "{strikes} of {}",
        plan.timed().len()
    );
    let strikes = (1..=200)
        .filter(|&attempt| plan.strikes_attempt(1, "c1", attempt))
        .count();
    assert!((60..140).contains(&strikes), "{strikes} of 200");
    // Both draws of a decision are told, and the draw decides.
    for decision in plan
        .decisions(&names(1), 20)
        .iter()
        .filter(|d| d.key.as_ref().is_some_and(|k| k.contains("probability")))
    {
        assert_eq!(decision.strikes, decision.draw.map(|draw| draw < 0.5));
    }
}

proptest! {
    /// Adding a rule or a client changes no other line.
    #[test]
    fn decisions_do_not_depend_on_their_neighbours(share in 0.3_f64..1.0, clients in 4_usize..12, at in 0_u64..19) {
        let base = vec![
            rule("one", 3, Target::Share(share), Fault::Stall(Way::Both)),
            rule("two", 5, Target::Share(share), Fault::Reset(Side::Client)),
        ];
        let before = lines(&plan(base.clone(), clients), clients);
        // The one exception that is stated: nobody drawn.
        let drawn = |name: &str| before.iter().any(|l| l.starts_with(name) && l.contains(" applied"));
        prop_assume!(drawn("one") && drawn("two"));
        let more_clients = lines(&plan(base.clone(), clients + 1), clients + 1);
        prop_assert!(before.is_subset(&more_clients));
        let mut more_rules = base;
        more_rules.insert(1, rule("new", at, Target::Share(share), Fault::Reject));
        prop_assert!(before.is_subset(&lines(&plan(more_rules, clients), clients)));
    }

    #[test]
    fn a_share_strikes_about_that_share(share in 0.1_f64..0.9, seed: u64) {
        let rules = vec![rule("some", 1, Target::Share(share), Fault::Reset(Side::Both))];
        let plan = Plan::new(rules, Some(&names(1000)), Seed(seed), SECOND * 20);
        let struck = plan.timed_decisions(&names(1000)).iter().filter(|d| d.strikes == Some(true)).count();
        // Five standard deviations of a binomial.
        let deviation = (1000.0 * share * (1.0 - share)).sqrt();
        prop_assert!((struck as f64 - 1000.0 * share).abs() < 5.0 * deviation);
    }
}
