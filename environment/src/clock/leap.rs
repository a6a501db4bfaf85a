//! Virtual time: it stands still while anybody has something to do, and then
//! leaps to the next deadline.
//!
//! Exact to the nanosecond, unlike tokio's paused clock, whose wheel rounds up to
//! milliseconds; and it knows when nothing is left to leap to. Who drives it is
//! [`Simulation`](crate::Simulation).

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::task::coop;

use super::Moment;
use super::sleepers::{Place, Sleepers, Timer};

/// Why virtual time goes on no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// Everybody waits, and nobody for a time.
    NothingLeft,
    /// So many events have happened that it may go on indefinitely.
    TooMuch {
        /// The most that may.
        most: u64,
    },
    /// So many have happened at one moment that there may never be another.
    StandsStill {
        /// The moment.
        at: Moment,
        /// The most that may.
        most: u64,
    },
}

/// The most that may happen at one moment: ten times what a thousand clients do
/// that all come to something at once.
pub(crate) const MOST_AT_ONCE: u64 = 1_000_000;

/// So many more may happen after it was told that time stands still.
const LAST_WORDS: u64 = 10_000;

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeft => {
                f.write_str("it would never end: all wait, and nothing is left to happen")
            }
            Self::TooMuch { most } => write!(
                f,
                "it may never end: more than {most} events (wake-ups, reads and writes) in virtual time"
            ),
            Self::StandsStill { at, most } => write!(
                f,
                "it would never end: more than {most} events (wake-ups, reads and writes) at one moment of virtual time, {}us after its beginning",
                at.as_micros()
            ),
        }
    }
}

impl std::error::Error for Stall {}

/// Made for one thread; it may be shared all the same, since tasks must be able to.
#[derive(Debug)]
pub(crate) struct Leap {
    /// Nanoseconds since the origin.
    now: AtomicU64,
    sleepers: Mutex<Sleepers<Moment>>,
    /// The one that is woken by every leap.
    pulse: Mutex<Option<Waker>>,
    events: AtomicU64,
    most: u64,
    /// The events since time went on last.
    at_once: AtomicU64,
    stalled: SetOnce<Stall>,
    /// It was told that it is stalled, and nothing came of that.
    ended: SetOnce<()>,
}

impl Leap {
    /// At the origin; after `most` events it says so.
    pub(crate) fn new(most: u64) -> Self {
        Self {
            now: AtomicU64::new(0),
            sleepers: Mutex::default(),
            pulse: Mutex::default(),
            events: AtomicU64::new(0),
            most,
            at_once: AtomicU64::new(0),
            stalled: SetOnce::new(),
            ended: SetOnce::new(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let nanos = self.now.load(Ordering::Relaxed);
        Moment::after_origin(Duration::from_nanos(nanos))
    }

    /// Something happens.
    pub(crate) fn count(&self, events: u64) {
        let before = self.events.fetch_add(events, Ordering::Relaxed);
        if before + events > self.most {
            // Told once; that it is told again and again is of no use.
            let _ = self.stalled.set(Stall::TooMuch { most: self.most });
        }
        self.count_at_once(events);
    }

    /// Something happens without time going on. Whoever is told of it and waits
    /// for a time to put its things away does so in vain.
    fn count_at_once(&self, events: u64) {
        let now = self.at_once.fetch_add(events, Ordering::Relaxed) + events;
        if now > MOST_AT_ONCE {
            let (at, most) = (self.now(), MOST_AT_ONCE);
            let _ = self.stalled.set(Stall::StandsStill { at, most });
        }
        if now > MOST_AT_ONCE + LAST_WORDS {
            let _ = self.ended.set(());
        }
    }

    /// Wakes this one then.
    pub(crate) fn wake_at(&self, due: Moment, waker: Waker) {
        self.lock().insert(due, waker);
    }

    /// Everybody waits: lets time leap to the next deadline and wakes those whose
    /// it is, all of one moment in the order in which they began to wait.
    pub(crate) fn leap(&self) {
        let mut due = Vec::new();
        let mut sleepers = self.lock();
        // A deadline that no clock comes to, 584 years away, is none.
        if let Some(next) = sleepers.first()
            && let Ok(nanos) = u64::try_from(next.since_origin().as_nanos())
        {
            if self.now.fetch_max(nanos, Ordering::Relaxed) < nanos {
                self.at_once.store(0, Ordering::Relaxed);
            }
            sleepers.take_due(self.now(), &mut due);
        }
        drop(sleepers);
        if due.is_empty() && self.stalled.set(Stall::NothingLeft).is_err() {
            // Told again is of no use, as above.
            let _ = self.ended.set(());
        }
        self.count(due.len() as u64);
        for waker in due {
            waker.wake();
        }
        // All those may be of tasks that have ended. Then the thread would park for
        // good: somebody must have something to do.
        let pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        pulse.iter().for_each(Waker::wake_by_ref);
    }

    /// What has something to do after every leap, which is nothing.
    pub(crate) async fn pulse(&self) -> Infallible {
        poll_fn(|cx| {
            let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
            *pulse = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Waits until time goes on no more.
    pub(crate) async fn stalled(&self) -> Stall {
        *self.stalled.wait().await
    }

    /// Lets others run now and then once time goes on no more: a task that never
    /// has to wait would keep them from being told so.
    pub(crate) fn poll_proceed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.stalled.initialized() {
            ready!(coop::poll_proceed(cx)).made_progress();
        }
        Poll::Ready(())
    }

    /// Waits until that is known to everybody, and still nothing happens.
    pub(crate) async fn ended(&self) {
        self.ended.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, Sleepers<Moment>> {
        // No panic can leave the map half changed: no foreign code runs under
        // the lock.
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for Leap {
    type Time = Moment;

    fn has_come(&self, deadline: Moment) -> bool {
        let has_come = self.now() >= deadline;
        // Not to wait at all is to go on at this moment.
        if has_come {
            self.count_at_once(1);
        }
        has_come
    }

    fn insert(&self, deadline: Moment, waker: &Waker) -> u64 {
        let waker = waker.clone();
        self.lock().insert(deadline, waker)
    }

    fn renew(&self, place: Place<Moment>, waker: &Waker) -> bool {
        let renewed = self.lock().renew(place, waker);
        renewed.is_ok()
    }

    fn remove(&self, place: Place<Moment>) {
        let waker = self.lock().remove(place);
        // Without the lock.
        drop(waker);
    }
}
