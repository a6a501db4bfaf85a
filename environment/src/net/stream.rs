//! One connection, held whole, on either network.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

use super::simulated::Socket;
use super::tcp::TcpSocket;
#[cfg(feature = "tls")]
use super::tls::TlsSocket;
use crate::tls::{Misdeed, Status};

/// A connected stream.
///
/// Two ways of use: as [`AsyncRead`] and [`AsyncWrite`] for protocol libraries,
/// or [`Stream::ready`] with the `try_` calls for code that watches both ends
/// of two streams in one task. A plain drop closes it: with FIN, or with RST if
/// bytes lie unread in the system's buffer.
///
/// One that speaks TLS is the same, with three things more: some of what was written
/// may wait in it for the system ([`Stream::has_backlog`]), its end is close_notify
/// before FIN, and how it stands with TLS is its [`Stream::tls_status`].
#[derive(Debug)]
pub struct Stream(pub(super) Kind);

/// What a stream goes over.
#[derive(Debug)]
pub(super) enum Kind {
    Tcp(TcpSocket),
    Simulated(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<TlsSocket>),
}

impl Stream {
    pub(super) fn tcp(socket: TcpSocket) -> Self {
        Self(Kind::Tcp(socket))
    }

    pub(super) fn simulated(socket: Socket) -> Self {
        Self(Kind::Simulated(socket))
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(stream: Self, session: rustls::Connection) -> Self {
        Self(Kind::Tls(Box::new(TlsSocket::new(stream, session))))
    }

    /// How it stands with TLS; `None` where that is not spoken.
    pub fn tls_status(&self) -> Option<Status> {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => Some(socket.status()),
            Kind::Tcp(_) | Kind::Simulated(_) => None,
        }
    }

    /// Does this in place of a handshake; nothing where TLS is not spoken.
    pub fn misbehave(&mut self, misdeed: Misdeed) {
        match &mut self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.misbehave(misdeed),
            Kind::Tcp(_) | Kind::Simulated(_) => drop(misdeed),
        }
    }

    /// From now on it ends by FIN without close_notify before it.
    pub fn cut_short(&mut self) {
        match &mut self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.cut_short(),
            Kind::Tcp(_) | Kind::Simulated(_) => {}
        }
    }

    /// Whether TLS is still being agreed upon. Reading brings that on.
    pub fn is_handshaking(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.is_handshaking(),
            Kind::Tcp(_) | Kind::Simulated(_) => false,
        }
    }

    /// Brings the handshake of TLS to its end; where there is none, it is at its end.
    /// Waits as long as the peer does: put a limit around it.
    ///
    /// # Errors
    /// Those of the stream; what TLS itself came to is in them as a
    /// [`Problem`](crate::tls::Problem).
    pub async fn handshake(&mut self) -> io::Result<()> {
        match &mut self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => std::future::poll_fn(|cx| socket.poll_handshake(cx)).await,
            Kind::Tcp(_) | Kind::Simulated(_) => Ok(()),
        }
    }

    /// Whether the system has not yet taken all that was written: call
    /// [`Stream::try_flush`] when it takes more.
    pub fn has_backlog(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.has_backlog(),
            Kind::Tcp(_) | Kind::Simulated(_) => false,
        }
    }

    /// Gives the system what it takes of the backlog.
    ///
    /// # Errors
    /// `WouldBlock` when some is left; the peer's reset.
    pub fn try_flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.flush(),
            Kind::Tcp(_) | Kind::Simulated(_) => Ok(()),
        }
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
        match &self.0 {
            Kind::Tcp(socket) => socket.ready(interest).await,
            Kind::Simulated(socket) => Ok(socket.ready(interest).await),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.ready(interest).await,
        }
    }

    /// Whether there is something to be read: bytes, FIN or RST. What is waited
    /// for so costs less than [`Stream::ready`]; one task at a time can.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Kind::Tcp(socket) => socket.poll_readable(cx),
            Kind::Simulated(socket) => socket.poll_readable(cx).map(Ok),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.poll_readable(cx),
        }
    }

    /// Whether the system takes bytes, or will never again. As
    /// [`Stream::poll_readable`].
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Kind::Tcp(socket) => socket.poll_writable(cx),
            Kind::Simulated(socket) => socket.poll_writable(cx).map(Ok),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.poll_writable(cx),
        }
    }

    /// Reads what is there; 0 bytes mean that the peer has sent FIN.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, `ConnectionReset` after a RST.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(socket) => socket.try_read(buffer),
            Kind::Simulated(socket) => socket.try_read(buffer),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.try_read(buffer),
        }
    }

    /// Writes what the system takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing; the peer's reset as `BrokenPipe` or
    /// `ConnectionReset`.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(socket) => socket.try_write(bytes),
            Kind::Simulated(socket) => socket.try_write(&[io::IoSlice::new(bytes)]),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.try_write(bytes),
        }
    }

    /// The error that the peer or the network has caused, if any; taken once.
    pub fn take_error(&self) -> Option<io::Error> {
        match &self.0 {
            Kind::Tcp(socket) => socket.take_error(),
            Kind::Simulated(socket) => socket.take_error(),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.take_error(),
        }
    }

    /// Bytes that were written and that the peer's system has not yet taken;
    /// `None` where the system does not say.
    pub fn unsent(&self) -> Option<u64> {
        match &self.0 {
            Kind::Tcp(socket) => socket.unsent(),
            Kind::Simulated(socket) => socket.unsent(),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.unsent(),
        }
    }

    /// Sends FIN after all that was written; reading goes on.
    ///
    /// # Errors
    /// `NotConnected` when the peer has already reset.
    pub fn shutdown_write(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(socket) => socket.shutdown_write(),
            Kind::Simulated(socket) => socket.shutdown_write(),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.shutdown_write(),
        }
    }

    /// Ends the connection with RST, at once. What the system had not yet sent
    /// is lost.
    pub fn reset(self) {
        match self.0 {
            Kind::Tcp(socket) => socket.reset(),
            Kind::Simulated(socket) => socket.reset(),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.reset(),
        }
    }

    /// This end's address.
    ///
    /// # Errors
    /// As the system says it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Tcp(socket) => socket.local_addr(),
            Kind::Simulated(socket) => Ok(socket.local_addr()),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.local_addr(),
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` after a reset.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Kind::Tcp(socket) => socket.peer_addr(),
            Kind::Simulated(socket) => socket.peer_addr(),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.peer_addr(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(socket) => Pin::new(&mut socket.0).poll_read(cx, buffer),
            Kind::Simulated(socket) => socket.poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(socket) => Pin::new(&mut socket.0).poll_write(cx, bytes),
            Kind::Simulated(socket) => socket.poll_write(cx, &[io::IoSlice::new(bytes)]),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(socket) => Pin::new(&mut socket.0).poll_flush(cx),
            Kind::Simulated(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(socket) => Pin::new(&mut socket.0).poll_shutdown(cx),
            Kind::Simulated(socket) => Poll::Ready(socket.shutdown_write()),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => socket.poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(socket) => Pin::new(&mut socket.0).poll_write_vectored(cx, parts),
            Kind::Simulated(socket) => socket.poll_write(cx, parts),
            #[cfg(feature = "tls")]
            Kind::Tls(socket) => {
                let part = parts.iter().find(|part| !part.is_empty());
                socket.poll_write(cx, part.map_or(&[], |part| part))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Tcp(socket) => socket.0.is_write_vectored(),
            Kind::Simulated(_) => true,
            #[cfg(feature = "tls")]
            Kind::Tls(_) => false,
        }
    }
}
