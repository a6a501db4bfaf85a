//! The `chaos` program as its users meet it: a process, its files, its words
//! and its exit code.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what it is made of, a panic is the report"
)]

mod bad_input;
mod blocks;
mod broken_off;
mod clocks;
mod conformance;
mod console;
mod docs;
mod explore;
mod foreign;
#[rustfmt::skip]
mod guide_examples;
mod harness;
mod hostile_journals;
mod interrupts;
mod judge;
mod kept;
mod matrix;
mod oracle;
mod out_folder;
mod own_client;
mod own_server;
mod page;
mod plan;
mod play;
mod processes;
mod profile;
mod program;
mod proof;
mod readme;
mod reference;
mod report;
mod retries;
mod schedules;
mod schema;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod sealed;
mod seeds;
mod server_events;
mod shards;
mod streams;
mod validator;
mod words;
