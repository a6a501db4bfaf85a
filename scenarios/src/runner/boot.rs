//! Processes come up one scenario at a time, and few of it at once.
//!
//! To start a process costs a machine more than a client needs in all the time
//! thereafter. If many scenarios did so at once, the clients of those that
//! begin with `first_dial` would come up when their faults are over, and the
//! faults of the others would come late.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use environment::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::recorder::Recorder;
use crate::journal::{Body, Entry, Mark};
use crate::subjects::Subject;

/// Whose turn it is. There is one machine, so there is one of these, however
/// many suites run on it.
static TURN: Semaphore = Semaphore::const_new(1);

/// So many of one scenario's processes come up at once.
pub(super) const AT_ONCE: usize = 2;

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
        if !matches!(subject, Subject::Adapter(_)) {
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

/// Runs a client, which gives its room back when it has been heard of.
pub(super) async fn with_room<T>(
    (room, client): (OwnedSemaphorePermit, Arc<str>),
    recorder: &Recorder,
    clock: Clock,
    mut seated: Pin<&mut impl Future<Output = T>>,
) -> T {
    let silent = BTreeSet::from([client.as_ref().to_owned()]);
    let up = recorder.wait_for(silent, heard, BTreeSet::is_empty);
    tokio::select! {
        biased;
        ended = &mut seated => return ended,
        _ = clock.timeout(LONGEST, up) => drop(room),
    }
    seated.await
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::pin::pin;

    use client_sim::EventKind;
    use environment::text::Source;

    use super::*;
    use crate::journal::builder::JournalBuilder;
    use crate::subjects::Adapter;

    #[tokio::test]
    async fn who_starts_processes_waits_for_whoever_does() {
        let text = "name = 'x'\nversion = '1'\ncommand = ['x']\n";
        let source = Source::new("client.toml", text);
        let adapter = Adapter::read(&source, Path::new("x"), "x").unwrap();
        let subject = Subject::Adapter(Arc::new(adapter));
        let first = Turn::take(&subject).await;
        let _needs_none = Turn::take(&Subject::Sim).await;
        let mut second = pin!(Turn::take(&subject));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two at a time"),
            () = future::ready(()) => drop(first),
        }
        let _taken = second.await;
    }

    #[test]
    fn who_has_connected_or_spoken_or_ended_is_up() {
        let ended = Mark::ClientEnded {
            client: "c3".into(),
            how: "exit status: 1".into(),
        };
        let story = JournalBuilder::run(100, 200, 300)
            .accepted("c1", 1, 5)
            .client("c2", EventKind::Dialled { dial: 1 }, 5)
            .mark(ended, 6)
            .struck("c4", 0, "refuse", 7);
        let mut silent: BTreeSet<String> = ["c1", "c2", "c3", "c4"].map(str::to_owned).into();
        let entries = story.entries();
        entries.iter().for_each(|entry| heard(&mut silent, entry));
        assert_eq!(silent, BTreeSet::from(["c4".to_owned()]));
    }
}
