//! Who waits for which time, and what a wait is. Common to the timers that wake.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A deadline, and a number that makes it unique.
pub(super) type Place<T> = (T, u64);

/// Everybody who waits: as many as there are sleeping tasks, and no more.
#[derive(Debug)]
pub(super) struct Sleepers<T> {
    /// By deadline; those of the same one in the order in which they came.
    wakers: BTreeMap<Place<T>, Waker>,
    /// The last number given.
    last: u64,
}

impl<T> Default for Sleepers<T> {
    fn default() -> Self {
        Self {
            wakers: BTreeMap::new(),
            last: 0,
        }
    }
}

impl<T: Ord + Copy> Sleepers<T> {
    /// The sleeper's number.
    pub(super) fn insert(&mut self, deadline: T, waker: Waker) -> u64 {
        self.last += 1;
        self.wakers.insert((deadline, self.last), waker);
        self.last
    }

    /// Puts `waker` in the place of the one there, which is to be dropped without
    /// any lock: that may drop a task, and that a sleep, which locks. `Err` if
    /// nobody is there.
    pub(super) fn renew(&mut self, place: Place<T>, waker: &Waker) -> Result<Option<Waker>, ()> {
        let known = self.wakers.get_mut(&place).ok_or(())?;
        let is_other = !known.will_wake(waker);
        Ok(is_other.then(|| std::mem::replace(known, waker.clone())))
    }

    /// Takes a sleeper out, if it is there; to be dropped as in
    /// [`Sleepers::renew`].
    pub(super) fn remove(&mut self, place: Place<T>) -> Option<Waker> {
        self.wakers.remove(&place)
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wakers.len()
    }

    /// The next deadline.
    pub(super) fn first(&self) -> Option<T> {
        self.wakers
            .first_key_value()
            .map(|((deadline, _), _)| *deadline)
    }

    /// Takes out all whose deadline has come.
    pub(super) fn take_due(&mut self, now: T, due: &mut Vec<Waker>) {
        while let Some(entry) = self.wakers.first_entry()
            && entry.key().0 <= now
        {
            due.push(entry.remove());
        }
    }
}

/// What wakes sleepers.
pub(super) trait Timer {
    /// How it counts time.
    type Time: Ord + Copy + Unpin;

    /// Whether `deadline` is now or past.
    fn has_come(&self, deadline: Self::Time) -> bool;

    /// Registers a sleeper and gives it its number.
    fn insert(&self, deadline: Self::Time, waker: &Waker) -> u64;

    /// Renews the waker of a sleeper; `false` if it is no more there.
    fn renew(&self, place: Place<Self::Time>, waker: &Waker) -> bool;

    /// Takes a sleeper out, if it is there.
    fn remove(&self, place: Place<Self::Time>);
}

/// A wait for a deadline. It is registered while it is polled without success,
/// and no longer than it lives.
#[derive(Debug)]
#[must_use = "does nothing unless polled"]
pub(super) struct Sleep<'a, T: Timer> {
    timer: &'a T,
    deadline: T::Time,
    /// Its number among the sleepers, once it is one.
    number: Option<u64>,
}

impl<'a, T: Timer> Sleep<'a, T> {
    /// Until `deadline`; indefinitely, if need be.
    pub(super) fn until(timer: &'a T, deadline: T::Time) -> Self {
        Self {
            timer,
            deadline,
            number: None,
        }
    }
}

impl<T: Timer> Future for Sleep<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (timer, deadline, waker) = (self.timer, self.deadline, context.waker());
        if timer.has_come(deadline) {
            return Poll::Ready(());
        }
        let is_renewed = self
            .number
            .is_some_and(|number| timer.renew((deadline, number), waker));
        if !is_renewed {
            self.number = Some(timer.insert(deadline, waker));
        }
        Poll::Pending
    }
}

impl<T: Timer> Drop for Sleep<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.timer.remove((self.deadline, number));
        }
    }
}
