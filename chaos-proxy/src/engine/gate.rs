//! One listener: accepts, numbers, and refuses while a rule says so.

use std::sync::Arc;
use std::time::Duration;

use environment::{Moment, Stream};
use tokio::sync::watch;

use super::attempts::Attempts;
use super::connection::{self, Named};
use super::field::{Begun, Field};
use super::{Route, Shared, Start};
use crate::event::{Event, What};
use crate::fault::{Fault, Phase};
use crate::plan::Plan;

/// How long to wait after an accept that failed for want of descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts until the proxy stops.
pub(super) async fn run(
    route: Route,
    shared: Arc<Shared>,
    mut field: watch::Receiver<Field>,
    obeyed: watch::Sender<u64>,
) {
    let mut gate = Gate {
        plan: Arc::clone(&field.borrow().plan),
        name: route.client.clone().unwrap_or_else(|| Arc::from("*")),
        route,
        shared,
        attempts: Attempts::default(),
        closing: Vec::new(),
    };
    let mut has_changed = true;
    loop {
        if std::mem::take(&mut has_changed) {
            let now = field.borrow_and_update().clone();
            gate.obey(&now, &field);
            obeyed.send_replace(now.version);
        }
        tokio::select! {
            biased;
            () = gate.shared.stop.cancelled() => return,
            changed = field.changed() => match changed {
                Ok(()) => has_changed = true,
                Err(_) => return,
            },
            accepted = gate.route.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    gate.ensure_begun(&mut field).await;
                    gate.admit(stream, &field);
                    // Waiting for the beginning has seen the change.
                    has_changed = true;
                }
                Err(error) => {
                    tracing::warn!(%error, listener = %gate.route.listener.local_addr(), "failed to accept");
                    gate.shared.environment.clock.sleep(BREATH).await;
                }
            },
        }
    }
}

struct Gate {
    plan: Arc<Plan>,
    name: Arc<str>,
    route: Route,
    shared: Arc<Shared>,
    attempts: Attempts,
    /// The rules that close this listener now.
    closing: Vec<Begun>,
}

impl Gate {
    /// Where the first connection makes t = 0, it is already under its rules.
    async fn ensure_begun(&self, field: &mut watch::Receiver<Field>) {
        if self.shared.start == Start::FirstConnection && field.borrow().zero.is_none() {
            self.shared
                .control
                .try_begin(self.shared.environment.clock.now());
            // Fails only if the proxy is stopping.
            let _ = field.wait_for(|field| field.zero.is_some()).await;
        }
    }

    fn admit(&mut self, stream: Stream, field: &watch::Receiver<Field>) {
        let ordinal = self.attempts.next();
        let named = match &self.route.client {
            Some(client) => Named::known(Arc::clone(client), ordinal),
            None => Named::ordinal(ordinal, self.attempts.names()),
        };
        let connection = connection::run(stream, named, Arc::clone(&self.shared), field.clone());
        self.shared.connections.spawn(connection);
    }

    /// Closes or opens the listener as the field says.
    fn obey(&mut self, field: &Field, feed: &watch::Receiver<Field>) {
        self.plan = Arc::clone(&field.plan);
        let plan = Arc::clone(&self.plan);
        let is_mine = |begun: &&Begun| {
            let occurrence = &plan.timed()[begun.occurrence];
            let rule = &plan.rules()[occurrence.rule];
            rule.fault.phase() == Phase::Listener && plan.strikes(occurrence, &self.name)
        };
        let wanted: Vec<Begun> = field.begun.iter().filter(is_mine).cloned().collect();
        if wanted == self.closing {
            return;
        }
        if self.closing.is_empty() {
            self.admit_waiting(feed);
        }
        let before = std::mem::replace(&mut self.closing, wanted);
        self.close_or_open();
        self.tell_changes(&before, field.zero.unwrap_or(Moment::ORIGIN));
    }

    /// A refusal is louder than silence.
    fn close_or_open(&mut self) {
        let plan = &self.plan;
        let fault = |begun: &Begun| &plan.rules()[plan.timed()[begun.occurrence].rule].fault;
        let (is_refused, is_silent) = (
            self.closing
                .iter()
                .any(|begun| *fault(begun) == Fault::Refuse),
            self.closing
                .iter()
                .any(|begun| *fault(begun) == Fault::Blackhole),
        );
        let listener = &mut self.route.listener;
        let changed = match (is_refused, is_silent) {
            (true, _) => {
                listener.refuse();
                Ok(())
            }
            (false, true) => listener.fall_silent(),
            (false, false) => listener.heal(),
        };
        if let Err(error) = changed {
            tracing::error!(%error, listener = %listener.local_addr(), "failed to change what the listener does");
        }
    }

    /// What the system has accepted already would be reset when the listener
    /// closes; those dials came before the refusal and are let in.
    fn admit_waiting(&mut self, field: &watch::Receiver<Field>) {
        while let Some(stream) = self.route.listener.try_accept() {
            self.admit(stream, field);
        }
    }

    fn tell_changes(&self, before: &[Begun], zero: Moment) {
        let now = self.shared.environment.clock.now();
        let tell = |what| {
            let client = Arc::clone(&self.name);
            self.shared.tell.events.tell(Event {
                at: now,
                client,
                attempt: 0,
                what,
            });
        };
        for begun in before.iter().filter(|begun| !self.closing.contains(begun)) {
            let occurrence = &self.plan.timed()[begun.occurrence];
            let rule = &self.plan.rules()[occurrence.rule];
            tell(What::Healed {
                rule: rule.name.clone(),
                occurrence: occurrence.number,
            });
        }
        for begun in self.closing.iter().filter(|begun| !before.contains(begun)) {
            let occurrence = &self.plan.timed()[begun.occurrence];
            let rule = &self.plan.rules()[occurrence.rule];
            let planned_us = micros(begun.planned.since(zero));
            let actual_us = micros(now.since(zero));
            let (rule, fault) = (rule.name.clone(), rule.fault.word().to_owned());
            tell(What::Struck {
                rule,
                fault,
                occurrence: occurrence.number,
                planned_us: Some(planned_us),
                actual_us,
            });
        }
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
