//! The connections that are open now, with counters that move while they live.
//!
//! Kept only where somebody may ask ([`Config::lists`](super::Config::lists)):
//! it costs each connection an entry.

use std::collections::BTreeMap;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use environment::Moment;

use crate::rule::{Phase, Reached};

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
    /// The last phase that it has come to.
    pub phase: Phase,
    /// Bytes written to the server.
    pub upstream_bytes: u64,
    /// Bytes written to the client.
    pub downstream_bytes: u64,
    /// Messages of data delivered to the client, where frames are watched.
    pub frames: Option<u64>,
}

/// What a proxy has carried since it began, its open connections included. Each
/// number only grows, but for `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Those of them that are open.
    pub open: u64,
    /// Toward the server.
    pub upstream: Carried,
    /// Toward the client.
    pub downstream: Carried,
}

/// Bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// Bytes that came in.
    pub received: u64,
    /// Bytes that went out.
    pub sent: u64,
}

/// All of a proxy's connections.
#[derive(Debug, Default)]
pub(super) struct Registry {
    last: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Arc<Entry>>,
    /// What those that are closed have carried. Changed with `open`, so that
    /// nobody is counted twice or not at all.
    closed: Traffic,
}

/// What a connection keeps up to date.
#[derive(Debug)]
pub(super) struct Entry {
    accepted: Moment,
    name: Mutex<(Arc<str>, u64)>,
    has_frames: bool,
    reached: AtomicU64,
    upstream: Counters,
    downstream: Counters,
    frames: AtomicU64,
}

#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Counters {
    fn store(&self, carried: Carried) {
        self.received.store(carried.received, Ordering::Relaxed);
        self.sent.store(carried.sent, Ordering::Relaxed);
    }

    fn load(&self) -> Carried {
        Carried {
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }
}

impl Add for Carried {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            sent: self.sent + other.sent,
        }
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            open: self.open + other.open,
            upstream: self.upstream + other.upstream,
            downstream: self.downstream + other.downstream,
        }
    }
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
        let state = lock(&self.state);
        let open = state.open.iter();
        open.map(|(id, entry)| entry.told(*id)).collect()
    }

    pub(super) fn traffic(&self) -> Traffic {
        let state = lock(&self.state);
        let open = state.open.values();
        open.fold(state.closed, |sum, entry| sum + entry.carried(1))
    }

    pub(super) fn has(&self, id: u64) -> bool {
        lock(&self.state).open.contains_key(&id)
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
            upstream: Counters::default(),
            downstream: Counters::default(),
            frames: AtomicU64::new(0),
        });
        lock(&registry.state).open.insert(id, Arc::clone(&entry));
        Self {
            id,
            entry,
            registry: Arc::clone(registry),
        }
    }

    pub(super) fn rename(&self, client: Arc<str>, attempt: u64) {
        *lock(&self.entry.name) = (client, attempt);
    }

    pub(super) fn count(
        &self,
        reached: Reached,
        upstream: Carried,
        downstream: Carried,
        frames: u64,
    ) {
        let entry = &self.entry;
        entry
            .reached
            .store(u64::from(reached.bits()), Ordering::Relaxed);
        entry.upstream.store(upstream);
        entry.downstream.store(downstream);
        entry.frames.store(frames, Ordering::Relaxed);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut state = lock(&self.registry.state);
        state.open.remove(&self.id);
        state.closed = state.closed + self.entry.carried(0);
    }
}

impl Entry {
    /// What this one connection has carried; `open` is 1 while it is.
    fn carried(&self, open: u64) -> Traffic {
        Traffic {
            accepted: 1,
            open,
            upstream: self.upstream.load(),
            downstream: self.downstream.load(),
        }
    }

    fn told(&self, id: u64) -> OpenConnection {
        let (client, attempt) = lock(&self.name).clone();
        let reached = self.reached.load(Ordering::Relaxed);
        let frames = self.frames.load(Ordering::Relaxed);
        OpenConnection {
            id,
            client,
            attempt,
            accepted: self.accepted,
            phase: Reached::from_bits(u8::try_from(reached).unwrap_or(0)).last(),
            upstream_bytes: self.upstream.load().sent,
            downstream_bytes: self.downstream.load().sent,
            frames: self.has_frames.then_some(frames),
        }
    }
}

/// What is behind these locks is good after a panic elsewhere, too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
