//! What is to be done in a run, and when: the scenario's actions and the server's
//! events, at their times or when a connection comes to something.
//!
//! Pure. Invariant: actions come out by time, and those of one moment in the
//! order in which they were planned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{EventKind, Ordinals, Phase};
use environment::{Moment, Seed};

use super::server::ServerChange;
use crate::journal::{Body, Entry};
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
        let mut timeline = Self {
            end: zero + scenario.duration,
            planned: BTreeMap::new(),
            count: 0,
            triggers: Triggers::new(zero, Vec::new()),
        };
        timeline.plan_actions(scenario, seed, zero);
        if !is_wire {
            timeline.plan_server_events(scenario, zero);
        }
        timeline
    }

    fn plan_actions(&mut self, scenario: &Scenario, seed: Seed, zero: Moment) {
        let clients = scenario.client_names();
        for (index, action) in scenario.actions.iter().enumerate() {
            let targets = action.targets(&clients, seed);
            match &action.when {
                ActionTime::At(at) => {
                    let action = index;
                    self.plan(zero + *at, PlannedAction::Act { action, targets });
                }
                ActionTime::On {
                    attempts,
                    stage,
                    after,
                } => self.triggers.waiting.push(Waiting {
                    action: index,
                    attempts: *attempts,
                    phase: *stage,
                    after: *after,
                    targets,
                }),
            }
        }
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

    fn plan(&mut self, at: Moment, action: PlannedAction) {
        self.count += 1;
        self.planned.insert((at, self.count), action);
    }

    /// When the next action is due, or the run's end.
    pub(super) fn next(&self) -> Moment {
        let first = self.planned.first_key_value();
        first.map_or(self.end, |((at, _), _)| (*at).min(self.end))
    }

    /// The next action that is due; after the end there is none.
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

/// An action that waits for a connection.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Index into the scenario's actions.
    pub(super) action: usize,
    pub(super) attempts: Ordinals,
    pub(super) phase: Phase,
    pub(super) after: Duration,
    pub(super) targets: BTreeSet<String>,
}

/// An action that is to be done by one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Moment,
    pub(super) action: usize,
    pub(super) client: Arc<str>,
}

/// All actions that wait. Each is done at most once for each connection.
#[derive(Debug)]
pub(super) struct Triggers {
    /// What was before is not waited for.
    zero: Moment,
    waiting: Vec<Waiting>,
    done: BTreeSet<(usize, Arc<str>, u64)>,
}

