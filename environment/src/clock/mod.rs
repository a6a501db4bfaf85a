//! Time as the harness sees it: moments since an origin, and waiting for them.
//!
//! This folder is the one place that reads a clock. There are two of them:
//! [`Clock::precise`] reads the system's and waits on the [`timer`], to some ten
//! microseconds; [`Clock::start`] is the runtime's own, whose waits end up to two
//! milliseconds late, but which a paused runtime makes virtual.

mod moment;
mod timer;

pub use moment::Moment;

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use timer::Timer;

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
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    /// What wakes the waiting; `None`: the runtime does, and its time counts.
    timer: Option<&'static Timer>,
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
        Self {
            origin: tokio::time::Instant::now().into_std(),
            timer: None,
        }
    }

    /// A clock of real time whose origin is now, and whose waits are as exact as
    /// the machine allows. Coarse like [`Clock::start`] where the system grants
    /// no thread to wait in.
    pub fn precise() -> Self {
        Self {
            origin: Instant::now(),
            timer: Timer::shared(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        let now = match self.timer {
            Some(_) => Instant::now(),
            None => tokio::time::Instant::now().into_std(),
        };
        Moment::after_origin(now.duration_since(self.origin))
    }

    /// Waits until `due`, never less; returns at once if it has passed. Cancel
    /// safe.
    pub async fn sleep_until(&self, due: Moment) {
        let due = self.origin.checked_add(due.since_origin());
        match (due, self.timer) {
            (Some(due), Some(timer)) => timer.sleep_until(due).await,
            (Some(due), None) => tokio::time::sleep_until(due.into()).await,
            (None, _) => std::future::pending().await,
        }
    }

    /// Waits for `duration` from now. Cancel safe.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// Waits until `due`, or for ever if there is no such moment. Cancel safe.
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
