//! What is planned to begin and to end, and when.

use std::time::Duration;

use environment::Moment;

use super::in_force::ActiveRules;
use crate::plan::Plan;

/// One change of what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Before beginnings of the same moment, so that windows may touch.
    End(usize),
    Begin(usize),
    Heal,
}

/// What is still to come after t = 0, the next one last: there it is taken from.
#[derive(Debug, Default)]
pub(crate) struct Agenda(Vec<(Duration, Change)>);

impl Agenda {
    /// Every change of the plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut agenda = vec![(plan.horizon(), Change::Heal)];
        for (index, occurrence) in plan.timed().iter().enumerate() {
            agenda.push((occurrence.from, Change::Begin(index)));
            agenda.extend(occurrence.until.map(|until| (until, Change::End(index))));
        }
        agenda.sort_unstable_by(|a, b| b.cmp(a));
        Self(agenda)
    }

    /// When the next change is due, after t = 0.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.0.last().map(|(after, _)| *after)
    }

    /// Makes every change that is due `elapsed` after t = 0; whether the plan is
    /// over with that.
    pub(crate) fn advance(
        &mut self,
        in_force: &mut ActiveRules,
        zero: Moment,
        elapsed: Duration,
    ) -> bool {
        let mut is_over = false;
        while let Some((after, change)) = self.0.pop_if(|(after, _)| *after <= elapsed) {
            match change {
                Change::Begin(index) => in_force.begin(index, zero + after),
                Change::End(index) => in_force.end(index),
                Change::Heal => {
                    in_force.heal();
                    is_over = true;
                }
            }
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Way};
    use crate::rule::{Rule, Target, When};
    use environment::Seed;

    fn stall(at: u64, lasting: u64) -> Rule {
        let when = When::Timed {
            at: Duration::from_secs(at),
            every: None,
            until: None,
            lasting: Some(Duration::from_secs(lasting)),
        };
        Rule {
            name: format!("{at}"),
            when,
            target: Target::All,
            fault: Fault::Stall(Way::Both),
            must_fire: true,
            until_on: None,
            probability: None,
        }
    }

    #[test]
    fn the_agenda_ends_before_it_begins_and_heals_last() {
        let rules = vec![stall(1, 2), stall(3, 9)];
        let plan = Plan::new(rules, None, Seed(1), Duration::from_secs(12));
        let order: Vec<_> = Agenda::new(&plan)
            .0
            .into_iter()
            .rev()
            .map(|(at, change)| (at.as_secs(), change))
            .collect();
        let expect = [
            (1, Change::Begin(0)),
            (3, Change::End(0)),
            (3, Change::Begin(1)),
            (12, Change::End(1)),
            (12, Change::Heal),
        ];
        assert_eq!(order, expect);
    }
}
