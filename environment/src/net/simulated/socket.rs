//! One end of a simulated connection.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{Interest, ReadBuf, Ready};

use super::connection::{Connection, End, LATENCY, Wakes};
use super::tap::{Passing, Tap};
use crate::clock::{Leap, Moment};

/// Dropping it closes it.
#[derive(Debug)]
pub(in crate::net) struct Socket {
    connection: Arc<Mutex<Connection>>,
    end: End,
    local: SocketAddr,
    peer: SocketAddr,
    leap: Arc<Leap>,
    tap: Tap,
}

impl Socket {
    /// Both ends of a new connection: the one that dialled, and the other.
    pub(super) fn pair(
        dialled: SocketAddr,
        accepted: SocketAddr,
        leap: &Arc<Leap>,
        tap: &Tap,
    ) -> (Self, Self) {
        let connection = Arc::<Mutex<Connection>>::default();
        let end = |end, local, peer| Self {
            connection: Arc::clone(&connection),
            end,
            local,
            peer,
            leap: Arc::clone(leap),
            tap: tap.clone(),
        };
        (
            end(End::Dialled, dialled, accepted),
            end(End::Accepted, accepted, dialled),
        )
    }

    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Whom this end was made with, whatever has become of them.
    pub(in crate::net) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(in crate::net) fn peer_addr(&self) -> io::Result<SocketAddr> {
        if self.lock().is_over(self.end) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(self.peer)
    }

    pub(in crate::net) async fn ready(&self, interest: Interest) -> Ready {
        poll_fn(|cx| {
            self.poll_until(cx, |ready| {
                let wanted = ready.is_readable() && interest.is_readable()
                    || ready.is_writable() && interest.is_writable()
                    || ready.is_error() && interest.is_error();
                wanted.then_some(ready)
            })
        })
        .await
    }

    pub(in crate::net) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(cx, |ready| ready.is_readable().then_some(()))
    }

    pub(in crate::net) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(cx, |ready| ready.is_writable().then_some(()))
    }

    pub(in crate::net) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.act(|connection, end, _, wakes| connection.read(end, buffer, wakes));
        self.tell(|| Passing::of_read(&read, buffer));
        read
    }

    pub(in crate::net) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.leap.poll_proceed(cx));
        let unfilled = buffer.initialize_unfilled();
        match self.try_read(unfilled) {
            Ok(count) => {
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.register(&mut self.lock(), cx.waker());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    pub(in crate::net) fn try_write(&self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let written =
            self.act(|connection, end, now, wakes| connection.write(end, now, parts, wakes));
        self.tell(|| Passing::of_write(&written, parts));
        written
    }

    pub(in crate::net) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.leap.poll_proceed(cx));
        match self.try_write(parts) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.register(&mut self.lock(), cx.waker());
                Poll::Pending
            }
            written => Poll::Ready(written),
        }
    }

    pub(in crate::net) fn take_error(&self) -> Option<io::Error> {
        self.lock().take_error(self.end).map(io::Error::from)
    }

    pub(in crate::net) fn unsent(&self) -> Option<u64> {
        let unsent = self.lock().unsent(self.end);
        unsent.map(|count| count as u64)
    }

    pub(in crate::net) fn shutdown_write(&self) -> io::Result<()> {
        self.act(Connection::shutdown_write)
    }

    pub(in crate::net) fn reset(&self) {
        self.act(Connection::reset);
        self.tell(|| Some(Passing::Closed));
    }

    fn poll_until<T>(&self, cx: &mut Context<'_>, what: impl Fn(Ready) -> Option<T>) -> Poll<T> {
        ready!(self.leap.poll_proceed(cx));
        let mut connection = self.lock();
        match what(connection.readiness(self.end)) {
            Some(found) => Poll::Ready(found),
            None => {
                self.register(&mut connection, cx.waker());
                Poll::Pending
            }
        }
    }

    fn tell(&self, what: impl FnOnce() -> Option<Passing>) {
        let ends = (self.local, self.peer);
        self.tap.tell(self.leap.now(), self.end, ends, what);
    }

    fn register(&self, connection: &mut Connection, waker: &Waker) {
        if let Some(arrival) = connection.register(self.end, waker) {
            self.leap.wake_at(arrival, waker.clone());
        }
    }

    /// Does something to the connection and wakes whom it concerns, without the
    /// lock.
    fn act<T>(&self, act: impl FnOnce(&mut Connection, End, Moment, &mut Wakes) -> T) -> T {
        let mut wakes = Wakes::default();
        let now = self.leap.now();
        let done = act(&mut self.lock(), self.end, now, &mut wakes);
        self.leap.count(1);
        for waker in wakes.later {
            self.leap.wake_at(now + LATENCY, waker);
        }
        wakes.now.into_iter().for_each(Waker::wake);
        done
    }

    /// The connection as it is now.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        // No foreign code runs under the lock.
        let connection = self.connection.lock();
        let mut connection = connection.unwrap_or_else(PoisonError::into_inner);
        connection.settle(self.leap.now());
        connection
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.act(Connection::close);
        self.tell(|| Some(Passing::Closed));
    }
}
