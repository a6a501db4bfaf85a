//! One simulated TCP connection, as both its ends see it.
//!
//! Pure: no time, no tasks; whoever is to be woken is handed out. What is written
//! is there at once for the peer, as far as its queue has room; the rest is held
//! in the writer's system until the peer reads. The rules are Linux's:
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

use tokio::io::Ready;

/// How much a receiver's queue takes.
pub(super) const QUEUE: usize = 256 * 1024;

/// How much beyond that a sender's system holds.
pub(super) const HELD: usize = 256 * 1024;

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

/// Both ends.
#[derive(Debug, Default)]
pub(super) struct Connection([Side; 2]);

#[derive(Debug, Default)]
struct Side {
    /// What the peer wrote and this end has not read: first what is in the queue,
    /// then what the peer's system holds.
    incoming: VecDeque<u8>,
    /// The peer's FIN comes after that.
    is_fin_sent: bool,
    /// Nobody holds this end any more.
    is_closed: bool,
    /// The connection is no more.
    is_dead: bool,
    /// What the RST that ended it caused, until it is told.
    error: Option<io::ErrorKind>,
    wakers: Vec<Waker>,
}

impl Side {
    /// How much is in the queue.
    fn queued(&self) -> usize {
        self.incoming.len().min(QUEUE)
    }

    /// Whether the peer's FIN has come: it comes after what the peer's system holds.
    fn has_fin(&self) -> bool {
        self.is_fin_sent && self.incoming.len() <= QUEUE
    }

    fn room(&self) -> usize {
        (QUEUE + HELD).saturating_sub(self.incoming.len())
    }

    fn wake(&mut self, woken: &mut Vec<Waker>) {
        woken.append(&mut self.wakers);
    }

    /// The peer has reset the connection.
    fn receive_reset(&mut self, woken: &mut Vec<Waker>) {
        if self.is_dead {
            return;
        }
        let queued = self.queued();
        // tcp_reset(): in CLOSE_WAIT it is EPIPE.
        self.error = Some(if self.has_fin() {
            io::ErrorKind::BrokenPipe
        } else {
            io::ErrorKind::ConnectionReset
        });
        self.incoming.truncate(queued);
        self.is_dead = true;
        self.wake(woken);
    }
}

impl Connection {
    /// Reads what is there; 0 bytes mean that nothing comes any more.
    pub(super) fn read(
        &mut self,
        end: End,
        buffer: &mut [u8],
        woken: &mut Vec<Waker>,
    ) -> io::Result<usize> {
        let side = &mut self.0[end.index()];
        let count = side.queued().min(buffer.len());
        if count > 0 {
            let was_full = side.room() == 0;
            take(&mut side.incoming, &mut buffer[..count]);
            if was_full {
                self.0[end.peer().index()].wake(woken);
            }
            return Ok(count);
        }
        if buffer.is_empty() || side.has_fin() {
            return Ok(0);
        }
        match side.error.take() {
            Some(error) => Err(error.into()),
            None if side.is_dead => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes what there is room for.
    pub(super) fn write(
        &mut self,
        end: End,
        parts: &[io::IoSlice<'_>],
        woken: &mut Vec<Waker>,
    ) -> io::Result<usize> {
        let is_shut = self.peer(end).is_fin_sent;
        let side = self.side(end);
        if let Some(error) = side.error.take() {
            return Err(error.into());
        }
        if side.is_dead || is_shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        let peer = self.peer(end);
        if peer.is_closed {
            // Nobody is there: the peer's system answers what comes with RST.
            self.side(end).receive_reset(woken);
            return Ok(wanted);
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
        peer.wake(woken);
        Ok(room - left)
    }

    /// Sends FIN after all that was written.
    pub(super) fn shutdown_write(&mut self, end: End, woken: &mut Vec<Waker>) -> io::Result<()> {
        if self.is_over(end) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let peer = self.peer(end);
        peer.is_fin_sent = true;
        peer.wake(woken);
        Ok(())
    }

    /// Nobody holds this end any more.
    pub(super) fn close(&mut self, end: End, woken: &mut Vec<Waker>) {
        if !self.side(end).incoming.is_empty() {
            return self.reset(end, woken);
        }
        let side = self.side(end);
        side.is_closed = true;
        let was_dead = side.is_dead;
        if !was_dead {
            let peer = self.peer(end);
            peer.is_fin_sent = true;
            peer.wake(woken);
        }
    }

    /// Ends it with RST.
    pub(super) fn reset(&mut self, end: End, woken: &mut Vec<Waker>) {
        let was_over = self.is_over(end);
        let side = self.side(end);
        side.is_closed = true;
        side.is_dead = true;
        side.incoming = VecDeque::new();
        if !was_over {
            self.peer(end).receive_reset(woken);
        }
    }

    /// What the peer has caused, once.
    pub(super) fn take_error(&mut self, end: End) -> Option<io::ErrorKind> {
        self.side(end).error.take()
    }

    /// What was written and has no room in the peer's queue; `None` when the
    /// connection is no more.
    pub(super) fn unsent(&self, end: End) -> Option<usize> {
        let peer = &self.0[end.peer().index()];
        (!self.is_over(end)).then(|| peer.incoming.len() - peer.queued())
    }

    /// Whether the connection is no more: after a RST, or after both FINs.
    pub(super) fn is_over(&self, end: End) -> bool {
        self.0[end.index()].is_dead || self.0.iter().all(Side::has_fin)
    }

    /// What this end looks like to whoever waits.
    pub(super) fn readiness(&self, end: End) -> Ready {
        let (side, peer) = (&self.0[end.index()], &self.0[end.peer().index()]);
        let is_read_closed = side.is_dead || side.has_fin();
        let is_write_closed = side.is_dead || peer.is_fin_sent;
        let is_readable = side.queued() > 0 || is_read_closed;
        let is_writable = is_write_closed || peer.is_closed || peer.room() > 0;
        let flag = |is_so: bool, ready: Ready| if is_so { ready } else { Ready::EMPTY };
        flag(is_readable, Ready::READABLE)
            | flag(is_writable, Ready::WRITABLE)
            | flag(is_read_closed, Ready::READ_CLOSED)
            | flag(is_write_closed, Ready::WRITE_CLOSED)
            | flag(side.is_dead, Ready::ERROR)
    }

    /// Wakes this one on the next change that this end can see.
    pub(super) fn register(&mut self, end: End, waker: &Waker) {
        let wakers = &mut self.side(end).wakers;
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
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
