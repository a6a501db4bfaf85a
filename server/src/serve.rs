//! Accepting connections, within limits, until told to stop.
//!
//! Invariant: every task is the tracker's, and none outlives [`run`]: it waits
//! for them, and dropping its future ends them. Used by the binary and by
//! whoever embeds the server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use environment::{Environment, Listener, Observer, Stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Mistake};
use crate::connection::{Server, SharedServer};
use crate::event::Event;
use crate::hub::Hub;
use crate::page;
use crate::routes::{self, App};

/// Connections beyond the limit that are being told so. Still more are closed
/// at once.
const REFUSALS: usize = 64;

/// How long accepting rests after an error: a lack of descriptors does not pass
/// by asking again at once.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting cannot be served.
    #[error("accept the configuration: {}", listed(.0))]
    Config(Vec<Mistake>),
    /// Values are to be secret, and the system has no randomness to give.
    #[error("take a secret from the operating system")]
    Secret(#[source] io::Error),
}

/// Serves the ticker on `listener` until `shutdown`.
///
/// Then nothing more is accepted, every WebSocket is told 1001, and what has
/// not ended within `config.drain` is dropped. Dropping the future instead
/// ends everything at once, without a word. Events are told to `observer` in
/// the order in which they happen.
///
/// # Errors
/// [`ServeError`], before anything is accepted. What connections do is no error.
pub async fn run(
    environment: Environment,
    mut listener: Listener,
    config: Config,
    observer: Observer<Event>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve(environment, &mut listener, config, observer, shutdown).await
}

/// As [`run`], on a port that stays the caller's: for a server that comes back.
///
/// When it returns, the listener refuses; [`Listener::heal`] it to serve again.
/// After the future has been dropped it still listens for nobody: refuse it.
///
/// # Errors
/// As [`run`].
pub async fn serve(
    environment: Environment,
    listener: &mut Listener,
    config: Config,
    observer: Observer<Event>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mistakes = config.mistakes();
    if !mistakes.is_empty() {
        return Err(ServeError::Config(mistakes));
    }
    let clock = environment.clock;
    let hub = Hub::new(clock.clone(), observer, &config).map_err(ServeError::Secret)?;
    if let Some(seed) = config.seed {
        tracing::warn!(%seed, "session ids follow from the seed and can be guessed: for tests only");
    }
    let stop = CancellationToken::new();
    let app = App {
        hub: Arc::clone(&hub),
        allow_origins: config.allow_origins.clone().into(),
        page: page::BUILT,
    };
    let drain = config.drain;
    let server = Arc::new(Server {
        clock: clock.clone(),
        router: routes::router(app),
        full: routes::full(config.max_connections),
        stop: stop.clone(),
        config,
    });
    let tasks = Tasks::new();
    let ticking = stop.clone();
    tasks.spawn(async move { hub.run(&ticking).await });
    accept(listener, &server, &tasks, &shutdown).await;
    listener.refuse();
    stop.cancel();
    if clock.timeout(drain, tasks.ended()).await.is_err() {
        tracing::warn!(
            "{} connections did not end in time and are dropped",
            tasks.len()
        );
        tasks.kill.cancel();
        tasks.ended().await;
    }
    Ok(())
}

/// Takes connections until `shutdown`.
async fn accept(
    listener: &Listener,
    server: &SharedServer,
    tasks: &Tasks,
    shutdown: &CancellationToken,
) {
    let room = Arc::new(Semaphore::new(
        server.config.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                failing = false;
                admit(stream, server, tasks, &room, &refusals);
            }
            Err(error) => {
                if !failing {
                    tracing::warn!("cannot accept a connection, going on: {error}");
                }
                failing = true;
                server.clock.sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// Gives a connection its task: to be served, or beyond the limit to be told.
fn admit(
    stream: Stream,
    server: &SharedServer,
    tasks: &Tasks,
    room: &Arc<Semaphore>,
    refusals: &Arc<Semaphore>,
) {
    let permit = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().ok();
    let server = Arc::clone(server);
    if let Some(permit) = permit(room) {
        tasks.spawn(holding(permit, async move { server.serve(stream).await }));
    } else if let Some(permit) = permit(refusals) {
        tasks.spawn(holding(permit, async move { server.refuse(stream).await }));
    } else {
        tracing::debug!("too many connections even to be refused: closed");
    }
}

async fn holding(permit: OwnedSemaphorePermit, work: impl Future<Output = ()>) {
    work.await;
    drop(permit);
}

/// The tasks of one server: they can be waited for, and ended.
struct Tasks {
    tracker: TaskTracker,
    kill: CancellationToken,
}

impl Tasks {
    fn new() -> Self {
        Self {
            tracker: TaskTracker::new(),
            kill: CancellationToken::new(),
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let kill = self.kill.clone();
        self.tracker.spawn(async move {
            // Killed or done: either way there is nothing more to do.
            let _ = kill.run_until_cancelled(work).await;
        });
    }

    /// Waits until no task is left.
    async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn len(&self) -> usize {
        self.tracker.len()
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}

fn listed(mistakes: &[Mistake]) -> String {
    let texts: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    texts.join("; ")
}
