//! The server over real sockets, and the program as a process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what it is made of, a panic is the report"
)]

#[path = "../../../scenarios/tests/it/kept.rs"]
mod kept;
mod limits;
mod pages;
mod pitfalls;
mod program;
mod sessions;
mod shutdown;
mod support;
