//! One simulated TCP connection, as both its ends see it.
//!
//! Pure: what time it is is an argument, and whoever is to be woken is handed out.
//! Everything is under way for [`LATENCY`], so that no effect comes at the moment of
//! its cause, and nobody can do without end what takes no time. Bytes that the
//! receiver's queue has no room for are held in the sender's system until the
//! receiver reads. The rules are Linux's:
//!
//! - RST loses what the sender's system holds, and nothing of what the receiver's
//!   queue has: that is read before the error.
//! - The error is told once; after it a read finds the end, and a write
//!   `BrokenPipe`.
//! - After a FIN had come, RST is `BrokenPipe` for whoever writes, and no error for
//!   whoever reads.
//! - When both FINs have come, the connection is over, and no RST is sent any more.
//! - A socket that is closed with bytes unread answers with RST, and one that was
//!   closed answers with RST to whatever comes.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;
use std::time::Duration;

use tokio::io::Ready;

use crate::clock::Moment;

/// How much a receiver's queue takes.
pub(super) const QUEUE: usize = 256 * 1024;

/// How much beyond that a sender's system holds.
pub(super) const HELD: usize = 256 * 1024;

/// How long everything is under way: what a message costs between two programs of
/// one machine.
pub(super) const LATENCY: Duration = Duration::from_micros(25);

/// Which of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The one that dialled.
    Dialled,
    /// The one that was accepted.
    Accepted,
}

impl End {
    fn index(self) -> usize {
        match self {
            Self::Dialled => 0,
            Self::Accepted => 1,
        }
    }

    fn peer(self) -> Self {
        match self {
            Self::Dialled => Self::Accepted,
            Self::Accepted => Self::Dialled,
        }
    }
}

/// Who is to be woken by what an end did.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// At once.
    pub(super) now: Vec<Waker>,
    /// When what it did has arrived: [`LATENCY`] from now.
    pub(super) later: Vec<Waker>,
}

/// Both ends.
#[derive(Debug, Default)]
pub(super) struct Connection([Side; 2]);

/// What the peer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    Bytes(usize),
    Fin,
    Reset,
}

#[derive(Debug, Default)]
struct Side {
    /// What the peer wrote and this end has not read: first what is in the queue,
    /// then what has no room there, then what is under way.
    incoming: VecDeque<u8>,
    /// How much of it is not under way any more.
    arrived: usize,
    /// What is under way, by when it arrives.
    under_way: VecDeque<(Moment, Segment)>,
    /// The peer has shut its way of writing; its FIN comes after all bytes.
    is_peer_shut: bool,
    /// Its FIN is not under way any more.
    is_fin_here: bool,
    /// Nobody holds this end any more.
    is_closed: bool,
    /// How the connection ended, if by RST.
    death: Option<Death>,
    wakers: Vec<Waker>,
}

/// An end by RST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// What it caused is not told yet.
    Unreported(io::ErrorKind),
    Reported,
}

impl Side {
    /// How much is in the queue.
    fn queued(&self) -> usize {
        self.arrived.min(QUEUE)
    }

    /// Whether the peer's FIN has come: it comes after what the peer's system holds.
    fn has_fin(&self) -> bool {
        self.is_fin_here && self.arrived <= QUEUE
    }

    fn room(&self) -> usize {
        (QUEUE + HELD).saturating_sub(self.incoming.len())
    }

    /// Takes in what has arrived by now.
    fn settle(&mut self, now: Moment) {
        while let Some((at, segment)) = self.under_way.front()
            && *at <= now
        {
            match *segment {
                Segment::Bytes(count) => self.arrived += count,
                Segment::Fin => self.is_fin_here = true,
                Segment::Reset => self.die(),
            }
            self.under_way.pop_front();
            // They are all woken now, and for what comes later they must ask again.
            self.wakers.clear();
        }
    }

    fn die(&mut self) {
        if self.death.is_some() {
            return;
        }
        // tcp_reset(): in CLOSE_WAIT it is EPIPE.
        self.death = Some(Death::Unreported(if self.has_fin() {
            io::ErrorKind::BrokenPipe
        } else {
            io::ErrorKind::ConnectionReset
        }));
        self.arrived = self.queued();
        self.incoming.truncate(self.arrived);
    }

    /// The peer sends something.
    fn send(&mut self, now: Moment, segment: Segment, wakes: &mut Wakes) {
        let at = now + LATENCY;
        match (self.under_way.back_mut(), segment) {
            (Some((last, Segment::Bytes(sent))), Segment::Bytes(more)) if *last == at => {
                *sent += more;
            }
            _ => self.under_way.push_back((at, segment)),
        }
        wakes.later.append(&mut self.wakers);
    }

    /// What the death caused, once.
    fn take_error(&mut self) -> Option<io::ErrorKind> {
        let death = self.death.as_mut()?;
        match std::mem::replace(death, Death::Reported) {
            Death::Unreported(error) => Some(error),
            Death::Reported => None,
        }
    }
}

impl Connection {
    /// Takes in what has arrived by now. To be called before anything else.
    pub(super) fn settle(&mut self, now: Moment) {
        self.0.iter_mut().for_each(|side| side.settle(now));
    }

