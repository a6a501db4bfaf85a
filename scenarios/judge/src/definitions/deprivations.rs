//! What one strike of a rule took from its client.
//!
//! A client is deprived while something that is due to it is kept from a
//! connection that it has not left, and no other connection of it is fed: bytes
//! wait, data is destroyed, the connection is ended toward it, or its dial gets
//! anything but the server's own answer. A strike that takes nothing is spent:
//! it fired, and affects no client.

use std::time::Duration;

use chaos_proxy::{Corrupt, Fault, FaultKind, Rule};
use environment::{Direction, Moment};

use super::Observations;
use super::connection::Connection;
use super::connections::Strike;
use super::losses::{Loss, UNFELT};

/// What a strike took from a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deprivation {
    /// Which connection; 0: a dial that was never accepted.
    pub attempt: u64,
    /// From when.
    pub from: Moment,
    /// When it was given back on this very connection; `None`: not on it.
    pub until: Option<Moment>,
    /// The longest time of it in which nothing reached the client on it; `None`
    /// as its end: nothing did any more.
    pub silence: (Moment, Option<Moment>),
    /// Whether its client had it open, and so may be asked to notice.
    pub was_open: bool,
    /// When the rule let go of the connection, if it is one that holds: from then
    /// on what comes passes.
    pub healed: Option<Moment>,
    /// When a rule last told the client something on it, who could not know until then.
    pub told: Option<Moment>,
    /// Whether the end of this fault is part of its heal: what merely slows a
    /// dial moves none.
    pub heals: bool,
}

/// What a rule's strike on a connection took, until the rule let go at `healed`.
pub(super) fn of_strike(
    observed: &Observations,
    rule: &Rule,
    strike: &Strike,
    healed: Moment,
    figures: ClientFigures,
) -> Option<Deprivation> {
    let connection = observed.connections.get(&strike.client, strike.attempt)?;
    let watched = observed.watched_until();
    let taken = Taking {
        connection,
        rule,
        at: strike.at,
        healed,
        watched,
        figures,
    };
    let deprivation = taken.deprivation()?;
    let is_left = connection.left.is_some_and(|left| left <= deprivation.from);
    let is_over = connection
        .ended
        .is_some_and(|ended| ended < deprivation.from);
    if is_left || is_over {
        return None;
    }
    without_another(observed, &strike.client, deprivation)
}

struct Taking<'a> {
    connection: &'a Connection,
    rule: &'a Rule,
    at: Moment,
    healed: Moment,
    watched: Moment,
    figures: ClientFigures,
}

/// What is known of all clients of a run, where it matters who is deprived.
#[derive(Debug, Clone, Copy)]
pub struct ClientFigures {
    /// No dial takes longer before it is given up; of what nobody knows, indefinitely.
    pub dial_bound: Duration,
    /// The longest bound that the file declares.
    pub longest_dial: Duration,
    /// Whether they wait for the answers to pings of their own.
    pub await_answers: bool,
}

