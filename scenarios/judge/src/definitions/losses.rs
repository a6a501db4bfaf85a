//! What rules took from one direction of a connection, as the proxy saw it pass.

use std::time::Duration;

use environment::{Direction, Moment};

use chaos_proxy::EventKind;

/// What waits no longer than this is no loss: it is what a network may take.
pub(crate) const UNFELT: Duration = Duration::from_millis(250);

/// A stretch of bytes that did not come as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Whether they were destroyed; else they waited, each for more than 250 ms.
    pub is_destroyed: bool,
    /// When the first of them came to the proxy.
    pub from: Moment,
    /// When the last that was destroyed came; of bytes that waited, `from`.
    pub last: Moment,
    /// The longest times of it in which nothing reached the peer: until something
    /// did, and, with `None`, when nothing did any more.
    pub silences: [Option<(Moment, Option<Moment>)>; 2],
    /// When it was given back: what waited was out, or data flowed again;
    /// `None`: never.
    pub until: Option<Moment>,
}

impl Loss {
    /// Of what never came to its end: since when nothing reached the peer any more.
    pub(super) fn silent_since(&self) -> Option<Moment> {
        let mut silences = self.silences.iter().flatten();
        silences
            .find(|(_, until)| until.is_none())
            .map(|(since, _)| *since)
    }

    /// Whether it lasts at that moment.
    pub fn covers(&self, at: Moment) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// All losses of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// On the way to the client, in order of their ends.
    pub downstream: Vec<Loss>,
    /// On the way to the server.
    pub upstream: Vec<Loss>,
}

impl Losses {
    /// Notes an event, if it is about a loss.
    pub(super) fn note(&mut self, what: &EventKind) {
        let moment = |micros: &u64| Moment::after_origin(Duration::from_micros(*micros));
        let (direction, loss) = match what {
            EventKind::Withheld {
                direction,
                since_us,
                until_us,
                silent_from_us,
                silent_until_us,
                silent_since_us,
                ..
            } => {
                let from = moment(since_us);
                let loss = Loss {
                    is_destroyed: false,
                    from,
                    last: from,
                    silences: [
                        silent_from_us
                            .as_ref()
                            .map(|at| (moment(at), silent_until_us.as_ref().map(moment))),
                        silent_since_us.as_ref().map(|at| (moment(at), None)),
                    ],
                    until: until_us.as_ref().map(moment),
                };
                (direction, loss)
            }
            EventKind::Destroyed {
                direction,
                first_us,
                last_us,
                heard_us,
                until_us,
            } => {
                let loss = Loss {
                    is_destroyed: true,
                    from: moment(first_us),
                    last: moment(last_us),
                    silences: [
                        Some((moment(first_us), heard_us.as_ref().map(moment))),
                        None,
                    ],
                    until: until_us.as_ref().map(moment),
                };
                (direction, loss)
            }
            _ => return,
        };
        if direction == Direction::Downstream.word() {
            self.downstream.push(loss);
        } else {
            self.upstream.push(loss);
        }
    }

    /// Of this direction.
    pub(super) fn of(&self, direction: Direction) -> &[Loss] {
        match direction {
            Direction::Downstream => &self.downstream,
            Direction::Upstream => &self.upstream,
        }
    }
}
