//! Everybody who takes part in a run, each in a task of this module's.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{Apply, Control, Route, Start, Tell};
use client_sim::{ClientConfig, Command, Url};
use environment::{Clock, Environment, Listener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::course::Course;
use super::decisions::Decisions;
use super::host::{Fate, Host};

/// How long clients, and then server and proxy, may take to end before they
/// are dropped.
const ENDING: Duration = Duration::from_secs(5);

/// How long the proxy's dial to the server may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Commands that wait for a client; it takes them as they come.
const COMMANDS: usize = 16;

/// What befalls the server and it has not come to yet: a graceful end takes its
/// time.
const FATES: usize = 256;

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// A port cannot be had.
    #[error(
        "the listener of {whose} on 127.0.0.1: {source}; fewer clients or --jobs need fewer descriptors"
    )]
    Listen {
        /// Whose.
        whose: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// See the module.
pub(super) struct Stage {
    pub(super) control: Control,
    environment: Environment,
    /// Clients that have not been started.
    waiting: Vec<Waiting>,
    clients: JoinSet<()>,
    commands: Vec<(Arc<str>, mpsc::Sender<Command>)>,
    services: JoinSet<Result<(), String>>,
    fates: mpsc::Sender<Fate>,
    stop_clients: CancellationToken,
    stop_services: CancellationToken,
}

struct Waiting {
    config: ClientConfig,
    commands: mpsc::Receiver<Command>,
    delay: Duration,
}

impl Stage {
    /// Takes all ports and starts server and proxy.
    pub(super) fn set(course: &Course<'_>, decisions: &Decisions) -> Result<Self, StageError> {
        let (control, commands) = chaos_proxy::control();
        let (fates, told) = mpsc::channel(FATES);
        let mut stage = Self {
            control,
            environment: course.environment.clone(),
            waiting: Vec::new(),
            clients: JoinSet::new(),
            commands: Vec::new(),
            services: JoinSet::new(),
            fates,
            stop_clients: CancellationToken::new(),
            stop_services: CancellationToken::new(),
        };
        let upstream = stage.start_server(course, told)?;
        let routes = stage.routes(course)?;
        let config = chaos_proxy::Config {
            routes,
            upstream: upstream.to_string(),
            dial_timeout: DIAL_TIMEOUT,
            plan: course.scenario.plan(course.settings.seed),
            apply: if course.settings.is_wire {
                Apply::Nothing
            } else {
                Apply::Faults
            },
            frames: true,
            lists: false,
            start: Start::OnCommand,
            repeat: false,
        };
        let tell = Tell {
            events: course.recorder.observer(),
            decisions: decisions.observer(),
        };
        let environment = stage.environment.clone();
        let shutdown = stage.stop_services.clone();
        stage.services.spawn(async move {
            chaos_proxy::run(environment, config, commands, tell, shutdown).await;
            Ok(())
        });
        Ok(stage)
    }

    fn start_server(
        &mut self,
        course: &Course<'_>,
        fates: mpsc::Receiver<Fate>,
    ) -> Result<SocketAddr, StageError> {
        let listener = listen(&self.environment, "the server")?;
        let address = listener.local_addr();
        let host = Host {
            environment: self.environment.clone(),
            listener,
            config: course.scenario.server.clone(),
            seed: course.settings.seed,
            recorder: course.recorder.clone(),
            fates,
            shutdown: self.stop_services.clone(),
        };
        self.services.spawn(host.run());
        Ok(address)
    }

    /// One listener a client, and the client that will dial it.
    fn routes(&mut self, course: &Course<'_>) -> Result<Vec<Route>, StageError> {
        let (scenario, settings) = (course.scenario, course.settings);
        let mut clients = scenario.clients.clone();
        clients.behaviour.flaws = scenario.flaws(&settings.flaws);
        let mut routes = Vec::new();
        for (index, name) in (0..).zip(scenario.client_names()) {
            let name: Arc<str> = name.into();
            let listener = listen(&self.environment, &name)?;
            let url: Url = format!("ws://{}/ws", listener.local_addr())
                .parse()
                .expect("an address of the system's and a fixed path are a URL");
            let (sender, commands) = mpsc::channel(COMMANDS);
            self.commands.push((Arc::clone(&name), sender));
            self.waiting.push(Waiting {
                config: clients.client(Arc::clone(&name), url, settings.seed),
                commands,
                delay: clients.start_delay(index),
            });
            routes.push(Route {
                listener,
                client: Some(name),
            });
        }
        Ok(routes)
    }

    /// Starts every client, each after its part of the ramp.
    pub(super) fn start_clients(&mut self, course: &Course<'_>) {
        let start = self.environment.clock.now();
        for waiting in self.waiting.drain(..) {
            let Waiting {
                config,
                commands,
                delay,
            } = waiting;
            let environment = self.environment.clone();
            let observer = course.recorder.observer();
            let shutdown = self.stop_clients.clone();
            self.clients.spawn(async move {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return,
                    () = environment.clock.sleep_until(start + delay) => {}
                }
                client_sim::run(environment, config, commands, observer, shutdown).await;
            });
        }
    }

    /// Tells one client; `false` if it does not take its commands.
    pub(super) fn command(&self, client: &str, command: Command) -> bool {
        let mut clients = self.commands.iter();
        let found = clients.find(|(name, _)| &**name == client);
        // One that has ended needs no telling.
        found.is_none_or(|(_, sender)| {
            !matches!(
                sender.try_send(command),
                Err(mpsc::error::TrySendError::Full(_))
            )
        })
    }

    /// Lets something befall the server; `false` if it does not come to it.
    pub(super) fn befall(&self, fate: Fate) -> bool {
        // A server that has ended by itself is told of at the end.
        !matches!(
            self.fates.try_send(fate),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }

    /// Tells the clients to end and waits for them.
    pub(super) async fn stop_clients(&mut self, clock: Clock) -> Result<(), String> {
        self.stop_clients.cancel();
        end(&mut self.clients, clock, "a client", |()| Ok(())).await
    }

    /// Ends everybody, whatever they do. Says what went wrong with any of them.
    pub(super) async fn put_away(mut self, clock: Clock) -> Option<String> {
        let clients = self.stop_clients(clock.clone()).await.err();
        self.stop_services.cancel();
        let services = end(&mut self.services, clock, "server or proxy", |ended| ended).await;
        clients.or(services.err())
    }
}

fn listen(environment: &Environment, whose: &str) -> Result<Listener, StageError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = environment.network.listen(address);
    listener.map_err(|source| StageError::Listen {
        whose: whose.to_owned(),
        source,
    })
}

/// Waits for tasks that have been told to end; after [`ENDING`] drops them.
async fn end<T: 'static>(
    tasks: &mut JoinSet<T>,
    clock: Clock,
    who: &str,
    is_well: impl Fn(T) -> Result<(), String>,
) -> Result<(), String> {
    let mut result = Ok(());
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            let ended = match ended {
                Ok(ended) => is_well(ended),
                Err(error) => Err(format!("{who} broke: {error}")),
            };
            // The first reason stays.
            result = std::mem::replace(&mut result, Ok(())).and(ended);
        }
    };
    if clock.timeout(ENDING, all).await.is_err() {
        let left = tasks.len();
        tasks.shutdown().await;
        return Err(format!("{who} did not end when told to ({left} tasks)"));
    }
    result
}
