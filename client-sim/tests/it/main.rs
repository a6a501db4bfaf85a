//! Clients in virtual time, on real sockets where these have a say, and the program
//! as a process.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what it is made of, a panic is the report"
)]

mod abandon;
mod endings;
mod fixtures;
#[path = "../../../scenarios/tests/it/kept.rs"]
mod kept;
mod program;
mod rig;
mod swarm;
mod upgrades;
mod wishes;
