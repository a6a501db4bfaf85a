//! Actions that wait for a connection: what the proxy tells of it, and which
//! clients then do what, and when.
//!
//! Pure. Invariant: each action is done at most once for each connection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{EventKind, Ordinals, Phase};
use environment::Moment;

use crate::journal::{Body, Entry};

/// An action that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Index into the scenario's actions.
    pub(super) action: usize,
    pub(super) attempts: Ordinals,
    pub(super) stage: Phase,
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

/// All actions that wait.
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
        let Some(stage) = stage(what).filter(|_| entry.at >= self.zero) else {
            return Vec::new();
        };
        let is_met = |waiting: &&Waiting| {
            waiting.attempts.contains(*attempt)
                && waiting.stage == stage
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
fn stage(what: &EventKind) -> Option<Phase> {
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
    use chaos_proxy::Ending;

    fn waiting(attempts: &str, stage: Phase, after: u64) -> Waiting {
        Waiting {
            action: 3,
            attempts: attempts.parse().unwrap(),
            stage,
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
