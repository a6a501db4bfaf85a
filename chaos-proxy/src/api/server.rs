//! The API's port: connections within limits, until told to stop; and what every
//! handler is given.
//!
//! Invariant: every task is the tracker's, and none outlives [`serve`]. A client
//! that is slow in any way (head, body, reading the answer) is let go.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use environment::{ClockTimer, Environment, Listener, Stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::guard::Listed;
use super::places::{AnswerBody, Answering, Places, Taken};
use super::toxiproxy::{Call, DnsCache, ProxyBody, Refusal, Reply, ToxiproxyState, name_in};
use super::write_timeout::{PATIENCE, WriteTimeout};
use super::{toxiproxy, v1};
use crate::engine::TlsSides;
use crate::proxies::{Proxies, Script, TlsSettings};

/// Bytes of a request's head; hyper answers 431 to more.
const HEAD_LIMIT: usize = 32 * 1024;
/// How long a head may take to arrive, and how long a connection may be idle
/// between two of them.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How many clients at once; one more takes the place of one that is waited for.
const CONNECTIONS: usize = 256;
/// How long accepting rests after an error.
const REST: Duration = Duration::from_millis(50);
/// How long answers may take when the API stops.
const DRAIN: Duration = Duration::from_secs(2);

/// How the API is served.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Names, besides addresses and those without a dot, by which requests may
    /// call this host.
    pub hosts: Vec<String>,
    /// Origins of web pages, besides its own, that may use the API.
    pub origins: Vec<String>,
    /// Whether `/metrics` answers, with Toxiproxy's names.
    pub metrics: bool,
}

impl Config {
    pub(super) fn listed(&self) -> Listed<'_> {
        Listed {
            hosts: &self.hosts,
            origins: &self.origins,
        }
    }
}

/// Serves both APIs on `listener` until `shutdown`; the state stays as it is.
pub async fn serve(
    environment: Environment,
    listener: Listener,
    state: Arc<Mutex<ApiState>>,
    config: Config,
    shutdown: CancellationToken,
) {
    let app = App::new(environment.clone(), state, config, shutdown.clone());
    let v1 = v1::routes::router(&app);
    let port = Port {
        router: toxiproxy::routes::router(&app).nest("/chaos/v1", v1),
        environment,
        stop: shutdown,
    };
    let tasks = TaskTracker::new();
    port.accept(&listener, &tasks).await;
    drop(listener);
    tasks.close();
    // What is left after the drain ends with its connection's task, which ends
    // by itself a moment later.
    let _ = port
        .environment
        .clock
        .timeout(2 * DRAIN, tasks.wait())
        .await;
}

#[derive(Clone)]
struct Port {
    router: Router,
    environment: Environment,
    stop: CancellationToken,
}

impl Port {
    async fn accept(&self, listener: &Listener, tasks: &TaskTracker) {
        let places = Places::new(CONNECTIONS);
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => match places.take() {
                    Some(taken) => {
                        let port = self.clone();
                        tasks.spawn(async move { port.converse(stream, taken).await });
                    }
                    None => tracing::warn!("the API is answering {CONNECTIONS} clients already"),
                },
                Err(error) => {
                    tracing::warn!(%error, "the API failed to accept, and goes on");
                    self.environment.clock.sleep(REST).await;
                }
            }
        }
    }

    /// Speaks HTTP with one client until it leaves, loses its place, or the API
    /// stops.
    async fn converse(&self, stream: Stream, taken: Taken) {
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            let answering = Answering::new(taken.place());
            request.extensions_mut().insert(Arc::clone(taken.place()));
            let answer = self.router.clone().oneshot(request.map(Body::new));
            async move {
                let answer = answer.await?;
                let answer = answer.map(|body| AnswerBody::new(body, answering));
                Ok::<_, Infallible>(answer)
            }
        });
        let stream = WriteTimeout::new(stream, self.environment.clock.clone(), PATIENCE);
        let connection = http1::Builder::new()
            .auto_date_header(false)
            .timer(ClockTimer::new(self.environment.clock.clone()))
            // Who has said FIN may still wait for the answer.
            .half_close(true)
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            () = taken.lost() => return,
            ended = poll_fn(|cx| connection.as_mut().poll(cx)) => Some(ended),
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                let rest = self.environment.clock.timeout(DRAIN, connection);
                rest.await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            // What a client does is no error of ours.
            tracing::debug!(%error, "a client of the API left early");
        }
    }
}

/// What every handler is given. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: Environment,
    state: Arc<Mutex<ApiState>>,
    config: Config,
    stop: CancellationToken,
    /// Calls at work. Each is a task of its own: a client that leaves in the
    /// middle of one leaves nothing half done.
    calls: TaskTracker,
    request_count: AtomicU64,
}

