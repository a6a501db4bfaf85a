//! The plan: the rules expanded by the seed, before anything runs.
//!
//! A pure function of rules, clients, seed and horizon. The engine obeys it and
//! `chaos plan` prints it; both see the same [`Decision`]s, because both call
//! the same functions here. Adding a rule or a client changes no decision about
//! any other, except where a share selected no client and its lowest draw was taken.

use std::collections::BTreeSet;
use std::iter;
use std::time::Duration;

use environment::{Direction, Key, Realm, Seed};

use crate::decision::Decision;
use crate::fault::{Fault, FaultKind, Latency};
use crate::rule::{Condition, Rule, Target, When};

/// How many times one rule may act; more is an error in the file.
pub(crate) const MAX_OCCURRENCES: u64 = 100_000;

/// How many times of one rule may hold at once.
pub(crate) const MAX_AT_ONCE: u64 = 1_000;

/// The end of a run that has none: later than any run.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Rules, expanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    seed: Seed,
    horizon: Duration,
    rules: Vec<Rule>,
    timed: Vec<Occurrence>,
    /// The clients that each rule on connections is about, where all are known.
    about: Vec<Option<BTreeSet<String>>>,
}

/// One time that a timed rule acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Index into [`Plan::rules`].
    pub rule: usize,
    /// Which time of the rule, from 1.
    pub number: u64,
    /// From when, after t = 0.
    pub from: Duration,
    /// Until when: the end of its window, or the horizon for a fault that holds
    /// without a `for`; `None`: acts once what is there at `from`.
    pub until: Option<Duration>,
    /// The named clients that it is applied to; `None`: decided by name as they come.
    struck: Option<BTreeSet<String>>,
}

impl Plan {
    /// Expands `rules` for a run that ends at `horizon`.
    ///
    /// `clients`: the population, if it is known before the run; then a share
    /// that would select no client selects the one with the lowest draw.
    pub fn new(
        rules: Vec<Rule>,
        clients: Option<&[String]>,
        seed: Seed,
        horizon: Duration,
    ) -> Self {
        let drawn = |rule: &Rule, number| {
            let drawn = |clients| rule.target.drawn(clients, share_draw(rule, number, seed));
            clients.map(drawn)
        };
        let about = |rule: &Rule| drawn(rule, 0);
        let about = rules.iter().map(about).collect();
        let mut timed = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            timed.extend(rule.windows(horizon).map(|window| Occurrence {
                rule: index,
                number: window.number,
                from: window.from,
                until: window.until,
                struck: drawn(rule, window.number),
            }));
        }
        // A stable sort: rules of one moment act in the order of the file.
        timed.sort_by_key(|occurrence| occurrence.from);
        Self {
            seed,
            horizon,
            rules,
            timed,
            about,
        }
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The seed that expanded them.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// When everything is healed, after t = 0.
    pub fn horizon(&self) -> Duration {
        self.horizon
    }

    /// The timed occurrences, by time, then in the order of the file.
    pub fn timed(&self) -> &[Occurrence] {
        &self.timed
    }

    /// Whether this occurrence is applied to this client.
    pub fn strikes(&self, occurrence: &Occurrence, client: &str) -> bool {
        let rule = &self.rules[occurrence.rule];
        let is_drawn = match &occurrence.struck {
            Some(struck) => struck.contains(client),
            None => self.is_drawn_at(rule, occurrence.number, client),
        };
        is_drawn && self.happens(rule, client, 0, occurrence.number)
    }

    /// Whether a rule on connections is applied to this one, once it has come so far.
    pub(crate) fn strikes_attempt(&self, index: usize, client: &str, attempt: u64) -> bool {
        let rule = &self.rules[index];
        condition_of(rule).is_some_and(|condition| condition.attempts.contains(attempt))
            && self.is_about(index, client)
            && self.happens(rule, client, attempt, 0)
    }