impl Triggers {
    pub(super) fn new(zero: Moment, waiting: Vec<Waiting>) -> Self {
        Self {
            zero,
            waiting,
            done: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is to be done because of this entry.
    pub(super) fn see(&mut self, entry: &Entry) -> Vec<Due> {
        let Body::Proxy {
            client,
            attempt,
            what,
        } = &entry.body
        else {
            return Vec::new();
        };
        let Some(phase) = reached(what).filter(|_| entry.at >= self.zero) else {
            return Vec::new();
        };
        let is_met = |waiting: &&Waiting| {
            waiting.attempts.contains(*attempt)
                && waiting.phase == phase
                && waiting.targets.contains(&**client)
        };
        let met = self.waiting.iter().filter(is_met);
        let mut due = Vec::new();
        for waiting in met {
            if self
                .done
                .insert((waiting.action, Arc::clone(client), *attempt))
            {
                due.push(Due {
                    at: entry.at + waiting.after,
                    action: waiting.action,
                    client: Arc::clone(client),
                });
            }
        }
        due
    }
}

/// How far a connection has come by this.
fn reached(what: &EventKind) -> Option<Phase> {
    match what {
        EventKind::Accepted => Some(Phase::Connect),
        // Of a stream that is no WebSocket, its first byte.
        EventKind::Upgraded { status: 101 } | EventKind::FirstData => Some(Phase::Open),
        EventKind::PeerEnded { .. } => Some(Phase::Closing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::{JournalBuilder, ms};
    use crate::language::sample::scenario;
    use chaos_proxy::Ending;

    const FILE: &str = "[[action]]\nat = '2s'\ndo = 'pause'\n\
        [[action]]\nat = '1s'\ndo = 'resume'\ntarget.clients = ['c2']\n\
        [[action]]\non = { attempt = 2 }\nafter = '500ms'\ndo = 'reconnect'\n\
        [[server_event]]\nat = '2s'\nfor = '1h'\ndo = 'kill'\n[expect]\nmax_live = 1\n";

    /// Everything, in words.
    fn played(mut timeline: Timeline, story: &JournalBuilder) -> Vec<String> {
        story.entries().iter().for_each(|entry| timeline.see(entry));
        let mut actions = Vec::new();
        while let Some(action) = timeline.take_due(ms(1_000_000)) {
            actions.push(match action {
                PlannedAction::Act { action, targets } => {
                    format!("{action} {}", Vec::from_iter(targets).join(" "))
                }
                PlannedAction::Server(ServerChange::Down(event)) => format!("down {}", event.name),
                PlannedAction::Server(ServerChange::Up(event)) => format!("up {}", event.name),
            });
        }
        actions
    }

    #[test]
    fn actions_come_by_time_and_the_server_is_back_before_the_end() {
        let scenario = scenario(FILE);
        let timeline = || Timeline::new(&scenario, Seed(1), ms(100), false);
        assert_eq!(timeline().next(), ms(1100));
        let actions = played(timeline(), &JournalBuilder::new());
        assert_eq!(actions, ["1 c2", "0 c1 c2", "down kill", "up kill"]);
    }

    #[test]
    fn what_a_connection_sets_off_comes_in_its_place_unless_the_run_is_over() {
        let scenario = scenario(FILE);
        let timeline = Timeline::new(&scenario, Seed(1), ms(100), false);
        let story = JournalBuilder::new()
            .accepted("c1", 2, 900)
            .accepted("c2", 2, 9_900);
        let actions = played(timeline, &story);
        assert_eq!(actions, ["1 c2", "2 c1", "0 c1 c2", "down kill", "up kill"]);
    }

    #[test]
    fn under_a_control_nothing_befalls_the_server() {
        let timeline = Timeline::new(&scenario(FILE), Seed(1), ms(100), true);
        assert_eq!(
            played(timeline, &JournalBuilder::new()),
            ["1 c2", "0 c1 c2"]
        );
    }

    fn waiting(attempts: &str, phase: Phase, after: u64) -> Waiting {
        Waiting {
            action: 3,
            attempts: attempts.parse().unwrap(),
            phase,
            after: Duration::from_millis(after),
            targets: ["c1".to_owned()].into(),
        }
    }

    fn dues(waiting: Waiting, zero: u64, story: &JournalBuilder) -> Vec<(Moment, usize, String)> {
        let mut triggers = Triggers::new(ms(zero), vec![waiting]);
        let entries = story.entries();
        let dues = entries.iter().flat_map(|entry| triggers.see(entry));
        dues.map(|due| (due.at, due.action, due.client.to_string()))
            .collect()
    }

    fn story() -> JournalBuilder {
        let upgraded = || EventKind::Upgraded { status: 101 };
        JournalBuilder::new()
            .accepted("c1", 1, 10)
            .proxy("c1", 1, upgraded(), 20)
            .left("c1", 1, Ending::CloseFrame, 100)
            .left("c1", 1, Ending::Fin, 101)
            .accepted("c2", 2, 150)
            .accepted("c1", 2, 200)
            .proxy("c1", 2, EventKind::Upgraded { status: 503 }, 210)
            .accepted("c1", 3, 300)
            .proxy("c1", 3, upgraded(), 320)
    }

    fn check(waiting: Waiting, zero: u64, at: &[u64]) {
        let found = dues(waiting, zero, &story());
        let expect: Vec<_> = at.iter().map(|at| (ms(*at), 3, "c1".to_owned())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn an_action_waits_for_its_connections_and_stage_and_then_for_its_time() {
        check(waiting("2", Phase::Connect, 0), 0, &[200]);
        check(waiting("2..", Phase::Connect, 50), 0, &[250, 350]);
        check(waiting("..", Phase::Open, 0), 0, &[20, 320]);
        check(waiting("2", Phase::Open, 0), 0, &[]);
    }

    #[test]
    fn what_was_before_the_start_is_not_waited_for() {
        check(waiting("..", Phase::Connect, 0), 200, &[200, 300]);
    }

    #[test]
    fn an_end_told_twice_is_one() {
        check(waiting("1", Phase::Closing, 5), 50, &[105]);
    }
}