impl App {
    pub(super) fn new(
        environment: Environment,
        state: Arc<Mutex<ApiState>>,
        config: Config,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            environment,
            state,
            config,
            stop,
            calls: TaskTracker::new(),
            request_count: AtomicU64::new(0),
        }))
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Waits until the API stops. Cancel safe.
    pub(super) async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Counts requests from 1.
    pub(super) fn next_request(&self) -> u64 {
        self.0.request_count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Does something to its end, whatever becomes of the caller.
    /// `None`: it failed in a way that is an error of ours.
    pub(super) async fn run_to_end<T, F>(&self, act: impl FnOnce(Self) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.0.calls.spawn(act(self.clone())).await.ok()
    }

    /// Waits for one's turn.
    pub(super) async fn state(&self) -> tokio::sync::MutexGuard<'_, ApiState> {
        self.0.state.lock().await
    }

    /// Answers a call of Toxiproxy's.
    pub(super) async fn ask(&self, call: Call) -> Reply {
        let replied = self.run_to_end(|app| async move { app.answer(call).await });
        replied.await.unwrap_or(Reply::Refused(Refusal::Failed))
    }

    /// Names are looked up while others have their turn.
    async fn answer(&self, mut call: Call) -> Reply {
        let mut dns = DnsCache::default();
        loop {
            let answered = self.state().await.answer(call, &dns).await;
            let name = match answered {
                Ok(reply) => return reply,
                Err((again, name)) => {
                    call = again;
                    name
                }
            };
            tokio::select! {
                biased;
                () = self.stopped() => dns.give_up(name),
                () = dns.look_up(self.environment(), &name) => {}
            }
        }
    }
}

/// What both APIs act on: the proxies, and what Toxiproxy's API knows of them.
#[derive(Debug)]
pub struct ApiState {
    pub(super) proxies: Proxies,
    pub(super) toxiproxy: ToxiproxyState,
}

/// Why a configuration cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problem(.0))]
pub struct LoadError(Refusal);

/// A file is no request.
fn problem(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Body(problem) => problem.clone(),
        other => other.to_string(),
    }
}

impl ApiState {
    /// An API over these.
    pub fn new(proxies: Proxies) -> Self {
        Self {
            proxies,
            toxiproxy: ToxiproxyState::default(),
        }
    }

    /// How TLS is spoken on the two sides of a proxy to come.
    ///
    /// # Errors
    /// What of that cannot be had: a sentence.
    pub fn tls_sides(
        &mut self,
        upstream: &str,
        settings: &TlsSettings,
    ) -> Result<TlsSides, String> {
        self.proxies.tls_sides(upstream, settings)
    }

    /// Starts a proxy of the caller's own, which clients of the API find under
    /// this name.
    pub async fn add(
        &mut self,
        name: &str,
        listener: Listener,
        upstream: &str,
        script: Script,
        tls: TlsSettings,
    ) {
        let address: SocketAddr = listener.local_addr();
        self.proxies.add(name, script);
        self.proxies.start(name, listener, upstream).await;
        self.toxiproxy.adopt(name, address, upstream, tls);
    }

    /// Makes the proxies of a configuration in Toxiproxy's JSON, toxics
    /// included; says their names and where they listen.
    ///
    /// # Errors
    /// The first error in it, or the first address that cannot be had. A
    /// error is found before anything is made.
    pub async fn load(
        &mut self,
        environment: &Environment,
        text: &str,
    ) -> Result<Vec<(String, String)>, LoadError> {
        let bodies = ProxyBody::read_file(text).map_err(LoadError)?;
        let mut dns = DnsCache::default();
        for name in bodies.iter().filter_map(|body| name_in(&body.listen)) {
            dns.look_up(environment, &name).await;
        }
        let mut made = Vec::new();
        for (index, body) in bodies.into_iter().enumerate() {
            let of_entry = |refusal: Refusal| LoadError(refusal.of_entry(index + 1));
            let added = self
                .toxiproxy
                .add_or_replace(&mut self.proxies, body, &dns)
                .await;
            let proxy = added.map_err(of_entry)?;
            made.push((proxy.name, proxy.listen));
        }
        Ok(made)
    }

    /// Stops everything.
    pub async fn close(&mut self) {
        self.proxies.close().await;
    }

    /// Answers a call of Toxiproxy's, or says which name must be looked up
    /// before that can be.
    pub(super) async fn answer(
        &mut self,
        call: Call,
        dns: &DnsCache,
    ) -> Result<Reply, (Call, String)> {
        match dns.missing(self.toxiproxy.names(&call)) {
            Some(name) => Err((call, name)),
            None => Ok(self.toxiproxy.answer(&mut self.proxies, call, dns).await),
        }
    }
}
