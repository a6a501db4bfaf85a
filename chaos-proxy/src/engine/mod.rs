//! The thin shell: listeners, one task per connection, and one conductor that
//! turns the plan into changes at their time.
//!
//! ```text
//!  commands ──▶ conductor ──▶ Field (what is in force) ──▶ every connection
//!  schedule ──▶                                        └─▶ every listener
//! ```
//!
//! Invariant: a connection's task owns both its sockets, both links and its
//! timer; nothing else touches them, so nothing else can block on them.

mod attempts;
mod cause;
mod conductor;
mod connection;
mod control;
mod faults;
mod field;
mod frames;
mod gate;
mod pump;
mod registry;
mod side;
mod strikes;
mod traffic;
mod triggers;
mod wire;

pub use control::{AddedRule, Commands, Control, NameTaken, control};
pub use registry::{Carried, OpenConnection, Traffic};

use std::sync::Arc;
use std::time::Duration;

use environment::{Environment, Feed, Follower, Listener, Observer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::decision::Decision;
use crate::event::Event;
use crate::link::UnderWay;
use crate::plan::Plan;

/// How long connections may take to close when the proxy stops.
const CLOSING: Duration = Duration::from_secs(2);

/// A listener and whose it is.
#[derive(Debug)]
pub struct Route {
    /// Where clients dial.
    pub listener: Listener,
    /// The one client that dials here, known by name from its first SYN on.
    /// `None`: many do; each is named by `?client=` in its upgrade, else by the
    /// ordinal of its connection.
    pub client: Option<Arc<str>>,
}

/// Everything a proxy needs to know.
#[derive(Debug)]
pub struct Config {
    /// The listeners.
    pub routes: Vec<Route>,
    /// The server, as `host:port`.
    pub upstream: String,
    /// How long a dial to the server may take.
    pub dial_timeout: Duration,
    /// What goes wrong, and when.
    pub plan: Plan,
    /// Whether it does.
    pub apply: Apply,
    /// Whether WebSocket frames are watched: then first data means a data
    /// frame, close frames are told, and delays are drawn by frame. Without,
    /// the stream's bytes count.
    pub frames: bool,
    /// Whether [`Control::connections`] lists the open ones.
    pub lists: bool,
    /// When t = 0 is.
    pub start: Start,
    /// Whether the plan begins again at its horizon, for ever.
    pub repeat: bool,
}

/// Whether the plan is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// Faults are injected.
    Faults,
    /// Everything is planned, nothing is done: the control of the experiment.
    Nothing,
}

/// When t = 0 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At [`Control::begin`].
    OnCommand,
    /// When the first connection is accepted, or at [`Control::begin`].
    FirstConnection,
}

/// Who is told what.
#[derive(Debug, Clone)]
pub struct Tell {
    /// What happens.
    pub events: Observer<Event>,
    /// What is decided.
    pub decisions: Observer<Decision>,
}

impl Tell {
    /// Nobody is told anything.
    pub fn nobody() -> Self {
        Self {
            events: Observer::none(),
            decisions: Observer::none(),
        }
    }
}

/// What every task of the proxy shares.
#[derive(Debug)]
struct Shared {
    environment: Environment,
    upstream: String,
    dial_timeout: Duration,
    frames: bool,
    lists: bool,
    apply: Apply,
    tell: Tell,
    connections: TaskTracker,
    stop: CancellationToken,
    control: Control,
    start: Start,
    /// How much may be under way in delays, of all connections together.
    under_way: UnderWay,
}

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
    let (mut conductor, field) = conductor::Conductor::new(
        &environment,
        config.plan,
        config.apply,
        &config.routes,
        &tell,
    );
    if config.repeat {
        conductor.repeat();
    }
    let shared = Arc::new(Shared {
        environment,
        upstream: config.upstream,
        dial_timeout: config.dial_timeout,
        frames: config.frames,
        lists: config.lists,
        apply: config.apply,
        tell,
        connections: TaskTracker::new(),
        stop: shutdown.child_token(),
        control: commands.control(),
        start: config.start,
        under_way: UnderWay::default(),
    });
    let version = conductor.version();
    let (gates, obeyed) = open_gates(config.routes, &shared, &field, &version);
    conductor.watch_gates(obeyed);
    let closing = gates.clone();
    conduct(async move {
        conductor.run(commands, &shutdown).await;
        // The connections end with the field, all at once: whoever waits for
        // the ports comes first.
        closing.wait().await;
    })
    .await;
    close(&shared, &gates).await;
}

/// In a task of its own: what the conductor wakes from a thread of the runtime
/// has its turn at once, before the thousands that it woke earlier.
async fn conduct(conducting: impl Future<Output = ()> + Send + 'static) {
    let tasks = TaskTracker::new();
    tasks.spawn(conducting);
    tasks.close();
    tasks.wait().await;
}

fn open_gates(
    routes: Vec<Route>,
    shared: &Arc<Shared>,
    field: &Follower<field::Field>,
    version: &Follower<u64>,
) -> (TaskTracker, Vec<Follower<u64>>) {
    let gates = TaskTracker::new();
    let mut obeyed = Vec::new();
    for route in routes {
        let feed = Feed::new(0);
        obeyed.push(feed.follow());
        let (field, version) = (field.clone(), version.clone());
        gates.spawn(gate::run(route, Arc::clone(shared), field, version, feed));
    }
    gates.close();
    (gates, obeyed)
}

async fn close(shared: &Shared, gates: &TaskTracker) {
    shared.stop.cancel();
    gates.wait().await;
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
