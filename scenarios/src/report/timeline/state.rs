//! What a client was about, all the time: one state after the other.
//!
//! ```text
//! dials ───────┐
//! connections ─┼─▶ pieces of time, which may lie over each other ─▶ sweep ─▶ segments
//! outages ─────┘
//! ```
//!
//! Invariant: the segments of a client are in order of time and do not overlap;
//! of what happens at once the one that matters most is shown.

use std::time::Duration;

use environment::Moment;

use super::evidence::Known;
use crate::definitions::Connection;

/// What a client was about, as a row shows it; what matters least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Live, and nothing keeps its data away.
    Live,
    /// Dialled, and not accepted yet.
    Connecting,
    /// Accepted, without any data yet.
    Connected,
    /// No connection, and no dial.
    Down,
    /// It has a connection, through which a fault lets nothing pass.
    Hurt,
    /// More than one live connection.
    Doubled,
    /// Will not reconnect by itself.
    GaveUp,
}

impl State {
    /// All of them, in the order of legends.
    pub(crate) const ALL: [Self; 7] = [
        Self::Live,
        Self::Hurt,
        Self::Connecting,
        Self::Connected,
        Self::Down,
        Self::GaveUp,
        Self::Doubled,
    ];

    /// For people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Connecting => "connecting",
            Self::Connected => "connected, no data yet",
            Self::Down => "down",
            Self::Hurt => "affected: connected, data held back",
            Self::Doubled => "more than one live",
            Self::GaveUp => "gave up",
        }
    }

    /// For the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Connecting => "dialling",
            Self::Connected => "open",
            Self::Down => "down",
            Self::Hurt => "hurt",
            Self::Doubled => "double",
            Self::GaveUp => "gave",
        }
    }
}

/// A client was in one state from then until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) state: State,
    pub(crate) from: Moment,
    pub(crate) until: Moment,
}

impl Segment {
    pub(crate) fn length(&self) -> Duration {
        self.until.since(self.from)
    }
}

/// Something that is so for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// There is such a client.
    There,
    GaveUp,
    Dialling,
    /// Accepted, without data, and nothing keeps it away.
    Open,
    /// Accepted, without data, struck.
    OpenHurt,
    /// Live, and nothing keeps the data away.
    Live,
    /// Live by definition, struck.
    LiveHurt,
}

const PIECES: usize = 7;

/// Every state of a client, until `end`.
pub(crate) fn segments(known: &Known<'_>, client: &str, end: Moment) -> Vec<Segment> {
    let mut pieces = Vec::new();
    let connections: Vec<&Connection> = known.connections(client).collect();
    presence(known, client, end, &mut pieces);
    dialling(known, client, &connections, end, &mut pieces);
    for connection in connections {
        connected(known, client, connection, end, &mut pieces);
    }
    let pieces = pieces.into_iter();
    sweep(pieces.map(|(piece, from, until)| (piece, from.min(end), until.min(end))))
}

type Pieces = Vec<(Piece, Moment, Moment)>;

fn presence(known: &Known<'_>, client: &str, end: Moment, pieces: &mut Pieces) {
    let reports = &known.evidence.observed.reports;
    let accepted = known.connections(client).map(|c| c.accepted);
    let Some(from) = known
        .dials(client)
        .iter()
        .map(|d| d.at)
        .chain(accepted)
        .min()
    else {
        return;
    };
    let stopped = reports.stopped(client).unwrap_or(end);
    pieces.push((Piece::There, from, stopped));
    if let Some(gave_up) = reports.gave_up(client) {
        pieces.push((Piece::GaveUp, gave_up, stopped));
    }
}

/// From a dial until it was accepted, or had failed, or the next one began.
fn dialling(
    known: &Known<'_>,
    client: &str,
    connections: &[&Connection],
    end: Moment,
    pieces: &mut Pieces,
) {
    let dials = known.dials(client);
    let next = dials.iter().skip(1).map(|dial| Some(dial.at));
    for (dial, next) in dials.iter().zip(next.chain([None])) {
        let after = connections.partition_point(|c| c.accepted < dial.at);
        let accepted = connections.get(after).map(|c| c.accepted);
        let ends = [dial.ended, accepted, next].into_iter().flatten();
        pieces.push((Piece::Dialling, dial.at, ends.min().unwrap_or(end)));
    }
}

