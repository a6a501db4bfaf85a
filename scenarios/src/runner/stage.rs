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

use super::course::Course;
use super::decisions::Decisions;
use super::host::{Fate, Host};
use super::seats::Seats;
use crate::process::Watchdog;
use crate::subjects::Subject;

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
    /// Other people's processes cannot be watched over.
    #[error("{0}, which watches over other programs")]
    Watchdog(String),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) control: Control,
    pub(super) seats: Seats,
    environment: Environment,
    services: JoinSet<Result<(), String>>,
    fates: mpsc::Sender<Fate>,
    stop_services: CancellationToken,
}

impl Stage {
    /// Takes all ports and starts server and proxy.
    pub(super) fn set(course: &Course<'_>, decisions: &Decisions) -> Result<Self, StageError> {
        let (control, commands) = chaos_proxy::control();
        let (fates, told) = mpsc::channel(FATES);
        let mut stage = Self {
            control,
            seats: Seats::new(course.environment.clone()),
            environment: course.environment.clone(),
            services: JoinSet::new(),
            fates,
            stop_services: CancellationToken::new(),
        };
        let watchdog = match course.settings.subject {
            Subject::Sim | Subject::Client(_) => None,
            Subject::Adapter(_) => Some(Watchdog::start().map_err(StageError::Watchdog)?),
        };
        let upstream = stage.start_server(course, told)?;
        let routes = stage.routes(course, watchdog.as_ref())?;
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

    /// One listener a client, and a seat for the client that will dial it.
    fn routes(
        &mut self,
        course: &Course<'_>,
        watchdog: Option<&Watchdog>,
    ) -> Result<Vec<Route>, StageError> {
        let mut routes = Vec::new();
        let mut urls = Vec::new();
        for name in course.scenario.client_names() {
            let name: Arc<str> = name.into();
            let listener = listen(&self.environment, &name)?;
            urls.push((
                Arc::clone(&name),
                format!("ws://{}/ws", listener.local_addr()),
            ));
            routes.push(Route {
                listener,
                client: Some(name),
            });
        }
        self.seats.fill(course, watchdog, urls)?;
        Ok(routes)
    }

    /// Lets something befall the server; `false` if it does not come to it.
    pub(super) fn befall(&self, fate: Fate) -> bool {
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
