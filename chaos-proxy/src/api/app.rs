//! What every handler is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use environment::Environment;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::room::Room;
use super::serve::Config;
use super::toxiproxy::{Book, Call, Refusal, Reply};

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: Environment,
    room: Arc<Mutex<Room>>,
    config: Config,
    stop: CancellationToken,
    /// Calls at work. Each is a task of its own: a client that leaves in the
    /// middle of one leaves nothing half done.
    calls: TaskTracker,
    request_count: AtomicU64,
}

impl App {
    pub(super) fn new(
        environment: Environment,
        room: Arc<Mutex<Room>>,
        config: Config,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            environment,
            room,
            config,
            stop,
            calls: TaskTracker::new(),
            request_count: AtomicU64::new(0),
        }))
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Waits until the API stops. Cancel safe.
    pub(super) async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Counts requests from 1.
    pub(super) fn next_request(&self) -> u64 {
        self.0.request_count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Does something in the room, to its end, whatever becomes of the caller.
    /// `None`: it failed in a way that is a mistake of ours.
    pub(super) async fn in_room<T, F>(&self, act: impl FnOnce(Self) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.0.calls.spawn(act(self.clone())).await.ok()
    }

    /// Waits for one's turn.
    pub(super) async fn room(&self) -> tokio::sync::MutexGuard<'_, Room> {
        self.0.room.lock().await
    }

    /// Answers a call of Toxiproxy's.
    pub(super) async fn ask(&self, call: Call) -> Reply {
        let replied = self.in_room(|app| async move { app.answer(call).await });
        replied.await.unwrap_or(Reply::Refused(Refusal::Failed))
    }

    /// Names are looked up while others have their turn.
    async fn answer(&self, mut call: Call) -> Reply {
        let mut book = Book::default();
        loop {
            let answered = self.room().await.answer(call, &book).await;
            let name = match answered {
                Ok(reply) => return reply,
                Err((again, name)) => {
                    call = again;
                    name
                }
            };
            book.look_up(self.environment(), name).await;
        }
    }
}
