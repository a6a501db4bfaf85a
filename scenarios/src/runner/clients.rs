//! The clients of a run, whoever they are, each with a URL of its own.
//!
//! Invariant: when [`Clients::stop`] has returned, or this is dropped, no client
//! runs any more.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use client_sim::{ClientConfig, ClientsConfig, Command, Url};
use environment::{Environment, Moment};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::context::RunContext;
use super::custom_client::{ClientProcess, ClientTask, Gate, PATIENCE};
use super::error::{FirstError, HarnessError};
use super::machine::{AT_ONCE, with_room};
use super::participants::{ENDING, end};
use super::recorder::Recorder;
use super::reporter::Notes;
use super::secured::Secured;

use crate::language::ClientAction;
use crate::subjects::Subject;

/// Commands that wait for a client; it takes them as they come.
const COMMANDS: usize = 16;

/// How long all browsers of a run may take to come up.
const WARM: Duration = Duration::from_secs(60);

/// Time for a task, after its client was killed.
const MARGIN: Duration = Duration::from_secs(3);

/// All clients: those to be started, those that run, and the ways to reach them.
#[derive(Debug)]
pub(super) struct Clients {
    environment: Environment,
    /// Clients that have not been started.
    waiting: Vec<Waiting>,
    tasks: JoinSet<()>,
    commands: Vec<(Arc<str>, Sender)>,
    notes: Vec<(Arc<str>, Notes)>,
    /// Of those that are up and wait, with their part of the ramp.
    gates: Vec<(Gate, Duration)>,
    stop: CancellationToken,
    patience: Duration,
}

#[derive(Debug)]
struct Waiting {
    client: Client,
    delay: Duration,
}

/// One client.
#[derive(Debug)]
enum Client {
    Sim {
        config: Box<ClientConfig>,
        commands: mpsc::Receiver<Command>,
    },
    Process(Box<ClientProcess>),
    Task(Box<ClientTask>),
}

/// Where a client takes its commands.
#[derive(Debug)]
enum Sender {
    Sim(mpsc::Sender<Command>),
    Custom(mpsc::Sender<ClientAction>),
}

impl Clients {
    /// None yet.
    pub(super) fn new(environment: Environment) -> Self {
        Self {
            environment,
            waiting: Vec::new(),
            tasks: JoinSet::new(),
            commands: Vec::new(),
            notes: Vec::new(),
            gates: Vec::new(),
            stop: CancellationToken::new(),
            patience: ENDING,
        }
    }

    /// Adds every client, which dials the URL beside it, to this server's `host:port`
    /// in the end.
    pub(super) fn add(
        &mut self,
        context: &RunContext<'_>,
        urls: Vec<(Arc<str>, String)>,
        server: &str,
        secured: Option<&Secured>,
    ) -> Result<(), HarnessError> {
        let (scenario, settings) = (context.scenario, context.settings);
        let mut config = scenario.clients.clone();
        config.behaviour.flaws = scenario.flaws(&settings.flaws);
        for (index, (name, url)) in (0..).zip(urls) {
            let client = match &settings.subject {
                Subject::Sim => self.sim(context, &config, (name, &url), secured)?,
                Subject::Adapter(adapter) => {
                    self.patience = PATIENCE + MARGIN;
                    let notes = Notes::default();
                    self.notes.push((Arc::clone(&name), notes.clone()));
                    Client::Process(Box::new(ClientProcess {
                        adapter: Arc::clone(adapter),
                        options: scenario.client_options.clone(),
                        commands: self.commands_of(&name),
                        client: name,
                        url,
                        server: server.to_owned(),
                        trust: secured.map(Secured::variables).unwrap_or_default(),
                        seed: settings.seed,
                        clock: self.environment.clock.clone(),
                        recorder: context.recorder.clone(),
                        notes,
                        gate: adapter.page.as_ref().map(|_| Gate::default()),
                    }))
                }
                Subject::Client(own) => Client::Task(Box::new(ClientTask {
                    client: Arc::clone(own),
                    commands: self.commands_of(&name),
                    name,
                    url,
                    ca: secured.and_then(Secured::certificate),
                    seed: settings.seed,
                    clock: self.environment.clock.clone(),
                    recorder: context.recorder.clone(),
                })),
            };
            let delay = config.start_delay(index);
            self.waiting.push(Waiting { client, delay });
        }
        Ok(())
    }

    fn sim(
        &mut self,
        context: &RunContext<'_>,
        config: &ClientsConfig,
        (name, url): (Arc<str>, &str),
        secured: Option<&Secured>,
    ) -> Result<Client, HarnessError> {
        let (sender, commands) = mpsc::channel(COMMANDS);
        self.commands.push((Arc::clone(&name), Sender::Sim(sender)));
        let url: Url = url.parse().map_err(HarnessError::Url)?;
        let behaviour = &config.behaviour;
        let tls = secured.map(|secured| secured.connector(&url, behaviour));
        let tls = tls.transpose()?;
        let mut config = Box::new(config.client(name, url, context.settings.seed));
        config.tls = tls.flatten();
        Ok(Client::Sim { config, commands })
    }

    fn commands_of(&mut self, name: &Arc<str>) -> mpsc::Receiver<ClientAction> {
        let (sender, commands) = mpsc::channel(COMMANDS);
        self.commands
            .push((Arc::clone(name), Sender::Custom(sender)));
        commands
    }

