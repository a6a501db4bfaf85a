//! What holds for any rules, any order of changes, progress and time.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::model::{Case, Happening, case, expected, run};
use super::*;

/// Who struck and healed, and when; in the order of time, then of the alphabet.
fn acts(said: &[String]) -> Vec<String> {
    let is_act = |said: &&String| said.contains("struck") || said.contains("healed");
    let only = said.iter().filter(is_act).map(|said| {
        let (act, _) = said.split_once(" planned").unwrap_or((said, ""));
        act.to_owned()
    });
    let mut acts: Vec<String> = only.collect();
    acts.sort();
    acts
}

/// Bytes and frames one by one, and every step of time by itself.
fn in_crumbs(case: &Case) -> Case {
    let script = case.script.iter().flat_map(|(after, happening)| {
        let (happening, count) = match *happening {
            Happening::Deliver(bytes) => (Happening::Deliver(1), bytes),
            Happening::Frames(frames) => (Happening::Frames(1), frames),
            other => (other, 1),
        };
        let passes = (0..*after).map(|_| (1, Happening::Deliver(0)));
        let crumbs = (0..count).map(move |_| (0, happening));
        passes.chain(crumbs).collect::<Vec<_>>()
    });
    Case {
        script: script.collect(),
        ..case.clone()
    }
}

/// Without what lets a rule act again.
fn on_one_connection(mut case: Case) -> Case {
    let mut put = BTreeSet::new();
    case.script.retain(|(_, happening)| match happening {
        Happening::Reconnect | Happening::Remove(_) => false,
        Happening::Put(index) => put.insert(*index),
        _ => true,
    });
    case
}

proptest! {
    /// Nothing is struck that should not be, nothing is missed.
    #[test]
    fn rules_act_when_the_model_says(case in case()) {
        prop_assert_eq!(acts(&run(&case, false).said), expected(&case));
    }

    /// Calls that have nothing to say change nothing.
    #[test]
    fn spurious_calls_change_nothing(case in case()) {
        prop_assert_eq!(run(&case, true).said, run(&case, false).said);
    }

    /// However bytes, frames and time are cut into pieces. Where a rule ends by the
    /// same count by which it begins, it matters which comes first: not here. Counts
    /// that one piece reaches together are reached one after the other in crumbs, at
    /// the same moment: what is said of one moment has no order here.
    #[test]
    fn chunking_does_not_matter(mut case in case()) {
        for rule in case.planned.iter_mut().chain(&mut case.added) {
            rule.until_on = None;
        }
        let crumbs = by_moment(run(&in_crumbs(&case), true).said);
        prop_assert_eq!(crumbs, by_moment(run(&case, false).said));
    }

    /// On one connection, a time of a rule strikes at most once; if it holds, it is
    /// let go once, after it has struck, and at the latest when all is healed.
    #[test]
    fn what_is_held_is_let_go_once(case in case()) {
        let case = on_one_connection(case);
        let mut world = run(&case, false);
        world.heal();
        let mut held: BTreeMap<String, bool> = BTreeMap::new();
        for said in acts_in_order(&world.said) {
            let (what, who) = said.split_once(' ').unwrap();
            if what == "struck" {
                prop_assert_eq!(held.insert(who.to_owned(), true), None, "{} again", who);
            } else {
                prop_assert_eq!(held.insert(who.to_owned(), false), Some(true), "{}", who);
            }
        }
        let is_stall = |who: &str| {
            let mut rules = case.planned.iter().chain(&case.added);
            rules.any(|rule| who.starts_with(&rule.name) && matches!(rule.fault, Fault::Stall(_)))
        };
        for (who, is_held) in held {
            prop_assert_eq!(is_held, !is_stall(&who), "{}", who);
        }
        prop_assert!(!world.machine.is_ruled());
        prop_assert_eq!(world.machine.deadline(world.at.heard_at), None);
    }

    /// What waits for time has a deadline: not one call of the timers before it
    /// does anything, and one at it does.
    #[test]
    fn deadlines_are_kept_and_none_is_missing(case in case()) {
        let mut world = run(&case, false);
        for _ in 0..50 {
            let due = world.machine.deadline(world.at.heard_at);
            world.at.now = match due {
                Some(due) => due - Duration::from_millis(1),
                None => world.at.now + Duration::from_secs(1000),
            };
            let said = world.said.len();
            world.turn();
            prop_assert_eq!(world.said.len(), said, "early, or without deadline");
            let Some(due) = due else { break };
            world.at.now = due;
            world.turn();
            prop_assert!(world.said.len() > said, "a deadline without effect");
        }
    }

    /// A name that comes late strikes nothing a second time that holds already.
    #[test]
    fn a_name_strikes_nothing_twice(mut case in case(), at in 0_usize..20) {
        case = on_one_connection(case);
        case.script.truncate(at + 2);
        let mut world = run(&case, false);
        if world.is_open {
            world.rename("c1", world.machine.attempt());
        }
        world.heal();
        let mut open: BTreeMap<String, u32> = BTreeMap::new();
        for said in acts_in_order(&world.said) {
            let (what, who) = said.split_once(' ').unwrap();
            let count = open.entry(who.to_owned()).or_default();
            *count = if what == "struck" { *count + 1 } else { count.saturating_sub(1) };
            let is_stall = case.planned.iter().chain(&case.added).any(|rule| {
                who.starts_with(&rule.name) && matches!(rule.fault, Fault::Stall(_))
            });
            prop_assert!(!is_stall || *count <= 1, "{} held twice", who);
        }
    }
}

fn acts_in_order(said: &[String]) -> Vec<String> {
    let is_act = |said: &&String| said.contains("struck") || said.contains("healed");
    let acts = said.iter().filter(is_act).map(|said| {
        let (_, act) = said.split_once(' ').unwrap();
        let (act, _) = act.split_once(" planned").unwrap_or((act, ""));
        act.to_owned()
    });
    acts.collect()
}

/// What was said, by its moment and without the order within it.
fn by_moment(mut said: Vec<String>) -> Vec<String> {
    said.sort_by_cached_key(|said| {
        let (at, what) = said.split_once(' ').unwrap();
        (at.parse::<u64>().unwrap(), what.to_owned())
    });
    said
}
