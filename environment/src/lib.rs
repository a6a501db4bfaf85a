//! Shared network, clock, randomness and scenario parsing.
//!
//! The server, the proxy and the clients know nothing of each other; what they
//! share is this crate, and nothing in it knows any of them. No code above it
//! opens a socket, reads a clock or draws a number by other means, so a whole
//! run can be given another network and another clock.
//!
//! - [`Network`], [`Listener`], [`Stream`]: TCP with its manners, including a
//!   reset on demand and a port that can refuse and still stay ours; [`Pipe`]s
//!   between streams, for bulk.
//! - [`Simulation`]: another network and another clock, in one thread.
//! - [`Clock`], [`Moment`]: monotonic time since the clock's origin; with the
//!   feature `http`, the same for hyper (`ClockTimer`).
//! - [`Seed`], [`Key`], [`Draw`]: one draw, one key.
//! - [`Feed`]: a value that many follow, woken in their order.
//! - [`Observer`]: where a part tells what happened.
//! - [`output`]: a program's stdout and stderr, whatever they are.
//! - [`tls`]: TLS on streams, with the feature `tls`.
//! - [`Shard`]: which part of several a program has to do.
//! - [`text`]: TOML read with every error reported at its place.

pub mod chance;
mod clock;
mod feed;
#[cfg(feature = "http")]
mod http_timer;
mod net;
mod observer;
pub mod output;
pub mod shard;
mod simulation;
pub mod text;
pub mod tls;

#[cfg(feature = "secret")]
pub use chance::secret;
pub use chance::{Direction, Draw, Key, Realm, Seed, tag};
pub use clock::{Clock, Elapsed, Moment, Stall};
pub use feed::{Feed, FeedEnded, Follower};
#[cfg(feature = "http")]
pub use http_timer::ClockTimer;
pub use net::{Gone, Listener, Network, Passed, Passing, Pipe, Stream};
pub use observer::Observer;
pub use shard::Shard;
pub use simulation::Simulation;

/// Network and clock together, cheap to clone, handed to every service.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where connections come from and go to.
    pub network: Network,
    /// What time it is and how to wait.
    pub clock: Clock,
}

impl Environment {
    /// Real TCP and real time, with the clock's origin now.
    pub fn real() -> Self {
        Self {
            network: Network::tcp(),
            clock: Clock::precise(),
        }
    }
}
