//! Processes come up one scenario at a time.
//!
//! To start a process costs a machine more than a client needs in all the time
//! thereafter. If many scenarios did so at once, the clients of those that
//! begin with `first_dial` would come up when their faults are over, and the
//! faults of the others would come late.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future;
use std::time::Duration;

use environment::Clock;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::journal::{Body, Entry, Mark, Recorder};
use crate::subjects::Subject;

/// Whose turn it is. There is one machine, so there is one of these, however
/// many suites run on it.
static TURN: Semaphore = Semaphore::const_new(1);

/// After so long the others need not wait any more.
const LONGEST: Duration = Duration::from_secs(5);

/// A turn at starting processes; whoever starts none needs none. Given back
/// when dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn(Option<SemaphorePermit<'static>>);

impl Turn {
    /// Waits for it. Cancel safe.
    pub(super) async fn take(subject: &Subject) -> Self {
        if subject.is_sim() {
            return Self(None);
        }
        // Never closed, so there is always one in the end.
        Self(TURN.acquire().await.ok())
    }

    /// Gives it back when each of these clients has been heard of.
    pub(super) async fn while_booting(
        self,
        clients: Vec<String>,
        recorder: &Recorder,
        clock: Clock,
    ) -> Infallible {
        if self.0.is_some() {
            let silent: BTreeSet<String> = clients.into_iter().collect();
            let up = recorder.wait_for(silent, heard, BTreeSet::is_empty);
            // Whoever is not up by then is nobody else's loss.
            let _ = clock.timeout(LONGEST, up).await;
            drop(self);
        }
        future::pending().await
    }
}

fn heard(silent: &mut BTreeSet<String>, entry: &Entry) {
    match &entry.body {
        // What is told of attempt 0 is told of its listener.
        Body::Client { client, .. }
        | Body::Proxy {
            client,
            attempt: 1..,
            ..
        } => silent.remove(&**client),
        Body::Harness(Mark::ClientEnded { client, .. }) => silent.remove(client),
        _ => false,
    };
}
