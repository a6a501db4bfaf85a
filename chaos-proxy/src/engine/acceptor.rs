//! One listener: accepts, numbers, and refuses while a rule says so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use environment::{Feed, Follower, Moment, Stream};

use super::attempts::{Attempts, Named};
use super::config::{Route, Start};
use super::connection::{self, Accepted};
use super::rules::{Activation, ActiveRules, Who};
use super::shared::Shared;
use crate::event::{Event, EventKind, micros};
use crate::fault::{Fault, FaultKind};

/// How long to wait after an accept that failed for lack of descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts until the proxy stops.
pub(super) async fn run(
    route: Route,
    shared: Arc<Shared>,
    in_force: Follower<ActiveRules>,
    mut version: Follower<u64>,
    obeyed: Feed<u64>,
) {
    let mut acceptor = Acceptor {
        name: route.client.clone().unwrap_or_else(|| Arc::from("*")),
        route,
        shared,
        attempts: Attempts::default(),
        closing: Vec::new(),
        known: in_force.borrow().last_serial,
        first: None,
        must_retry: false,
    };
    let mut has_changed = true;
    loop {
        if std::mem::take(&mut has_changed) {
            drop(version.borrow_and_update());
            let now = in_force.borrow().clone();
            acceptor.must_retry = false;
            acceptor.learn(&now, &in_force);
            acceptor.obey(&now, &in_force);
            acceptor.admit_first(&now, &in_force);
            obeyed.change(|obeyed| *obeyed = now.version);
        }
        tokio::select! {
            biased;
            () = acceptor.shared.stop.cancelled() => return,
            changed = version.changed() => match changed {
                Ok(()) => has_changed = true,
                Err(_) => return,
            },
            () = acceptor.shared.environment.clock.sleep(BREATH), if acceptor.must_retry => has_changed = true,
            accepted = acceptor.route.listener.accept(), if acceptor.first.is_none() => match accepted {
                Ok((stream, _)) => has_changed = acceptor.receive(stream, &in_force),
                Err(error) => {
                    tracing::warn!(%error, listener = %acceptor.route.listener.local_addr(), "failed to accept");
                    acceptor.shared.environment.clock.sleep(BREATH).await;
                }
            },
        }
    }
}

struct Acceptor {
    name: Arc<str>,
    route: Route,
    shared: Arc<Shared>,
    attempts: Attempts,
    /// The rules that close this listener now.
    closing: Vec<Activation>,
    /// What began after this serial is new to it, and to whatever it lets in.
    known: u64,
    /// The connection that makes t = 0, until it has come.
    first: Option<Stream>,
    /// Something could not be done now, and may be in a moment.
    must_retry: bool,
}

impl Acceptor {
    /// Takes an accepted connection; whether it is now waited for t = 0, which
    /// it makes: it is to be under the rules that begin then.
    fn receive(&mut self, stream: Stream, in_force: &Follower<ActiveRules>) -> bool {
        let is_first =
            self.shared.start == Start::FirstConnection && in_force.borrow().zero.is_none();
        if is_first {
            self.first = Some(stream);
        } else {
            self.admit(stream, self.known, in_force);
        }
        is_first
    }

    /// What was ordered to strike everybody strikes those, too, whose dial the
    /// system has answered and who are not let in yet.
    fn learn(&mut self, now: &ActiveRules, in_force: &Follower<ActiveRules>) {
        let is_order = |begun: &Activation| begun.is_instant && begun.occurrence.is_none();
        let mut fresh = now.activations.iter().filter(|it| it.serial > self.known);
        if fresh.any(is_order) {
            self.admit_waiting(in_force);
        }
        self.known = now.last_serial;
    }

    fn admit_first(&mut self, now: &ActiveRules, in_force: &Follower<ActiveRules>) {
        let Some(stream) = self.first.take() else {
            return;
        };
        if now.zero.is_some() {
            // What strikes at t = 0 strikes it, too.
            return self.admit(stream, 0, in_force);
        }
        self.first = Some(stream);
        let is_told = self
            .shared
            .control
            .try_begin(self.shared.environment.clock.now());
        self.must_retry = !is_told;
    }

    /// Lets a connection in; what began after serial `seen` is new to it.
    fn admit(&mut self, stream: Stream, seen: u64, in_force: &Follower<ActiveRules>) {
        let ordinal = self.attempts.next();
        let named = match &self.route.client {
            Some(client) => Named::known(Arc::clone(client), ordinal),
            None => Named::ordinal(ordinal, self.attempts.names()),
        };
        let accepted = Box::new(Accepted {
            stream,
            named,
            seen,
        });
        let connection = connection::run(accepted, Arc::clone(&self.shared), in_force.clone());
        self.shared.connections.spawn(connection);
    }

    /// Closes or opens the listener as the in_force says.
    fn obey(&mut self, in_force: &ActiveRules, feed: &Follower<ActiveRules>) {
        let who = Who {
            client: &self.name,
            attempt: 0,
            connection: 0,
        };
        let is_mine = |begun: &&Activation| {
            begun.rule.fault.phase() == FaultKind::Listener && in_force.strikes(begun, who)
        };
        let wanted: Vec<Activation> = in_force
            .activations
            .iter()
            .filter(is_mine)
            .cloned()
            .collect();
        if wanted == self.closing {
            return;
        }
        if self.closing.is_empty() {
            self.admit_waiting(feed);
        }
        let before = std::mem::replace(&mut self.closing, wanted);
        if let Err(error) = self.close_or_open() {
            tracing::warn!(%error, listener = %self.route.listener.local_addr(), "failed to change what the listener does");
            // Told as done only when it is.
            self.closing = before;
            self.must_retry = true;
            return;
        }
        self.tell_changes(&before, in_force.zero.unwrap_or(Moment::ORIGIN));
    }

    /// A refusal is louder than silence.
    fn close_or_open(&mut self) -> io::Result<()> {
        let is_under = |wanted: Fault| {
            let mut closing = self.closing.iter();
            closing.any(|begun| begun.rule.fault == wanted)
        };
        let (is_refused, is_silent) = (is_under(Fault::Refuse), is_under(Fault::Blackhole));
        let listener = &mut self.route.listener;
        match (is_refused, is_silent) {
            (true, _) => {
                listener.refuse();
                Ok(())
            }
            (false, true) => listener.fall_silent(),
            (false, false) => listener.heal(),
        }
    }

    /// What the system has accepted already would be reset when the listener
    /// closes; those dials came before the refusal and are let in.
    fn admit_waiting(&mut self, in_force: &Follower<ActiveRules>) {
        while let Some(stream) = self.route.listener.try_accept() {
            self.admit(stream, self.known, in_force);
        }
    }

    fn tell_changes(&self, before: &[Activation], zero: Moment) {
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
            let rule = &begun.rule;
            tell(EventKind::Healed {
                rule: rule.name.clone(),
                occurrence: begun.number,
            });
        }
        for begun in self.closing.iter().filter(|begun| !before.contains(begun)) {
            let rule = &begun.rule;
            let planned_us = micros(begun.planned.since(zero));
            let actual_us = micros(now.since(zero));
            let (rule, fault) = (rule.name.clone(), rule.fault.word().to_owned());
            tell(EventKind::Struck {
                rule,
                fault,
                occurrence: begun.number,
                planned_us: Some(planned_us),
                actual_us,
            });
        }
    }
}
