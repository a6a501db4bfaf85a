//! Sockets: the dial with its upgrade, and the set of connections that a client
//! has open.
//!
//! A reference client has at most one, and for a moment a second that is closing;
//! flaws may leave more. Every event carries the number of the dial that it
//! belongs to. Used by [`run`](crate::run).

mod connection;
mod frames;
mod handshake;
mod set;
mod wire;

pub(crate) use set::Sockets;
