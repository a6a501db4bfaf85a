//! The thin shell: listeners, one task per connection, and one scheduler that
//! turns the plan into changes at their time. What the rules do to a connection
//! is worked out by `rules`, which knows neither sockets nor clock.
//!
//! ```text
//!  commands ──▶ scheduler ──▶ ActiveRules ──▶ every connection ──▶ its rules::Machine
//!  schedule ──▶                           └─▶ every listener
//! ```
//!
//! Invariant: a connection's task owns both its sockets, both links and its
//! timer; nothing else touches them, so nothing else can block on them.

mod acceptor;
mod attempts;
mod bulk;
mod config;
mod connection;
mod control;
mod endpoint;
mod lane;
mod registry;
mod rules;
mod scheduler;
mod shared;
mod splice;

pub use config::{Apply, Config, Data, Route, Start, Tell, TlsSides};
pub use control::{Commands, Control, NameTaken, control};
pub use registry::{Carried, OpenConnection, Traffic};
pub use rules::AddedRule;

use std::sync::Arc;
use std::time::Duration;

use environment::{Environment, Feed, Follower};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use rules::ActiveRules;
use scheduler::Scheduler;
use shared::{ENDS_AT_ONCE, Shared};

/// How long a dial to an upstream may take, where nobody says.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long connections may take to close when the proxy stops.
const CLOSING: Duration = Duration::from_secs(2);

/// Runs the proxy until `shutdown`.
///
/// On shutdown the listeners close first, then every connection.
pub async fn run(
    environment: Environment,
    config: Config,
    commands: Commands,
    tell: Tell,
    shutdown: CancellationToken,
) {
    let (mut scheduler, in_force) = Scheduler::new(
        &environment,
        config.plan,
        config.apply,
        &config.routes,
        &tell,
    );
    if config.repeat {
        scheduler.repeat();
    }
    let shared = Arc::new(Shared {
        environment,
        upstream: config.upstream,
        tls: config.tls,
        dial_timeout: config.dial_timeout,
        on_dial_failure: config.on_dial_failure,
        frames: config.frames,
        data: config.data,
        lists: config.lists,
        apply: config.apply,
        tell,
        connections: TaskTracker::new(),
        stop: shutdown.child_token(),
        control: commands.control(),
        start: config.start,
        under_way: config.under_way,
        ends: Arc::new(Semaphore::new(ENDS_AT_ONCE)),
    });
    let version = scheduler.version();
    let (acceptors, obeyed) = open_listeners(config.routes, &shared, &in_force, &version);
    scheduler.watch_acceptors(obeyed);
    let closing = acceptors.clone();
    schedule(async move {
        scheduler.run(commands, &shutdown).await;
        // The connections end with what is in force, all at once: whoever waits for
        // the ports comes first.
        closing.wait().await;
    })
    .await;
    close(&shared, &acceptors).await;
}

/// In a task of its own: what the scheduler wakes from a thread of the runtime
/// has its turn at once, before the thousands that it woke earlier.
async fn schedule(scheduling: impl Future<Output = ()> + Send + 'static) {
    let tasks = TaskTracker::new();
    tasks.spawn(scheduling);
    tasks.close();
    tasks.wait().await;
}

fn open_listeners(
    routes: Vec<Route>,
    shared: &Arc<Shared>,
    in_force: &Follower<ActiveRules>,
    version: &Follower<u64>,
) -> (TaskTracker, Vec<Follower<u64>>) {
    let acceptors = TaskTracker::new();
    let mut obeyed = Vec::new();
    for route in routes {
        let feed = Feed::new(0);
        obeyed.push(feed.follow());
        let (in_force, version) = (in_force.clone(), version.clone());
        acceptors.spawn(acceptor::run(
            route,
            Arc::clone(shared),
            in_force,
            version,
            feed,
        ));
    }
    acceptors.close();
    (acceptors, obeyed)
}

async fn close(shared: &Shared, acceptors: &TaskTracker) {
    shared.stop.cancel();
    acceptors.wait().await;
    shared.connections.close();
    let closed = shared
        .environment
        .clock
        .timeout(CLOSING, shared.connections.wait())
        .await;
    if closed.is_err() {
        tracing::warn!(
            left = shared.connections.len(),
            "connections did not close in {CLOSING:?}"
        );
    }
}
