//! The network: dialling, listening, and streams that can be reset.
//!
//! Only real TCP for now; the types hide what is underneath, so that a
//! simulated network can take its place without a change above.

mod listener;
mod pipe;
mod stream;
mod unsent;

pub use listener::{Gone, Listener};
pub use pipe::Pipe;
pub use stream::Stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Where listeners are bound and dials go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Network {
    /// How many pipes may still be opened.
    pipes: Arc<Semaphore>,
}

impl Network {
    /// The operating system's TCP.
    pub fn tcp() -> Self {
        Self {
            pipes: Arc::new(Semaphore::new(pipe::PIPES)),
        }
    }

    /// Binds `address` and listens on it; port 0 takes a free port.
    ///
    /// # Errors
    /// As the system says it; `AddrInUse` also when another listener of this
    /// program has the port.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        Listener::bind(address)
    }

    /// Opens a connection to `host:port`, trying each address of a name in turn.
    ///
    /// Waits as long as the system does: put a limit around it.
    ///
    /// # Errors
    /// As the system says it; for a name with several addresses, the last one's.
    pub async fn dial(&self, authority: &str) -> io::Result<Stream> {
        let stream = tokio::net::TcpStream::connect(authority).await?;
        Ok(Stream::new(stream))
    }

    /// The addresses of a name, as the system finds them.
    ///
    /// Waits as long as the system does: put a limit around it.
    ///
    /// # Errors
    /// As the system says it.
    pub async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }

    /// A pipe from one stream to another, if one is to be had: there are few of
    /// them, and without one the bytes can be read and written.
    pub fn pipe(&self) -> Option<Pipe> {
        Pipe::open(&self.pipes)
    }
}
