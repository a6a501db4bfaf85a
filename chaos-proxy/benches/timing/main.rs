//! How well the proxy keeps its times: real sockets on loopback, through a real
//! proxy, each figure beside its aim. Some two minutes; `make bench` runs it.
//!
//! The proxy has a runtime of its own, the peers have another with one thread.
//! What the machine and the sockets cost is measured in the same run, with a bare
//! timer and with a proxy that has no faults.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot set itself up has failed"
)]
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

mod bandwidth;
mod jitter;
mod latency;
mod resets;
mod rig;
mod slices;
mod slow_links;
mod table;

/// What the tests use.
#[path = "../../tests/it/bench.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod bench;
#[path = "../../tests/it/world.rs"]
#[expect(
    dead_code,
    clippy::print_stderr,
    reason = "the tests use more of it, and say where they are"
)]
mod world;

fn main() {
    let rig = rig::Rig::new();
    rig.run(async {
        table::head();
        if is_wanted("latency") {
            latency::measure(&rig).await;
        }
        if is_wanted("jitter") {
            jitter::measure(&rig).await;
        }
        if is_wanted("bandwidth") {
            bandwidth::measure(&rig).await;
        }
        if is_wanted("resets") {
            resets::measure(&rig).await;
        }
        if is_wanted("slices") {
            slices::measure(&rig).await;
        }
        if is_wanted("slow-links") {
            slow_links::measure(&rig).await;
        }
        table::foot();
    });
}

/// Everything is, or what is named: `cargo bench … --bench timing -- jitter slices`.
fn is_wanted(part: &str) -> bool {
    // cargo adds a flag of its own.
    let mut named = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .peekable();
    named.peek().is_none() || named.any(|word| word == part)
}
