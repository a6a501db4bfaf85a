//! A WebSocket ticker whose sessions survive lost connections.
//!
//! `GET /ws` upgrades to a stream of numbered ticks with values from 1 to 10;
//! `/ws?session=ID&last_seq=N` goes on where a lost connection ended. It is
//! what clients are tested against until their own server takes its place, so
//! it knows nothing of faults, proxies or verdicts.
//!
//! ```text
//! listener ─▶ serve ─▶ connection (one task each) ─▶ routes ─▶ handshake
//!                           │ after 101                 │
//!                           ▼                           ▼
//!                         socket ◀── feed ── hub ─▶ registry ─▶ session ─▶ ticker
//! ```
//!
//! Right of `hub`, and in `origin`, `handshake`, `resume`, `liveness`,
//! `message`, `page` and `config`, everything is pure: time and chance are arguments.

mod apps;
mod config;
mod connection;
mod event;
mod handshake;
mod hub;
mod liveness;
mod message;
mod origin;
mod page;
mod registry;
mod resume;
mod routes;
mod serve;
mod session;
mod socket;
mod ticker;

pub use config::{Config, Mistake};
pub use event::{Event, EventKind};
pub use message::{ClientMessage, ServerMessage};
pub use serve::{ServeError, run, serve};
pub use ticker::value;