impl Taking<'_> {
    fn deprivation(&self) -> Option<Deprivation> {
        let fault = &self.rule.fault;
        if fault.ends().is_some() {
            let severed = self.connection.severed_by(fault, self.at)?;
            return Some(self.from(severed));
        }
        match (fault.phase(), fault) {
            (_, Fault::ConnectDelay(_) | Fault::UpgradeDelay(_)) => {
                let slowed = self.kept_out()?;
                // Who waits long enough gets through, and is not kept out by it.
                let delay = fault.dial_delay().unwrap_or_default();
                Some(Deprivation {
                    heals: delay >= self.figures.longest_dial,
                    ..slowed
                })
            }
            (FaultKind::Accept, _) | (_, Fault::UpgradeReply(_)) => Some(Deprivation {
                // Whatever it says, the client that dials knows that it is away.
                was_open: false,
                ..self.from(self.at)
            }),
            (FaultKind::Hold, _) => {
                let ways = [
                    self.kept_out(),
                    self.silenced(),
                    self.dropped(),
                    self.unanswered(),
                ];
                ways.into_iter().flatten().min_by_key(|taken| taken.from)
            }
            (FaultKind::Listener | FaultKind::Strike, _) => None,
        }
    }

    fn from(&self, from: Moment) -> Deprivation {
        let opened = self.connection.opened();
        Deprivation {
            attempt: self.connection.attempt,
            from,
            until: None,
            silence: self
                .connection
                .longest_quiet((self.connection.silent_from(from), None)),
            told: self.connection.told_from(from).max(),
            was_open: opened.is_some_and(|opened| opened <= from),
            healed: None,
            heals: true,
        }
    }

    /// The longest time from `from` on in which nothing came, while the client had the
    /// connection. Bytes that are flipped come all the same.
    fn longest_silence(&self, losses: &[&Loss], from: Moment) -> (Moment, Option<Moment>) {
        if matches!(self.rule.fault, Fault::Corrupt(Corrupt::Bits(_))) {
            return (from, Some(from));
        }
        let each = |loss: &Loss| {
            let is_destroyed = loss.is_destroyed;
            loss.silences
                .into_iter()
                .flatten()
                .map(move |(begun, until)| {
                    let until = until.map(|until| until.max(from));
                    let begun = begun.max(from);
                    // Behind what is kept it begins when that is out.
                    let begun = if is_destroyed {
                        self.connection.silent_from(begun)
                    } else {
                        begun
                    };
                    (until.map_or(begun, |until| begun.min(until)), until)
                })
        };
        let end = self.connection.end();
        let lasts = |(begun, until): &(Moment, Option<Moment>)| {
            let until = until.iter().chain(&end).min();
            until.map_or(Duration::MAX, |until| until.since(*begun))
        };
        let silences = losses.iter().copied().flat_map(each);
        let silences = silences.map(|silence| self.connection.longest_quiet(silence));
        silences.max_by_key(lasts).unwrap_or((from, None))
    }

    /// The dial got no answer, or one so late that no dial waits for it.
    fn kept_out(&self) -> Option<Deprivation> {
        let fault = &self.rule.fault;
        let takes = |way| fault.withholds(way) || fault.destroys(way);
        let is_slow = matches!(fault, Fault::ConnectDelay(_) | Fault::UpgradeDelay(_));
        let opened = self.connection.opened();
        let was_open = opened.is_some_and(|opened| opened <= self.at);
        if was_open || !(is_slow || takes(Direction::Upstream) || takes(Direction::Downstream)) {
            return None;
        }
        // An answer that comes when nobody waits for it any more is none.
        let opened = opened.filter(|at| self.connection.left.is_none_or(|left| left > *at));
        let answered = opened.unwrap_or(self.watched);
        let waited = answered.since(self.connection.accepted);
        let has_left = opened.is_none() && self.connection.end().is_some();
        let is_kept_out = has_left || waited > self.figures.dial_bound;
        is_kept_out.then(|| Deprivation {
            until: opened,
            ..self.from(self.at)
        })
    }

    /// Bytes for the client waited, or data for it was destroyed.
    fn silenced(&self) -> Option<Deprivation> {
        let (from, until, own) = self.lost(Direction::Downstream)?;
        Some(Deprivation {
            until,
            silence: self.longest_silence(&own, from),
            healed: Some(self.healed),
            ..self.from(from)
        })
    }

    /// What the client sent waited, or was destroyed, and it waits for the answer.
    fn unanswered(&self) -> Option<Deprivation> {
        let lost = || self.lost(Direction::Upstream);
        let (from, until, _) = self.figures.await_answers.then(lost).flatten()?;
        Some(Deprivation {
            until,
            silence: (from, until),
            healed: Some(self.healed),
            ..self.from(from)
        })
    }

    /// All that the rule took of an open connection in this direction: from when
    /// until when, and each loss.
    fn lost(&self, way: Direction) -> Option<(Moment, Option<Moment>, Vec<&Loss>)> {
        let opened = self.connection.opened()?;
        let losses = self.connection.losses.of(way).iter();
        let mut own: Vec<&Loss> = losses.filter(|loss| self.made(loss, way, opened)).collect();
        own.sort_by_key(|loss| loss.from);
        let from = own.first()?.from.max(self.at).max(opened);
        let until = own
            .iter()
            .map(|loss| loss.until)
            .try_fold(from, |last, until| until.map(|until| until.max(last)));
        Some((from, until, own))
    }

    /// Whether the rule made this loss, and it is one of an open connection.
    fn made(&self, loss: &Loss, way: Direction, opened: Moment) -> bool {
        let fault = &self.rule.fault;
        let is_its_kind = if loss.is_destroyed {
            fault.destroys(way)
        } else {
            fault.withholds(way)
        };
        let begun = loss.from.max(opened);
        let is_then = begun <= self.healed
            && if loss.is_destroyed {
                loss.last >= self.at
            } else {
                loss.until.is_none_or(|until| until > self.at)
            };
        is_its_kind && is_then && self.is_felt(loss, begun)
    }

    /// Of what was never given back: bytes that waited until the connection was
    /// gone did so for long enough; and of what was destroyed it is known that
    /// the server had more to say.
    fn is_felt(&self, loss: &Loss, begun: Moment) -> bool {
        let end = self.connection.end();
        match loss.until {
            Some(until) if loss.is_destroyed => until > begun,
            Some(until) => until.since(begun) > UNFELT,
            None if loss.is_destroyed => end.is_some_and(|end| end < self.watched),
            None => end.unwrap_or(self.watched).since(begun) > UNFELT,
        }
    }

    /// The server ended a connection from which the rule kept the client's words.
    fn dropped(&self) -> Option<Deprivation> {
        let fault = &self.rule.fault;
        let up = Direction::Upstream;
        if !(fault.withholds(up) || fault.destroys(up)) {
            return None;
        }
        let left = self.connection.server_left?;
        let ended = self.connection.ended?;
        (left.min(ended) >= self.at && left <= self.healed).then(|| self.from(ended))
    }
}

/// Whoever has another connection that is fed is not deprived; from when he has
/// none, if that is before it is given back.
fn without_another(
    observed: &Observations,
    client: &str,
    deprivation: Deprivation,
) -> Option<Deprivation> {
    let others = || {
        let all = observed.connections.of(client);
        all.filter(|other| other.attempt != deprivation.attempt)
    };
    let mut from = deprivation.from;
    // Each step leaves one connection behind, so this ends.
    while let Some(until) = others().find_map(|other| fed_until(other, from, observed.last)) {
        from = until;
    }
    let is_spent = deprivation.until.is_some_and(|until| from >= until)
        || from >= observed.last && from > deprivation.from;
    (!is_spent).then_some(Deprivation {
        from,
        ..deprivation
    })
}

/// Until when this connection feeds its client, if it does so then.
fn fed_until(connection: &Connection, at: Moment, end: Moment) -> Option<Moment> {
    let (from, until) = connection.live(end)?;
    let until = connection.ended.map_or(until, |ended| until.min(ended));
    let losses = connection.losses.downstream.iter();
    let begins = losses.map(|loss| loss.from).chain(connection.severed);
    let next = begins.filter(|from| *from > at).min();
    let is_fed = from <= at && at < until && !connection.is_deprived(at);
    is_fed.then(|| next.map_or(until, |next| until.min(next)))
}
