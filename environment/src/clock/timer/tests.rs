//! The timer's promises. Every test has a timer of its own, so that it can count
//! who sleeps on it; moments are read from the system's clock.
#![expect(clippy::disallowed_methods, reason = "beneath the clock")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;
use crate::clock::sleepers::Sleep;

/// Longer than anything here takes, even on a starved machine.
const SOON: Duration = Duration::from_secs(20);
const FAR: Duration = Duration::from_secs(10_000);

impl TimerThread {
    fn sleeping(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn sleep_until(&'static self, deadline: Instant) -> Sleep<'static, Self> {
        Sleep::until(self, deadline)
    }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Counts how often it is woken.
#[derive(Default)]
struct Alarmed(AtomicUsize);

impl Wake for Alarmed {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Panics when it is woken.
struct Explosive;

impl Wake for Explosive {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

fn poll(sleep: &mut Sleep<'_, TimerThread>, waker: &Waker) -> Poll<()> {
    Pin::new(sleep).poll(&mut Context::from_waker(waker))
}

/// Fails the test instead of hanging it.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(SOON, future).await.unwrap()
}

/// Asks until it is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wait_ends_and_never_early() {
    let timer = TimerThread::start().unwrap();
    for length in [0, 1, 20, 700, 3000] {
        let deadline = Instant::now() + Duration::from_micros(length);
        soon(timer.sleep_until(deadline)).await;
        assert!(Instant::now() >= deadline);
    }
    assert_eq!(timer.sleeping(), 0);
}

#[test]
fn a_deadline_in_the_past_is_ready_at_once() {
    let timer = TimerThread::start().unwrap();
    let mut sleep = timer.sleep_until(Instant::now());
    assert_eq!(poll(&mut sleep, Waker::noop()), Poll::Ready(()));
    assert_eq!(timer.sleeping(), 0);
}

#[tokio::test]
async fn an_earlier_deadline_is_kept_behind_a_later_one() {
    let timer = TimerThread::start().unwrap();
    let mut far = timer.sleep_until(Instant::now() + FAR);
    assert!(poll(&mut far, Waker::noop()).is_pending());
    for _ in 0..50 {
        soon(timer.sleep_until(Instant::now() + ms(1))).await;
    }
    assert_eq!(timer.sleeping(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_sleep_at_once_and_all_are_woken() {
    let timer = TimerThread::start().unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..5000 {
        let deadline = Instant::now() + Duration::from_micros(number * 7919 % 100_000);
        tasks.spawn(async move {
            timer.sleep_until(deadline).await;
            assert!(Instant::now() >= deadline, "early");
        });
    }
    while let Some(woken) = soon(tasks.join_next()).await {
        woken.unwrap();
    }
    assert_eq!(timer.sleeping(), 0);
}

#[test]
fn what_is_dropped_before_its_time_leaves_nothing() {
    let timer = TimerThread::start().unwrap();
    let mut sleeps: Vec<_> = (0..100)
        .map(|_| timer.sleep_until(Instant::now() + FAR))
        .collect();
    assert_eq!(timer.sleeping(), 0, "nobody has asked yet");
    for sleep in &mut sleeps {
        assert!(poll(sleep, Waker::noop()).is_pending());
    }
    assert_eq!(timer.sleeping(), 100);
    sleeps.truncate(30);
    assert_eq!(timer.sleeping(), 30);
    drop(sleeps);
    assert_eq!(timer.sleeping(), 0);
}

#[tokio::test]
async fn the_last_waker_is_the_one_that_is_woken() {
    let timer = TimerThread::start().unwrap();
    let (first, last) = (Arc::<Alarmed>::default(), Arc::<Alarmed>::default());
    let deadline = Instant::now() + ms(50);
    let mut sleep = timer.sleep_until(deadline);
    assert!(poll(&mut sleep, &Arc::clone(&first).into()).is_pending());
    assert!(poll(&mut sleep, &Arc::clone(&last).into()).is_pending());
    assert_eq!(timer.sleeping(), 1);
    let count = |waker: &Alarmed| waker.0.load(Ordering::Relaxed);
    soon(until(|| count(&last) == 1)).await;
    assert_eq!(count(&first), 0);
}

#[tokio::test]
async fn a_waker_that_panics_takes_nobody_with_it() {
    let timer = TimerThread::start().unwrap();
    let mut explosive = timer.sleep_until(Instant::now() + ms(1));
    assert!(poll(&mut explosive, &Arc::new(Explosive).into()).is_pending());
    soon(until(|| timer.sleeping() == 0)).await;
    for _ in 0..50 {
        soon(timer.sleep_until(Instant::now() + ms(1))).await;
    }
}

/// Dropping a waker drops the sleep that it holds, which must find the lock free.
#[test]
fn a_waker_may_hold_another_sleep() {
    struct Holder(
        #[expect(dead_code, reason = "held only to be dropped")] Sleep<'static, TimerThread>,
    );
    impl Wake for Holder {
        fn wake(self: Arc<Self>) {}
    }
    let timer = TimerThread::start().unwrap();
    let far = Instant::now() + FAR;
    let holder = || {
        let mut held = timer.sleep_until(far);
        assert!(poll(&mut held, Waker::noop()).is_pending());
        Waker::from(Arc::new(Holder(held)))
    };
    let mut sleep = timer.sleep_until(far);
    assert!(poll(&mut sleep, &holder()).is_pending());
    assert!(poll(&mut sleep, &holder()).is_pending());
    assert_eq!(timer.sleeping(), 2);
    drop(sleep);
    assert_eq!(timer.sleeping(), 0);
}

#[test]
fn a_clock_waits_for_ever_for_a_moment_that_cannot_be() {
    let clock = super::super::Clock::precise();
    let mut wait = Box::pin(clock.sleep(Duration::MAX));
    let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

proptest! {
    /// Whoever is due is let go, first come first, and nobody else; the alarm is
    /// never later than the first deadline.
    #[test]
    fn sleepers_are_let_go_in_the_order_of_their_deadlines(
        deadlines in prop::collection::vec(0_u64..100, 0..50),
        looks in prop::collection::vec(0_u64..120, 1..10),
    ) {
        let start = Instant::now();
        let mut waiting = Waiting { sleepers: Sleepers::default(), alarm: start };
        let wakers: Vec<_> = deadlines
            .iter()
            .map(|&after| (after, Waker::from(Arc::<Alarmed>::default())))
            .collect();
        for (after, waker) in &wakers {
            waiting.sleepers.insert(start + ms(*after), waker.clone());
        }
        let mut expected: Vec<_> = wakers.iter().collect();
        expected.sort_by_key(|(after, _)| *after);
        let mut expected = expected.into_iter().peekable();
        let mut looks = looks;
        looks.sort_unstable();
        for look in looks {
            let mut due = Vec::new();
            waiting.sleepers.take_due(start + ms(look), &mut due);
            for waker in due {
                let (after, first) = expected.next().unwrap();
                prop_assert!(*after <= look && first.will_wake(&waker));
            }
            let first = expected.peek().map(|(after, _)| start + ms(*after));
            prop_assert!(first.is_none_or(|first| first > start + ms(look)));
            let alarm = waiting.set_alarm(start + ms(look));
            prop_assert!(first.is_none_or(|first| alarm <= first));
        }
    }
}