    /// Has every browser come up, a few at once, and waits until all of them are
    /// there: the time of the run is not to be theirs. One that cannot go on as it
    /// should is an error.
    pub(super) async fn warm_up(&mut self, first_error: &FirstError) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        for Waiting { client, delay } in std::mem::take(&mut self.waiting) {
            match client {
                Client::Process(process) if process.gate.is_some() => {
                    let gate = process.gate.clone().unwrap_or_default();
                    self.gates.push((gate.clone(), delay));
                    let warming = warm(*process, gate, Arc::clone(&room), self.stop.clone());
                    let first_error = first_error.clone();
                    self.tasks.spawn(async move {
                        if let Err(error) = warming.await {
                            first_error.report(error);
                        }
                    });
                }
                client => self.waiting.push(Waiting { client, delay }),
            }
        }
        let clock = self.environment.clock.clone();
        let all = async {
            for (gate, _) in &self.gates {
                gate.ready.cancelled().await;
            }
        };
        // Who is not up by then is told to open its page all the same, and missed.
        let _ = clock.timeout(WARM, all).await;
    }

    /// Opens the pages of those that are up.
    fn open(&mut self, start: Moment) {
        for (gate, delay) in std::mem::take(&mut self.gates) {
            let (clock, stop) = (self.environment.clock.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = clock.sleep_until(start + delay) => gate.open.cancel(),
                }
            });
        }
    }

    /// Starts every client, each after its part of the ramp. One that cannot go
    /// on as it should is an error.
    pub(super) fn start(&mut self, context: &RunContext<'_>, first_error: &FirstError) {
        let start = self.environment.clock.now();
        self.open(start);
        let room = Arc::new(Semaphore::new(AT_ONCE));
        for Waiting { client, delay } in std::mem::take(&mut self.waiting) {
            let starting = Starting {
                client,
                at: start + delay,
                environment: self.environment.clone(),
                recorder: context.recorder.clone(),
                room: Arc::clone(&room),
                shutdown: self.stop.clone(),
            };
            let first_error = first_error.clone();
            self.tasks.spawn(async move {
                if let Err(error) = starting.run().await {
                    first_error.report(error);
                }
            });
        }
    }

    /// Gives one client a command; `false` if it does not take its commands.
    pub(super) fn command(&self, client: &str, action: ClientAction) -> bool {
        let mut commands = self.commands.iter();
        let found = commands.find(|(name, _)| &**name == client);
        // One that has ended needs no commands.
        found.is_none_or(|(_, sender)| match sender {
            Sender::Sim(sender) => action
                .command()
                .is_none_or(|command| takes(sender, command)),
            Sender::Custom(sender) => takes(sender, action),
        })
    }

    /// The end of a client's other output, for a sentence; usually empty.
    pub(super) fn last_output(&self, client: &str) -> String {
        let mut notes = self.notes.iter();
        let found = notes.find(|(name, _)| &**name == client);
        found.map_or(String::new(), |(_, notes)| notes.tail.last_lines())
    }

    /// What is kept of all of them, for the record.
    pub(super) fn notes(&self) -> String {
        let notes = self.notes.iter();
        notes.map(|(client, notes)| notes.text(client)).collect()
    }

    /// Asks the clients to end and waits for them.
    pub(super) async fn stop(&mut self) -> Result<(), HarnessError> {
        self.stop_within(self.patience).await
    }

    /// Likewise; whoever takes longer is dropped.
    pub(super) async fn stop_within(&mut self, patience: Duration) -> Result<(), HarnessError> {
        self.stop.cancel();
        let clock = self.environment.clock.clone();
        end(&mut self.tasks, clock, patience, "a client").await
    }
}

/// Runs a browser, which gives its room back when it is up.
async fn warm(
    process: ClientProcess,
    gate: Gate,
    room: Arc<Semaphore>,
    shutdown: CancellationToken,
) -> Result<(), HarnessError> {
    let room = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Ok(()),
        room = room.acquire_owned() => room,
    };
    let mut running = pin!(process.run(shutdown));
    tokio::select! {
        biased;
        ended = &mut running => return ended,
        () = gate.ready.cancelled() => drop(room),
    }
    running.await
}

/// A client that is to run, from its time on.
struct Starting {
    client: Client,
    at: Moment,
    environment: Environment,
    recorder: Recorder,
    /// For the processes that come up at once.
    room: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl Starting {
    async fn run(self) -> Result<(), HarnessError> {
        let (clock, process) = (self.environment.clock.clone(), self.client.process());
        let room = async {
            clock.sleep_until(self.at).await;
            let process = process?;
            Some((self.room.acquire_owned().await.ok()?, process))
        };
        let room = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Ok(()),
            room = room => room,
        };
        let (environment, recorder) = (self.environment, self.recorder);
        let running = pin!(self.client.run(environment, &recorder, self.shutdown));
        match room {
            Some(room) => with_room(room, &recorder, clock, running).await,
            None => running.await,
        }
    }
}

impl Client {
    /// Its name, if it is a process.
    fn process(&self) -> Option<Arc<str>> {
        match self {
            Self::Sim { .. } | Self::Task(_) => None,
            Self::Process(process) => Some(Arc::clone(&process.client)),
        }
    }

    async fn run(
        self,
        environment: Environment,
        recorder: &Recorder,
        shutdown: CancellationToken,
    ) -> Result<(), HarnessError> {
        match self {
            Self::Sim { config, commands } => {
                let observer = recorder.observer();
                client_sim::run(environment, *config, commands, observer, shutdown).await;
                Ok(())
            }
            Self::Process(process) => process.run(shutdown).await,
            Self::Task(task) => task.run(shutdown).await,
        }
    }
}

/// Whether there was room for it.
fn takes<T>(sender: &mpsc::Sender<T>, command: T) -> bool {
    !matches!(
        sender.try_send(command),
        Err(mpsc::error::TrySendError::Full(_))
    )
}
