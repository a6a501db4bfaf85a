//! What there is of TLS without the feature: types without values.

use super::{Alpn, Leaf};
use crate::Stream;

/// Nobody accepts TLS: the feature `tls` is off.
#[derive(Debug, Clone)]
pub enum Acceptor {}

/// Nobody asks for TLS: the feature `tls` is off.
#[derive(Debug, Clone)]
pub enum Connector {}

impl Acceptor {
    /// Cannot be called.
    #[must_use]
    pub fn varied(&self, _: Leaf, _: Alpn) -> Self {
        match *self {}
    }

    /// Cannot be called.
    pub fn accept(&self, _: Stream) -> Stream {
        match *self {}
    }
}

impl Connector {
    /// Cannot be called.
    pub fn connect(&self, _: Stream) -> Stream {
        match *self {}
    }
}
