//! What the events of many clients come to: a fold, without sockets or clock.
//!
//! The one invariant: the result depends on the events alone, and the memory
//! on the number of clients alone. Used by the binary; anybody with a journal
//! of [`Event`]s can do the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;
use serde::Serialize;

use crate::{CloseReason, Event, EventKind, Recoveries, Recovery};

/// The sum of all events so far.
#[derive(Debug, Clone)]
pub struct Statistics {
    clients: BTreeMap<Arc<str>, Tally>,
    recoveries: Recoveries,
    endings: BTreeMap<&'static str, u64>,
}

/// One client's part.
#[derive(Debug, Clone, Default)]
struct Tally {
    dials: u64,
    connects: u64,
    failed_dials: u64,
    messages: u64,
    repeated: u64,
    duplicated: u64,
    lost: u64,
    has_gaven_up: bool,
    first_dial: Option<Moment>,
    /// The open connection, and since when.
    open: Option<(u64, Moment)>,
    open_time: Duration,
    /// The first loss that has not been made good yet.
    lost_at: Option<Moment>,
    /// The session's tag and its highest tick so far.
    session: Option<(String, u64)>,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How many clients have dialled.
    pub clients: u64,
    /// How many are connected now.
    pub connected: u64,
    /// How many have given up.
    pub gave_up: u64,
    /// Dials, failed ones included.
    pub dials: u64,
    /// Upgrades that succeeded.
    pub connects: u64,
    /// Those that were not their client's first.
    pub reconnects: u64,
    /// Dials that did not lead to a connection.
    pub failed_dials: u64,
    /// From a loss, as the client noticed it, to the first data after it.
    pub recovery: Option<Recovery>,
    /// Messages with data: ticks, and whatever another server sends.
    pub messages: u64,
    /// Ticks of a session that were skipped; `None` where no server has ever
    /// named a session.
    pub lost: Option<u64>,
    /// Ticks applied more than once; likewise.
    pub duplicated: Option<u64>,
    /// Ticks that came again and were not applied again; likewise.
    pub repeated: Option<u64>,
    /// The share of the clients' time, each from its first dial, in which they
    /// had an open connection as far as they knew; 0 to 1.
    pub availability: f64,
    /// How dials and connections ended, by the word of [`CloseReason`].
    pub endings: BTreeMap<&'static str, u64>,
}

impl Default for Statistics {
    fn default() -> Self {
        Self::new()
    }
}

impl Statistics {
    /// No events yet.
    pub fn new() -> Self {
        Self {
            clients: BTreeMap::new(),
            recoveries: Recoveries::new(),
            endings: BTreeMap::new(),
        }
    }

    /// Adds one event. Each client's events must come in their order.
    pub fn fold(&mut self, event: &Event) {
        if let EventKind::Closed { why, .. } = event.what {
            *self.endings.entry(word(why)).or_default() += 1;
        }
        let client = self.clients.entry(Arc::clone(&event.client)).or_default();
        if let Some(recovery) = client.fold(event.at, &event.what) {
            self.recoveries.record(recovery);
        }
    }

    /// How long recoveries took, so far.
    pub fn recoveries(&self) -> &Recoveries {
        &self.recoveries
    }

    /// The result as of `now`.
    pub fn summary(&self, now: Moment) -> Summary {
        let sum = |of: fn(&Tally) -> u64| {
            // A hostile server can make any of these numbers up.
            let counts = self.clients.values().map(of);
            counts.fold(0, u64::saturating_add)
        };
        let has_sessions = self.clients.values().any(|c| c.session.is_some());
        let of_sessions = |of| has_sessions.then(|| sum(of));
        let (dials, connects) = (sum(|c| c.dials), sum(|c| c.connects));
        Summary {
            clients: self.clients.len() as u64,
            connected: sum(|c| c.open.is_some().into()),
            gave_up: sum(|c| c.has_gaven_up.into()),
            dials,
            connects,
            reconnects: sum(|c| c.connects.saturating_sub(1)),
            failed_dials: sum(|c| c.failed_dials),
            recovery: self.recoveries.summary(),
            messages: sum(|c| c.messages),
            lost: of_sessions(|c| c.lost),
            duplicated: of_sessions(|c| c.duplicated),
            repeated: of_sessions(|c| c.repeated),
            availability: self.availability(now),
            endings: self.endings.clone(),
        }
    }