    fn is_about(&self, index: usize, client: &str) -> bool {
        match &self.about[index] {
            Some(clients) => clients.contains(client),
            None => self.is_drawn(&self.rules[index], client),
        }
    }

    /// Whether a rule can only be obeyed where frames are watched.
    #[cfg(feature = "api")]
    pub(crate) fn needs_frames(&self) -> bool {
        let needs = |condition: &Condition| {
            condition.phase > crate::rule::Phase::Connect || condition.frames > 0
        };
        self.rules.iter().any(|rule| {
            let has_jitter =
                matches!(rule.fault, Fault::Latency(latency) if !latency.jitter.is_zero());
            has_jitter || rule.needs_websocket() || rule.conditions().any(needs)
        })
    }

    /// Whether this client is among those that the rule is about, by its own draw.
    pub(crate) fn is_drawn(&self, rule: &Rule, client: &str) -> bool {
        self.is_drawn_at(rule, 0, client)
    }

    fn is_drawn_at(&self, rule: &Rule, number: u64, client: &str) -> bool {
        let draw = share_draw(rule, number, self.seed);
        rule.target.is_drawn(client, draw)
    }

    /// Whether a chance that is not certain comes.
    pub(crate) fn happens(&self, rule: &Rule, client: &str, attempt: u64, number: u64) -> bool {
        rule.probability.is_none_or(|probability| {
            self.seed
                .draw(&probability_key(rule, client, attempt, number))
                .chance(probability)
        })
    }

    /// Everything that is decided before the run about these clients: each
    /// timed occurrence, and each attempt up to `attempts`.
    pub fn decisions(&self, clients: &[String], attempts: u64) -> Vec<Decision> {
        let mut decisions = self.timed_decisions(clients);
        for (index, rule) in self.rules.iter().enumerate() {
            for client in clients {
                for attempt in 1..=attempts {
                    decisions.extend(self.attempt_decisions(index, rule, client, attempt));
                }
            }
        }
        decisions
    }

    /// The part of [`Plan::decisions`] that is about timed rules.
    pub(crate) fn timed_decisions(&self, clients: &[String]) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for occurrence in &self.timed {
            let rule = &self.rules[occurrence.rule];
            for client in clients {
                let decision = Decision {
                    at: Some(occurrence.from),
                    until: occurrence.until,
                    occurrence: Some(occurrence.number),
                    strikes: Some(self.strikes(occurrence, client)),
                    ..self.share_decision(rule, occurrence.number, client)
                };
                decisions.extend(self.probability_decision(rule, &decision, occurrence.number));
                decisions.push(decision);
            }
        }
        decisions
    }

    /// What is decided about one connection of one client by one rule: whether
    /// a rule on attempts strikes it, and the first delays of its links.
    pub(crate) fn attempt_decisions(
        &self,
        index: usize,
        rule: &Rule,
        client: &str,
        attempt: u64,
    ) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let is_due =
            condition_of(rule).is_some_and(|condition| condition.attempts.contains(attempt));
        if is_due {
            let decision = Decision {
                attempt: Some(attempt),
                strikes: Some(self.strikes_attempt(index, client, attempt)),
                ..self.share_decision(rule, 0, client)
            };
            decisions.extend(self.probability_decision(rule, &decision, 0));
            decisions.push(decision);
        }
        if let Fault::Latency(latency) = &rule.fault
            && !latency.jitter.is_zero()
        {
            let ways = [Direction::Upstream, Direction::Downstream];
            let covered = ways.into_iter().filter(|&way| latency.way.covers(way));
            decisions.extend(
                covered.map(|way| self.delay_decision(rule, latency, client, attempt, way)),
            );
        }
        decisions
    }

    fn share_decision(&self, rule: &Rule, number: u64, client: &str) -> Decision {
        let mut decision = Decision::about(rule, client);
        if let Target::Share(_) = rule.target {
            let key = share_key(rule, number, client);
            decision.key = Some(key.to_string());
            decision.draw = Some(self.seed.draw(&key).unit());
        }
        decision
    }

    /// The line for the other draw of a decision that needed two.
    fn probability_decision(
        &self,
        rule: &Rule,
        decision: &Decision,
        number: u64,
    ) -> Option<Decision> {
        rule.probability?;
        let key = probability_key(
            rule,
            &decision.client,
            decision.attempt.unwrap_or(0),
            number,
        );
        Some(Decision {
            key: Some(key.to_string()),
            draw: Some(self.seed.draw(&key).unit()),
            ..decision.clone()
        })
    }

    fn delay_decision(
        &self,
        rule: &Rule,
        latency: &Latency,
        client: &str,
        attempt: u64,
        way: Direction,
    ) -> Decision {
        let key = jitter_key(&rule.name, client, attempt, way, 0);
        Decision {
            attempt: Some(attempt),
            direction: Some(way.word().to_owned()),
            index: Some(0),
            draw: Some(self.seed.draw(&key).unit()),
            delay: Some(latency.delay(&mut self.seed.draw(&key))),
            key: Some(key.to_string()),
            ..Decision::about(rule, client)
        }
    }
}

