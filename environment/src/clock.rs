//! Time as the harness sees it: moments since an origin, and waiting for them.
//!
//! This is the one file that reads a clock. It reads tokio's, so that a paused
//! runtime gives the same code a virtual clock.

use std::fmt;
use std::future::Future;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in monotonic time, as the distance from its [`Clock`]'s origin.
///
/// Pure code takes `now: Moment` as an argument and never asks for it. Moments
/// of different clocks must not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The origin of the clock.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// The moment this far after the origin.
    pub const fn after_origin(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How far after the origin this is.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time since `earlier`; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole microseconds since the origin, the unit of journals.
    pub fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Saturates: a moment too far to be reached stays at the end of time.
    fn add(self, later_by: Duration) -> Self {
        Self(self.0.saturating_add(later_by))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    /// Saturates at the origin.
    fn sub(self, earlier_by: Duration) -> Self {
        Self(self.0.saturating_sub(earlier_by))
    }
}

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
    origin: tokio::time::Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that knows tokio's clock"
)]
impl Clock {
    /// A clock whose origin is now.
    pub fn start() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        Moment(tokio::time::Instant::now().duration_since(self.origin))
    }

    /// Waits until `due`; returns at once if it has passed. Cancel safe.
    pub async fn sleep_until(&self, due: Moment) {
        match self.origin.checked_add(due.0) {
            Some(instant) => tokio::time::sleep_until(instant).await,
            None => std::future::pending().await,
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

    /// Runs `future` for at most `limit`.
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

    #[test]
    fn moments_saturate_instead_of_overflowing() {
        let end = Moment::ORIGIN + Duration::MAX;
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Moment::ORIGIN - Duration::from_secs(1), Moment::ORIGIN);
        assert_eq!(Moment::ORIGIN.since(end), Duration::ZERO);
    }

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
