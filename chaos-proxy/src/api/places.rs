//! The places for clients of the API: as many as there are, and whose is given
//! to a newcomer when all are taken.
//!
//! Pure but for its lock. A client that is being answered keeps its place. One
//! that is waited for, since it has sent no whole request yet, or has nothing to
//! ask, gives it up to a newcomer: the one that was waited for the longest. So
//! clients that are slow keep no others out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// The places of all clients.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    /// Counts whatever makes a client one that is waited for.
    turns: AtomicU64,
    taken: Mutex<BTreeMap<u64, Arc<Place>>>,
}

/// The place of one client.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    places: Arc<Places>,
    /// Requests that are being answered.
    answering: AtomicUsize,
    /// Since which turn it has been waited for.
    since: AtomicU64,
    /// Cancelled when somebody else gets it.
    lost: CancellationToken,
}

impl Places {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            turns: AtomicU64::new(0),
            taken: Mutex::default(),
        })
    }

    /// A place for a newcomer; `None` if all clients are being answered.
    pub(super) fn take(self: &Arc<Self>) -> Option<Taken> {
        let mut taken = self.taken();
        if taken.len() >= self.limit {
            let waited_for = taken.values().filter(|place| place.is_waited_for());
            let longest = waited_for.min_by_key(|place| place.since.load(Ordering::Relaxed));
            let number = longest?.number;
            if let Some(place) = taken.remove(&number) {
                place.lost.cancel();
            }
        }
        let number = self.turn();
        let place = Arc::new(Place {
            number,
            places: Arc::clone(self),
            answering: AtomicUsize::new(0),
            since: AtomicU64::new(number),
            lost: CancellationToken::new(),
        });
        taken.insert(number, Arc::clone(&place));
        Some(Taken(place))
    }

    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Place>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, as long as its client is there.
#[derive(Debug)]
pub(super) struct Taken(Arc<Place>);

impl Taken {
    pub(super) fn place(&self) -> &Arc<Place> {
        &self.0
    }

    /// Waits until somebody else gets it. Cancel safe.
    pub(super) async fn lost(&self) {
        self.0.lost.cancelled().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.places.taken().remove(&self.0.number);
    }
}

impl Place {
    fn is_waited_for(&self) -> bool {
        self.answering.load(Ordering::Relaxed) == 0
    }

    fn begin(&self) {
        self.answering.fetch_add(1, Ordering::Relaxed);
    }

    fn pause(&self) {
        self.since.store(self.places.turn(), Ordering::Relaxed);
        self.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request is answered for as long as this lives.
#[derive(Debug)]
pub(super) struct Answering(Arc<Place>);

impl Answering {
    pub(super) fn new(place: &Arc<Place>) -> Self {
        place.begin();
        Self(Arc::clone(place))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.pause();
    }
}

/// In the middle of an answer the rest of the request is waited for, for as long
/// as this lives.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Place>);

impl Waiting {
    pub(super) fn new(place: &Arc<Place>) -> Self {
        place.pause();
        Self(Arc::clone(place))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.begin();
    }
}

/// The body of an answer, which lasts until all of it is written.
#[derive(Debug)]
pub(super) struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl AnswerBody {
    pub(super) fn new(body: Body, answering: Answering) -> Self {
        Self {
            body,
            _answering: answering,
        }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_lost(taken: &Taken) -> bool {
        taken.place().lost.is_cancelled()
    }

    #[test]
    fn who_was_waited_for_the_longest_gives_way() {
        let places = Places::new(3);
        let [first, second, third] = [(); 3].map(|()| places.take().unwrap());
        // Its request is being answered; another has just had an answer.
        let answering = Answering::new(first.place());
        drop(Answering::new(second.place()));
        let _fourth = places.take().unwrap();
        assert_eq!([&first, &second, &third].map(is_lost), [false, false, true]);
        // In the middle of a request it is waited for again.
        let waiting = Waiting::new(first.place());
        let _fifth = places.take().unwrap();
        assert_eq!([&first, &second].map(is_lost), [false, true]);
        drop((waiting, answering));
    }

    #[test]
    fn nobody_gives_way_while_all_are_answered() {
        let places = Places::new(2);
        let taken = [(); 2].map(|()| places.take().unwrap());
        let answering = taken.each_ref().map(|taken| Answering::new(taken.place()));
        assert!(places.take().is_none());
        drop(answering);
        assert!(places.take().is_some());
        assert_eq!(taken.each_ref().map(is_lost), [true, false]);
        drop(taken);
        assert_eq!(places.taken().len(), 0);
    }
}
