//! A network in this process, with TCP's manners: dials that are refused or go
//! unanswered, a backlog, bounded buffers, FIN, half-close and RST.
//!
//! ```text
//! Socket ── Connection (pure) ── Socket        both ends under one lock
//! Fabric: address ─▶ Port: open, refusing or silent, and who waits to be accepted
//! ```
//!
//! Invariant: nothing here draws, waits for the system or depends on addresses in
//! memory, so that a run in virtual time is the same every time. What is promised
//! beyond the types of [`net`](super) is what a real system does: the tests in
//! `tests/it/net` hold both to the same.

mod connection;
mod fabric;
mod port;
mod socket;
mod tap;

pub(super) use fabric::{Fabric, look_up};
pub(super) use port::Port;
pub(super) use socket::Socket;
pub(super) use tap::Tap;
pub use tap::{Passed, Passing};
