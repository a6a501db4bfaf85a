//! The proxy on real sockets: what its peers see, and what it says it did.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

mod api;
mod bench;
mod bulk;
mod embedded;
mod expiry;
mod faults;
mod foreign;
mod live_rules;
mod program;
mod program_api;
mod regressions;
mod selects;
mod targets;
mod traffic;
mod websocket;
mod wire;
