//! Watches the machine: whenever a timer of the harness's own comes late, those
//! of the clients do, too, and nobody is to be blamed for it.

use std::convert::Infallible;
use std::time::Duration;

use environment::Clock;

/// How often the machine's promptness is looked at.
const EVERY: Duration = Duration::from_millis(10);

/// Lateness that is not worth a line in the journal: what a busy scheduler does
/// all the time.
const NOTABLE: Duration = Duration::from_millis(20);

/// Tells of every notable lateness, until dropped. What counts is when the task
/// runs again, not when its timer fires: it waits for its turn in the runtime as
/// the clients' tasks do, on the same timer.
pub(super) async fn watch(clock: Clock, tell: impl Fn(Duration)) -> Infallible {
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
    use super::*;
    use std::cell::RefCell;

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
            never = watch(clock.clone(), |late| told.borrow_mut().push(late)) => match never {},
        }
        let longest = told.borrow().iter().max().copied();
        assert!(longest > Some(Duration::from_millis(150)), "{longest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_keeps_its_time_is_not_worth_a_word() {
        let clock = Clock::start();
        let limit = Duration::from_secs(60);
        let watched = clock
            .timeout(limit, watch(clock.clone(), |late| panic!("{late:?} late")))
            .await;
        assert!(watched.is_err());
    }
}
