//! What a run goes by, and its phases from the first dial to the last socket.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use environment::{Clock, Environment, Moment, Observer};

use super::arrivals::Arrivals;
use super::error::{BrokenOff, FirstError, HarnessError};
use super::machine::{Turn, watch_lateness};
use super::participants::Participants;
use super::recorder::Recorder;
use super::timeline::{PlannedAction, Timeline};
use super::{RunPhase, Settings};
use crate::definitions::unapplied;
use crate::journal::{Body, Entry, Mark};
use crate::language::{Scenario, Start};

/// After settling, what was made gets at least this long to arrive, and a
/// server to notice that a client is gone.
const DRAIN_LEAST: Duration = Duration::from_millis(300);

/// And no longer than this.
const DRAIN_MOST: Duration = Duration::from_secs(2);

/// How long the server's sockets may take to end after the clients have.
const CLOSING: Duration = Duration::from_secs(3);

/// What one run goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext<'a> {
    pub(super) environment: &'a Environment,
    pub(super) scenario: &'a Scenario,
    pub(super) settings: &'a Settings,
    pub(super) recorder: &'a Recorder,
    pub(super) progress: &'a Observer<RunPhase>,
}

impl RunContext<'_> {
    /// Goes from the first dial to the last socket, marking each part.
    pub(super) async fn go(
        &self,
        participants: &mut Participants,
        first_error: &FirstError,
    ) -> Result<(), BrokenOff> {
        self.recorder.mark(Mark::Started);
        let turn = Turn::take(&self.settings.subject).await;
        let clients = self.scenario.client_names();
        tokio::select! {
            biased;
            played = self.start_and_play(participants, first_error) => played?,
            never = turn.while_booting(clients, self.recorder, self.clock()) => match never {},
        }
        participants.control.heal().await;
        self.recorder.mark(Mark::Healed);
        self.progress.tell(RunPhase::Settling);
        let settle = self
            .scenario
            .settle_of(self.settings.subject.traits().as_ref());
        self.clock().sleep(settle).await;
        self.progress.tell(RunPhase::Ending);
        self.drain().await;
        participants.clients.stop().await?;
        self.recorder.mark(Mark::ClientsStopped);
        self.wait_for_sockets().await;
        Ok(())
    }

    async fn start_and_play(
        &self,
        participants: &mut Participants,
        first_error: &FirstError,
    ) -> Result<(), BrokenOff> {
        let zero = self.start(participants, first_error).await?;
        self.progress.tell(RunPhase::Running);
        self.play(participants, zero).await
    }

    /// Marks whenever the machine lets the harness wait. Virtual time waits for
    /// everybody.
    pub(super) async fn watch_machine(&self) -> Infallible {
        if self.clock().is_virtual() {
            return std::future::pending().await;
        }
        let mark = |late: Duration| {
            let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            self.recorder.mark(Mark::HeldUp { late_us });
        };
        watch_lateness(self.clock(), mark).await
    }

    /// Starts the clients and makes t = 0.
    async fn start(
        &self,
        participants: &mut Participants,
        first_error: &FirstError,
    ) -> Result<Moment, BrokenOff> {
        participants.clients.warm_up(first_error).await;
        match self.scenario.start {
            Start::FirstDial => {
                let zero = self.begin(participants).await;
                participants.clients.start(self, first_error);
                Ok(zero)
            }
            Start::FirstMessage => {
                participants.clients.start(self, first_error);
                self.wait_for_clients(participants).await?;
                Ok(self.begin(participants).await)
            }
        }
    }

    /// When this returns, the rules of t = 0 are in force.
    async fn begin(&self, participants: &Participants) -> Moment {
        let zero = self.clock().now();
        self.recorder.record(Entry::mark(zero, Mark::TZero));
        participants.control.begin(zero).await;
        zero
    }

    /// Until every client has had its first message.
    async fn wait_for_clients(&self, participants: &Participants) -> Result<(), BrokenOff> {
        let within = self.scenario.start_within;
        let waiting = self.recorder.wait_for(
            self.arrivals(),
            |arrivals, entry| arrivals.fold(entry),
            |arrivals| arrivals.are_over(),
        );
        let arrivals = match self.clock().timeout(within, waiting).await {
            Ok(arrivals) => arrivals,
            Err(_) => {
                let mut arrivals = self.arrivals();
                let entries = self.recorder.entries(0);
                entries.iter().for_each(|entry| arrivals.fold(entry));
                arrivals
            }
        };
        let problem = arrivals.problem(within, |client| participants.clients.last_output(client));
        problem.map_or(Ok(()), |problem| Err(problem.into()))
    }

    fn arrivals(&self) -> Arrivals {
        let names = self.scenario.client_names().into_iter().map(Arc::from);
        Arrivals::new(names.collect(), self.settings.subject.is_sim())
    }

    /// Does everything at its time, until the duration is over.
    async fn play(&self, participants: &Participants, zero: Moment) -> Result<(), BrokenOff> {
        let settings = self.settings;
        let mut timeline = Timeline::new(self.scenario, settings.seed, zero, settings.is_wire);
        let end = zero + self.scenario.duration;
        let clock = self.clock();
        let mut seen = 0;
        loop {
            tokio::select! {
                biased;
                () = clock.sleep_until(timeline.next()) => {}
                entries = self.recorder.after(seen), if timeline.is_watching() => {
                    seen += entries.len();
                    entries.iter().for_each(|entry| timeline.see(entry));
                }
            }
            let now = clock.now();
            while let Some(action) = timeline.take_due(now) {
                self.perform(participants, action)?;
            }
            if now >= end {
                return Ok(());
            }
        }
    }

    fn perform(
        &self,
        participants: &Participants,
        action: PlannedAction,
    ) -> Result<(), HarnessError> {
        match action {
            PlannedAction::Act { action, targets } => self.act(participants, action, &targets),
            PlannedAction::Server(change) => participants
                .change_server(change)
                .then_some(())
                .ok_or(HarnessError::ServerBusy),
        }
    }

    /// Gives clients a command. One that cannot carry it out does not get it, and
    /// so it does not stand in the journal.
    fn act(
        &self,
        participants: &Participants,
        action: usize,
        targets: &BTreeSet<String>,
    ) -> Result<(), HarnessError> {
        let command = self.scenario.actions[action].deed;
        if !self.settings.subject.can(command.ability()) {
            return Ok(());
        }
        self.recorder.mark(Mark::Action {
            action: command.word().to_owned(),
            targets: targets.clone(),
        });
        let mut targets = targets.iter();
        match targets.find(|client| !participants.clients.command(client, command)) {
            Some(busy) => Err(HarnessError::ClientBusy(busy.clone())),
            None => Ok(()),
        }
    }

    /// Lets what was made until now arrive.
    async fn drain(&self) {
        let settled = self.clock().now();
        self.recorder.record(Entry::mark(settled, Mark::Settled));
        let (open, fold) = unapplied(settled);
        let arrived = self.recorder.wait_for(open, fold, |open| open.is_empty());
        // Whether or not it has: what has not arrived by then is lost.
        let _ = self.clock().timeout(DRAIN_MOST, arrived).await;
        self.clock().sleep_until(settled + DRAIN_LEAST).await;
        self.recorder.mark(Mark::Drained);
    }

    /// Until the server has no socket, or has had its time to see that.
    async fn wait_for_sockets(&self) {
        let none = self
            .recorder
            .wait_for(0_usize, count_sockets, |open| *open == 0);
        // Whether or not it has none: the check sees what is left.
        let _ = self.clock().timeout(CLOSING, none).await;
    }

    fn clock(&self) -> Clock {
        self.environment.clock.clone()
    }
}

fn count_sockets(open: &mut usize, entry: &Entry) {
    match &entry.body {
        Body::Server(ticker_server::EventKind::SocketOpened { .. }) => *open += 1,
        Body::Server(ticker_server::EventKind::SocketClosed { .. }) => {
            *open = open.saturating_sub(1);
        }
        // Whoever has come before is gone without a word.
        Body::Harness(Mark::ServerUp { .. }) => *open = 0,
        _ => {}
    }
}
