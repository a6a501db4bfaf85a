//! The control API: two of them on one port.
//!
//! - `toxiproxy`: the HTTP API that clients of Toxiproxy speak.
//! - `own`: ours, under `/chaos/v1`.
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

/// Reads bytes as every kind of body that there is; how many of them they could
/// be. For fuzzing: whatever the bytes are, it returns.
pub fn count_readings(body: &[u8]) -> usize {
    toxiproxy::count_readings(body) + usize::from(own::is_rule(body))
}
