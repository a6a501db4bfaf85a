//! `expiry`: a connection ends so long after the fault took hold of it, whatever
//! flows. Its timer never starts again.
//!
//! What Toxiproxy's `timeout` and `reset_peer` ask for; scenario files say the
//! same with `on`, `after` and `close` or `reset`, so it has no word there.

use std::time::Duration;

use super::{How, Way};

/// An end after a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// From when it took hold of the connection to the end; `None`: never.
    pub delay: Option<Duration>,
    /// On a connection that comes under it as it is accepted, the time begins
    /// with the first bytes that are swallowed, or with their end instead, which
    /// is swallowed too. It is told when it ends the connection.
    pub awaits_bytes: bool,
    /// How it ends, for both peers.
    pub how: How,
    /// The bytes that are swallowed meanwhile.
    pub swallows: Option<Way>,
    /// Whether its removal is an end too, with FIN: what was swallowed is
    /// missing.
    pub ends_when_healed: bool,
}
