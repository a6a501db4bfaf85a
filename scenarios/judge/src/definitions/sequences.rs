//! Ticks as the server made them and as the clients applied them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use crate::journal::{Body, Entry, Mark};

/// Every tick made and applied, by session.
#[derive(Debug, Default)]
pub struct Sequences {
    made: BTreeMap<String, BTreeMap<u64, Moment>>,
    applied: BTreeMap<String, Vec<Application>>,
    /// Sessions that went with their server: of their ticks nobody owes any.
    gone: BTreeSet<String>,
}

/// What is missing between the first and the last number of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Whose session it is.
    pub client: Arc<str>,
    /// The first number that is missing.
    pub first: u64,
    /// How many are.
    pub count: u64,
}

/// A tick handed to a client's application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// When.
    pub at: Moment,
    /// By whom.
    pub client: Arc<str>,
    /// The tick's number.
    pub seq: u64,
}

impl Sequences {
    pub(super) fn fold(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Server(ticker_server::EventKind::Ticked { session, seq }) => {
                let made = self.made.entry(session.clone()).or_default();
                made.entry(*seq).or_insert(entry.at);
            }
            Body::Client {
                client,
                what: client_sim::EventKind::Applied { session, seq, .. },
            } => {
                let applied = self.applied.entry(session.clone()).or_default();
                applied.push(Application {
                    at: entry.at,
                    client: Arc::clone(client),
                    seq: *seq,
                });
            }
            Body::Harness(Mark::ServerDown { .. } | Mark::ServerUp { .. }) => {
                self.gone.extend(self.made.keys().cloned());
            }
            _ => {}
        }
    }

    /// Whether the server told of any tick of this session.
    pub(super) fn is_told(&self, session: &str) -> bool {
        self.made.contains_key(session)
    }

    /// Whether the session went with its server.
    pub(super) fn is_gone(&self, session: &str) -> bool {
        self.gone.contains(session)
    }

    /// Whether any client told of any tick.
    pub fn are_reported(&self) -> bool {
        !self.applied.is_empty()
    }

    /// The numbers of a session made until `until` and never applied; none of a
    /// session whose server is gone.
    pub fn lost(&self, session: &str, until: Moment) -> BTreeSet<u64> {
        if self.gone.contains(session) {
            return BTreeSet::new();
        }
        let applied: BTreeSet<u64> = self.applications(session).map(|a| a.seq).collect();
        let made = self.made.get(session).into_iter().flatten();
        let due = made.filter(|(_, at)| **at <= until).map(|(seq, _)| *seq);
        due.filter(|seq| !applied.contains(seq)).collect()
    }

    /// From when a tick was made until `until`, if it was applied by nobody and
    /// nothing after it was either: not a gap, but an end.
    pub fn waited(&self, session: &str, seq: u64, until: Moment) -> Option<Duration> {
        let is_gap = self.applications(session).any(|a| a.seq > seq);
        let made = self.made_at(session, seq).filter(|_| !is_gap)?;
        Some(until.since(made))
    }

    /// What is missing between the numbers of each session, by session.
    pub fn gaps(&self) -> Vec<Gap> {
        let gaps = self.applied.values().filter_map(|applied| {
            let seqs: BTreeSet<u64> = applied.iter().map(|a| a.seq).collect();
            let (low, high) = (*seqs.first()?, *seqs.last()?);
            // Whatever a client says, this is no list of what is not there.
            let count = (high - low).saturating_sub(seqs.len() as u64 - 1);
            let first = seqs.iter().zip(low..).find(|(seq, due)| *seq != due)?.1;
            let client = Arc::clone(&applied.first()?.client);
            Some(Gap {
                client,
                first,
                count,
            })
        });
        gaps.collect()
    }

    /// When the server made a tick of a session.
    pub fn made_at(&self, session: &str, seq: u64) -> Option<Moment> {
        self.made.get(session)?.get(&seq).copied()
    }

    /// Every application of a tick that the session's client had applied before.
    pub fn duplicated(&self) -> Vec<(&str, &Application)> {
        self.strays(|seq, before, _| before.contains(&seq))
    }

    /// Every application of a new tick after one with a higher number.
    pub fn reordered(&self) -> Vec<(&str, &Application)> {
        self.strays(|seq, before, highest| !before.contains(&seq) && seq < highest)
    }

    fn strays(
        &self,
        is_stray: impl Fn(u64, &BTreeSet<u64>, u64) -> bool,
    ) -> Vec<(&str, &Application)> {
        let mut strays = Vec::new();
        for (session, applied) in &self.applied {
            let mut before = BTreeSet::new();
            let mut highest = 0;
            for application in applied {
                if is_stray(application.seq, &before, highest) {
                    strays.push((session.as_str(), application));
                }
                before.insert(application.seq);
                highest = highest.max(application.seq);
            }
        }
        strays
    }

    fn applications(&self, session: &str) -> impl Iterator<Item = &Application> {
        self.applied.get(session).into_iter().flatten()
    }
}