    fn availability(&self, now: Moment) -> f64 {
        let total: f64 = self.clients.values().map(|c| c.time(now)).sum();
        let open: f64 = self.clients.values().map(|c| c.open_time(now)).sum();
        if total > 0.0 { open / total } else { 0.0 }
    }
}

impl Tally {
    /// Returns how long a recovery took that this event completes.
    fn fold(&mut self, at: Moment, what: &EventKind) -> Option<Duration> {
        match what {
            EventKind::Dialled { .. } => {
                self.dials += 1;
                self.has_gaven_up = false;
                self.first_dial.get_or_insert(at);
            }
            EventKind::Opened { dial } => {
                self.connects += 1;
                self.open = Some((*dial, at));
            }
            EventKind::Closed { dial, why, .. } => self.closed(at, *dial, *why),
            EventKind::Welcomed { .. } | EventKind::PauseChanged { .. } => {
                self.welcomed(what);
                return self.recovered(at);
            }
            EventKind::Applied { session, seq, .. } => {
                self.messages += 1;
                self.applied(session, *seq);
                return self.recovered(at);
            }
            EventKind::Repeated { .. } => {
                self.messages += 1;
                self.repeated += 1;
                return self.recovered(at);
            }
            EventKind::Received { .. } => {
                self.messages += 1;
                return self.recovered(at);
            }
            EventKind::GaveUp => self.has_gaven_up = true,
            EventKind::Acknowledged { .. } => {
                self.messages += 1;
                return self.recovered(at);
            }
            EventKind::Offered { .. }
            | EventKind::Dropped { .. }
            | EventKind::Rejected { .. }
            | EventKind::Sent { .. }
            | EventKind::Held { .. }
            | EventKind::Intended { .. }
            | EventKind::Stale { .. }
            | EventKind::Revived { .. }
            | EventKind::Waiting { .. }
            | EventKind::Stopped => {}
        }
        None
    }

    fn closed(&mut self, at: Moment, dial: u64, why: CloseReason) {
        let Some((_, since)) = self.open.take_if(|(open, _)| *open == dial) else {
            self.failed_dials += u64::from(why != CloseReason::Wanted);
            return;
        };
        self.open_time += at.since(since);
        if why != CloseReason::Wanted {
            self.lost_at.get_or_insert(at);
        }
    }

    fn recovered(&mut self, at: Moment) -> Option<Duration> {
        self.lost_at.take().map(|lost_at| at.since(lost_at))
    }

    fn welcomed(&mut self, what: &EventKind) {
        let EventKind::Welcomed {
            session,
            resumed,
            next_seq,
            ..
        } = what
        else {
            return;
        };
        let is_same = self.session.as_ref().is_some_and(|(tag, _)| tag == session);
        if !resumed || !is_same {
            self.session = Some((session.clone(), next_seq.saturating_sub(1)));
        }
    }

    fn applied(&mut self, session: &str, seq: u64) {
        let Some((_, highest)) = self.session.as_mut().filter(|(tag, _)| tag == session) else {
            return;
        };
        if seq <= *highest {
            self.duplicated += 1;
            return;
        }
        self.lost = self.lost.saturating_add(seq - *highest - 1);
        *highest = seq;
    }

    fn time(&self, now: Moment) -> f64 {
        self.first_dial
            .map_or(0.0, |at| now.since(at).as_secs_f64())
    }

    fn open_time(&self, now: Moment) -> f64 {
        let open = self
            .open
            .map_or(Duration::ZERO, |(_, since)| now.since(since));
        (self.open_time + open).as_secs_f64()
    }
}

