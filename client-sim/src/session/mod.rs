//! One client's life as a machine without sockets or clock: when to dial, when
//! to despair of a connection, when to wait and how long.
//!
//! ```text
//!            start            Opened
//!   Idle ──────────► Connecting ─────► Open
//!                     ▲  │ Ended, too late │ Ended, silent
//!               timer │  ▼                 │
//!                    Backoff ◄─────────────┘     Stop, from anywhere ─► Closed
//!                        └─► GaveUp              Reconnect ─► Connecting
//! ```
//!
//! Inputs come with `now` and, if they are about a connection, with the number
//! of its dial: what a connection says that is no longer the current one is
//! ignored. Outputs queue up and are polled. The invariants, for a client
//! without flaws: one attempt or connection at a time, nothing sent outside
//! `Open`, and after a stop nothing but the close. Used by [`run`](crate::run).

mod feed;
mod machine;
mod outbox;
mod port;
#[cfg(test)]
mod tests;

pub use feed::Resume;
pub use machine::{Phase, Session};
pub use port::{Command, Ending, Input, Output, Refusal};
