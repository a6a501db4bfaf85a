//! The `chaos` program as its users meet it: a process, its files, its words
//! and its exit code.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what it is made of, a panic is the report"
)]

mod bad_input;
mod broken_off;
mod foreign;
mod judge;
mod own_client;
mod own_server;
mod plan;
mod play;
mod processes;
mod program;
mod proof;
mod readme;
mod schema;
mod server_events;
mod validator;
