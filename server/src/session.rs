//! One session: a sequence of ticks that survives the sockets attached to it.
//!
//! Pure: `now` is an argument. Invariant: `seq` counts from 1 without a gap,
//! whatever pauses, attaches and leaves. The resume buffer is a window of
//! numbers, since values follow from them ([`crate::value`]): it costs no
//! memory. Used by [`crate::registry`].

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use crate::ticker::Pace;

/// A session's secret name. It is shown as its tag only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionId(Arc<str>);

impl SessionId {
    pub(crate) fn new(secret: &str) -> Self {
        Self(secret.into())
    }

    /// The secret itself: for the wire and for draws.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// What stands for it in events and logs.
    pub(crate) fn tag(&self) -> String {
        environment::tag(&self.0)
    }
}

impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tag())
    }
}

/// One socket of the server, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId(pub(crate) u64);

/// What all sessions have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// From tick to tick.
    pub(crate) tick: Duration,
    /// How long nothing may be said to attached sockets.
    pub(crate) heartbeat: Duration,
    /// How many of the latest ticks can be replayed.
    pub(crate) buffer: u64,
    /// How long a session lives without a socket.
    pub(crate) expiry: Duration,
}

/// What a session does when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It made the tick of this number.
    Tick(u64),
    /// Nothing else was due for a heartbeat.
    Heartbeat,
    /// It expired.
    Ended,
}

/// What a socket that comes back is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replay {
    /// How many ticks can no longer be replayed.
    pub(crate) lost: u64,
    /// The ticks to send again; it ends with the number of the next new one.
    pub(crate) seqs: Range<u64>,
}

/// The client claims to have seen ticks that were never made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeyondHead {
    /// The latest tick made; 0 before the first.
    pub(crate) head: u64,
}

#[derive(Debug)]
pub(crate) struct Session {
    rules: Rules,
    pace: Pace,
    next_seq: u64,
    sockets: BTreeSet<SocketId>,
    /// When all attached sockets were last told something.
    said_at: Moment,
    /// Since when there is no socket, if there is none.
    away_since: Moment,
}

impl Session {
    /// A session with nobody attached yet; its first tick is due in one interval.
    pub(crate) fn start(now: Moment, rules: Rules) -> Self {
        Self {
            rules,
            pace: Pace::start(now, rules.tick),
            next_seq: 1,
            sockets: BTreeSet::new(),
            said_at: now,
            away_since: now,
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.pace.is_paused()
    }

    pub(crate) fn sockets(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.sockets.iter().copied()
    }

    /// Since when no socket is attached; `None` while one is.
    pub(crate) fn away_since(&self) -> Option<Moment> {
        self.sockets.is_empty().then_some(self.away_since)
    }

    /// The moment of the next [`Session::poll`] that may do something.
    pub(crate) fn deadline(&self) -> Moment {
        let other = self.expires_at().unwrap_or_else(|| self.heartbeat_at());
        self.pace.due().map_or(other, |due| due.min(other))
    }

    /// Does what is due, one thing a call; `None` when nothing more is.
    ///
    /// To be called again until `None`, after [`Session::deadline`] has come.
    /// A call too early does nothing.
    pub(crate) fn poll(&mut self, now: Moment) -> Option<Happened> {
        let expires_at = self.expires_at();
        // A late call must not lose the ticks made before the end.
        let ticks = |due: &Moment| *due <= now && expires_at.is_none_or(|end| *due < end);
        if self.pace.due().as_ref().is_some_and(ticks) {
            return Some(Happened::Tick(self.tick(now)));
        }
        match expires_at {
            Some(end) => (end <= now).then_some(Happened::Ended),
            None => (self.heartbeat_at() <= now).then(|| {
                self.said_at = now;
                Happened::Heartbeat
            }),
        }
    }

    /// Attaches a socket.
    pub(crate) fn attach(&mut self, now: Moment, socket: SocketId) {
        // A second socket's welcome is nothing that the first one hears.
        if self.sockets.is_empty() {
            self.said_at = now;
        }
        self.sockets.insert(socket);
    }

    /// Detaches a socket; nothing happens if it is not attached.
    pub(crate) fn detach(&mut self, now: Moment, socket: SocketId) {
        if self.sockets.remove(&socket) && self.sockets.is_empty() {
            self.away_since = now;
        }
    }

    /// Pauses or resumes; whether that changed anything.
    pub(crate) fn set_paused(&mut self, now: Moment, paused: bool) -> bool {
        let changed = self.is_paused() != paused;
        self.pace = match paused {
            true => self.pace.pause(now),
            false => self.pace.resume(now),
        };
        if changed {
            self.said_at = now;
        }
        changed
    }

    /// What a client that has seen `last_seq` is to be given.
    pub(crate) fn replay(&self, last_seq: u64) -> Result<Replay, BeyondHead> {
        let head = self.next_seq - 1;
        if last_seq > head {
            return Err(BeyondHead { head });
        }
        let wanted = last_seq + 1;
        let oldest = self.next_seq.saturating_sub(self.rules.buffer).max(1);
        let from = wanted.max(oldest);
        Ok(Replay {
            lost: from - wanted,
            seqs: from..self.next_seq,
        })
    }

    fn tick(&mut self, now: Moment) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.pace = self.pace.ticked(now, self.rules.tick);
        self.said_at = now;
        seq
    }

