//! One TCP connection, held whole.
//!
//! It is never split into owned halves: dropping those turns a reset into a
//! clean end, because the write half shuts down on drop.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;

use super::unsent::unsent;

/// A connected stream.
///
/// Two ways of use: as [`AsyncRead`] and [`AsyncWrite`] for protocol libraries,
/// or [`Stream::ready`] with the `try_` calls for code that watches both ends
/// of two streams in one task. A plain drop closes it: with FIN, or with RST if
/// bytes lie unread in the system's buffer.
#[derive(Debug)]
pub struct Stream(pub(super) TcpStream);

impl Stream {
    pub(super) fn new(stream: TcpStream) -> Self {
        // A fault tool must not add Nagle's delay to what it measures. It fails
        // only on a dead socket, and then the first read says so.
        let _ = stream.set_nodelay(true);
        Self(stream)
    }

    /// Waits until one of `interest` is so. Returns at once while it stays so:
    /// readiness is taken back only by a `try_` call that finds nothing.
    ///
    /// With [`Interest::ERROR`] a peer's reset is noticed though nobody reads.
    /// Cancel safe.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    /// Whether there is something to be read: bytes, FIN or RST. What is waited
    /// for so costs less than [`Stream::ready`]; one task at a time can.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    /// Whether the system takes bytes, or will never again. As
    /// [`Stream::poll_readable`].
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx)
    }

    /// Reads what is there; 0 bytes mean that the peer has sent FIN.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, `ConnectionReset` after a RST.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Unlike tokio's `try_read`, this knows that a buffer which was not
        // filled has emptied the socket, and saves asking the system again. The
        // waker that it may leave behind is replaced by whoever waits next.
        let mut buffer = ReadBuf::new(buffer);
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.0).poll_read(&mut context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes what the system takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing; the peer's reset as `BrokenPipe` or
    /// `ConnectionReset`.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    /// The error that the peer or the network has caused, if any; taken once.
    pub fn take_error(&self) -> Option<io::Error> {
        self.0.take_error().unwrap_or_else(Some)
    }

    /// Bytes that were written and that the peer's system has not yet taken;
    /// `None` where the system does not say. Slow: for rare use.
    pub fn unsent(&self) -> Option<u64> {
        unsent(self.0.local_addr().ok()?, self.0.peer_addr().ok()?)
    }

    /// Sends FIN after all that was written; reading goes on.
    ///
    /// # Errors
    /// `NotConnected` when the peer has already reset.
    pub fn shutdown_write(&self) -> io::Result<()> {
        SockRef::from(&self.0).shutdown(Shutdown::Write)
    }

    /// Ends the connection with RST, at once. What the system had not yet sent
    /// is lost.
    pub fn reset(self) {
        // Failing means that the socket is dead already: nothing left to reset.
        let _ = self.0.set_zero_linger();
        drop(self.0);
    }

    /// This end's address.
    ///
    /// # Errors
    /// As the system says it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` after a reset.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
