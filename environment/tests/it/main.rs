//! Real sockets: what the network promises to the code above it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod net;
#[cfg(target_os = "linux")]
mod pipe;
