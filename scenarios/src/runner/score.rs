//! What is to be done in a run, and when: the person's actions and the server's
//! events.
//!
//! Pure. Invariant: deeds come out by time, and those of one moment in the
//! order in which they were planned.

use std::collections::{BTreeMap, BTreeSet};

use environment::{Moment, Seed};

use super::host::ServerChange;
use super::triggers::{Due, Triggers, Waiting};
use crate::journal::Entry;
use crate::language::{ActionTime, Scenario};

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) enum PlannedAction {
    /// These clients do what the action with this index says.
    Act {
        action: usize,
        targets: BTreeSet<String>,
    },
    /// This befalls the server.
    Server(ServerChange),
}

/// All that is to be done.
#[derive(Debug)]
pub(super) struct Timeline {
    end: Moment,
    planned: BTreeMap<(Moment, u64), PlannedAction>,
    /// How many were ever planned.
    count: u64,
    triggers: Triggers,
}

impl Timeline {
    /// Of a run that began at `zero`. Under a control nothing befalls the server.
    pub(super) fn new(scenario: &Scenario, seed: Seed, zero: Moment, is_wire: bool) -> Self {
        let clients = scenario.client_names();
        let mut timed = Vec::new();
        let mut waiting = Vec::new();
        for (index, action) in scenario.actions.iter().enumerate() {
            let targets = action.targets(&clients, seed);
            match &action.when {
                ActionTime::At(at) => timed.push((
                    zero + *at,
                    PlannedAction::Act {
                        action: index,
                        targets,
                    },
                )),
                ActionTime::On {
                    attempts,
                    stage,
                    after,
                } => waiting.push(Waiting {
                    action: index,
                    attempts: *attempts,
                    stage: *stage,
                    after: *after,
                    targets,
                }),
            }
        }
        let mut score = Self {
            end: zero + scenario.duration,
            planned: BTreeMap::new(),
            count: 0,
            triggers: Triggers::new(zero, waiting),
        };
        timed
            .into_iter()
            .for_each(|(at, deed)| score.plan(at, deed));
        if !is_wire {
            score.plan_server_events(scenario, zero);
        }
        score
    }

    fn plan_server_events(&mut self, scenario: &Scenario, zero: Moment) {
        for event in &scenario.server_events {
            let until = zero + event.until(scenario.duration);
            let (down, up) = (
                ServerChange::Down(event.clone()),
                ServerChange::Up(event.clone()),
            );
            self.plan(zero + event.at, PlannedAction::Server(down));
            self.plan(until, PlannedAction::Server(up));
        }
    }

    fn plan(&mut self, at: Moment, deed: PlannedAction) {
        self.count += 1;
        self.planned.insert((at, self.count), deed);
    }

    /// When the next deed is due, or the run's end.
    pub(super) fn next(&self) -> Moment {
        let first = self.planned.first_key_value();
        first.map_or(self.end, |((at, _), _)| (*at).min(self.end))
    }

    /// The next deed that is due; after the end there is none.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<PlannedAction> {
        let first = self.planned.first_entry()?;
        let (at, _) = *first.key();
        (at <= now && at <= self.end).then(|| first.remove())
    }

    /// Whether anything waits for what connections do.
    pub(super) fn is_watching(&self) -> bool {
        !self.triggers.is_empty()
    }

    /// Plans what this entry sets off.
    pub(super) fn see(&mut self, entry: &Entry) {
        for Due { at, action, client } in self.triggers.see(entry) {
            let targets = [client.to_string()].into();
            self.plan(at, PlannedAction::Act { action, targets });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::{JournalBuilder, ms};
    use crate::language::sample::scenario;

    const FILE: &str = "[[action]]\nat = '2s'\ndo = 'pause'\n\
        [[action]]\nat = '1s'\ndo = 'resume'\ntarget.clients = ['c2']\n\
        [[action]]\non = { attempt = 2 }\nafter = '500ms'\ndo = 'reconnect'\n\
        [[server_event]]\nat = '2s'\nfor = '1h'\ndo = 'kill'\n[expect]\nmax_live = 1\n";

    /// Everything, in words.
    fn played(mut score: Timeline, story: &JournalBuilder) -> Vec<String> {
        story.entries().iter().for_each(|entry| score.see(entry));
        let mut deeds = Vec::new();
        while let Some(deed) = score.take_due(ms(1_000_000)) {
            deeds.push(match deed {
                PlannedAction::Act { action, targets } => {
                    format!("{action} {}", Vec::from_iter(targets).join(" "))
                }
                PlannedAction::Server(ServerChange::Down(event)) => format!("down {}", event.name),
                PlannedAction::Server(ServerChange::Up(event)) => format!("up {}", event.name),
            });
        }
        deeds
    }

    #[test]
    fn deeds_come_by_time_and_the_server_is_back_before_the_end() {
        let scenario = scenario(FILE);
        let score = || Timeline::new(&scenario, Seed(1), ms(100), false);
        assert_eq!(score().next(), ms(1100));
        let deeds = played(score(), &JournalBuilder::new());
        assert_eq!(deeds, ["1 c2", "0 c1 c2", "down kill", "up kill"]);
    }

    #[test]
    fn what_a_connection_sets_off_comes_in_its_place_unless_the_run_is_over() {
        let scenario = scenario(FILE);
        let score = Timeline::new(&scenario, Seed(1), ms(100), false);
        let story = JournalBuilder::new()
            .accepted("c1", 2, 900)
            .accepted("c2", 2, 9_900);
        let deeds = played(score, &story);
        assert_eq!(deeds, ["1 c2", "2 c1", "0 c1 c2", "down kill", "up kill"]);
    }

    #[test]
    fn under_a_control_nothing_befalls_the_server() {
        let score = Timeline::new(&scenario(FILE), Seed(1), ms(100), true);
        assert_eq!(played(score, &JournalBuilder::new()), ["1 c2", "0 c1 c2"]);
    }
}
