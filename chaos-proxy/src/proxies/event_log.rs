//! The latest events of all proxies, numbered, for whoever reads them live or
//! comes back to them.
//!
//! Bounded: the oldest go first, and a reader who was too slow is told how many
//! it missed. Telling an event never waits for a reader.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use environment::Feed;

use crate::event::{Event, EventKind};

/// How many events are kept: some minutes of a busy proxy, and a few megabytes.
const KEPT: usize = 16_384;

/// The events of all proxies, up to a number. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EventLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// The number of the last event.
    news: Feed<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    counts: BTreeMap<(Arc<str>, Counted), u64>,
    entries: VecDeque<Arc<Entry>>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Counts from 1, over all proxies.
    pub(crate) id: u64,
    /// Whose.
    pub(crate) proxy: Arc<str>,
    /// What.
    pub(crate) event: Event,
}

/// What is counted of events, indefinitely.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    /// A fault of this word took effect.
    Struck(String),
    /// The server was not reached.
    UpstreamFailed,
}

impl Counted {
    fn of(what: &EventKind) -> Option<Self> {
        match what {
            EventKind::Struck { fault, .. } => Some(Self::Struck(fault.clone())),
            EventKind::UpstreamFailed { .. } => Some(Self::UpstreamFailed),
            _ => None,
        }
    }
}

/// What a reader gets next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Events in a row.
    Entries(Vec<Arc<Entry>>),
    /// The events from here to here, both ends included, are no longer kept.
    Gap(u64, u64),
    /// This number was never given: it is of another run of the program.
    Foreign,
}

impl EventLog {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            ring: Mutex::default(),
            news: Feed::new(0),
        }))
    }

    pub(super) fn add(&self, proxy: &Arc<str>, event: Event) {
        let last = {
            let mut ring = self.ring();
            ring.add(proxy, event);
            ring.last
        };
        self.0.news.change(|known| *known = last.max(*known));
    }

    /// A proxy is no more, and is counted no more.
    pub(super) fn forget(&self, proxy: &str) {
        self.ring().counts.retain(|(of, _), _| **of != *proxy);
    }

    /// The number of the last event.
    pub(crate) fn last(&self) -> u64 {
        self.ring().last
    }

    /// How often each thing has happened, by proxy.
    pub(crate) fn counts(&self) -> BTreeMap<(Arc<str>, Counted), u64> {
        self.ring().counts.clone()
    }

    /// What comes after the event of this number, at most `most` at once; `None`
    /// if nothing has come yet.
    pub(crate) fn after(&self, seen: u64, most: usize) -> Option<Next> {
        self.ring().after(seen, most)
    }

    /// Waits for an event after the one of this number. Cancel safe.
    pub(crate) async fn wait_after(&self, seen: u64) {
        let mut news = self.0.news.follow();
        // The sender is ours: it cannot be gone.
        let _ = news.wait_until(|last| *last > seen).await;
    }

    /// A panic elsewhere leaves the ring as good as it was.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn add(&mut self, proxy: &Arc<str>, event: Event) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        if let Some(counted) = Counted::of(&event.what) {
            *self.counts.entry((Arc::clone(proxy), counted)).or_default() += 1;
        }
        self.last += 1;
        self.entries.push_back(Arc::new(Entry {
            id: self.last,
            proxy: Arc::clone(proxy),
            event,
        }));
    }

    fn after(&self, seen: u64, most: usize) -> Option<Next> {
        if seen > self.last {
            return Some(Next::Foreign);
        }
        let first = self.last - self.entries.len() as u64 + 1;
        if seen + 1 < first {
            return Some(Next::Gap(seen + 1, first - 1));
        }
        let skipped = usize::try_from(seen + 1 - first).unwrap_or(usize::MAX);
        let entries: Vec<_> = self
            .entries
            .iter()
            .skip(skipped)
            .take(most)
            .cloned()
            .collect();
        (!entries.is_empty()).then_some(Next::Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use environment::Moment;

    use super::*;

    fn log_of(count: usize) -> EventLog {
        let (event_log, proxy) = (EventLog::new(), Arc::from("p"));
        for attempt in 1..=count as u64 {
            let event = Event {
                at: Moment::ORIGIN,
                client: Arc::from("1"),
                attempt,
                what: EventKind::Accepted,
            };
            event_log.add(&proxy, event);
        }
        event_log
    }

    fn ids(next: Option<Next>) -> Vec<u64> {
        match next {
            Some(Next::Entries(entries)) => entries.iter().map(|entry| entry.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let event_log = log_of(5);
        assert_eq!(ids(event_log.after(0, 3)), [1, 2, 3]);
        assert_eq!(ids(event_log.after(3, 3)), [4, 5]);
        assert_eq!(event_log.after(5, 3), None);
        assert_eq!(event_log.after(6, 3), Some(Next::Foreign));
        assert_eq!(log_of(0).after(0, 3), None);
    }

    #[test]
    fn what_is_no_longer_kept_is_a_gap() {
        let event_log = log_of(KEPT + 10);
        assert_eq!(event_log.after(4, 3), Some(Next::Gap(5, 10)));
        assert_eq!(ids(event_log.after(10, 2)), [11, 12]);
        assert_eq!(event_log.last(), KEPT as u64 + 10);
    }

    #[tokio::test]
    async fn news_are_waited_for() {
        let event_log = log_of(1);
        event_log.wait_after(0).await;
        let waiting = event_log.wait_after(1);
        let telling = async {
            let event = Event {
                at: Moment::ORIGIN,
                client: Arc::from("1"),
                attempt: 1,
                what: EventKind::FirstData,
            };
            event_log.add(&Arc::from("p"), event);
        };
        let ((), ()) = tokio::join!(waiting, telling);
        assert_eq!(ids(event_log.after(1, 9)), [2]);
    }
}
