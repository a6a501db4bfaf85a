//! hyper's timer over the environment's clock, so that its timeouts are virtual
//! where the clock is. Used by whatever serves HTTP.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::clock::{Clock, Moment};

/// hyper's timer. hyper speaks in [`Instant`]s, which only the system makes: one
/// is taken as the anchor, and all others are the clock's distance from it.
#[derive(Debug, Clone)]
pub struct ClockTimer {
    clock: Clock,
    anchor: Instant,
    anchored_at: Moment,
}

impl ClockTimer {
    /// A timer that goes by `clock`.
    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary anchor; what matters is the distance from it, which is the clock's"
    )]
    pub fn new(clock: Clock) -> Self {
        Self {
            anchor: Instant::now(),
            anchored_at: clock.now(),
            clock,
        }
    }
}

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let due = self.anchored_at + deadline.saturating_duration_since(self.anchor);
        let clock = self.clock.clone();
        let sleep = async move { clock.sleep_until(due).await };
        Box::pin(ClockSleep(Box::pin(sleep)))
    }

    fn now(&self) -> Instant {
        self.anchor + self.clock.now().since(self.anchored_at)
    }
}

struct ClockSleep(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Sleep for ClockSleep {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_hour_passes_by_the_clock_and_not_by_the_system() {
        let clock = Clock::start();
        let timer = ClockTimer::new(clock.clone());
        let hour = Duration::from_secs(3600);
        let before = timer.now();
        timer.sleep(hour).await;
        assert_eq!(timer.now() - before, hour);
        assert_eq!(clock.now().since_origin(), hour);
    }
}
