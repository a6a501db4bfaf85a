//! TLS on streams: who accepts it, who asks for it, and the authority that makes
//! certificates for tests.
//!
//! A stream speaks TLS from [`Acceptor::accept`] or [`Connector::connect`] on, and
//! behind that is a stream as any other: half-closed by close_notify and FIN, reset
//! by RST. The handshake is made as its bytes come, by whoever reads or writes, so
//! nobody waits for it who does not want to.
//!
//! Without the feature `tls` there can be neither acceptor nor connector, and all
//! that handles them compiles to nothing.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod authority;
#[cfg(feature = "tls")]
mod connector;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod leaf;
mod problem;

#[cfg(not(feature = "tls"))]
pub use absent::{Acceptor, Connector};
#[cfg(feature = "tls")]
pub use acceptor::Acceptor;
#[cfg(feature = "tls")]
pub use authority::{Authority, AuthorityError, BUNDLE, CERTIFICATE, KEY, default_folder};
#[cfg(feature = "tls")]
pub use connector::{Connector, Trust, TrustError};
#[cfg(feature = "tls")]
pub use identity::{Identity, IdentityError};
pub use problem::Problem;

/// What is the matter with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaf {
    /// Nothing.
    Valid,
    /// It was valid until yesterday.
    Expired,
    /// It is valid from tomorrow on.
    NotYet,
    /// It is for another host.
    WrongHost,
    /// Its holder has signed it, and nobody else.
    SelfSigned,
    /// An authority has signed it that nobody knows.
    Untrusted,
    /// Nothing, but its key is another each time.
    Changed,
}

/// Which protocols the serving end speaks, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1 alone: it is what an upgrade to a WebSocket is made on.
    Http1,
    /// HTTP/2 before HTTP/1.1, though what follows is not HTTP/2.
    Http2,
}

/// What a serving end does in place of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misdeed {
    /// It answers nothing.
    Silence,
    /// It answers with its hello, and nothing else.
    HelloAlone,
    /// It answers these bytes, whatever they are, and FIN.
    Answer(Vec<u8>),
}

/// What a handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// The name that the client asked for (SNI), if it did.
    pub server_name: Option<String>,
    /// The protocol that was agreed upon (ALPN), if one was.
    pub alpn: Option<String>,
}

/// How a stream stands with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is being agreed upon.
    Handshaking,
    /// It is spoken.
    Established(Handshake),
    /// It has ended, and not as it should.
    Failed(Problem),
}
