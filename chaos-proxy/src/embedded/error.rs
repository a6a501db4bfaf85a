//! What can be wrong with what a test asks of its proxy.

use std::io;
use std::net::SocketAddr;

/// Why a proxy could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Nobody said where the server is.
    #[error("no upstream is given; `upstream(address)` says where the server is")]
    NoUpstream,
    /// The upstream is no `host:port`.
    #[error("upstream {}: {reason}", upstream.escape_debug())]
    Upstream {
        /// As it was given.
        upstream: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rules have errors, each told with its place.
    #[error("errors in the rules:\n{0}")]
    Rules(String),
    /// The port could not be had.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a fault was not injected. Nothing of it is in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InjectError {
    /// A rule of the builder, or one that a guard still holds, has the name.
    #[error("a rule called `{}` is there already", name.escape_debug())]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Only a one-shot fault can be applied by `strike`; a continuous one needs a guard.
    #[error("`{fault}` is a continuous fault: use `inject`, which gives the guard that ends it")]
    NoStrike {
        /// The fault's word.
        fault: &'static str,
    },
    /// The rules have errors, each told with its place.
    #[error("errors in the rules:\n{0}")]
    Rules(String),
}
