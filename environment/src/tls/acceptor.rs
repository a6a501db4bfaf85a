//! The serving end of TLS.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{Connection, ServerConfig, ServerConnection};

use super::connector::{HTTP_1_1, provider};
use crate::Stream;

/// Which protocols the serving end speaks, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1 alone: it is what an upgrade to a WebSocket is made on.
    Http1,
    /// HTTP/2 before HTTP/1.1, though what follows is not HTTP/2.
    Http2,
}

/// Accepts TLS on streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    pub(super) fn new(certificates: Arc<dyn ResolvesServerCert>, alpn: Alpn) -> Self {
        let builder = ServerConfig::builder_with_provider(provider());
        let mut config = builder
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.alpn_protocols = match alpn {
            Alpn::Http1 => vec![HTTP_1_1.to_vec()],
            Alpn::Http2 => vec![b"h2".to_vec(), HTTP_1_1.to_vec()],
        };
        // Each handshake is a whole one, or a client would not look at the
        // certificate that its next attempt is to get.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Self(Arc::new(config))
    }

    /// The stream as one that speaks TLS from here on, as the server. The handshake
    /// is still to be made.
    pub fn accept(&self, stream: Stream) -> Stream {
        let session = ServerConnection::new(Arc::clone(&self.0));
        let session = session.expect("nothing in the configuration is for QUIC");
        Stream::tls(stream, Connection::Server(session))
    }
}
