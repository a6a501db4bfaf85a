//! A listening port that can refuse for a while and still stay ours.
//!
//! A bound socket that never listens holds the port for the listener's whole
//! life; listening sockets come and go beside it. Both carry SO_REUSEPORT, and
//! neither SO_REUSEADDR, so a bind by anybody else fails throughout. Only while the
//! first one is bound does it carry SO_REUSEADDR, as every server's does: what is
//! left of a program that had the port before (TIME_WAIT) is not in the way. The
//! next ones are let in beside it by SO_REUSEPORT.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::TcpSocket;

/// Linux's EINPROGRESS: a connect that goes on by itself.
const IN_PROGRESS: i32 = 115;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A bound port; dropping it gives the port back.
#[derive(Debug)]
pub(in crate::net) struct TcpPort {
    address: SocketAddr,
    /// Keeps the port while nobody listens.
    _placeholder: Socket,
    /// `None` while refusing.
    listening: Option<TcpListener>,
    /// What fills the accept queue while silent.
    filler: Option<Filler>,
}

/// Our own connection to ourselves, which takes the one place of an accept
/// queue, so that the system drops every SYN that comes after it.
#[derive(Debug)]
struct Filler {
    address: SocketAddr,
    /// Dropped on the heal; it is still in the queue then.
    socket: Option<Socket>,
    /// Whether it may still come out of the queue. Afterwards its port is like
    /// any other.
    is_to_come: AtomicBool,
}

impl Filler {
    /// Takes the place in the queue. If a dial was there before, that fills it as
    /// well, and this one hangs like all that come after.
    fn dial(address: SocketAddr) -> io::Result<Self> {
        let socket = tcp_socket(address)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let local = socket.local_addr()?.as_socket();
        let address = local.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(Self {
            address,
            socket: Some(socket),
            is_to_come: AtomicBool::new(true),
        })
    }

    /// Whether this connection, which came out of the queue, is this one; it
    /// comes out once.
    fn takes(&self, peer: SocketAddr) -> bool {
        self.address == peer && self.is_to_come.swap(false, Ordering::Relaxed)
    }
}

impl TcpPort {
    pub(in crate::net) fn bind(address: SocketAddr) -> io::Result<Self> {
        ensure_free(address)?;
        let placeholder = placeholder(address)?;
        let address = placeholder
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        let listening = Some(listen(address)?);
        Ok(Self {
            address,
            _placeholder: placeholder,
            listening,
            filler: None,
        })
    }

    /// The bound address, with the true port.
    pub(in crate::net) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next connection; indefinitely while refusing or silent.
    /// Cancel safe.
    ///
    /// # Errors
    /// As the system says it: those of a connection that died in the queue, or
    /// of a lack of descriptors. The listener itself stays usable.
    pub(in crate::net) async fn accept(&self) -> io::Result<(TcpSocket, SocketAddr)> {
        let Some(listening) = self.listening.as_ref().filter(|_| !self.is_silent()) else {
            return std::future::pending().await;
        };
        loop {
            let (stream, peer) = listening.accept().await?;
            if !self.is_filler(peer) {
                return Ok((accepted(stream), peer));
            }
        }
    }

    /// A connection that is there already, whether or not the runtime has heard
    /// of it.
    pub(in crate::net) fn try_accept(&self) -> Option<TcpSocket> {
        let listening = self.listening.as_ref().filter(|_| !self.is_silent())?;
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match listening.poll_accept(&mut context) {
                Poll::Ready(Ok((_, peer))) if self.is_filler(peer) => {}
                Poll::Ready(Ok((stream, _))) => return Some(accepted(stream)),
                Poll::Ready(Err(_)) => return None,
                Poll::Pending => return self.accept_unheard(listening),
            }
        }
    }

    fn accept_unheard(&self, listening: &TcpListener) -> Option<TcpSocket> {
        loop {
            let (socket, peer) = SockRef::from(listening).accept().ok()?;
            let is_filler = peer.as_socket().is_some_and(|peer| self.is_filler(peer));
            if !is_filler {
                socket.set_nonblocking(true).ok()?;
                return TcpStream::from_std(socket.into()).ok().map(accepted);
            }
        }
    }

    /// From now on SYNs go unanswered and dials hang; after the heal a client's
    /// next SYN is answered. Works by a full accept queue, which Linux meets
    /// with silence.
    ///
    /// # Errors
    /// As the system says it; `Unsupported` elsewhere than on Linux.
    pub(in crate::net) fn fall_silent(&mut self) -> io::Result<()> {
        if !cfg!(target_os = "linux") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if self.is_silent() {
            return Ok(());
        }
        if self.listening.is_none() {
            self.listening = Some(listen(self.address)?);
        }
        let Some(listening) = &self.listening else {
            return Ok(());
        };
        // On a listening socket this only changes the queue's length: there is
        // no moment of refusal.
        SockRef::from(listening).listen(0)?;
        self.filler = Some(Filler::dial(self.address)?);
        Ok(())
    }

    fn is_silent(&self) -> bool {
        self.filler
            .as_ref()
            .is_some_and(|filler| filler.socket.is_some())
    }

    fn is_filler(&self, peer: SocketAddr) -> bool {
        self.filler
            .as_ref()
            .is_some_and(|filler| filler.takes(peer))
    }

    /// From now on dials get ECONNREFUSED. Connections in the accept queue are
    /// reset by the system. Does nothing if already refusing.
    pub(in crate::net) fn refuse(&mut self) {
        self.filler = None;
        self.listening = None;
    }

    /// Accepts again after [`TcpPort::refuse`] or [`TcpPort::fall_silent`], on
    /// the same port.
    ///
    /// # Errors
    /// As the system says it; the listener stays as it was then.
    pub(in crate::net) fn heal(&mut self) -> io::Result<()> {
        match &self.listening {
            None => self.listening = Some(listen(self.address)?),
            Some(listening) if self.is_silent() => SockRef::from(listening).listen(BACKLOG)?,
            Some(_) => {}
        }
        if let Some(filler) = &mut self.filler {
            filler.socket = None;
        }
        Ok(())
    }

    /// Whether dials are refused now.
    pub(in crate::net) fn is_refusing(&self) -> bool {
        self.listening.is_none()
    }
}

/// Marks an accepted socket so that, once closed and in TIME_WAIT, it does not
/// stand in the way of [`ensure_free`] when the program is started again.
fn accepted(stream: TcpStream) -> TcpSocket {
    // Without it only a quick restart on the same port fails, with a clear error.
    let _ = SockRef::from(&stream).set_reuse_address(true);
    TcpSocket::new(stream)
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

fn placeholder(address: SocketAddr) -> io::Result<Socket> {
    let socket = tcp_socket(address)?;
    // A free port is to be one that nobody had.
    socket.set_reuse_address(address.port() != 0)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.set_reuse_address(false)?;
    Ok(socket)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_client_may_have_the_fillers_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let filler = Filler::dial(listener.local_addr().unwrap()).unwrap();
        let somebody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(!filler.takes(somebody));
        assert!(filler.takes(filler.address));
        assert!(!filler.takes(filler.address));
    }
}
