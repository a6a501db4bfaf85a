//! The control API: two of them on one port.
//!
//! - `toxiproxy`: the HTTP API that clients of Toxiproxy speak.
//! - `v1`: ours, under `/chaos/v1`.
//!
//! Before every route stands the `guard`. Both act on one [`ApiState`], one call at a time, so all callers see one order
//! of changes; no call waits for a connection. Used by the program.

mod guard;
mod limited_body;
mod metrics;
mod places;
mod server;
mod toxiproxy;
mod v1;
mod write_timeout;

pub use server::{ApiState, Config, LoadError, serve};

/// Reads bytes as every kind of body that there is; how many of them they could
/// be. For fuzzing: whatever the bytes are, it returns.
pub fn count_readings(body: &[u8]) -> usize {
    toxiproxy::count_readings(body) + usize::from(v1::is_rule(body))
}