fn connected(
    known: &Known<'_>,
    client: &str,
    connection: &Connection,
    end: Moment,
    pieces: &mut Pieces,
) {
    let gone = connection.gone().unwrap_or(end);
    let data = connection.first_data.unwrap_or(gone).min(gone);
    let hurt = known.hurt(client, connection.attempt);
    split(connection.accepted, data, &hurt, |is_hurt, from, until| {
        let piece = if is_hurt {
            Piece::OpenHurt
        } else {
            Piece::Open
        };
        pieces.push((piece, from, until));
    });
    split(data, gone, &hurt, |is_hurt, from, until| {
        let piece = if is_hurt {
            Piece::LiveHurt
        } else {
            Piece::Live
        };
        pieces.push((piece, from, until));
    });
}

/// A time, cut where it begins or ceases to be affected.
fn split(
    from: Moment,
    until: Moment,
    hurt: &[(Moment, Moment)],
    mut tell: impl FnMut(bool, Moment, Moment),
) {
    // A journal may say that it ended before it began.
    let until = until.max(from);
    let mut at = from;
    for (begin, end) in hurt {
        let (begin, end) = ((*begin).clamp(at, until), (*end).clamp(at, until));
        if at < begin {
            tell(false, at, begin);
        }
        if begin < end {
            tell(true, begin, end);
        }
        at = end.max(at);
    }
    if at < until {
        tell(false, at, until);
    }
}

fn sweep(pieces: impl Iterator<Item = (Piece, Moment, Moment)>) -> Vec<Segment> {
    let mut changes: Vec<(Moment, Piece, bool)> = Vec::new();
    for (piece, from, until) in pieces.filter(|(_, from, until)| from < until) {
        changes.extend([(from, piece, true), (until, piece, false)]);
    }
    changes.sort_unstable();
    let mut counts = [0_usize; PIECES];
    let mut segments: Vec<Segment> = Vec::new();
    let mut changes = changes.into_iter().peekable();
    while let Some((at, piece, begins)) = changes.next() {
        let count = &mut counts[piece as usize];
        *count = if begins {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        let Some((next, ..)) = changes.peek().filter(|(next, ..)| *next > at) else {
            continue;
        };
        if let Some(state) = shown(&counts) {
            extend(&mut segments, state, at, *next);
        }
    }
    segments
}

fn extend(segments: &mut Vec<Segment>, state: State, from: Moment, until: Moment) {
    match segments.last_mut() {
        Some(last) if last.state == state && last.until == from => last.until = until,
        _ => segments.push(Segment { state, from, until }),
    }
}

fn shown(counts: &[usize; PIECES]) -> Option<State> {
    let has = |piece: Piece| counts[piece as usize] > 0;
    let live = counts[Piece::Live as usize] + counts[Piece::LiveHurt as usize];
    let state = if live > 1 {
        State::Doubled
    } else if has(Piece::Live) {
        State::Live
    } else if has(Piece::LiveHurt) || has(Piece::OpenHurt) {
        State::Hurt
    } else if has(Piece::Open) {
        State::Connected
    } else if has(Piece::Dialling) {
        State::Connecting
    } else if has(Piece::GaveUp) {
        State::GaveUp
    } else if has(Piece::There) {
        State::Down
    } else {
        return None;
    };
    Some(state)
}

/// Runs of segments that are each shorter than `least` become one, which shows
/// what mattered most in it; the others stay as they are.
pub(crate) fn merged(segments: &[Segment], least: Duration) -> Vec<Segment> {
    let mut merged: Vec<Segment> = Vec::new();
    let mut short: Option<Segment> = None;
    for segment in segments {
        let is_short = segment.length() < least;
        match short.as_mut() {
            Some(open) if is_short && open.until == segment.from && open.length() < least => {
                open.until = segment.until;
                open.state = open.state.max(segment.state);
            }
            _ => {
                merged.extend(short.take());
                if is_short {
                    short = Some(*segment);
                } else {
                    merged.push(*segment);
                }
            }
        }
    }
    merged.extend(short);
    merged
}
