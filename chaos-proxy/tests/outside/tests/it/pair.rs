//! A client and a server with the proxy between them.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Builder, ChaosProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything takes that is to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server that accepts, and its proxy.
pub struct Server {
    pub listener: TcpListener,
    pub proxy: ChaosProxy,
}

/// One connection, both ends of it.
pub struct Pair {
    pub client: TcpStream,
    pub served: TcpStream,
}

impl Server {
    pub async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub async fn with(make: impl FnOnce(Builder) -> Builder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let builder = ChaosProxy::builder().upstream(listener.local_addr().unwrap());
        let proxy = make(builder).start().await.unwrap();
        Self { listener, proxy }
    }

    pub async fn pair(&self) -> Pair {
        let client = TcpStream::connect(self.proxy.address()).await.unwrap();
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        let (served, _) = accepted.expect("nobody dialled").unwrap();
        let mut pair = Pair { client, served };
        pair.passes(b"begin").await;
        pair
    }
}

impl Pair {
    /// The server's words come to the client, and nothing before them.
    pub async fn passes(&mut self, words: &[u8]) {
        self.served.write_all(words).await.unwrap();
        self.hears(words).await;
    }

    /// The next that the client hears is this.
    pub async fn hears(&mut self, words: &[u8]) {
        let mut heard = vec![0; words.len()];
        let read = timeout(PATIENCE, self.client.read_exact(&mut heard)).await;
        read.expect("nothing came").unwrap();
        assert_eq!(heard, words);
    }

    /// The server's words do not come, though the proxy has passed on later ones the
    /// other way.
    pub async fn is_held(&mut self, words: &[u8]) {
        self.served.write_all(words).await.unwrap();
        for _ in 0..3 {
            self.client.write_all(b"?").await.unwrap();
            let asked = timeout(PATIENCE, self.served.read_exact(&mut [0])).await;
            asked.expect("nothing came").unwrap();
        }
        let heard = self.client.try_read(&mut [0; 64]);
        let nothing = heard.map_err(|error| error.kind());
        assert_eq!(nothing, Err(ErrorKind::WouldBlock), "it came through");
    }

    /// The client is reset, and hears nothing before.
    pub async fn is_reset(&mut self) {
        let read = timeout(PATIENCE, self.client.read(&mut [0; 64])).await;
        let end = read.expect("nothing came").map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }
}
