//! The API's port: connections within limits, until told to stop.
//!
//! Invariant: every task is the tracker's, and none outlives [`serve`]. A client
//! that is slow in any way (head, body, reading the answer) is let go.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use environment::{ClockTimer, Environment, Listener, Stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::app::App;
use super::patient::{PATIENCE, Patient};
use super::room::Room;
use super::{own, toxiproxy};

/// Bytes of a request's head; hyper answers 431 to more.
const HEAD_LIMIT: usize = 32 * 1024;
/// How long a head may take to arrive, and how long a connection may be idle
/// between two of them.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How many clients at once; more are let go at once.
const CONNECTIONS: usize = 256;
/// How long accepting rests after an error.
const REST: Duration = Duration::from_millis(50);
/// How long answers may take when the API stops.
const DRAIN: Duration = Duration::from_secs(2);

/// How the API is served.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Names, besides addresses and `localhost`, by which requests to
    /// `/chaos/v1` may call this host.
    pub hosts: Vec<String>,
    /// Origins of web pages, besides its own, that may use `/chaos/v1`.
    pub origins: Vec<String>,
    /// Whether `/metrics` answers, with Toxiproxy's names.
    pub metrics: bool,
}

/// Serves both APIs on `listener` until `shutdown`; the room stays as it is.
pub async fn serve(
    environment: Environment,
    listener: Listener,
    room: Arc<Mutex<Room>>,
    config: Config,
    shutdown: CancellationToken,
) {
    let app = App::new(environment.clone(), room, config, shutdown.clone());
    let own = own::routes::router(&app);
    let port = Port {
        router: toxiproxy::routes::router(&app).nest("/chaos/v1", own),
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
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match (accepted, Arc::clone(&room).try_acquire_owned()) {
                (Ok((stream, _)), Ok(permit)) => {
                    let port = self.clone();
                    tasks.spawn(async move {
                        port.converse(stream).await;
                        drop(permit);
                    });
                }
                (Ok(_), Err(_)) => tracing::warn!("the API has {CONNECTIONS} clients already"),
                (Err(error), _) => {
                    tracing::warn!(%error, "the API failed to accept, and goes on");
                    self.environment.clock.sleep(REST).await;
                }
            }
        }
    }

    /// Speaks HTTP with one client until it leaves or the API stops.
    async fn converse(&self, stream: Stream) {
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let answer = self.router.clone().oneshot(request.map(Body::new));
            async move { answer.await.map_err(|never: Infallible| never) }
        });
        let stream = Patient::new(stream, self.environment.clock.clone(), PATIENCE);
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
