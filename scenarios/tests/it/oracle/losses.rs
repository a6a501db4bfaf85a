//! When something was kept from a client, from what went in and what came out.

use std::time::Duration;

use environment::Moment;

use super::wires::Wire;

/// What waits no longer than this is no loss.
const UNFELT: Duration = Duration::from_millis(250);

/// What the network itself takes, there and back, and a little.
const NETWORK: Duration = Duration::from_millis(1);

/// So near a change nobody is held to it.
pub(super) const EDGE: Duration = Duration::from_millis(20);

/// The opcode of all pieces of a message but the first.
const CONTINUATION: u8 = 0;

/// The opcode of close frames.
const CLOSE: u8 = 8;

/// Stretches of time.
pub(super) type Times = Vec<(Moment, Moment)>;

/// When the client was deprived, as far as one connection is concerned.
#[derive(Debug)]
pub(super) struct Deprived {
    pub(super) times: Times,
    /// Times of which it cannot be told: waits that are so near to what counts that
    /// they may be either, or that ended with the connection before they did; and
    /// what is no data, where messages are told apart.
    pub(super) unsure: Times,
    /// From when it was open: before, the client had not got what it dialled for.
    pub(super) from: Moment,
    /// Until when the connection was the client's.
    pub(super) until: Moment,
}

/// A message of the server or a control frame, in a stream that knows when its bytes passed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    opcode: u8,
    payload: Vec<u8>,
    /// When its last byte passed.
    at: Moment,
}

impl Frame {
    fn is_data(&self) -> bool {
        self.opcode < 8
    }
}

impl Deprived {
    /// `None` if what came cannot be read.
    pub(super) fn of(wire: &Wire<'_>, last: Moment) -> Option<Self> {
        let until = wire.over.unwrap_or(last);
        let (from, came) = frames(wire.came)?;
        let (_, sent) = frames(wire.sent)?;
        let (waits, destroyed, others) = if all(wire.sent).starts_with(&all(wire.came)) {
            let mut waits = of_bytes(wire.sent, wire.came, until);
            // The server's answer to a close frame that a rule sent it is for nobody.
            let is_answer = sent.len() == came.len() + 1 && sent[came.len()].opcode == CLOSE;
            if is_answer {
                waits.retain(|(_, out)| *out < until);
            }
            (waits, Vec::new(), Vec::new())
        } else {
            of_frames(&sent, &came, until)?
        };
        let ends_early = |(from, out): &(Moment, Moment)| {
            *out >= until && until.since(*from) <= UNFELT + NETWORK
        };
        let (early, destroyed): (Times, Times) = destroyed.into_iter().partition(ends_early);
        let long = waits.into_iter();
        let long = long.filter(|time| ends_early(time) || time.1.since(time.0) + NETWORK > UNFELT);
        let is_sure = |(from, until): &(Moment, Moment)| until.since(*from) > UNFELT + NETWORK;
        let (mut times, mut unsure): (Times, Times) = long.partition(is_sure);
        times.extend(destroyed);
        unsure.extend(early);
        unsure.extend(others);
        Some(Self {
            times,
            unsure,
            from,
            until,
        })
    }
}

/// Whether one of these covers that moment.
pub(super) fn covers(times: &Times, at: Moment) -> bool {
    let mut times = times.iter();
    times.any(|(from, until)| (*from..*until).contains(&at))
}

