//! How a part tells what happened, without knowing who listens.

use std::fmt;
use std::sync::Arc;

/// Where a part's events go: called in the order in which they happen, from
/// whichever task they happen in. What it does must be quick and must not wait.
pub struct Observer<E>(Arc<dyn Fn(E) + Send + Sync>);

impl<E: 'static> Observer<E> {
    /// Calls `listen` with every event.
    pub fn new(listen: impl Fn(E) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// Nobody listens.
    pub fn none() -> Self {
        Self::new(drop)
    }

    /// Tells one event.
    pub fn tell(&self, event: E) {
        (self.0)(event);
    }
}

impl<E> Clone for Observer<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> fmt::Debug for Observer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
