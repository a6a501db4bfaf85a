//! All that checks look at: the scenario, its plan, and the journal, folded.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_proxy::Plan;
use environment::Moment;

use super::measure::{Measure, span};
use super::result::{CheckResult, Finding};
use crate::definitions::{Dials, Effect, Observations, Outage, effects, outages};
use crate::journal::{Entry, Header};
use crate::language::{Expectation, Scenario};

/// One run, ready to be judged.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// Its rules, expanded by the run's seed.
    pub plan: Plan,
    /// What was observed.
    pub observed: Observations,
    /// What each rule did to each client.
    pub effects: Vec<Effect>,
    /// The clients' outages.
    pub outages: Vec<Outage>,
    /// The clients' dials.
    pub dials: Dials,
}

impl<'a> Evidence<'a> {
    /// Folds a journal.
    pub fn new(scenario: &'a Scenario, header: &Header, entries: &[Entry]) -> Self {
        let plan = scenario.plan(header.seed());
        let mut observed = Observations::of(entries);
        observed.connections.note_resets(&plan);
        let effects = effects(&observed, &plan);
        let outages = outages(&observed, &effects);
        Self {
            scenario,
            plan,
            dials: Dials::of(&observed),
            observed,
            effects,
            outages,
        }
    }

    /// The rules that had an effect; if none had, all of them. What a check
    /// hangs on that is about the run as a whole.
    pub(super) fn acting_rules(&self) -> BTreeSet<String> {
        let strikes = self.observed.connections.strikes().iter();
        let strikes = strikes.map(|strike| &strike.rule);
        let effects = self.effects.iter().map(|effect| &effect.rule);
        let acting: BTreeSet<String> = strikes.chain(effects).cloned().collect();
        if !acting.is_empty() {
            return acting;
        }
        let rules = self.plan.rules().iter();
        rules.map(|rule| rule.name.clone()).collect()
    }

    /// Until when this client was left to itself; and whether it was then told
    /// to stop, after which it owes nothing.
    pub(super) fn watched_until(&self, client: &str) -> (Moment, bool) {
        let end = self.observed.watched_until();
        match self.observed.reports.stopped(client) {
            Some(stopped) if stopped < end => (stopped, true),
            _ => (end, false),
        }
    }

    /// From t = 0 to the end of settling; of a run that did not come so far, to
    /// its last event.
    pub(super) fn period(&self) -> (Moment, Moment) {
        let marks = &self.observed.marks;
        let until = marks.settled.unwrap_or(self.observed.last);
        (marks.moment(Duration::ZERO), until)
    }

    /// Until when this client was to stay connected: until it was told to stop
    /// or did, else until the journal's end.
    pub(super) fn owes_until(&self, client: &str) -> Moment {
        let told = self.observed.marks.told(client, "stop").next();
        let stopped = self.observed.reports.stopped(client);
        let ends = told.into_iter().chain(stopped);
        ends.min().unwrap_or(self.observed.last)
    }

    /// "at 3s", after t = 0.
    pub(super) fn at(&self, moment: Moment) -> String {
        format!("at {}", span(self.observed.marks.since_zero(moment)))
    }

    /// A check about the run as a whole.
    pub(super) fn overall(&self, expected: Expectation, seen: Seen) -> CheckResult {
        CheckResult {
            name: expected.name().to_owned(),
            result: seen.result,
            limit: limit(expected),
            observed: seen.observed,
            why: seen.why,
            hangs_on: self.acting_rules(),
            excess: None,
        }
    }
}

/// What a check saw, before it has a name and a limit.
pub(super) struct Seen {
    pub(super) result: Finding,
    pub(super) observed: Measure,
    pub(super) why: String,
}

impl Seen {
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        Self {
            result: Finding::NotObservable,
            observed: Measure::Unknown,
            why: why.into(),
        }
    }
}

fn limit(expected: Expectation) -> Measure {
    match expected {
        Expectation::RecoverWithin(limit)
        | Expectation::DetectWithin(limit)
        | Expectation::MinDialGap(limit)
        | Expectation::StaleFlaggedWithin(limit)
        | Expectation::FirstDelaySpread(limit) => Measure::limit(limit),
        Expectation::MaxDials(budget) => match budget.within {
            None => Measure::Count(budget.count),
            Some(within) => Measure::Text(format!("{} within {}", budget.count, span(within))),
        },
        Expectation::PeakDials(peak) => {
            Measure::Text(format!("{} within {}", peak.share, span(peak.within)))
        }
        Expectation::Availability(limit) => Measure::Share(limit),
        Expectation::MaxLive(limit)
        | Expectation::Lost(limit)
        | Expectation::Duplicated(limit)
        | Expectation::Reordered(limit) => Measure::Count(limit),
        Expectation::CloseCode(code) => Measure::Count(code.into()),
        Expectation::DialGapsGrow
        | Expectation::StateEqual
        | Expectation::QuietAfterStop
        | Expectation::NoLeak => Measure::Holds(true),
    }
}

/// " and 2 more", or nothing.
pub(super) fn and_more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        more => format!(" (and {} more such)", more - 1),
    }
}