    /// Reads what is there; 0 bytes mean that nothing comes any more.
    pub(super) fn read(
        &mut self,
        end: End,
        buffer: &mut [u8],
        wakes: &mut Wakes,
    ) -> io::Result<usize> {
        let side = self.side(end);
        let count = side.queued().min(buffer.len());
        if count > 0 {
            let was_full = side.room() == 0;
            take(&mut side.incoming, &mut buffer[..count]);
            side.arrived -= count;
            if was_full {
                wakes.now.append(&mut self.peer(end).wakers);
            }
            return Ok(count);
        }
        if buffer.is_empty() || side.has_fin() {
            return Ok(0);
        }
        let is_dead = side.death.is_some();
        match side.take_error() {
            Some(error) => Err(error.into()),
            None if is_dead => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes what there is room for.
    pub(super) fn write(
        &mut self,
        end: End,
        now: Moment,
        parts: &[io::IoSlice<'_>],
        wakes: &mut Wakes,
    ) -> io::Result<usize> {
        let side = self.side(end);
        let is_dead = side.death.is_some();
        if let Some(error) = side.take_error() {
            return Err(error.into());
        }
        let peer = self.peer(end);
        if is_dead || peer.is_peer_shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        let room = peer.room();
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut left = room;
        for part in parts {
            let count = part.len().min(left);
            peer.incoming.extend(&part[..count]);
            left -= count;
        }
        if peer.is_closed {
            self.answer_with_reset(end, now, wakes);
        } else {
            peer.send(now, Segment::Bytes(room - left), wakes);
        }
        Ok(room - left)
    }

    /// Nobody is there: the peer's system answers what comes with RST. Until that
    /// is here, what was written takes up room, or no writer would ever wait.
    fn answer_with_reset(&mut self, end: End, now: Moment, wakes: &mut Wakes) {
        let side = self.side(end);
        if !matches!(side.under_way.back(), Some((_, Segment::Reset))) {
            side.send(now, Segment::Reset, wakes);
        }
    }

    /// Sends FIN after all that was written.
    pub(super) fn shutdown_write(
        &mut self,
        end: End,
        now: Moment,
        wakes: &mut Wakes,
    ) -> io::Result<()> {
        if self.is_over(end) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.shut(end, now, wakes);
        Ok(())
    }

    fn shut(&mut self, end: End, now: Moment, wakes: &mut Wakes) {
        let peer = self.peer(end);
        if !std::mem::replace(&mut peer.is_peer_shut, true) {
            peer.send(now, Segment::Fin, wakes);
        }
    }

    /// Nobody holds this end any more.
    pub(super) fn close(&mut self, end: End, now: Moment, wakes: &mut Wakes) {
        if self.side(end).arrived > 0 {
            return self.reset(end, now, wakes);
        }
        self.side(end).is_closed = true;
        if self.side(end).death.is_none() {
            self.shut(end, now, wakes);
        }
        // What is under way to here will find nobody, and be answered so.
        if !self.side(end).incoming.is_empty() {
            self.peer(end).send(now, Segment::Reset, wakes);
        }
    }

    /// Ends it with RST.
    pub(super) fn reset(&mut self, end: End, now: Moment, wakes: &mut Wakes) {
        let was_over = self.is_over(end);
        let side = self.side(end);
        side.is_closed = true;
        side.death = Some(Death::Reported);
        side.incoming = VecDeque::new();
        side.arrived = 0;
        side.under_way.clear();
        if !was_over {
            self.peer(end).send(now, Segment::Reset, wakes);
        }
    }

    /// What the peer has caused, once.
    pub(super) fn take_error(&mut self, end: End) -> Option<io::ErrorKind> {
        self.side(end).take_error()
    }

    /// What was written and has no room in the peer's queue; `None` when the
    /// connection is no more.
    pub(super) fn unsent(&self, end: End) -> Option<usize> {
        let peer = &self.0[end.peer().index()];
        (!self.is_over(end)).then(|| peer.incoming.len() - peer.queued())
    }

    /// Whether the connection is no more: after a RST, or after both FINs.
    pub(super) fn is_over(&self, end: End) -> bool {
        self.0[end.index()].death.is_some() || self.0.iter().all(Side::has_fin)
    }

    /// What this end looks like to whoever waits.
    pub(super) fn readiness(&self, end: End) -> Ready {
        let (side, peer) = (&self.0[end.index()], &self.0[end.peer().index()]);
        let is_dead = side.death.is_some();
        let is_read_closed = is_dead || side.has_fin();
        let is_write_closed = is_dead || peer.is_peer_shut;
        let is_readable = side.queued() > 0 || is_read_closed;
        let is_writable = is_write_closed || peer.room() > 0;
        let flag = |is_so: bool, ready: Ready| if is_so { ready } else { Ready::EMPTY };
        flag(is_readable, Ready::READABLE)
            | flag(is_writable, Ready::WRITABLE)
            | flag(is_read_closed, Ready::READ_CLOSED)
            | flag(is_write_closed, Ready::WRITE_CLOSED)
            | flag(is_dead, Ready::ERROR)
    }

    /// Wakes this one on the next change that this end can see. When something is
    /// under way, that is when it arrives, at which the caller is to wake it.
    #[must_use]
    pub(super) fn register(&mut self, end: End, waker: &Waker) -> Option<Moment> {
        let side = self.side(end);
        if side.wakers.iter().any(|known| known.will_wake(waker)) {
            return None;
        }
        side.wakers.push(waker.clone());
        side.under_way.front().map(|(at, _)| *at)
    }

    fn side(&mut self, end: End) -> &mut Side {
        &mut self.0[end.index()]
    }

    fn peer(&mut self, end: End) -> &mut Side {
        &mut self.0[end.peer().index()]
    }
}

/// Moves as many bytes as `buffer` has room for to there.
fn take(bytes: &mut VecDeque<u8>, buffer: &mut [u8]) {
    let (front, back) = bytes.as_slices();
    let split = front.len().min(buffer.len());
    buffer[..split].copy_from_slice(&front[..split]);
    let rest = buffer.len() - split;
    buffer[split..].copy_from_slice(&back[..rest]);
    bytes.drain(..buffer.len());
}
