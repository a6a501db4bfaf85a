//! What holds a fault, and what ends it when that is gone.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::InjectError;
use super::names::{Claim, Names};
use crate::engine::{Control, NameTaken};
use crate::rule::{Rule, When};

/// Who the engine is told that these rules are of.
const OWNER: &str = "guard";

/// Rules put into force and taken out of it in an order that all see.
#[derive(Debug, Clone)]
pub(super) struct Injector {
    control: Control,
    names: Names,
    /// The task that changes what is in force has it, so that no removal overtakes what
    /// came after it under the same name.
    turn: Arc<Mutex<()>>,
    shutdown: CancellationToken,
}

/// A fault that holds until this is dropped, or [`heal`](Self::heal)ed.
///
/// [`heal`](Self::heal) waits until every connection is free of it. Dropping cannot
/// wait: the fault is gone a moment later, in the order of things (what is injected
/// after the drop, under the same name too, comes after it).
#[derive(Debug)]
#[must_use = "the fault is healed when this is dropped"]
pub struct Guard {
    claim: Claim,
    injector: Injector,
    _dropped: DropGuard,
}

impl Injector {
    pub(super) fn new(control: Control, names: Names, shutdown: CancellationToken) -> Self {
        Self {
            control,
            names,
            turn: Arc::default(),
            shutdown,
        }
    }

    /// Puts all of these rules into force, or none. A caller that drops the future has
    /// dropped the guard.
    pub(super) async fn inject(
        &self,
        rules: Vec<Rule>,
        tasks: &TaskTracker,
    ) -> Result<Guard, InjectError> {
        let guard = self.guard(&rules, tasks)?;
        let _turn = self.turn.lock().await;
        for rule in rules {
            // A guard of that name is gone, and its rule may not be yet.
            self.control.remove(&rule.name).await;
            let lasting = window(&rule);
            let put = self.control.put(rule, OWNER, lasting).await;
            put.map_err(|NameTaken { name }| InjectError::NameTaken { name })?;
        }
        Ok(guard)
    }

    /// Applies this rule once.
    pub(super) async fn strike(&self, rule: Rule) -> Result<(), InjectError> {
        self.names.ensure_free(std::slice::from_ref(&rule))?;
        let _turn = self.turn.lock().await;
        let struck = self.control.put(rule, OWNER, None).await;
        struck.map_err(|NameTaken { name }| InjectError::NameTaken { name })
    }

    /// There before anything is in force. Its drop cannot wait, so a task does.
    fn guard(&self, rules: &[Rule], tasks: &TaskTracker) -> Result<Guard, InjectError> {
        let claim = self.names.claim(rules)?;
        let dropped = CancellationToken::new();
        let (injector, gone) = (self.clone(), dropped.clone());
        tasks.spawn(async move {
            let shutdown = injector.shutdown.clone();
            let is_gone = shutdown.run_until_cancelled(gone.cancelled()).await;
            if is_gone.is_some() {
                injector.remove(claim).await;
            }
        });
        Ok(Guard {
            claim,
            injector: self.clone(),
            _dropped: dropped.drop_guard(),
        })
    }

    async fn remove(&self, claim: Claim) {
        let _turn = self.turn.lock().await;
        // The caller that waits for this may be gone in the middle: then the rest is done later.
        for name in self.names.abandoned(claim) {
            self.control.remove(&name).await;
            self.names.release(claim, &name);
        }
    }
}

/// How long a rule is there that acts at once.
fn window(rule: &Rule) -> Option<std::time::Duration> {
    match rule.when {
        When::Timed { lasting, .. } => lasting,
        When::On { .. } => None,
    }
}

impl Guard {
    /// Heals the fault, and waits until that is so for every connection.
    pub async fn heal(self) {
        self.injector.names.abandon(self.claim);
        self.injector.remove(self.claim).await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.injector.names.abandon(self.claim);
    }
}
