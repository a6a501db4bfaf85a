//! Runs scenarios of network faults against reconnecting clients on real sockets or
//! in virtual time, records what happened, and checks that the clients recovered.
//!
//! ```text
//! language ─▶ runner ─▶ journal ─▶ definitions ─▶ checks ─▶ verdict ─▶ results
//!              │ server, proxy, clients     (all pure from here on)      │
//!            suite: many of them, some at a time     console, report, records
//!                                └──▶ archive: judged again, from files alone
//! ```
//!
//! # In a test of your own
//!
//! `chaos run` is the usual way. In a Rust test the same harness puts your own
//! client to the test, as a function that gets a [`ClientContext`]:
//!
//! ```no_run
//! use scenarios::{Client, ClientContext, Report, Scenario, Setup};
//!
//! # mod yours { pub async fn follow(_: &str, _: impl Fn()) {} }
//! /// Connects, and connects again, indefinitely.
//! async fn client(context: ClientContext) {
//!     let tell = context.tell.clone();
//!     tokio::select! {
//!         () = yours::follow(&context.url, move || tell.open()) => {}
//!         () = context.stop.requested() => {}
//!     }
//! }
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! // In a #[tokio::test]:
//! let mine = Client::new("mine", client).reports([Report::Open]);
//! let setup = Setup::new().client(mine).seed(7);
//! Scenario::load("scenarios/reset.toml")?.run(&setup).await?.assert_passed();
//! # Ok(())
//! # }
//! ```
//!
//! An [`Outcome`] that has not passed says in sentences what was observed, when,
//! on which client, and what was expected, where the journal is, and how to run
//! the same again. `examples/own_client.rs` is a whole one.
//!
//! # What lives where
//!
//! Only this crate runs all parts. The language, the journal and everything right
//! of it are [`chaos_judge`]'s: pure, so a run can be judged again a year later.

pub mod archive;
mod catalogue;
pub mod collect;
pub mod console;
pub mod explore;
pub mod files;
mod harness;
pub mod hostile;

pub mod invocation;
pub mod known;
pub mod out_folder;
pub mod play;
mod process;
pub mod profile;
pub mod records;
pub mod report;
pub mod runner;
mod sentences;
pub mod shard;
pub mod subjects;
pub mod suite;
pub mod trust;
pub mod whole;

pub(crate) use chaos_judge::plain;
pub use chaos_judge::{checks, definitions, journal, language, results, verdict};
pub use harness::{LoadError, Outcome, RunError, Scenario, Setup};
pub use language::ClientAction;
pub use subjects::{Ability, Client, ClientContext, Commands, Report, Stop, Tell};
pub use verdict::Verdict;
