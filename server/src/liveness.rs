//! When a socket is asked for a sign of life, and when it is given up.
//!
//! Pure: `now` is an argument. Anything that comes in counts as life, not only
//! pongs. Invariant: there is always a deadline, so no socket is waited for
//! indefinitely. Used by [`crate::socket`].

use std::time::Duration;

use environment::Moment;

/// How long a closing handshake may take (RFC 6455 §7.1.1 names no time).
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send a ping.
    Ping,
    /// Nothing came in though a ping went out, or the peer takes no bytes.
    Dead,
    /// The peer did not answer a Close frame.
    Unanswered,
}

#[derive(Debug)]
pub(crate) struct Liveness {
    ping_every: Duration,
    pong_within: Duration,
    heard_at: Moment,
    pinged_at: Option<Moment>,
    /// Since when bytes have been waiting for the peer to take them.
    writing_since: Option<Moment>,
    closing_since: Option<Moment>,
}

impl Liveness {
    pub(crate) fn start(now: Moment, ping_every: Duration, pong_within: Duration) -> Self {
        Self {
            ping_every,
            pong_within,
            heard_at: now,
            pinged_at: None,
            writing_since: None,
            closing_since: None,
        }
    }

    /// Something came in.
    pub(crate) fn heard(&mut self, now: Moment) {
        self.heard_at = now;
        self.pinged_at = None;
    }

    /// Bytes wait to be taken; those that wait already keep their moment.
    pub(crate) fn writing(&mut self, now: Moment) {
        self.writing_since.get_or_insert(now);
    }

    /// All bytes were taken.
    pub(crate) fn written(&mut self) {
        self.writing_since = None;
    }

    /// A Close frame was said by either side.
    pub(crate) fn closing(&mut self, now: Moment) {
        self.closing_since.get_or_insert(now);
    }

    /// When [`Liveness::poll`] has something to say next.
    pub(crate) fn deadline(&self) -> Moment {
        self.next().0
    }

    /// What is due; a ping that it asks for counts as sent.
    pub(crate) fn poll(&mut self, now: Moment) -> Option<Due> {
        let (moment, due) = self.next();
        if moment > now {
            return None;
        }
        if due == Due::Ping {
            self.pinged_at = Some(now);
        }
        Some(due)
    }

    fn next(&self) -> (Moment, Due) {
        if let Some(since) = self.closing_since {
            return (since + CLOSE_WITHIN, Due::Unanswered);
        }
        // While bytes wait, a ping would wait behind them.
        let waiting = self.writing_since.into_iter().chain(self.pinged_at).min();
        match waiting {
            Some(since) => (since + self.pong_within, Due::Dead),
            None => (self.heard_at + self.ping_every, Due::Ping),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(secs))
    }

    fn started() -> Liveness {
        Liveness::start(at(0), Duration::from_secs(10), Duration::from_secs(5))
    }

    #[test]
    fn silence_is_pinged_and_then_given_up() {
        let mut it = started();
        assert_eq!(it.poll(at(9)), None);
        assert_eq!(it.poll(at(10)), Some(Due::Ping));
        assert_eq!(it.deadline(), at(15));
        assert_eq!(it.poll(at(15)), Some(Due::Dead));
    }

    #[test]
    fn anything_heard_is_life() {
        let mut it = started();
        it.poll(at(10));
        it.heard(at(14));
        assert_eq!(it.deadline(), at(24));
        assert_eq!(it.poll(at(24)), Some(Due::Ping));
    }

    #[test]
    fn a_peer_that_takes_no_bytes_is_given_up_though_it_speaks() {
        let mut it = started();
        it.writing(at(3));
        it.writing(at(7));
        it.heard(at(7));
        assert_eq!(it.poll(at(8)), Some(Due::Dead));
    }

    #[test]
    fn bytes_taken_in_time_are_forgotten() {
        let mut it = started();
        it.writing(at(3));
        it.written();
        assert_eq!(it.deadline(), at(10));
    }

    #[test]
    fn a_close_is_answered_in_time_or_not_waited_for() {
        let mut it = started();
        it.closing(at(1));
        it.closing(at(2));
        it.heard(at(2));
        assert_eq!(it.poll(at(2)), None);
        assert_eq!(it.poll(at(3)), Some(Due::Unanswered));
    }
}
