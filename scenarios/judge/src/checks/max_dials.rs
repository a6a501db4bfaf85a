//! `max_dials`: a client dials at most so many times, between t = 0 and the
//! end of settling, or in any window of a given length there.
//!
//! A window takes in its first moment and not its last. Not to dial at all is
//! within every budget.

use std::cmp::Reverse;
use std::time::Duration;

use environment::Moment;
use environment::text::Table;

use super::check::{Check, DialsSeen, Needs};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::{DialBudget, Limit, required_time};
use super::measure::{Measure, counted, span};
use crate::definitions::Fact;

pub(super) const CHECK: Check = Check {
    key: "max_dials",
    facts: &[Fact::Dials],
    read,
    needs: |_| Needs {
        dials: DialsSeen::AllToHold,
        ..Needs::default()
    },
    counts_dials: true,
    judge,
    ..Check::BASE
};

/// A count, or a count in a window.
fn read(table: &mut Table<'_>, key: &'static str) -> Option<Limit> {
    let value = table.value(key)?;
    if value.as_integer().is_some() {
        let count = table.optional(key)?;
        return Some(Limit::Dials(DialBudget {
            count,
            within: None,
        }));
    }
    if value.kind() != "a table" {
        let wanted = "a count, or `{ count = 5, within = \"2s\" }`";
        table.diagnostics().mismatch(value.mismatch(wanted));
        return None;
    }
    let mut budget = table.table(key)?;
    let count = budget.required("count");
    let within = required_time(&mut budget, "within");
    Some(Limit::Dials(DialBudget {
        count: count?,
        within: Some(within?),
    }))
}

/// The most dials of one client, and the first of them.
#[derive(Clone, Copy)]
struct Most<'a> {
    client: &'a str,
    count: usize,
    since: Option<Moment>,
    last: Option<Moment>,
}

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let budget = limit.dials();
    let (from, until) = evidence.period();
    let clients = evidence.dials.iter().map(|(client, own)| {
        let dials = own.dials.iter().map(|dial| dial.at);
        let dials: Vec<Moment> = dials.filter(|at| (from..=until).contains(at)).collect();
        fullest(client, &dials, budget.within)
    });
    let clients: Vec<Most<'_>> = clients.collect();
    // The first of equals, in the order of names.
    let Some(most) = clients.iter().min_by_key(|most| Reverse(most.count)) else {
        return Found::nothing("no client was ever seen to dial");
    };
    let observed = Measure::count(most.count);
    if most.count as u64 <= budget.count {
        let (times, window) = (counted(most.count, "time"), window(budget));
        let why = format!("no client dialled more than {times}{window}");
        return Found::ok(observed, why);
    }
    let over = clients.iter().filter(|c| c.count as u64 > budget.count);
    let why = sentence(evidence, *most, budget);
    Found::failed(observed, why, over.map(|most| most.client))
}

/// The window with the most dials; without a window, all of them.
fn fullest<'a>(client: &'a str, dials: &[Moment], within: Option<Duration>) -> Most<'a> {
    let mut first = 0;
    let mut most = Most {
        client,
        count: 0,
        since: None,
        last: None,
    };
    for (index, at) in dials.iter().enumerate() {
        while within.is_some_and(|within| at.since(dials[first]) >= within) {
            first += 1;
        }
        let count = index + 1 - first;
        if count > most.count {
            most = Most {
                client,
                count,
                since: Some(dials[first]),
                last: Some(*at),
            };
        }
    }
    most
}

fn sentence(evidence: &Evidence<'_>, most: Most<'_>, budget: DialBudget) -> String {
    let at = |moment: Option<Moment>| evidence.at(moment.unwrap_or_default());
    format!(
        "{} dialled {}{}, first {} and last {}; expected at most {}",
        most.client,
        counted(most.count, "time"),
        window(budget),
        at(most.since),
        at(most.last),
        budget.count
    )
}

fn window(budget: DialBudget) -> String {
    match budget.within {
        Some(within) => format!(" within {}", span(within)),
        None => " from t = 0 to the end of settling".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{judge, reset, run};
    use super::*;
    use crate::checks::Finding;
    use crate::journal::builder::JournalBuilder;

    fn dialled(at: &[u64]) -> JournalBuilder {
        at.iter()
            .zip(1..)
            .fold(run(), |story, (at, dial)| story.dialled("c2", dial, *at))
    }

    #[test]
    fn dials_within_the_budget_are_ok() {
        let story = dialled(&[1000, 1100, 1200]);
        let why = "no client dialled more than 3 times from t = 0 to the end of settling";
        let judged = judge(&reset("max_dials = 3"), &story, Finding::Ok, why);
        assert_eq!(
            (judged.limit, judged.observed),
            (Measure::Count(3), Measure::Count(3))
        );
        let none = JournalBuilder::run(10_000, 15_000, 15_500).mark(crate::journal::Mark::TZero, 1);
        let none = none.connected("c1", 1, 0, 10);
        let why = "no client dialled more than 0 times from t = 0 to the end of settling";
        judge(&reset("max_dials = 0"), &none, Finding::Ok, why);
    }

    #[test]
    fn one_dial_too_many_fails() {
        let story = dialled(&[1000, 1100, 15_000]);
        let why = "c2 dialled 3 times from t = 0 to the end of settling, first at 1s and last at 15s; expected at most 2";
        judge(&reset("max_dials = 2"), &story, Finding::Failed, why);
    }

    #[test]
    fn what_is_dialled_after_settling_does_not_count() {
        let story = dialled(&[1000, 1100, 15_001]);
        let why = "no client dialled more than 2 times from t = 0 to the end of settling";
        judge(&reset("max_dials = 2"), &story, Finding::Ok, why);
    }

    #[test]
    fn a_window_is_looked_for_everywhere() {
        let text = reset("max_dials = { count = 2, within = '1s' }");
        let story = dialled(&[1000, 1900, 2000, 4000]);
        let why = "no client dialled more than 2 times within 1s";
        let judged = judge(&text, &story, Finding::Ok, why);
        assert_eq!(judged.limit, Measure::Text("2 within 1s".into()));
        let story = dialled(&[1000, 1900, 1999, 4000]);
        let why =
            "c2 dialled 3 times within 1s, first at 1s and last at 1999ms; expected at most 2";
        judge(&text, &story, Finding::Failed, why);
    }

    #[test]
    fn nobody_is_not_judged() {
        let why = "no client was ever seen to dial";
        let story = JournalBuilder::run(10_000, 15_000, 15_500);
        judge(&reset("max_dials = 2"), &story, Finding::NotObservable, why);
    }
}
