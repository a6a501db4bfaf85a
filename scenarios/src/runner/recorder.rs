//! Takes events from every task of a run and gives them one order.
//!
//! Invariant: nothing is dropped in silence. The recorder keeps at most
//! [`MAX_ENTRIES`](crate::journal::MAX_ENTRIES) in memory; one more, or a failure to write the file, breaks
//! the run, which then ends with that as its reason. Telling it something
//! takes a lock and a push, so it never holds up the network; the file is
//! written by [`Writer`](super::Writer) from what is kept here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use environment::{Clock, Feed, Moment, Observer};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use super::bounds::Bounds;
use crate::journal::{Body, Entry, Mark};

/// So many entries are folded at a time.
const PART: usize = 1_000;

/// A cheap handle to one run's journal.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    limit: usize,
    kept: Mutex<Kept>,
    /// How many entries there are; for those who wait for one.
    count: Feed<usize>,
    broken: CancellationToken,
    /// A client has gone beyond its bounds.
    exceeded: SetOnce<Mark>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: Vec<Entry>,
    bounds: Bounds,
    /// Why the journal is not complete.
    problem: Option<String>,
    /// Nothing follows.
    is_closed: bool,
}

impl Recorder {
    /// An empty journal of at most `limit` entries, usually [`MAX_ENTRIES`](crate::journal::MAX_ENTRIES).
    pub fn new(clock: Clock, limit: usize) -> Self {
        Self(Arc::new(Shared {
            clock,
            limit,
            kept: Mutex::default(),
            count: Feed::new(0),
            broken: CancellationToken::new(),
            exceeded: SetOnce::new(),
        }))
    }

    /// Adds an entry at the end, unless the journal is broken or closed. Its time
    /// is kept as it is written, in whole microseconds: so the file is judged as
    /// the run is, to the last digit.
    pub fn record(&self, mut entry: Entry) {
        entry.at = Moment::after_origin(Duration::from_micros(entry.at.as_micros()));
        let mut kept = self.kept();
        if kept.problem.is_some() || kept.is_closed {
            return;
        }
        if kept.entries.len() >= self.0.limit {
            let problem = format!(
                "more than {} events; fewer clients, a longer tick or a shorter run make less",
                self.0.limit
            );
            self.break_with(kept, problem);
            return;
        }
        if let Some(mark) = kept.bounds.see(&entry) {
            // Told once.
            let _ = self.0.exceeded.set(mark);
        }
        kept.entries.push(entry);
        let count = kept.entries.len();
        drop(kept);
        // `max`: two tasks may get here in the other order.
        self.0.count.change(|known| *known = count.max(*known));
    }

    /// Nothing that is told from now on belongs to the run.
    pub fn close(&self) {
        self.kept().is_closed = true;
    }

    /// Adds a mark of the runner's, now.
    pub fn mark(&self, mark: Mark) {
        self.record(Entry::mark(self.0.clock.now(), mark));
    }

