//! A listening port that can refuse for a while and still stay ours, on either
//! network.

use std::io;
use std::net::SocketAddr;

use super::Stream;
use super::simulated::Port;
use super::tcp::TcpPort;
use crate::feed::{Feed, Follower};
use crate::tls::Acceptor;

/// A bound port; dropping it gives the port back.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    /// How whoever dials is met, if they must speak TLS.
    tls: Option<Acceptor>,
    /// Last, so that whoever waits for it finds the port free.
    gone: Feed<()>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpPort),
    Simulated(Port),
}

/// The end of a [`Listener`], for whoever wants its port next.
#[derive(Debug)]
pub struct Gone(Follower<()>);

impl Gone {
    /// Waits until the listener has been dropped and its port is free. Cancel
    /// safe.
    pub async fn wait(&mut self) {
        // Nothing is ever told: the only news is that the feed has ended.
        while self.0.changed().await.is_ok() {}
    }
}

impl Listener {
    pub(super) fn tcp(port: TcpPort) -> Self {
        Self::new(Kind::Tcp(port))
    }

    pub(super) fn simulated(port: Port) -> Self {
        Self::new(Kind::Simulated(port))
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            tls: None,
            gone: Feed::new(()),
        }
    }

    /// What is accepted from now on speaks TLS; its handshake is still to be made.
    pub fn secure(&mut self, tls: Acceptor) {
        self.tls = Some(tls);
    }

    fn met(&self, stream: Stream) -> Stream {
        match &self.tls {
            Some(acceptor) => acceptor.accept(stream),
            None => stream,
        }
    }

    /// Tells when this listener has been dropped.
    pub fn gone(&self) -> Gone {
        Gone(self.gone.follow())
    }

    /// The bound address, with the true port.
    pub fn local_addr(&self) -> SocketAddr {
        match &self.kind {
            Kind::Tcp(port) => port.local_addr(),
            Kind::Simulated(port) => port.local_addr(),
        }
    }

    /// Waits for the next connection; indefinitely while refusing or silent.
    /// Cancel safe.
    ///
    /// # Errors
    /// As the system says it: those of a connection that died in the queue, or
    /// of a lack of descriptors. The listener itself stays usable.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match &self.kind {
            Kind::Tcp(port) => {
                let (socket, peer) = port.accept().await?;
                Ok((self.met(Stream::tcp(socket)), peer))
            }
            Kind::Simulated(port) => {
                let socket = port.accept().await;
                let peer = socket.peer();
                Ok((self.met(Stream::simulated(socket)), peer))
            }
        }
    }

    /// A connection that is there already, whether or not the runtime has heard
    /// of it.
    pub fn try_accept(&self) -> Option<Stream> {
        let accepted = match &self.kind {
            Kind::Tcp(port) => port.try_accept().map(Stream::tcp),
            Kind::Simulated(port) => port.try_accept().map(Stream::simulated),
        };
        accepted.map(|stream| self.met(stream))
    }

    /// From now on SYNs go unanswered and dials hang; after the heal a client's
    /// next SYN is answered.
    ///
    /// # Errors
    /// As the system says it; `Unsupported` on systems other than Linux.
    pub fn fall_silent(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Tcp(port) => port.fall_silent(),
            Kind::Simulated(port) => {
                port.fall_silent();
                Ok(())
            }
        }
    }

    /// From now on dials get ECONNREFUSED. Connections in the accept queue are
    /// reset by the system. Does nothing if already refusing.
    pub fn refuse(&mut self) {
        match &mut self.kind {
            Kind::Tcp(port) => port.refuse(),
            Kind::Simulated(port) => port.refuse(),
        }
    }

    /// Accepts again after [`Listener::refuse`] or [`Listener::fall_silent`], on
    /// the same port.
    ///
    /// # Errors
    /// As the system says it; the listener stays as it was then.
    pub fn heal(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Tcp(port) => port.heal(),
            Kind::Simulated(port) => {
                port.heal();
                Ok(())
            }
        }
    }

    /// Whether dials are refused now.
    pub fn is_refusing(&self) -> bool {
        match &self.kind {
            Kind::Tcp(port) => port.is_refusing(),
            Kind::Simulated(port) => port.is_refusing(),
        }
    }
}
