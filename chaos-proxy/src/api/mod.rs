//! The control API: two of them on one port.
//!
//! - [`toxiproxy`]: the HTTP API that clients of Toxiproxy speak.
//! - [`own`]: ours, under `/chaos/v1`.
//!
//! Both act on one [`Room`], one call at a time, so all callers see one order
//! of changes; no call waits for a connection. Used by the program.

mod app;
mod metrics;
mod own;
mod patient;
mod room;
mod serve;
mod toxiproxy;
mod whole;

pub use room::{LoadError, Room};
pub use serve::{Config, serve};
