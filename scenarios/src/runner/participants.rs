//! Everybody who takes part in a run, each in a task of this module's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chaos_proxy::{Apply, Control, Data, Route, Start, Tell, TlsSides, UnderWay};
use environment::{Clock, Environment, Listener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::DIAL_TIMEOUT;
use super::clients::Clients;
use super::context::RunContext;
use super::decisions::Decisions;
use super::error::{FirstError, HarnessError};
use super::readiness;
use super::reporter::Notes;
use super::secured::{self, Secured};
use super::server::{ServerChange, ServerError, TickerHost};
use super::server_process::{ServerProcess, figures, folder};
use crate::language::{Address, OwnKind, Scheme, ServerCommand};

/// How long clients, and then server and proxy, may take to end before they
/// are dropped.
pub(super) const ENDING: Duration = Duration::from_secs(5);

/// How long they may take after an interrupt.
const SOON: Duration = Duration::from_secs(1);

/// What befalls the server and it has not come to yet: a graceful end takes its
/// time.
const CHANGES: usize = 256;

/// Server, proxy and clients.
#[derive(Debug)]
pub(super) struct Participants {
    pub(super) control: Control,
    pub(super) clients: Clients,
    environment: Environment,
    services: JoinSet<()>,
    /// The output of a server of the user's own.
    server_notes: Notes,
    changes: mpsc::Sender<ServerChange>,
    stop_services: CancellationToken,
}

impl Participants {
    /// Takes all ports and starts server and proxy.
    ///
    /// Cancel safe: whoever was started ends with the future.
    pub(super) async fn start(
        context: &RunContext<'_>,
        decisions: &Decisions,
        first_error: &FirstError,
    ) -> Result<Self, HarnessError> {
        let (control, commands) = chaos_proxy::control();
        let (changes, receiver) = mpsc::channel(CHANGES);
        let mut participants = Self {
            control,
            clients: Clients::new(context.environment.clone()),
            environment: context.environment.clone(),
            services: JoinSet::new(),
            server_notes: Notes::default(),
            changes,
            stop_services: CancellationToken::new(),
        };
        // Before the server, which may want to know them.
        let listeners = participants.listeners(context)?;
        let secured = Secured::of(context)?;
        let own = participants
            .start_own_server(context, first_error, receiver, &listeners)
            .await?;
        let (upstream, address) = match own {
            Own::Started(address) => (address.authority.clone(), Some(address)),
            Own::None(changes) => {
                let ticker = participants.start_ticker(context, first_error, changes)?;
                (ticker.to_string(), None)
            }
        };
        let tls = secured::sides(secured.as_ref(), address.as_ref())?;
        let urls = urls(context, address.as_ref(), &listeners, secured.is_some());
        participants
            .clients
            .add(context, urls, &upstream, secured.as_ref())?;
        let config = proxy_config(context, upstream, address.as_ref(), listeners, tls);
        let tell = Tell {
            events: context.recorder.observer(),
            decisions: decisions.observer(),
        };
        participants.services.spawn(chaos_proxy::run(
            participants.environment.clone(),
            config,
            commands,
            tell,
            participants.stop_services.clone(),
        ));
        Ok(participants)
    }

    fn start_ticker(
        &mut self,
        context: &RunContext<'_>,
        first_error: &FirstError,
        changes: mpsc::Receiver<ServerChange>,
    ) -> Result<SocketAddr, HarnessError> {
        let listener = listen(&self.environment, "the server")?;
        let address = listener.local_addr();
        let host = TickerHost {
            environment: self.environment.clone(),
            listener,
            config: context.scenario.server.clone(),
            seed: context.settings.seed,
            recorder: context.recorder.clone(),
            changes,
            shutdown: self.stop_services.clone(),
        };
        self.serve(first_error, host.run());
        Ok(address)
    }

    /// The user's own server, if the file has one: there, or started.
    async fn start_own_server(
        &mut self,
        context: &RunContext<'_>,
        first_error: &FirstError,
        changes: mpsc::Receiver<ServerChange>,
        listeners: &[(Arc<str>, Listener)],
    ) -> Result<Own, HarnessError> {
        let kind = context.scenario.own_server.as_ref().map(|own| &own.kind);
        let command = match kind {
            None => return Ok(Own::None(changes)),
            Some(OwnKind::External(address)) => {
                ensure_external(&self.environment, address).await?;
                return Ok(Own::Started(address.clone()));
            }
            Some(OwnKind::Command(command)) => command,
        };
        let process = ServerProcess {
            environment: self.environment.clone(),
            port: server_port(&self.environment, command).await?,
            proxies: listeners
                .iter()
                .map(|(client, listener)| (Arc::clone(client), listener.local_addr().to_string()))
                .collect(),
            folder: folder(
                command.cwd,
                &context.scenario.name,
                &context.settings.subject,
            ),
            figures: figures(&context.scenario.server),
            command: command.clone(),
            seed: context.settings.seed,
            recorder: context.recorder.clone(),
            notes: self.server_notes.clone(),
        };
        let address = process.address();
        let (serving, _) = process.serve().await?;
        let shutdown = self.stop_services.clone();
        self.serve(first_error, process.run(serving, changes, shutdown));
        Ok(Own::Started(address))
    }

    /// A task that ends the run if it fails.
    fn serve(
        &mut self,
        first_error: &FirstError,
        server: impl Future<Output = Result<(), ServerError>> + Send + 'static,
    ) {
        let first_error = first_error.clone();
        self.services.spawn(async move {
            if let Err(error) = server.await {
                first_error.report(error.into());
            }
        });
    }

    /// One listener for each client.
    fn listeners(
        &self,
        context: &RunContext<'_>,
    ) -> Result<Vec<(Arc<str>, Listener)>, HarnessError> {
        let names = context.scenario.client_names().into_iter();
        let listeners = names.map(|name| {
            let listener = listen(&self.environment, &name)?;
            Ok((name.into(), listener))
        });
        listeners.collect()
    }

    /// What is kept of external programs, for the record.
    pub(super) fn notes(&self) -> String {
        self.server_notes.text("server") + &self.clients.notes()
    }

    /// Lets something befall the server; `false` if it does not come to it.
    pub(super) fn change_server(&self, change: ServerChange) -> bool {
        // A server that has ended by itself is reported at the end.
        !matches!(
            self.changes.try_send(change),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }

    /// Ends everybody, whatever they do; the first of them who would not.
    pub(super) async fn stop(&mut self, clock: Clock) -> Option<HarnessError> {
        let clients = self.clients.stop().await.err();
        self.stop_services.cancel();
        let services = end(&mut self.services, clock, ENDING, "server or proxy").await;
        clients.or(services.err())
    }

    /// Likewise, for somebody who waits: whoever does not end soon is dropped,
    /// and its process killed.
    pub(super) async fn stop_soon(&mut self, clock: Clock) {
        self.stop_services.cancel();
        let clients = self.clients.stop_within(SOON);
        let services = end(&mut self.services, clock, SOON, "server or proxy");
        // Who would not is nobody's concern now.
        let _ = tokio::join!(clients, services);
    }
}

fn proxy_config(
    context: &RunContext<'_>,
    upstream: String,
    address: Option<&Address>,
    listeners: Vec<(Arc<str>, Listener)>,
    tls: TlsSides,
) -> chaos_proxy::Config {
    let scheme = address.map_or(Scheme::WebSocket, |address| address.scheme);
    let route = |(name, listener)| Route {
        listener,
        client: Some(name),
    };
    chaos_proxy::Config {
        routes: listeners.into_iter().map(route).collect(),
        upstream,
        tls,
        dial_timeout: DIAL_TIMEOUT,
        under_way: UnderWay::default(),
        on_dial_failure: chaos_proxy::How::Reset,
        plan: context.scenario.plan(context.settings.seed),
        apply: if context.settings.is_wire {
            Apply::Nothing
        } else {
            Apply::Faults
        },
        frames: scheme != Scheme::Tcp,
        data: Data {
            pattern: context.scenario.data.clone(),
            is_http: scheme == Scheme::Http,
        },
        lists: false,
        start: Start::OnCommand,
        repeat: false,
    }
}

/// What each client is to dial.
fn urls(
    context: &RunContext<'_>,
    server: Option<&Address>,
    listeners: &[(Arc<str>, Listener)],
    is_tls: bool,
) -> Vec<(Arc<str>, String)> {
    let url = |(name, listener): &(Arc<str>, Listener)| {
        let authority = listener.local_addr().to_string();
        let url = context.scenario.url(server, &authority, is_tls);
        (Arc::clone(name), url)
    };
    listeners.iter().map(url).collect()
}

/// The user's own server.
enum Own {
    /// There is one.
    Started(Address),
    /// There is none, and what befalls it befalls the ticker.
    None(mpsc::Receiver<ServerChange>),
}

async fn ensure_external(environment: &Environment, address: &Address) -> Result<(), ServerError> {
    let answered = readiness::answers(environment, &address.authority).await;
    answered.map_err(|source| ServerError::External {
        authority: address.authority.clone(),
        source,
    })
}

/// A port for a server: what the file says, if nobody is there, else any.
async fn server_port(
    environment: &Environment,
    command: &ServerCommand,
) -> Result<u16, HarnessError> {
    let Some(port) = command.fixed_port() else {
        return readiness::free_port().map_err(|source| HarnessError::Listen {
            whose: "the server".to_owned(),
            source,
        });
    };
    let authority = command.address(port).authority;
    match readiness::answers(environment, &authority).await {
        Ok(()) => Err(ServerError::Taken(authority).into()),
        Err(_) => Ok(port),
    }
}

fn listen(environment: &Environment, whose: &str) -> Result<Listener, HarnessError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = environment.network.listen(address);
    listener.map_err(|source| HarnessError::Listen {
        whose: whose.to_owned(),
        source,
    })
}

/// Waits for tasks that have been asked to end; after `patience` drops them.
pub(super) async fn end(
    tasks: &mut JoinSet<()>,
    clock: Clock,
    patience: Duration,
    who: &'static str,
) -> Result<(), HarnessError> {
    let mut result = Ok(());
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            let ended = ended.map_err(|source| HarnessError::Panicked { who, source });
            // The first error stays.
            result = std::mem::replace(&mut result, Ok(())).and(ended);
        }
    };
    if clock.timeout(patience, all).await.is_err() {
        let left = tasks.len();
        tasks.shutdown().await;
        return Err(HarnessError::NotEnded { who, left });
    }
    result
}
