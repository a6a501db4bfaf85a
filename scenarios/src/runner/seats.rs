//! The clients of a run, whoever they are: one seat each, with a URL of its own.
//!
//! Invariant: when [`Seats::stop`] has returned, or this is dropped, no client
//! runs any more.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use client_sim::{ClientConfig, Command, Url};
use environment::Environment;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::boot::{AT_ONCE, with_room};
use super::course::RunContext;
use super::guest::{Guest, PATIENCE};
use super::local::Local;
use super::notes::Notes;
use super::stage::{ENDING, StageError, end};
use super::trouble::Trouble;
use crate::language::ClientAction;
use crate::subjects::Subject;

/// Deeds that wait for a client; it takes them as they come.
const DEEDS: usize = 16;

/// Time for a task, after its client was killed.
const MARGIN: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(super) struct Seats {
    environment: Environment,
    /// Clients that have not been started.
    waiting: Vec<Waiting>,
    tasks: JoinSet<Result<(), String>>,
    lines: Vec<(Arc<str>, Line)>,
    notes: Vec<(Arc<str>, Notes)>,
    stop: CancellationToken,
    patience: Duration,
}

#[derive(Debug)]
struct Waiting {
    sitter: Sitter,
    delay: Duration,
}

/// Who sits in a seat.
#[derive(Debug)]
enum Sitter {
    Sim {
        config: Box<ClientConfig>,
        commands: mpsc::Receiver<Command>,
    },
    Guest(Box<Guest>),
    Local(Box<Local>),
}

/// How a client is told what its person does.
#[derive(Debug)]
enum Line {
    Sim(mpsc::Sender<Command>),
    Guest(mpsc::Sender<ClientAction>),
}

impl Seats {
    /// Nobody sits yet.
    pub(super) fn new(environment: Environment) -> Self {
        Self {
            environment,
            waiting: Vec::new(),
            tasks: JoinSet::new(),
            lines: Vec::new(),
            notes: Vec::new(),
            stop: CancellationToken::new(),
            patience: ENDING,
        }
    }

    /// Gives every client its seat, which dials the URL beside it.
    pub(super) fn fill(
        &mut self,
        course: &RunContext<'_>,
        urls: Vec<(Arc<str>, String)>,
    ) -> Result<(), StageError> {
        let (scenario, settings) = (course.scenario, course.settings);
        let mut clients = scenario.clients.clone();
        clients.behaviour.flaws = scenario.flaws(&settings.flaws);
        for (index, (client, url)) in (0..).zip(urls) {
            let sitter = match &settings.subject {
                Subject::Adapter(adapter) => {
                    let (line, deeds) = mpsc::channel(DEEDS);
                    self.lines.push((Arc::clone(&client), Line::Guest(line)));
                    let notes = Notes::default();
                    self.notes.push((Arc::clone(&client), notes.clone()));
                    self.patience = PATIENCE + MARGIN;
                    Sitter::Guest(Box::new(Guest {
                        adapter: Arc::clone(adapter),
                        client,
                        url,
                        seed: settings.seed,
                        clock: self.environment.clock.clone(),
                        recorder: course.recorder.clone(),
                        deeds,
                        notes,
                    }))
                }
                Subject::Client(own) => {
                    let (line, deeds) = mpsc::channel(DEEDS);
                    self.lines.push((Arc::clone(&client), Line::Guest(line)));
                    Sitter::Local(Box::new(Local {
                        client: Arc::clone(own),
                        name: client,
                        url,
                        seed: settings.seed,
                        clock: self.environment.clock.clone(),
                        recorder: course.recorder.clone(),
                        deeds,
                    }))
                }
                Subject::Sim => {
                    let (line, commands) = mpsc::channel(DEEDS);
                    self.lines.push((Arc::clone(&client), Line::Sim(line)));
                    let url: Url = url.parse().map_err(StageError::Url)?;
                    let config = clients.client(client, url, settings.seed);
                    let config = Box::new(config);
                    Sitter::Sim { config, commands }
                }
            };
            self.waiting.push(Waiting {
                sitter,
                delay: clients.start_delay(index),
            });
        }
        Ok(())
    }

    /// Starts every client, each after its part of the ramp. One that cannot go
    /// on as it should is a trouble.
    pub(super) fn start(&mut self, course: &RunContext<'_>, trouble: &Trouble) {
        let start = self.environment.clock.now();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        for Waiting { sitter, delay } in std::mem::take(&mut self.waiting) {
            let clock = self.environment.clock.clone();
            let (trouble, shutdown) = (trouble.clone(), self.stop.clone());
            let (recorder, guest) = (course.recorder.clone(), sitter.guest());
            let seated = sitter.sit(&self.environment, course, shutdown.clone());
            let room = Arc::clone(&room);
            self.tasks.spawn(async move {
                let waited = async {
                    clock.sleep_until(start + delay).await;
                    let client = guest?;
                    Some((room.acquire_owned().await.ok()?, client))
                };
                let room = tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return Ok(()),
                    room = waited => room,
                };
                let seated = pin!(seated);
                let sat = match room {
                    Some(room) => with_room(room, &recorder, clock, seated).await,
                    None => seated.await,
                };
                if let Err(reason) = &sat {
                    trouble.tell(reason.clone());
                }
                sat
            });
        }
    }

    /// Tells one client; `false` if it does not take what it is told.
    pub(super) fn tell(&self, client: &str, deed: ClientAction) -> bool {
        let mut lines = self.lines.iter();
        let found = lines.find(|(name, _)| &**name == client);
        // One that has ended needs no telling.
        found.is_none_or(|(_, line)| match line {
            Line::Sim(line) => deed.command().is_none_or(|told| takes(line, told)),
            Line::Guest(line) => takes(line, deed),
        })
    }

    /// The end of what a client complained, for a sentence; usually empty.
    pub(super) fn last_words(&self, client: &str) -> String {
        let mut notes = self.notes.iter();
        let found = notes.find(|(name, _)| &**name == client);
        found.map_or(String::new(), |(_, notes)| notes.tail.last_words())
    }

    /// What is kept of all of them, for the record.
    pub(super) fn notes(&self) -> String {
        let notes = self.notes.iter();
        notes.map(|(client, notes)| notes.text(client)).collect()
    }

    /// Tells the clients to end and waits for them.
    pub(super) async fn stop(&mut self) -> Result<(), String> {
        self.stop.cancel();
        let clock = self.environment.clock.clone();
        end(&mut self.tasks, clock, self.patience, "a client").await
    }
}

impl Sitter {
    /// Its client's name, if it is a process.
    fn guest(&self) -> Option<Arc<str>> {
        match self {
            Self::Sim { .. } | Self::Local(_) => None,
            Self::Guest(guest) => Some(Arc::clone(&guest.client)),
        }
    }

    fn sit(
        self,
        environment: &Environment,
        course: &RunContext<'_>,
        shutdown: CancellationToken,
    ) -> impl Future<Output = Result<(), String>> + Send + 'static {
        let environment = environment.clone();
        let observer = course.recorder.observer();
        async move {
            match self {
                Self::Sim { config, commands } => {
                    client_sim::run(environment, *config, commands, observer, shutdown).await;
                    Ok(())
                }
                Self::Guest(guest) => guest.sit(shutdown).await,
                Self::Local(local) => local.sit(shutdown).await,
            }
        }
    }
}

/// Whether there was room for it.
fn takes<T>(line: &mpsc::Sender<T>, told: T) -> bool {
    !matches!(line.try_send(told), Err(mpsc::error::TrySendError::Full(_)))
}