/// Ticks made and not yet applied, kept while a run goes on: what the harness
/// waits for before it stops the clients.
///
/// Of a client's sessions those count that it still has: the one that it was
/// welcomed to last, and an older one that has brought it ticks since, until it
/// tells of the end of that one's connection. Any other ticks on with nobody
/// there, and one whose server is gone not at all.
#[derive(Debug, Default, Clone)]
pub struct Unapplied {
    held: BTreeMap<Arc<str>, Held>,
    open: BTreeMap<String, BTreeSet<u64>>,
}

/// The sessions that one client has.
#[derive(Debug, Default, Clone)]
struct Held {
    last: String,
    /// Older ones that go on, each with the dial that brings it.
    beside: BTreeMap<String, u64>,
    /// The dials that have ended: what still comes of them goes on no more.
    ended: BTreeSet<u64>,
}

impl Held {
    fn sessions(&self) -> impl Iterator<Item = &String> {
        self.beside.keys().chain([&self.last])
    }

    fn fold(&mut self, what: &client_sim::EventKind) {
        match what {
            client_sim::EventKind::Welcomed { session, .. } => {
                self.beside.clear();
                self.last.clone_from(session);
            }
            client_sim::EventKind::Applied { dial, session, .. }
                if *session != self.last && !self.ended.contains(dial) =>
            {
                self.beside.insert(session.clone(), *dial);
            }
            client_sim::EventKind::Closed { dial, .. } => {
                self.ended.insert(*dial);
                self.beside.retain(|_, brought_by| brought_by != dial);
            }
            _ => {}
        }
    }
}

/// A fold over a journal while it grows, with what it begins with: the
/// ticks made until `until` that nobody has applied yet.
pub fn unapplied(until: Moment) -> (Unapplied, impl FnMut(&mut Unapplied, &Entry)) {
    let fold = move |open: &mut Unapplied, entry: &Entry| open.fold(entry, until);
    (Unapplied::default(), fold)
}

impl Unapplied {
    fn fold(&mut self, entry: &Entry, until: Moment) {
        match &entry.body {
            Body::Server(ticker_server::EventKind::Ticked { session, seq })
                if entry.at <= until =>
            {
                self.open.entry(session.clone()).or_default().insert(*seq);
            }
            Body::Harness(Mark::ServerDown { .. } | Mark::ServerUp { .. }) => self.open.clear(),
            Body::Client { client, what } => {
                if let client_sim::EventKind::Applied { session, seq, .. } = what
                    && let Some(open) = self.open.get_mut(session)
                {
                    open.remove(seq);
                }
                self.held.entry(Arc::clone(client)).or_default().fold(what);
            }
            _ => {}
        }
    }

