//! Everybody who takes part in a run, each in a task of this module's.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{Apply, Control, Route, Start, Tell};
use environment::{Clock, Environment, Listener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::course::RunContext;
use super::decisions::Decisions;
use super::host::{Host, ServerChange};
use super::notes::Notes;
use super::own_host::OwnHost;
use super::readiness;
use super::seats::Seats;
use super::trouble::Trouble;
use crate::language::{Address, OwnKind, Scheme, ServerCommand};

/// How long clients, and then server and proxy, may take to end before they
/// are dropped.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// How long the proxy's dial to the server may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// What the simulated client is to dial cannot be dialled by it.
    #[error("the simulated client cannot dial it: {0}")]
    Url(#[source] client_sim::UrlError),
    /// A server that should run already does not answer.
    #[error(
        "the server {authority}, which is `external` and should run already, does not answer: {source}"
    )]
    External {
        /// Where it should be.
        authority: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its command does not become a server.
    #[error("{0}")]
    Server(String),
    /// Somebody else serves there.
    #[error(
        "somebody else serves on {0} already; use `{port}` in `command` and `url`, or --jobs 1",
        port = crate::language::PORT
    )]
    Taken(String),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Participants {
    pub(super) control: Control,
    pub(super) seats: Seats,
    environment: Environment,
    services: JoinSet<Result<(), String>>,
    /// What a server of the user's own says.
    server_notes: Notes,
    fates: mpsc::Sender<ServerChange>,
    stop_services: CancellationToken,
}

impl Participants {
    /// Takes all ports and starts server and proxy.
    ///
    /// Cancel safe: whoever was started ends with the future.
    pub(super) async fn set(
        course: &RunContext<'_>,
        decisions: &Decisions,
        trouble: &Trouble,
    ) -> Result<Self, StageError> {
        let (control, commands) = chaos_proxy::control();
        let (fates, told) = mpsc::channel(FATES);
        let mut stage = Self {
            control,
            seats: Seats::new(course.environment.clone()),
            environment: course.environment.clone(),
            services: JoinSet::new(),
            server_notes: Notes::default(),
            fates,
            stop_services: CancellationToken::new(),
        };
        let own = stage.start_own_server(course, trouble, told).await?;
        let (upstream, address) = match own {
            Own::Started(address) => (address.authority.clone(), Some(address)),
            Own::None(told) => (stage.start_server(course, told)?.to_string(), None),
        };
        let routes = stage.routes(course, address.as_ref())?;
        let is_tcp = address.is_some_and(|address| address.scheme == Scheme::Tcp);
        let config = chaos_proxy::Config {
            routes,
            upstream,
            dial_timeout: DIAL_TIMEOUT,
            plan: course.scenario.plan(course.settings.seed),
            apply: if course.settings.is_wire {
                Apply::Nothing
            } else {
                Apply::Faults
            },
            // On plain TCP every byte is data.
            frames: !is_tcp,
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

    /// The ticker.
    fn start_server(
        &mut self,
        course: &RunContext<'_>,
        fates: mpsc::Receiver<ServerChange>,
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

    /// The user's own server, if the file has one: there, or started.
    async fn start_own_server(
        &mut self,
        course: &RunContext<'_>,
        trouble: &Trouble,
        fates: mpsc::Receiver<ServerChange>,
    ) -> Result<Own, StageError> {
        let kind = course.scenario.own_server.as_ref().map(|own| &own.kind);
        let command = match kind {
            None => return Ok(Own::None(fates)),
            Some(OwnKind::External(address)) => {
                let answered = readiness::answers(&self.environment, &address.authority).await;
                answered.map_err(|source| StageError::External {
                    authority: address.authority.clone(),
                    source,
                })?;
                return Ok(Own::Started(address.clone()));
            }
            Some(OwnKind::Command(command)) => command,
        };
        let host = OwnHost {
            environment: self.environment.clone(),
            port: server_port(&self.environment, command).await?,
            command: command.clone(),
            seed: course.settings.seed,
            recorder: course.recorder.clone(),
            notes: self.server_notes.clone(),
        };
        let address = host.address();
        let (serving, _) = host.serve().await.map_err(StageError::Server)?;
        let (shutdown, trouble) = (self.stop_services.clone(), trouble.clone());
        self.services.spawn(async move {
            let served = host.run(serving, fates, shutdown).await;
            if let Err(reason) = &served {
                trouble.tell(reason.clone());
            }
            served
        });
        Ok(Own::Started(address))
    }

    /// One listener a client, and a seat for the client that will dial it.
    fn routes(
        &mut self,
        course: &RunContext<'_>,
        server: Option<&Address>,
    ) -> Result<Vec<Route>, StageError> {
        let mut routes = Vec::new();
        let mut urls = Vec::new();
        for name in course.scenario.client_names() {
            let name: Arc<str> = name.into();
            let listener = listen(&self.environment, &name)?;
            let url = course
                .scenario
                .url(server, &listener.local_addr().to_string());
            urls.push((Arc::clone(&name), url));
            routes.push(Route {
                listener,
                client: Some(name),
            });
        }
        self.seats.fill(course, urls)?;
        Ok(routes)
    }

    /// What is kept of other people's programs, for the record.
    pub(super) fn notes(&self) -> String {
        self.server_notes.text("server") + &self.seats.notes()
    }

    /// Lets something befall the server; `false` if it does not come to it.
    pub(super) fn befall(&self, fate: ServerChange) -> bool {
        // A server that has ended by itself is told of at the end.
        !matches!(
            self.fates.try_send(fate),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }

    /// Ends everybody, whatever they do. Says what went wrong with any of them.
    pub(super) async fn put_away(&mut self, clock: Clock) -> Option<String> {
        let clients = self.seats.stop().await.err();
        self.stop_services.cancel();
        let services = end(&mut self.services, clock, ENDING, "server or proxy").await;
        clients.or(services.err())
    }
}

/// The user's own server.
enum Own {
    /// There is one.
    Started(Address),
    /// There is none, and what befalls it befalls the ticker.
    None(mpsc::Receiver<ServerChange>),
}

/// A port for a server: what the file says, if nobody is there, else any.
async fn server_port(
    environment: &Environment,
    command: &ServerCommand,
) -> Result<u16, StageError> {
    let Some(port) = command.fixed_port() else {
        return readiness::free_port().map_err(|source| StageError::Listen {
            whose: "the server".to_owned(),
            source,
        });
    };
    let authority = command.address(port).authority;
    match readiness::answers(environment, &authority).await {
        Ok(()) => Err(StageError::Taken(authority)),
        Err(_) => Ok(port),
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

/// Waits for tasks that have been told to end; after `patience` drops them.
pub(super) async fn end(
    tasks: &mut JoinSet<Result<(), String>>,
    clock: Clock,
    patience: Duration,
    who: &str,
) -> Result<(), String> {
    let mut result = Ok(());
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(format!("{who} broke: {error}")));
            // The first reason stays.
            result = std::mem::replace(&mut result, Ok(())).and(ended);
        }
    };
    if clock.timeout(patience, all).await.is_err() {
        let left = tasks.len();
        tasks.shutdown().await;
        return Err(format!("{who} did not end when told to ({left} tasks)"));
    }
    result
}
