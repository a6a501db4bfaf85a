//! The course of a run, from the first dial to the last socket.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use environment::{Clock, Environment, Moment, Observer};

use super::arrivals::Arrivals;
use super::boot::Turn;
use super::probe;
use super::recorder::Recorder;
use super::score::{PlannedAction, Timeline};
use super::stage::Participants;
use super::trouble::Trouble;
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

/// Why a run did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BrokenOff {
    /// Somebody wanted it.
    Interrupted,
    /// The journal cannot be kept.
    Journal(String),
    /// The harness failed.
    Failed(String),
}

impl BrokenOff {
    /// What the journal says of it, and what is the harness's own problem.
    pub(super) fn told(self) -> (Mark, Option<String>) {
        match self {
            Self::Interrupted => (Mark::Interrupted, None),
            Self::Failed(reason) | Self::Journal(reason) => {
                let failed = Mark::Failed {
                    reason: reason.clone(),
                };
                (failed, Some(reason))
            }
        }
    }
}

/// One run's givens.
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
        stage: &mut Participants,
        trouble: &Trouble,
    ) -> Result<(), BrokenOff> {
        self.recorder.mark(Mark::Started);
        let turn = Turn::take(&self.settings.subject).await;
        let clients = self.scenario.client_names();
        tokio::select! {
            biased;
            played = self.start_and_play(stage, trouble) => played?,
            never = turn.while_booting(clients, self.recorder, self.clock()) => match never {},
        }
        stage.control.heal().await;
        self.recorder.mark(Mark::Healed);
        self.progress.tell(RunPhase::Settling);
        let settle = self
            .scenario
            .settle_of(self.settings.subject.traits().as_ref());
        self.clock().sleep(settle).await;
        self.progress.tell(RunPhase::Ending);
        self.drain().await;
        let ended = stage.seats.stop().await;
        ended.map_err(BrokenOff::Failed)?;
        self.recorder.mark(Mark::ClientsStopped);
        self.wait_for_sockets().await;
        Ok(())
    }

    async fn start_and_play(
        &self,
        stage: &mut Participants,
        trouble: &Trouble,
    ) -> Result<(), BrokenOff> {
        let zero = self.start(stage, trouble).await?;
        self.progress.tell(RunPhase::Running);
        self.play(stage, zero).await
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
        probe::watch(self.clock(), mark).await
    }

    /// Starts the clients and makes t = 0.
    async fn start(
        &self,
        stage: &mut Participants,
        trouble: &Trouble,
    ) -> Result<Moment, BrokenOff> {
        match self.scenario.start {
            Start::FirstDial => {
                let zero = self.begin(stage).await;
                stage.seats.start(self, trouble);
                Ok(zero)
            }
            Start::FirstMessage => {
                stage.seats.start(self, trouble);
                self.wait_for_clients(stage).await?;
                Ok(self.begin(stage).await)
            }
        }
    }

    /// When this returns, the rules of t = 0 are in force.
    async fn begin(&self, stage: &Participants) -> Moment {
        let zero = self.clock().now();
        self.recorder.record(Entry::mark(zero, Mark::TZero));
        stage.control.begin(zero).await;
        zero
    }

    /// Until every client has had its first message.
    async fn wait_for_clients(&self, stage: &Participants) -> Result<(), BrokenOff> {
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
        let problem = arrivals.problem(within, |client| stage.seats.last_words(client));
        problem.map_or(Ok(()), |reason| Err(BrokenOff::Failed(reason)))
    }

    fn arrivals(&self) -> Arrivals {
        let names = self.scenario.client_names().into_iter().map(Arc::from);
        Arrivals::new(names.collect(), self.settings.subject.is_sim())
    }

    /// Does everything at its time, until the duration is over.
    async fn play(&self, stage: &Participants, zero: Moment) -> Result<(), BrokenOff> {
        let settings = self.settings;
        let mut score = Timeline::new(self.scenario, settings.seed, zero, settings.is_wire);
        let end = zero + self.scenario.duration;
        let clock = self.clock();
        let mut seen = 0;
        loop {
            tokio::select! {
                biased;
                () = clock.sleep_until(score.next()) => {}
                entries = self.recorder.after(seen), if score.is_watching() => {
                    seen += entries.len();
                    entries.iter().for_each(|entry| score.see(entry));
                }
            }
            let now = clock.now();
            while let Some(deed) = score.take_due(now) {
                self.perform(stage, deed)?;
            }
            if now >= end {
                return Ok(());
            }
        }
    }

    fn perform(&self, stage: &Participants, deed: PlannedAction) -> Result<(), BrokenOff> {
        match deed {
            PlannedAction::Act { action, targets } => self.act(stage, action, &targets),
            PlannedAction::Server(fate) => {
                let reason = || "the server does not come to what befalls it".to_owned();
                let is_told = stage.befall(fate);
                is_told
                    .then_some(())
                    .ok_or_else(|| BrokenOff::Failed(reason()))
            }
        }
    }

    /// Tells clients what the person at them does. One that cannot do it is not
    /// told, and so it does not stand in the journal.
    fn act(
        &self,
        stage: &Participants,
        action: usize,
        targets: &BTreeSet<String>,
    ) -> Result<(), BrokenOff> {
        let deed = self.scenario.actions[action].deed;
        if !self.settings.subject.can(deed.ability()) {
            return Ok(());
        }
        self.recorder.mark(Mark::Action {
            action: deed.word().to_owned(),
            targets: targets.clone(),
        });
        for client in targets {
            if !stage.seats.tell(client, deed) {
                let reason = format!("{client} does not take its commands");
                return Err(BrokenOff::Failed(reason));
            }
        }
        Ok(())
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
