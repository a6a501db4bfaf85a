//! One proxy, as the API shows it and as it compares with what is asked for.

use core::net::SocketAddr;

use serde::Serialize;

use super::toxic::Toxics;
use crate::proxies::TlsSettings;

/// One proxy, off or on. The order of the fields is the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    /// The bound address; before it was ever bound, what was asked for.
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) enabled: bool,
    /// An accident of Toxiproxy's since 2.5, kept: an empty object.
    #[serde(rename = "Logger")]
    pub(crate) logger: Logger,
    pub(crate) toxics: Toxics,
    /// Not shown where there is nothing of it, so that such a proxy looks as ever.
    #[serde(flatten)]
    pub(crate) tls: TlsSettings,
}

/// Nothing, in braces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Logger {}

impl Proxy {
    /// A proxy that is not running.
    pub(crate) fn new(name: String, listen: String, upstream: String) -> Self {
        Self {
            name,
            listen,
            upstream,
            enabled: false,
            logger: Logger {},
            toxics: Toxics::default(),
            tls: TlsSettings::default(),
        }
    }

    /// Whether these are another address, another server or another TLS than it has.
    /// Port 0 is always another.
    pub(crate) fn differs(&self, listen: SocketAddr, upstream: &str, tls: &TlsSettings) -> bool {
        self.listen != listen.to_string() || self.upstream != upstream || self.tls != *tls
    }

    /// Whether it is what stands in the way of others at this address.
    pub(crate) fn holds(&self, address: SocketAddr) -> bool {
        self.enabled && self.listen == address.to_string()
    }
}
