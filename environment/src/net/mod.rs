//! The network: dialling, listening, and streams that can be reset.
//!
//! Only real TCP for now; the types hide what is underneath, so that a
//! simulated network can take its place without a change above.

mod listener;
mod stream;
mod unsent;

pub use listener::Listener;
pub use stream::Stream;

use std::io;
use std::net::SocketAddr;

/// Where listeners are bound and dials go. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Network(());

impl Network {
    /// The operating system's TCP.
    pub fn tcp() -> Self {
        Self(())
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
}
