//! The connections that are open now, with counters that move while they live.
//!
//! Kept only where somebody may ask ([`Config::lists`](super::Config::lists)):
//! it costs each connection an entry.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use environment::Moment;

use crate::rule::{Reached, Stage};

/// An open connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenConnection {
    /// Its number within the proxy, from 1 in accept order.
    pub id: u64,
    /// Its client.
    pub client: Arc<str>,
    /// Which connection of the client.
    pub attempt: u64,
    /// When it was accepted.
    pub accepted: Moment,
    /// The last stage that it has come to.
    pub stage: Stage,
    /// Bytes written to the server.
    pub upstream_bytes: u64,
    /// Bytes written to the client.
    pub downstream_bytes: u64,
    /// Messages of data delivered to the client, where frames are watched.
    pub frames: Option<u64>,
}

/// All of a proxy's connections.
#[derive(Debug, Default)]
pub(super) struct Registry {
    last: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Entry>>>,
}

/// What a connection keeps up to date.
#[derive(Debug)]
pub(super) struct Entry {
    accepted: Moment,
    name: Mutex<(Arc<str>, u64)>,
    has_frames: bool,
    reached: AtomicU64,
    upstream_bytes: AtomicU64,
    downstream_bytes: AtomicU64,
    frames: AtomicU64,
}

/// A connection's place in the registry, given up when dropped.
#[derive(Debug)]
pub(super) struct Listed {
    id: u64,
    entry: Arc<Entry>,
    registry: Arc<Registry>,
}

impl Registry {
    /// The number of the next connection.
    pub(super) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn open(&self) -> Vec<OpenConnection> {
        let open = lock(&self.open);
        open.iter().map(|(id, entry)| entry.told(*id)).collect()
    }

    pub(super) fn has(&self, id: u64) -> bool {
        lock(&self.open).contains_key(&id)
    }
}

impl Listed {
    pub(super) fn new(
        registry: &Arc<Registry>,
        id: u64,
        name: (Arc<str>, u64),
        accepted: Moment,
        has_frames: bool,
    ) -> Self {
        let entry = Arc::new(Entry {
            accepted,
            name: Mutex::new(name),
            has_frames,
            reached: AtomicU64::new(u64::from(Reached::ACCEPTED.bits())),
            upstream_bytes: AtomicU64::new(0),
            downstream_bytes: AtomicU64::new(0),
            frames: AtomicU64::new(0),
        });
        lock(&registry.open).insert(id, Arc::clone(&entry));
        Self {
            id,
            entry,
            registry: Arc::clone(registry),
        }
    }

    pub(super) fn rename(&self, client: Arc<str>, attempt: u64) {
        *lock(&self.entry.name) = (client, attempt);
    }

    pub(super) fn count(&self, reached: Reached, upstream: u64, downstream: u64, frames: u64) {
        let entry = &self.entry;
        entry
            .reached
            .store(u64::from(reached.bits()), Ordering::Relaxed);
        entry.upstream_bytes.store(upstream, Ordering::Relaxed);
        entry.downstream_bytes.store(downstream, Ordering::Relaxed);
        entry.frames.store(frames, Ordering::Relaxed);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&self.registry.open).remove(&self.id);
    }
}

impl Entry {
    fn told(&self, id: u64) -> OpenConnection {
        let (client, attempt) = lock(&self.name).clone();
        let reached = self.reached.load(Ordering::Relaxed);
        let frames = self.frames.load(Ordering::Relaxed);
        OpenConnection {
            id,
            client,
            attempt,
            accepted: self.accepted,
            stage: Reached::from_bits(u8::try_from(reached).unwrap_or(0)).last(),
            upstream_bytes: self.upstream_bytes.load(Ordering::Relaxed),
            downstream_bytes: self.downstream_bytes.load(Ordering::Relaxed),
            frames: self.has_frames.then_some(frames),
        }
    }
}

/// What is behind these locks is good after a panic elsewhere, too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