    /// Records every event of a part.
    pub fn observer<E: Into<Entry> + 'static>(&self) -> Observer<E> {
        let recorder = self.clone();
        Observer::new(move |event: E| recorder.record(event.into()))
    }

    /// Nothing can be recorded any more; the first reason stays.
    pub fn fail(&self, problem: String) {
        self.break_with(self.kept(), problem);
    }

    /// Resolves when the journal is broken.
    pub async fn broken(&self) -> String {
        self.0.broken.cancelled().await;
        self.problem().unwrap_or_default()
    }

    /// Resolves when a client has gone beyond its bounds, with what is to be marked.
    pub(super) async fn exceeded(&self) -> Mark {
        self.0.exceeded.wait().await.clone()
    }

    /// The last entry that is no mark of the harness's own failure.
    pub(super) fn last(&self) -> Option<Entry> {
        let kept = self.kept();
        let is_event = |entry: &&Entry| !matches!(entry.body, Body::Harness(Mark::Failed { .. }));
        kept.entries.iter().rev().find(is_event).cloned()
    }

    /// Why the journal is not complete, if it is not.
    pub fn problem(&self) -> Option<String> {
        self.kept().problem.clone()
    }

    /// The entries from number `from` on.
    pub fn entries(&self, from: usize) -> Vec<Entry> {
        let kept = self.kept();
        kept.entries.get(from..).unwrap_or_default().to_vec()
    }

    /// The first of those.
    fn part(&self, from: usize) -> Vec<Entry> {
        let kept = self.kept();
        let left = kept.entries.get(from..).unwrap_or_default();
        left.iter().take(PART).cloned().collect()
    }

    /// The entries from number `from` on, as soon as there is one. Cancel safe.
    pub async fn after(&self, from: usize) -> Vec<Entry> {
        let mut count = self.0.count.follow();
        // Fails only if the feed has ended, and that is ours.
        let _ = count.wait_until(|count| *count > from).await;
        self.entries(from)
    }

    /// All entries; nothing is left, and nothing more is taken.
    pub fn take(&self) -> Vec<Entry> {
        let mut kept = self.kept();
        kept.is_closed = true;
        std::mem::take(&mut kept.entries)
    }

    /// Folds every entry, those to come included, into `state` until `is_done`
    /// says so of all that there are at some moment.
    pub async fn wait_for<S>(
        &self,
        mut state: S,
        mut fold: impl FnMut(&mut S, &Entry),
        mut is_done: impl FnMut(&S) -> bool,
    ) -> S {
        let mut count = self.0.count.follow();
        let mut folded = 0;
        loop {
            drop(count.borrow_and_update());
            loop {
                let part = self.part(folded);
                folded += part.len();
                part.iter().for_each(|entry| fold(&mut state, entry));
                if part.len() < PART {
                    break;
                }
                // There may be very many: others are not kept waiting for them.
                tokio::task::yield_now().await;
            }
            if is_done(&state) {
                return state;
            }
            if count.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn break_with(&self, mut kept: MutexGuard<'_, Kept>, problem: String) {
        kept.problem.get_or_insert(problem);
        drop(kept);
        self.0.broken.cancel();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere leaves the list whole: pushes do not tear.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Body;

    fn recorder(limit: usize) -> Recorder {
        Recorder::new(Clock::start(), limit)
    }

    #[tokio::test]
    async fn one_entry_too_many_breaks_the_run_loudly() {
        let recorder = recorder(2);
        for _ in 0..2 {
            recorder.mark(Mark::Started);
        }
        assert_eq!(recorder.problem(), None);
        recorder.mark(Mark::TZero);
        assert_eq!(
            recorder.broken().await,
            "more than 2 events; fewer clients, a longer tick or a shorter run make less"
        );
        assert_eq!(recorder.entries(0).len(), 2);
        recorder.fail("later".into());
        assert!(recorder.problem().unwrap().contains("more than 2"));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_sees_what_was_there_and_what_comes() {
        let recorder = recorder(10);
        recorder.mark(Mark::Started);
        let late = recorder.clone();
        let (clock, told) = (Clock::start(), Duration::from_secs(1));
        let tell = async {
            clock.sleep(told).await;
            late.mark(Mark::Started);
        };
        let count = |state: &mut usize, _: &Entry| *state += 1;
        let (seen, ()) = tokio::join!(recorder.wait_for(0, count, |&n| n == 2), tell);
        assert_eq!(seen, 2);
        assert_eq!(clock.now().since_origin(), told);
    }

    #[tokio::test]
    async fn what_comes_after_is_waited_for_and_what_is_there_is_not() {
        let recorder = recorder(10);
        recorder.mark(Mark::Started);
        assert_eq!(recorder.after(0).await.len(), 1);
        let (late, ()) = tokio::join!(recorder.after(1), async {
            tokio::task::yield_now().await;
            recorder.mark(Mark::TZero);
        });
        assert_eq!(late[0].body, Body::Harness(Mark::TZero));
    }

    #[tokio::test]
    async fn what_is_in_memory_is_what_the_file_says() {
        let recorder = recorder(1);
        let at = Moment::after_origin(Duration::from_nanos(1_999));
        recorder.record(Entry::mark(at, Mark::Started));
        let kept = recorder.entries(0)[0].at;
        assert_eq!(kept, Moment::after_origin(Duration::from_micros(1)));
    }
}
