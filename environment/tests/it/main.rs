//! What both networks promise to the code above them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot set itself up has failed, and one that fails says on which network"
)]

mod net;
#[cfg(target_os = "linux")]
mod pipe;
mod tls;
