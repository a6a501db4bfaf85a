//! The serving end of TLS.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::{Connection, ServerConfig, ServerConnection};

use super::authority::Authority;
use super::connector::{HTTP_1_1, provider};
use super::{Alpn, Leaf};
use crate::Stream;

/// Accepts TLS on streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    /// Who signs for it, if it has certificates made.
    authority: Option<Authority>,
}

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
        Self {
            config: Arc::new(config),
            authority: None,
        }
    }

    pub(super) fn signed_by(self, authority: Authority) -> Self {
        Self {
            authority: Some(authority),
            ..self
        }
    }

    /// The same with certificates of another kind, or another protocol; one that has a
    /// certificate of its own shows that in any case.
    #[must_use]
    pub fn varied(&self, leaf: Leaf, alpn: Alpn) -> Self {
        match &self.authority {
            Some(authority) => authority.acceptor(leaf, alpn),
            None => self.clone(),
        }
    }

    /// The stream as one that speaks TLS from here on, as the server. The handshake
    /// is still to be made.
    pub fn accept(&self, stream: Stream) -> Stream {
        let session = ServerConnection::new(Arc::clone(&self.config));
        let session = session.expect("nothing in the configuration is for QUIC");
        Stream::tls(stream, Connection::Server(session))
    }
}
