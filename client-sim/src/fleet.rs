//! Many clients under one roof, started one after the other.
//!
//! The one invariant: [`run`] returns only when every client has ended. Used by
//! the binary; scenarios run their clients one by one, each at its own listener.

use std::sync::Arc;

use environment::tls::Connector;
use environment::{Environment, Observer, Seed, Shard};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{ClientsConfig, Event, Sources, Url};

/// The name of client number `index`, from 0: `c1`, `c2`, …
pub fn name(index: u32) -> Arc<str> {
    format!("c{}", u64::from(index) + 1).into()
}

/// Who runs, and where to.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The clients of all machines together.
    pub clients: ClientsConfig,
    /// Which of them are here: every so many-th. Names, draws and starts are those
    /// among all, so nothing about a client depends on how many machines there are.
    pub shard: Shard,
    /// Where they dial.
    pub url: Url,
    /// Where they dial from, each client from one; if it is not said, the system
    /// chooses.
    pub sources: Option<Sources>,
    /// How they speak TLS, where the URL is `wss://`.
    pub tls: Option<Connector>,
    /// What their draws follow from.
    pub seed: Seed,
}

impl Fleet {
    /// How many clients are here.
    pub fn count(&self) -> u32 {
        let own = self.shard.dealt(self.clients.count).count();
        u32::try_from(own).unwrap_or(u32::MAX)
    }

    /// `environment` as the client whose turn it is here dials.
    fn environment(&self, environment: &Environment, turn: usize) -> Environment {
        let mut environment = environment.clone();
        if let Some(sources) = self.sources {
            environment.network = environment.network.from_source(sources.turn(turn));
        }
        environment
    }
}

/// Runs the clients until `shutdown` is cancelled or all have given up. Clients
/// that have not started by then do not.
pub async fn run(
    environment: Environment,
    fleet: Fleet,
    observer: Observer<Event>,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    for (turn, index) in fleet.shard.dealt(fleet.clients.count).enumerate() {
        let url = fleet.url.clone();
        let mut config = fleet.clients.client(name(index), url, fleet.seed);
        config.tls.clone_from(&fleet.tls);
        let delay = fleet.clients.start_delay(index);
        let environment = fleet.environment(&environment, turn);
        let observer = observer.clone();
        let shutdown = shutdown.clone();
        tasks.spawn(async move {
            let started = environment.clock.sleep(delay);
            if shutdown.run_until_cancelled(started).await.is_some() {
                // Nobody commands them: the receiver's other end is gone.
                let (_, commands) = mpsc::channel(1);
                crate::run(environment, config, commands, observer, shutdown).await;
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}
