//! A listening port that can refuse for a while and still stay ours.
//!
//! A bound socket that never listens holds the port for the listener's whole
//! life; listening sockets come and go beside it. Both carry SO_REUSEPORT, and
//! neither SO_REUSEADDR, so a bind by anybody else fails throughout.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::Stream;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A bound port; dropping it gives the port back.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    /// Keeps the port while nobody listens.
    _placeholder: Socket,
    /// `None` while refusing.
    listening: Option<TcpListener>,
}

impl Listener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        ensure_free(address)?;
        let placeholder = reserved_socket(address)?;
        let address = placeholder
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        let listening = Some(listen(address)?);
        Ok(Self {
            address,
            _placeholder: placeholder,
            listening,
        })
    }

    /// The bound address, with the true port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next connection; for ever while refusing. Cancel safe.
    ///
    /// # Errors
    /// As the system says it: those of a connection that died in the queue, or
    /// of a lack of descriptors. The listener itself stays usable.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let Some(listening) = &self.listening else {
            return std::future::pending().await;
        };
        let (stream, peer) = listening.accept().await?;
        Ok((accepted(stream), peer))
    }

    /// A connection that is there already, if the runtime knows of one.
    pub fn try_accept(&self) -> Option<Stream> {
        let mut context = Context::from_waker(Waker::noop());
        match self.listening.as_ref()?.poll_accept(&mut context) {
            Poll::Ready(Ok((stream, _))) => Some(accepted(stream)),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    /// From now on dials get ECONNREFUSED. Connections in the accept queue are
    /// reset by the system. Does nothing if already refusing.
    pub fn refuse(&mut self) {
        self.listening = None;
    }

    /// Listens again after [`Listener::refuse`], on the same port.
    ///
    /// # Errors
    /// As the system says it; the listener goes on refusing then.
    pub fn heal(&mut self) -> io::Result<()> {
        if self.listening.is_none() {
            self.listening = Some(listen(self.address)?);
        }
        Ok(())
    }

    /// Whether dials are refused now.
    pub fn is_refusing(&self) -> bool {
        self.listening.is_none()
    }
}

/// Marks an accepted socket so that, once closed and in TIME_WAIT, it does not
/// stand in the way of [`ensure_free`] when the program is started again.
fn accepted(stream: TcpStream) -> Stream {
    // Without it only a quick restart on the same port fails, with a clear error.
    let _ = SockRef::from(&stream).set_reuse_address(true);
    Stream::new(stream)
}

/// SO_REUSEPORT alone would let a second program of ours share a taken port in
/// silence: first ask the way everybody else asks.
fn ensure_free(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let probe = tcp_socket(address)?;
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = reserved_socket(address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn reserved_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = tcp_socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
}