/// The word of journals for it.
fn word(why: CloseReason) -> &'static str {
    match why {
        CloseReason::Refused => "refused",
        CloseReason::ConnectTimeout => "connect_timeout",
        CloseReason::Tls => "tls",
        CloseReason::BadUpgrade => "bad_upgrade",
        CloseReason::Reset => "reset",
        CloseReason::Ended => "ended",
        CloseReason::CloseFrame => "close_frame",
        CloseReason::Silent => "silent",
        CloseReason::Protocol => "protocol",
        CloseReason::Network => "network",
        CloseReason::Wanted => "wanted",
        CloseReason::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::after_origin(Duration::from_millis(millis))
    }

    fn fold(events: Vec<(u64, &str, EventKind)>) -> Statistics {
        let mut statistics = Statistics::new();
        for (millis, client, what) in events {
            statistics.fold(&Event {
                at: at(millis),
                client: client.into(),
                what,
            });
        }
        statistics
    }

    fn closed(dial: u64, why: CloseReason) -> EventKind {
        let code = None;
        EventKind::Closed { dial, why, code }
    }

    fn welcomed(dial: u64, session: &str, resumed: bool, next_seq: u64) -> EventKind {
        EventKind::Welcomed {
            dial,
            session: session.into(),
            resumed,
            lost: None,
            next_seq,
            paused: false,
        }
    }

    fn applied(dial: u64, session: &str, seq: u64) -> EventKind {
        let session = session.into();
        EventKind::Applied { dial, session, seq }
    }

    fn life() -> Vec<(u64, &'static str, EventKind)> {
        vec![
            (0, "c1", EventKind::Dialled { dial: 1 }),
            (100, "c1", EventKind::Opened { dial: 1 }),
            (100, "c1", welcomed(1, "a", false, 1)),
            (200, "c1", applied(1, "a", 1)),
            (300, "c1", applied(1, "a", 2)),
            (500, "c1", closed(1, CloseReason::Reset)),
            (600, "c1", EventKind::Dialled { dial: 2 }),
            (600, "c1", closed(2, CloseReason::Refused)),
            (700, "c1", EventKind::Dialled { dial: 3 }),
            (800, "c1", EventKind::Opened { dial: 3 }),
            (900, "c1", welcomed(3, "a", true, 6)),
            (900, "c1", applied(3, "a", 5)),
            (950, "c1", applied(3, "a", 5)),
        ]
    }

    #[test]
    fn a_life_is_summed_up() {
        let summary = fold(life()).summary(at(1000));
        assert_eq!((summary.dials, summary.connects), (3, 2));
        assert_eq!((summary.reconnects, summary.failed_dials), (1, 1));
        assert_eq!((summary.lost, summary.duplicated), (Some(2), Some(1)));
        assert_eq!((summary.clients, summary.connected), (1, 1));
        // Open from 100 to 500 and from 800 on.
        assert!((summary.availability - 0.6).abs() < 1e-9);
        let recovery = summary.recovery.unwrap();
        assert_eq!(recovery.count, 1);
        assert!((recovery.max_ms - 400.0).abs() < 1.0, "{recovery:?}");
        let endings = [("refused", 1), ("reset", 1)];
        assert_eq!(summary.endings, endings.into());
    }

    #[test]
    fn a_fresh_session_is_no_gap_and_a_hostile_one_no_overflow() {
        let mut events = life();
        events.push((960, "c1", welcomed(3, "a", false, 1)));
        events.push((970, "c1", applied(3, "a", 1)));
        assert_eq!(fold(events.clone()).summary(at(1000)).lost, Some(2));
        for client in ["c1", "c2"] {
            events.push((980, client, welcomed(4, "b", false, 0)));
            events.push((990, client, applied(4, "b", u64::MAX)));
        }
        assert_eq!(fold(events).summary(at(1000)).lost, Some(u64::MAX));
    }

    #[test]
    fn without_sessions_nothing_is_said_about_loss() {
        let summary = fold(vec![
            (0, "c1", EventKind::Dialled { dial: 1 }),
            (0, "c1", EventKind::Opened { dial: 1 }),
            (1, "c1", EventKind::Received { dial: 1 }),
        ])
        .summary(at(10));
        assert_eq!((summary.lost, summary.duplicated), (None, None));
        assert_eq!((summary.messages, summary.recovery), (1, None));
    }

    #[test]
    fn words_are_those_of_the_journal() {
        for why in [
            CloseReason::Refused,
            CloseReason::ConnectTimeout,
            CloseReason::Tls,
            CloseReason::BadUpgrade,
            CloseReason::Reset,
            CloseReason::Ended,
            CloseReason::CloseFrame,
            CloseReason::Silent,
            CloseReason::Protocol,
            CloseReason::Network,
            CloseReason::Wanted,
        ] {
            assert_eq!(serde_json::to_value(why).unwrap(), word(why));
        }
    }
}