    /// Whether every one has arrived.
    pub fn is_empty(&self) -> bool {
        let mut held = self.held.values().flat_map(Held::sessions);
        held.all(|session| self.open.get(session).is_none_or(BTreeSet::is_empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::Observations;
    use crate::journal::builder::{JournalBuilder, ms};

    fn sequences(story: &JournalBuilder) -> Sequences {
        Observations::of(&story.entries()).sequences
    }

    #[test]
    fn what_was_made_and_never_applied_is_lost() {
        let story = JournalBuilder::new()
            .ticks("s", 1..=5, 100)
            .applied("c1", "s", [1, 2, 4], 900);
        let sequences = sequences(&story);
        assert_eq!(sequences.lost("s", ms(500)), [3, 5].into());
        assert_eq!(
            sequences.lost("s", ms(102)),
            [3].into(),
            "made one a millisecond"
        );
        assert!(sequences.lost("other", ms(500)).is_empty());
    }

    #[test]
    fn again_is_duplicated_and_late_is_reordered() {
        let story = JournalBuilder::new().applied("c1", "s", [1, 2, 4, 3, 2, 5], 0);
        let sequences = sequences(&story);
        let seqs = |strays: Vec<(&str, &Application)>| -> Vec<u64> {
            strays.into_iter().map(|(_, stray)| stray.seq).collect()
        };
        assert_eq!(seqs(sequences.duplicated()), [2]);
        assert_eq!(seqs(sequences.reordered()), [3]);
    }

    #[test]
    fn what_is_missing_between_the_first_and_the_last_number_is_a_gap() {
        let story = JournalBuilder::new()
            .applied("c1", "s", [5, 9, 7, 6, 7], 0)
            .applied("c2", "t", [0, u64::MAX], 0)
            .applied("c3", "u", [3, 4], 0);
        let gap = |client: &str, first, count| Gap {
            client: client.into(),
            first,
            count,
        };
        let expected = [gap("c1", 8, 1), gap("c2", 1, u64::MAX - 1)];
        assert_eq!(sequences(&story).gaps(), expected);
    }

    #[test]
    fn a_session_that_went_with_its_server_is_nobodys_debt() {
        let story = JournalBuilder::new()
            .ticks("old", 1..=3, 0)
            .applied("c1", "old", [1], 10)
            .server_down("kill", 100)
            .server_up("kill", 200)
            .ticks("new", 1..=3, 300)
            .applied("c1", "new", [1, 3], 400);
        let sequences = sequences(&story);
        assert!(sequences.lost("old", ms(1000)).is_empty());
        assert_eq!(sequences.lost("new", ms(1000)), [2].into());
        let (mut state, mut fold) = unapplied(ms(1000));
        let story = story.welcomed("c1", 2, "old", 0);
        for entry in &story.entries() {
            fold(&mut state, entry);
        }
        assert!(state.is_empty(), "the old session's ticks never arrive");
    }

    /// Whether the drain waits for nothing that was made until 100 ms.
    fn is_drained(story: &JournalBuilder) -> bool {
        let (mut state, mut fold) = unapplied(ms(100));
        for entry in &story.entries() {
            fold(&mut state, entry);
        }
        state.is_empty()
    }

    #[test]
    fn the_drain_waits_for_ticks_of_current_sessions_only() {
        let story = JournalBuilder::new()
            .ticks("s", 1..=2, 0)
            .ticks("unheard of", 1..=2, 0)
            .welcomed("c1", 1, "left", 0)
            .ticks("left", 1..=2, 0)
            .ticks("s", 3..=3, 500);
        let story = story.welcomed("c1", 2, "s", 0);
        assert!(!is_drained(&story));
        let story = story.applied("c1", "s", [1], 600);
        assert!(!is_drained(&story));
        assert!(is_drained(&story.applied("c1", "s", [2], 700)));
    }

    #[test]
    fn the_drain_waits_for_every_session_that_goes_on() {
        let story = JournalBuilder::new()
            .ticks("a", 1..=3, 0)
            .ticks("b", 1..=1, 50)
            .welcomed("c1", 1, "a", 0)
            .applied("c1", "a", [1], 20)
            .welcomed("c1", 2, "b", 51)
            .applied("c1", "b", [1], 60);
        assert!(is_drained(&story), "`a` seems to be left");
        let both = story.applied("c1", "a", [2], 70);
        assert!(!is_drained(&both), "`a` goes on");
        assert!(is_drained(&both.clone().applied("c1", "a", [3], 80)));
        assert!(is_drained(&both.told_closed("c1", 1, 80)), "and has ended");
    }
}