    fn heartbeat_at(&self) -> Moment {
        self.said_at + self.rules.heartbeat
    }

    fn expires_at(&self) -> Option<Moment> {
        self.away_since().map(|since| since + self.rules.expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        tick: Duration::from_secs(1),
        heartbeat: Duration::from_secs(1),
        buffer: 3,
        expiry: Duration::from_secs(60),
    };
    const SOCKET: SocketId = SocketId(1);

    fn at(millis: u64) -> Moment {
        Moment::after_origin(Duration::from_millis(millis))
    }

    /// Everything that happens up to `end`, each at its deadline.
    fn play(session: &mut Session, end: Moment) -> Vec<(Moment, Happened)> {
        let mut seen = Vec::new();
        while session.deadline() <= end {
            let now = session.deadline();
            let happened = session.poll(now).expect("a deadline is never idle");
            seen.push((now, happened));
            if happened == Happened::Ended {
                break;
            }
        }
        seen
    }

    fn attached(rules: Rules) -> Session {
        let mut session = Session::start(at(0), rules);
        session.attach(at(0), SOCKET);
        session
    }

    #[test]
    fn ticks_come_on_the_grid_and_leave_no_room_for_heartbeats() {
        let seen = play(&mut attached(RULES), at(3_500));
        let expected = [(1_000, 1), (2_000, 2), (3_000, 3)]
            .map(|(millis, seq)| (at(millis), Happened::Tick(seq)));
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_paused_session_says_heartbeats_and_makes_no_ticks() {
        let mut session = attached(RULES);
        assert!(session.set_paused(at(400), true));
        assert!(!session.set_paused(at(400), true));
        let seen = play(&mut session, at(3_000));
        let beats = [1_400, 2_400].map(|millis| (at(millis), Happened::Heartbeat));
        assert_eq!(seen, beats);
        assert!(session.set_paused(at(3_000), false));
        assert_eq!(session.poll(at(3_600)), Some(Happened::Tick(1)));
    }

    #[test]
    fn a_slow_ticker_says_heartbeats_between_ticks() {
        let rules = Rules {
            heartbeat: Duration::from_millis(400),
            ..RULES
        };
        let seen = play(&mut attached(rules), at(1_500));
        let expected = [
            (at(400), Happened::Heartbeat),
            (at(800), Happened::Heartbeat),
            (at(1_000), Happened::Tick(1)),
            (at(1_400), Happened::Heartbeat),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_second_socket_does_not_put_off_the_first_ones_heartbeat() {
        let mut session = attached(RULES);
        session.set_paused(at(0), true);
        session.attach(at(900), SocketId(2));
        assert_eq!(session.deadline(), at(1_000));
    }

    #[test]
    fn a_session_ticks_while_its_client_is_away_until_it_expires() {
        let mut session = attached(RULES);
        session.detach(at(500), SOCKET);
        let seen = play(&mut session, at(100_000));
        let ticks = seen.iter().filter(|(_, what)| *what != Happened::Ended);
        assert_eq!(ticks.count(), 60);
        assert_eq!(seen.last(), Some(&(at(60_500), Happened::Ended)));
    }

    #[test]
    fn a_late_poll_ticks_before_it_expires() {
        let mut session = attached(RULES);
        session.detach(at(0), SOCKET);
        let late = at(200_000);
        assert_eq!(session.poll(late), Some(Happened::Tick(1)));
        assert_eq!(session.poll(late), Some(Happened::Ended));
    }

    #[test]
    fn replay_gives_what_the_buffer_holds_and_counts_the_rest() {
        let mut session = attached(RULES);
        play(&mut session, at(10_000));
        let replay = |last_seq| session.replay(last_seq);
        let expect = |lost, seqs| Ok(Replay { lost, seqs });
        assert_eq!(replay(10), expect(0, 11..11));
        assert_eq!(replay(8), expect(0, 9..11));
        assert_eq!(replay(7), expect(0, 8..11));
        assert_eq!(replay(6), expect(1, 8..11));
        assert_eq!(replay(0), expect(7, 8..11));
        assert_eq!(replay(11), Err(BeyondHead { head: 10 }));
        assert_eq!(replay(u64::MAX), Err(BeyondHead { head: 10 }));
    }

    #[test]
    fn without_a_buffer_everything_missed_is_lost() {
        let rules = Rules { buffer: 0, ..RULES };
        let mut session = attached(rules);
        play(&mut session, at(5_000));
        let expected = Replay {
            lost: 3,
            seqs: 6..6,
        };
        assert_eq!(session.replay(2), Ok(expected));
    }
}
