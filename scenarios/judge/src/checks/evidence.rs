//! All that checks look at: the scenario, its plan, and the journal, folded.

use std::collections::BTreeSet;
use std::time::Duration;

use chaos_proxy::Plan;
use environment::Moment;

use super::measure::span;
use crate::definitions::{
    Contradiction, Dials, Effect, Fact, Notice, Observations, Outage, Return, contradictions,
    effects, outages,
};
use crate::journal::{Entry, Header};
use crate::language::{Outcome, Scenario};
use crate::subject::{Ability, Report, Traits};

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
    /// In what the witnesses contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// What is to be known of the clients; nothing of simulated ones.
    pub subject: Option<Traits>,
}

impl<'a> Evidence<'a> {
    /// Folds a journal.
    pub fn new(scenario: &'a Scenario, header: &Header, entries: &[Entry]) -> Self {
        let plan = scenario.plan(header.seed());
        let mut observed = Observations::of(entries);
        observed.note_plan(&plan);
        let subject = header.subject.as_ref();
        let effects = effects(&observed, &plan, scenario.client_figures(subject));
        let tells = |traits: &Traits| traits.tells_messages();
        let wanted = Return {
            stay: scenario.time_to_stay(subject),
            is_confirmed: subject.map_or_else(|| observed.reports.has_messages(), tells),
        };
        let outages = outages(&observed, &effects, wanted);
        let contradictions = contradictions(&observed, &plan, scenario.is_websocket());
        Self {
            scenario,
            contradictions,
            plan,
            dials: Dials::of(&observed),
            observed,
            effects,
            outages,
            subject: header.subject.clone(),
        }
    }

    /// What makes one of these facts count for nothing, if anything does.
    pub(crate) fn contradicted(&self, facts: &[Fact]) -> Option<&Contradiction> {
        let mut contradictions = self.contradictions.iter();
        contradictions.find(|one| one.facts().iter().any(|fact| facts.contains(fact)))
    }

    /// What clients had to notice, by client, then by time.
    pub(super) fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.effects.iter().flat_map(|effect| &effect.notices)
    }

    /// Whether the clients are simulated ones.
    pub(super) fn is_sim(&self) -> bool {
        self.subject.is_none()
    }

    /// Whether the clients can do this.
    pub(super) fn can(&self, ability: Ability) -> bool {
        ability.is_of(self.subject.as_ref())
    }

    /// Whether the case is for clients that can do this.
    pub(super) fn requires(&self, ability: Ability) -> bool {
        self.scenario.requires.contains(&ability)
    }

    /// Whether the clients tell of this.
    pub(super) fn tells(&self, report: Report) -> bool {
        let subject = self.subject.as_ref();
        subject.is_none_or(|subject| subject.reports.contains(&report))
    }

    /// Whether there may have been dials that nobody saw: the clients do not
    /// tell of theirs, and a fault kept some from being accepted.
    pub(super) fn has_unseen_dials(&self) -> bool {
        let mut strikes = self.observed.connections.strikes().iter();
        !self.tells(Report::Dial) && strikes.any(|strike| strike.attempt == 0)
    }

    /// What the clients cannot do and without which the run is another.
    pub(crate) fn missing_ability(&self) -> Option<Ability> {
        self.scenario.missing_ability(self.subject.as_ref())
    }

    /// Whether this client may still dial then.
    pub(crate) fn is_alive(&self, client: &str, at: Moment) -> bool {
        let marks = &self.observed.marks;
        let is_gone = marks
            .departure(client)
            .is_some_and(|departure| departure.at <= at);
        let is_stopped = !self.is_sim() && marks.told(client, "stop").any(|told| told <= at);
        !is_gone && !is_stopped && self.observed.reports.is_alive(client, at)
    }

    /// When the client said that it gives up, where the case is content with that:
    /// after something was done to it.
    pub(crate) fn gave_up_well(&self, client: &str) -> Option<Moment> {
        let gave_up = self.observed.reports.gave_up(client)?;
        let mut effects = self.effects.iter();
        let has_cause = effects.any(|effect| *effect.client == *client && effect.start <= gave_up);
        (self.scenario.accepts(Outcome::GaveUp) && has_cause).then_some(gave_up)
    }

    /// What is to be added of a client whose process ended by itself.
    pub(super) fn departed(&self, client: &str) -> String {
        let departure = self.observed.marks.departure(client);
        departure.map_or(String::new(), |departure| {
            let (at, how) = (self.at(departure.at), &departure.how);
            format!(" (its process ended by itself {at}, {how})")
        })
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
    pub(crate) fn watched_until(&self, client: &str) -> (Moment, bool) {
        let end = self.observed.watched_until();
        // Somebody else's client does not say that it has stopped.
        let told = || self.observed.marks.told(client, "stop").next();
        let stopped = self.observed.reports.stopped(client);
        let stopped = stopped.or_else(|| told().filter(|_| !self.is_sim()));
        match stopped.into_iter().chain(self.gave_up_well(client)).min() {
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

    /// What the machine withheld in all, if that is more than this part of the time.
    pub(crate) fn withheld_beyond(&self, part: f64) -> Option<Duration> {
        let (from, until) = self.period();
        let withheld = self.observed.marks.withheld();
        (withheld > until.since(from).mul_f64(part)).then_some(withheld)
    }

    /// Until when this client was to stay connected: until it was told to stop
    /// or did, else until the journal's end.
    pub(crate) fn owes_until(&self, client: &str) -> Moment {
        let told = self.observed.marks.told(client, "stop").next();
        let stopped = self.observed.reports.stopped(client);
        let gave_up = self.gave_up_well(client);
        let ends = told.into_iter().chain(stopped).chain(gave_up);
        ends.min().unwrap_or(self.observed.last)
    }

    /// "at 3s", after t = 0.
    pub(super) fn at(&self, moment: Moment) -> String {
        format!("at {}", span(self.observed.marks.since_zero(moment)))
    }
}

/// " and 2 more", or nothing.
pub(super) fn and_more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        more => format!(" (and {} more such)", more - 1),
    }
}
