//! What goes wrong beside the course of a run, and ends it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// A cheap handle to the first trouble that anybody tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    first: Arc<Mutex<Option<String>>>,
    is_there: CancellationToken,
}

impl Trouble {
    /// The first reason stays.
    pub(super) fn tell(&self, reason: String) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(reason);
        drop(first);
        self.is_there.cancel();
    }

    /// When there is any. Cancel safe.
    pub(super) async fn told(&self) -> String {
        self.is_there.cancelled().await;
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone().unwrap_or_default()
    }
}
