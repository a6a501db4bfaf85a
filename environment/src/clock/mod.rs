//! Time as the harness sees it: moments since an origin, and waiting for them.
//!
//! This folder is the one place that reads a clock. There are three of them:
//! [`Clock::precise`] reads the system's and waits on the [`timer`], to some ten
//! microseconds; [`Clock::start`] is the runtime's own, whose waits end up to two
//! milliseconds late, but which a paused runtime makes virtual; and that of a
//! [`Simulation`](crate::Simulation) [leaps](leap) from one deadline to the next.

mod leap;
mod moment;
mod sleepers;
mod timer;

pub(crate) use leap::Leap;
pub use leap::Stall;
pub use moment::Moment;

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sleepers::Sleep;
use timer::TimerThread;

/// A wait that ended before what it waited for ([`Clock::timeout`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("time ran out")
    }
}

impl std::error::Error for Elapsed {}

/// The clock of a run. Clones share the origin.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// The runtime's time, and what wakes there.
    Runtime(Instant),
    /// The system's time since then, and what wakes.
    Precise(Instant, &'static TimerThread),
    /// Virtual time.
    Virtual(Arc<Leap>),
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that knows the system's clock and tokio's"
)]
impl Clock {
    /// A clock whose origin is now, which obeys the runtime: where that is
    /// paused, time is virtual. Its waits are as coarse as tokio's wheel, which
    /// ticks in milliseconds and rounds up.
    pub fn start() -> Self {
        Self(Kind::Runtime(tokio::time::Instant::now().into_std()))
    }

    /// A clock of real time whose origin is now, and whose waits are as exact as
    /// the machine allows. Coarse like [`Clock::start`] where the system grants
    /// no thread to wait in.
    pub fn precise() -> Self {
        match TimerThread::shared() {
            Some(timer) => Self(Kind::Precise(Instant::now(), timer)),
            None => Self::start(),
        }
    }

    /// The clock of a simulation.
    pub(crate) fn leaping(leap: Arc<Leap>) -> Self {
        Self(Kind::Virtual(leap))
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        let (origin, now) = match &self.0 {
            Kind::Precise(origin, _) => (origin, Instant::now()),
            Kind::Runtime(origin) => (origin, tokio::time::Instant::now().into_std()),
            Kind::Virtual(leap) => return leap.now(),
        };
        Moment::after_origin(now.duration_since(*origin))
    }

    /// Waits until `due`, never less; returns at once if it has passed. Cancel
    /// safe.
    pub async fn sleep_until(&self, due: Moment) {
        let after = |origin: &Instant| origin.checked_add(due.since_origin());
        match &self.0 {
            Kind::Virtual(leap) => {
                Sleep::until(&**leap, due).await;
                poll_fn(|cx| leap.poll_proceed(cx)).await;
            }
            Kind::Precise(origin, timer) => match after(origin) {
                Some(due) => Sleep::until(*timer, due).await,
                None => std::future::pending().await,
            },
            Kind::Runtime(origin) => match after(origin) {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            },
        }
    }

    /// Waits until virtual time goes on no more, and says why; indefinitely where
    /// time is real. Cancel safe.
    pub async fn stalled(&self) -> Stall {
        match &self.0 {
            Kind::Virtual(leap) => leap.stalled().await,
            Kind::Precise(..) | Kind::Runtime(_) => std::future::pending().await,
        }
    }

    /// Whether time is virtual: then it waits for everybody, and no machine can
    /// be late.
    pub fn is_virtual(&self) -> bool {
        matches!(self.0, Kind::Virtual(_))
    }

    /// Waits for `duration` from now. Cancel safe.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// Waits until `due`, or indefinitely if there is no such moment. Cancel safe.
    pub async fn sleep_until_some(&self, due: Option<Moment>) {
        match due {
            Some(due) => self.sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Runs `future` for at most `limit`. On the same timer as every other wait:
    /// a limit that is not reached costs it a tenth of a microsecond.
    ///
    /// # Errors
    /// [`Elapsed`] when the limit passed first; `future` is dropped then.
    pub async fn timeout<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(limit) => Err(Elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_runtime_is_a_virtual_clock() {
        let clock = Clock::start();
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().since_origin(), Duration::from_secs(3600));
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_gives_up_on_what_never_ends() {
        let clock = Clock::start();
        let limit = Duration::from_secs(2);
        let ended = clock.timeout(limit, std::future::pending::<()>()).await;
        assert_eq!(ended, Err(Elapsed));
        assert_eq!(clock.now().since_origin(), limit);
        assert_eq!(clock.timeout(limit, async { 7 }).await, Ok(7));
    }
}