fn all(pieces: &[(Moment, Vec<u8>)]) -> Vec<u8> {
    pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

/// From when each piece went in until its bytes came out, byte by byte.
fn of_bytes(sent: &[(Moment, Vec<u8>)], came: &[(Moment, Vec<u8>)], until: Moment) -> Times {
    let each = |pieces: &[(Moment, Vec<u8>)]| -> Vec<Moment> {
        let each = pieces.iter();
        each.flat_map(|(at, bytes)| std::iter::repeat_n(*at, bytes.len()))
            .collect()
    };
    let out = each(came);
    let mut times = Times::new();
    for (index, into) in each(sent).into_iter().enumerate() {
        let time = (into, out.get(index).copied().unwrap_or(until.max(into)));
        if times.last() != Some(&time) {
            times.push(time);
        }
    }
    times
}

/// Whether it may be of a rule's own making: what those say that schedules have.
fn is_own(frame: &Frame) -> bool {
    let own: [&[u8]; 3] = [b"", b"news", b"{}"];
    own.contains(&&*frame.payload)
}

/// From when each message went in until it came out; and of those that never did,
/// until data came that was sent after them; and when what is no data went in and came
/// out, or may have. `None` if something came that was not sent, or more often than it
/// was.
fn of_frames(sent: &[Frame], came: &[Frame], until: Moment) -> Option<(Times, Times, Times)> {
    let mut out: Vec<Option<Moment>> = vec![None; sent.len()];
    for frame in came {
        let is_it = |index: &usize| {
            let other = &sent[*index];
            let is_same = (other.opcode, &other.payload) == (frame.opcode, &frame.payload);
            out[*index].is_none() && is_same && other.at <= frame.at
        };
        match (0..sent.len()).rev().find(is_it) {
            Some(index) => out[index] = Some(frame.at),
            None if frame.is_data() && !is_own(frame) => return None,
            None => {}
        }
    }
    let data_after = |from: usize| {
        let later = (from + 1..sent.len()).filter(|index| sent[*index].is_data());
        later.filter_map(|index| out[index]).min()
    };
    let (mut waits, mut destroyed, mut others) = (Times::new(), Times::new(), Times::new());
    // Of what is said more than once nobody knows which one came: only that it has when
    // something else did that was said later.
    let is_same =
        |one: &Frame, other: &Frame| (one.opcode, &one.payload) == (other.opcode, &other.payload);
    let is_alone: Vec<bool> = sent
        .iter()
        .map(|frame| sent.iter().filter(|other| is_same(frame, other)).count() == 1)
        .collect();
    let passed = |from: usize| {
        let later = (from + 1..sent.len()).filter(|index| is_alone[*index]);
        later.filter_map(|index| out[index]).min()
    };
    for (index, frame) in sent.iter().enumerate() {
        match out[index] {
            _ if !is_alone[index] => {
                others.push((frame.at, passed(index).unwrap_or(until).max(frame.at)));
            }
            Some(at) if frame.is_data() => waits.push((frame.at, at)),
            None if frame.is_data() => {
                let until = data_after(index).unwrap_or(until);
                destroyed.push((frame.at, until.max(frame.at)));
            }
            out => others.push((frame.at, out.unwrap_or(until).max(frame.at))),
        }
    }
    Some((waits, destroyed, others))
}

/// When the head was complete, and the frames behind it; `None` if there is no head, or what is behind it is
/// no frame of a server.
fn frames(pieces: &[(Moment, Vec<u8>)]) -> Option<(Moment, Vec<Frame>)> {
    let bytes = all(pieces);
    let at = |index: usize| {
        let mut end = 0;
        let mut all = pieces.iter();
        let piece = all.find(|(_, bytes)| {
            end += bytes.len();
            index < end
        });
        piece.map(|(at, _)| *at)
    };
    let mut from = bytes.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let open = at(from - 1)?;
    let mut frames = Vec::new();
    // A message of which the last piece has not come yet.
    let mut begun: Option<Frame> = None;
    while from + 2 <= bytes.len() {
        let (first, second) = (bytes[from], bytes[from + 1]);
        let (length, header) = match second {
            0..=125 => (usize::from(second), 2),
            126 => {
                let more = bytes.get(from + 2..from + 4)?;
                (usize::from(u16::from_be_bytes([more[0], more[1]])), 4)
            }
            _ => return None,
        };
        if first & 0x70 != 0 {
            return None;
        }
        let end = from + header + length;
        // The rest is not there yet, or never will be.
        let Some(payload) = bytes.get(from + header..end) else {
            break;
        };
        let frame = Frame {
            opcode: first & 0xf,
            payload: payload.to_vec(),
            at: at(end - 1)?,
        };
        from = end;
        let (is_last, is_more) = (first & 0x80 != 0, frame.opcode == CONTINUATION);
        let frame = match (&mut begun, is_more) {
            (Some(message), true) => {
                message.payload.extend(frame.payload);
                message.at = frame.at;
                is_last.then(|| begun.take()).flatten()
            }
            (None, false) if !is_last => {
                begun = Some(frame);
                None
            }
            // Control frames come between the pieces of a message.
            (Some(_), false) if frame.is_data() => return None,
            (None, true) => return None,
            (_, false) => Some(frame),
        };
        frames.extend(frame);
    }
    Some((open, frames))
}
