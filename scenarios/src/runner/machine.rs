//! What a run must know of the machine: that it is not to start many processes
//! at once, and when it was late.
//!
//! To start a process costs a machine more than a client needs in all the time
//! thereafter. If many scenarios did so at once, the clients of those that
//! begin with `first_dial` would come up when their faults are over, and the
//! faults of the others would come late. So processes come up one scenario at a
//! time, and few of it at once. And whenever a timer of the harness's own comes
//! late, those of the clients do, too, and no client is failed for it.

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
use crate::subjects::{Ability, Subject};

/// Whose turn it is. There is one machine, so there is one of these, however
/// many suites run on it.
static TURN: Semaphore = Semaphore::const_new(1);

/// So many of one scenario's processes come up at once.
pub(super) const AT_ONCE: usize = 2;

/// After so long the others need not wait for a program any more.
const LONGEST: Duration = Duration::from_secs(5);

/// And for browsers.
const LONGEST_OF_BROWSERS: Duration = Duration::from_secs(60);

/// A turn at starting processes; whoever starts none needs none. Given back
/// when dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Turn {
    permit: Option<SemaphorePermit<'static>>,
    /// After so long the others need not wait any more.
    longest: Duration,
}

impl Turn {
    /// Waits for it. Cancel safe.
    pub(super) async fn take(subject: &Subject) -> Self {
        let longest = match subject.can(Ability::Page) {
            true => LONGEST_OF_BROWSERS,
            false => LONGEST,
        };
        let permit = match subject {
            // Never closed, so there is always one in the end.
            Subject::Adapter(_) => TURN.acquire().await.ok(),
            Subject::Sim | Subject::Client(_) => None,
        };
        Self { permit, longest }
    }

    /// Gives it back when each of these clients has been heard of.
    pub(super) async fn while_booting(
        self,
        clients: Vec<String>,
        recorder: &Recorder,
        clock: Clock,
    ) -> Infallible {
        if self.permit.is_some() {
            let silent: BTreeSet<String> = clients.into_iter().collect();
            let up = recorder.wait_for(silent, heard, BTreeSet::is_empty);
            // Whoever is not up by then is nobody else's loss.
            let _ = clock.timeout(self.longest, up).await;
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

/// How often the machine's promptness is looked at.
const EVERY: Duration = Duration::from_millis(10);

/// Lateness that is not worth a line in the journal: what a busy scheduler does
/// all the time.
const NOTABLE: Duration = Duration::from_millis(20);

/// Tells of every notable lateness, until dropped. What counts is when the task
/// runs again, not when its timer fires: it waits for its turn in the runtime as
/// the clients' tasks do, on the same timer.
pub(crate) async fn watch_lateness(clock: Clock, tell: impl Fn(Duration)) -> Infallible {
    loop {
        let due = clock.now() + EVERY;
        clock.sleep_until(due).await;
        let late = clock.now().since(due);
        if late > NOTABLE {
            tell(late);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
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

    /// The one thread of this runtime is kept from its tasks for a while: the
    /// timer's own thread is on time, and what it wakes is late all the same.
    #[tokio::test]
    async fn a_thread_that_is_kept_busy_is_noticed() {
        let (clock, told) = (Clock::precise(), RefCell::new(Vec::new()));
        let busy = async {
            clock.sleep(Duration::from_millis(50)).await;
            let until = clock.now() + Duration::from_millis(200);
            while clock.now() < until {
                std::hint::spin_loop();
            }
            clock.sleep(Duration::from_millis(50)).await;
        };
        tokio::select! {
            biased;
            () = busy => {}
            never = watch_lateness(clock.clone(), |late| told.borrow_mut().push(late)) => match never {},
        }
        let longest = told.borrow().iter().max().copied();
        assert!(longest > Some(Duration::from_millis(150)), "{longest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_keeps_its_time_is_not_worth_a_word() {
        let clock = Clock::start();
        let limit = Duration::from_secs(60);
        let watched = clock
            .timeout(
                limit,
                watch_lateness(clock.clone(), |late| panic!("{late:?} late")),
            )
            .await;
        assert!(watched.is_err());
    }
}
