//! The network: dialling, listening, and streams that can be reset.
//!
//! Two networks: the system's [`tcp`], and a [`simulated`] one in this process.
//! The types hide which it is, and one set of tests holds both to the same
//! promises.

mod listener;
mod pipe;
mod simulated;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;

pub use listener::{Gone, Listener};
pub use pipe::Pipe;
pub use stream::Stream;

use crate::observer::Observer;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::clock::Leap;
use simulated::{Fabric, Tap};
pub use simulated::{Passed, Passing};
use tcp::{TcpPort, TcpSocket};

/// Where listeners are bound and dials go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Network {
    kind: Kind,
    /// Where dials come from; whatever the system takes where none is said.
    source: Option<IpAddr>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// With how many pipes may still be opened.
    Tcp(Arc<Semaphore>),
    Simulated(Fabric),
}

impl Network {
    /// The operating system's TCP.
    pub fn tcp() -> Self {
        Self::new(Kind::Tcp(Arc::new(Semaphore::new(pipe::PIPES))))
    }

    fn new(kind: Kind) -> Self {
        Self { kind, source: None }
    }

    /// The same network, with dials that come from this address of ours. A system
    /// has some 28,000 ports to dial from at each address, and so many more with
    /// several.
    #[must_use]
    pub fn from_source(&self, source: IpAddr) -> Self {
        Self {
            source: Some(source),
            ..self.clone()
        }
    }

    /// One of a simulation's own.
    pub(crate) fn simulated(leap: Arc<Leap>, tap: Option<Observer<Passed>>) -> Self {
        let tap = tap.map_or_else(Tap::default, Tap::new);
        Self::new(Kind::Simulated(Fabric::new(leap, tap)))
    }

    /// That dials can come from this address.
    ///
    /// # Errors
    /// As the system says it: `AddrNotAvailable` where it is none of ours.
    pub fn ensure_ours(&self, source: IpAddr) -> io::Result<()> {
        match &self.kind {
            Kind::Tcp(_) => TcpSocket::ensure_ours(source),
            Kind::Simulated(_) if source.is_loopback() => Ok(()),
            Kind::Simulated(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// Binds `address` and listens on it; port 0 takes a free port.
    ///
    /// # Errors
    /// As the system says it; `AddrInUse` also when another listener of this
    /// program has the port.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        match &self.kind {
            Kind::Tcp(_) => TcpPort::bind(address).map(Listener::tcp),
            Kind::Simulated(fabric) => fabric.listen(address).map(Listener::simulated),
        }
    }

    /// Opens a connection to `host:port`, trying each address of a name in turn.
    ///
    /// Waits as long as the system does: put a limit around it.
    ///
    /// # Errors
    /// As the system says it; for a name with several addresses, the last one's.
    /// `AddrNotAvailable` where the source is no address of ours.
    pub async fn dial(&self, authority: &str) -> io::Result<Stream> {
        match &self.kind {
            Kind::Tcp(_) => {
                let socket = TcpSocket::dial(authority, self.source).await?;
                Ok(Stream::tcp(socket))
            }
            Kind::Simulated(fabric) => {
                let dialled = fabric.dial(authority, self.source);
                dialled.await.map(Stream::simulated)
            }
        }
    }

    /// The addresses of a name, as the system finds them.
    ///
    /// Waits as long as the system does: put a limit around it.
    ///
    /// # Errors
    /// As the system says it.
    pub async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match &self.kind {
            Kind::Tcp(_) => {
                let found = tokio::net::lookup_host((host, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            }
            Kind::Simulated(_) => simulated::look_up(host).map(|address| vec![address]),
        }
    }

    /// A pipe from one stream to another, if one is to be had: there are few of
    /// them, and without one the bytes can be read and written. A simulated
    /// network has none.
    pub fn pipe(&self) -> Option<Pipe> {
        match &self.kind {
            Kind::Tcp(pipes) => Pipe::open(pipes),
            Kind::Simulated(_) => None,
        }
    }
}
