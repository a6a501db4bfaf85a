//! A value that many tasks follow.
//!
//! Like tokio's `watch`, except that those who wait are woken in the order in which
//! they began to: tokio spreads them over eight lists by chance, and so no two runs
//! in virtual time would be the same.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

/// The version of a feed that has ended.
const ENDED: u64 = u64::MAX;

#[derive(Debug)]
struct Shared<T> {
    value: RwLock<T>,
    version: AtomicU64,
    news: Notify,
}

impl<T> Shared<T> {
    fn read(&self) -> impl Deref<Target = T> {
        // A panic while it was changed has been somebody's end already.
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes the value. When it is dropped the feed has ended.
#[derive(Debug)]
pub struct Feed<T>(Arc<Shared<T>>);

/// Follows the value.
#[derive(Debug)]
pub struct Follower<T> {
    shared: Arc<Shared<T>>,
    /// The version that was seen last.
    seen: u64,
}

/// The feed has ended: nothing new will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEnded;

impl fmt::Display for FeedEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing new will come")
    }
}

impl std::error::Error for FeedEnded {}

impl<T> Feed<T> {
    /// With this value first.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Shared {
            value: RwLock::new(value),
            version: AtomicU64::new(0),
            news: Notify::new(),
        }))
    }

    /// Follows from the present value on.
    pub fn follow(&self) -> Follower<T> {
        Follower {
            shared: Arc::clone(&self.0),
            seen: self.0.version.load(Ordering::Acquire),
        }
    }

    /// The value. To be let go soon: nothing can be changed meanwhile.
    pub fn borrow(&self) -> impl Deref<Target = T> {
        self.0.read()
    }

    /// Changes the value and wakes all who follow.
    pub fn change(&self, change: impl FnOnce(&mut T)) {
        let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut value);
        self.0.version.fetch_add(1, Ordering::Release);
        drop(value);
        self.0.news.notify_waiters();
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        self.0.version.store(ENDED, Ordering::Release);
        self.0.news.notify_waiters();
    }
}

impl<T> Clone for Follower<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            seen: self.seen,
        }
    }
}

impl<T> Follower<T> {
    /// The value. To be let go soon: nothing can be changed meanwhile.
    pub fn borrow(&self) -> impl Deref<Target = T> {
        self.shared.read()
    }

    /// The value, which is now seen.
    pub fn borrow_and_update(&mut self) -> impl Deref<Target = T> {
        let value = self.shared.read();
        // No version is made while the value is borrowed.
        self.seen = self.shared.version.load(Ordering::Acquire);
        value
    }

    /// Whether there is a version that was not seen. Who has heard of a change, by
    /// whatever way, is never told no.
    pub fn has_news(&self) -> bool {
        let version = self.shared.version.load(Ordering::Acquire);
        version != self.seen && version != ENDED
    }

    /// Waits until this is so of the value. Cancel safe.
    ///
    /// # Errors
    /// When the feed has ended before.
    pub async fn wait_until(&mut self, is_so: impl Fn(&T) -> bool) -> Result<(), FeedEnded> {
        while !is_so(&self.borrow_and_update()) {
            self.changed().await?;
        }
        Ok(())
    }

    /// Waits for a version that was not seen, and takes it as seen. Cancel safe.
    ///
    /// # Errors
    /// When the feed has ended.
    pub async fn changed(&mut self) -> Result<(), FeedEnded> {
        loop {
            // Made before the look: what comes after that is not missed.
            let news = self.shared.news.notified();
            let version = self.shared.version.load(Ordering::Acquire);
            if version == ENDED {
                return Err(FeedEnded);
            }
            if version != self.seen {
                self.seen = version;
                return Ok(());
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinSet;

    #[tokio::test]
    async fn a_change_is_seen_once_and_the_last_value_counts() {
        let feed = Feed::new(1);
        let mut follower = feed.follow();
        feed.change(|value| *value = 2);
        feed.change(|value| *value = 3);
        assert_eq!(follower.changed().await, Ok(()));
        assert_eq!(*follower.borrow(), 3);
        assert!(!follower.has_news());
        feed.change(|value| *value = 4);
        assert!(follower.has_news());
        assert_eq!(*follower.borrow_and_update(), 4);
        let mut late = feed.follow();
        drop(feed);
        assert!(!follower.has_news());
        assert_eq!(follower.changed().await, Err(FeedEnded));
        assert_eq!(late.changed().await, Err(FeedEnded));
    }

    /// With tokio's `watch` this fails: the order is another every time.
    #[tokio::test]
    async fn all_are_woken_in_the_order_in_which_they_waited() {
        let feed = Feed::new(());
        let woken = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for number in 0..32 {
            let (mut follower, woken) = (feed.follow(), Arc::clone(&woken));
            tasks.spawn(async move {
                follower.changed().await.unwrap();
                woken.lock().unwrap().push(number);
            });
        }
        tokio::task::yield_now().await;
        feed.change(|()| {});
        while tasks.join_next().await.is_some() {}
        assert_eq!(*woken.lock().unwrap(), Vec::from_iter(0..32));
    }
}
