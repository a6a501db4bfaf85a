//! One TCP connection, held whole.
//!
//! It is never split into owned halves: dropping those turns a reset into a
//! clean end, because the write half shuts down on drop.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;

use super::unsent::unsent;

/// What [`Stream`](crate::Stream) promises, by the system.
#[derive(Debug)]
pub(in crate::net) struct TcpSocket(pub(in crate::net) TcpStream);

impl TcpSocket {
    pub(in crate::net) fn new(stream: TcpStream) -> Self {
        // A fault tool must not add Nagle's delay to what it measures. It fails
        // only on a dead socket, and then the first read says so.
        let _ = stream.set_nodelay(true);
        Self(stream)
    }

    /// From `source`, if there is one, to each address of a name in turn.
    pub(in crate::net) async fn dial(authority: &str, source: Option<IpAddr>) -> io::Result<Self> {
        let Some(source) = source else {
            return TcpStream::connect(authority).await.map(Self::new);
        };
        let mut failed = io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("{authority} has no address that {source} could dial"),
        );
        for address in tokio::net::lookup_host(authority).await? {
            if address.is_ipv4() == source.is_ipv4() {
                match connect(source, address).await {
                    Ok(stream) => return Ok(Self::new(stream)),
                    Err(error) => failed = error,
                }
            }
        }
        Err(failed)
    }

    /// Only an address of this machine can be bound.
    pub(in crate::net) fn ensure_ours(source: IpAddr) -> io::Result<()> {
        let address = SocketAddr::new(source, 0);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())
    }

    pub(in crate::net) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    pub(in crate::net) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    pub(in crate::net) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx)
    }

    pub(in crate::net) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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

    pub(in crate::net) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    pub(in crate::net) fn take_error(&self) -> Option<io::Error> {
        self.0.take_error().unwrap_or_else(Some)
    }

    pub(in crate::net) fn unsent(&self) -> Option<u64> {
        unsent(self.0.local_addr().ok()?, self.0.peer_addr().ok()?)
    }

    pub(in crate::net) fn shutdown_write(&self) -> io::Result<()> {
        SockRef::from(&self.0).shutdown(Shutdown::Write)
    }

    pub(in crate::net) fn reset(self) {
        // Failing means that the socket is dead already: nothing left to reset.
        let _ = self.0.set_zero_linger();
        drop(self.0);
    }

    pub(in crate::net) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(in crate::net) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

async fn connect(source: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match source {
        IpAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
        IpAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
    }?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
}

impl AsyncRead for TcpSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpSocket {
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
