//! Many clients under one roof, started one after the other.
//!
//! The one invariant: [`run`] returns only when every client has ended. Used by
//! the binary; scenarios run their clients one by one, each at its own listener.

use std::sync::Arc;

use environment::tls::Connector;
use environment::{Environment, Observer, Seed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{ClientsConfig, Event, Url};

/// The name of client number `index`, from 0: `c1`, `c2`, …
pub fn name(index: u32) -> Arc<str> {
    format!("c{}", u64::from(index) + 1).into()
}

/// Runs `clients` against `url`, over `tls` where that is `wss://`, until `shutdown` is cancelled or all have given
/// up. Clients that have not started by then do not.
pub async fn run(
    environment: Environment,
    clients: ClientsConfig,
    url: Url,
    tls: Option<Connector>,
    seed: Seed,
    observer: Observer<Event>,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    for index in 0..clients.count {
        let mut config = clients.client(name(index), url.clone(), seed);
        config.tls = tls.clone();
        let delay = clients.start_delay(index);
        let (environment, observer) = (environment.clone(), observer.clone());
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