/// The key of a link's `index`-th delay.
pub(crate) fn jitter_key<'a>(
    rule: &'a str,
    client: &'a str,
    attempt: u64,
    way: Direction,
    index: u64,
) -> Key<'a> {
    Key::new(Realm::Proxy, "jitter", rule)
        .client(client)
        .attempt(attempt)
        .direction(way)
        .index(index)
}

fn share_key<'a>(rule: &'a Rule, number: u64, client: &'a str) -> Key<'a> {
    Key::new(Realm::Proxy, "share", &rule.name)
        .client(client)
        .index(number)
}

fn probability_key<'a>(rule: &'a Rule, client: &'a str, attempt: u64, number: u64) -> Key<'a> {
    Key::new(Realm::Proxy, "probability", &rule.name)
        .client(client)
        .attempt(attempt)
        .index(number)
}

fn condition_of(rule: &Rule) -> Option<&Condition> {
    match &rule.when {
        When::On { condition, .. } => Some(condition),
        When::Timed { .. } => None,
    }
}

/// A client's draw of its share.
fn share_draw(rule: &Rule, number: u64, seed: Seed) -> impl Fn(&str) -> f64 {
    move |client| seed.draw(&share_key(rule, number, client)).unit()
}

/// One time that a timed rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Which time of the rule, from 1.
    pub number: u64,
    /// From when, after t = 0.
    pub from: Duration,
    /// Until when; `None`: it acts once.
    pub until: Option<Duration>,
}

impl Rule {
    /// Each time that a timed rule acts in a run that ends at `horizon`; none of
    /// a rule that waits for connections.
    #[doc(hidden)]
    pub fn windows(&self, horizon: Duration) -> impl Iterator<Item = Window> + use<> {
        let (kind, when) = (self.fault.phase(), self.when.clone());
        let timed = match when {
            When::Timed {
                at,
                every,
                until,
                lasting,
            } => Some((at, every, until, lasting)),
            When::On { .. } => None,
        };
        timed
            .into_iter()
            .flat_map(move |(at, every, until, lasting)| {
                let last = until.unwrap_or(horizon).min(horizon);
                let every = every.filter(|every| !every.is_zero());
                let next = move |from: &Duration| Some(from.saturating_add(every?));
                let times = iter::successors(Some(at), next);
                let times = times.take_while(move |from| *from <= last && *from < horizon);
                (1..=MAX_OCCURRENCES).zip(times).map(move |(number, from)| {
                    let until = match (lasting, kind) {
                        (Some(lasting), _) => Some(from.saturating_add(lasting).min(horizon)),
                        (None, FaultKind::Strike) => None,
                        (None, FaultKind::Listener | FaultKind::Accept | FaultKind::Hold) => {
                            Some(horizon)
                        }
                    };
                    Window {
                        number,
                        from,
                        until,
                    }
                })
            })
    }
}

#[cfg(test)]
mod tests;
