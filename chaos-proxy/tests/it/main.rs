//! The proxy: what its peers see, and what it says it did. In virtual time, but for
//! what needs the system itself ([`system`]).

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot set itself up has failed, and one that fails says on which network"
)]

mod api;
mod bench;
mod data;
mod exchanges;
mod expiry;
mod faults;
#[path = "../../../scenarios/tests/it/kept.rs"]
mod kept;
mod live_rules;
mod progress;
mod regressions;
mod selects;
mod sides;
mod slow_links;
mod system;
mod targets;
mod tls;
mod tls_faults;
mod traffic;
mod websocket;
mod world;
