//! The language of scenario files: what is read, checked and ready to run.
//!
//! TOML; every error of a file is reported at once, at its place. Each
//! section belongs to the crate that obeys it; this module owns the top,
//! `[[action]]`, `[[server_event]]`, `[situation]`, `[expect]` and `[proof]`, and what holds
//! between sections.
//! Invariant: a [`Scenario`] exists only without a single error.

mod action;
mod address;
mod client_options;
mod command_line;
mod exercisable;
mod expect;
mod figures;
mod given;
mod own_server;
mod proof;
mod read;
mod rules;
#[cfg(any(test, feature = "testing"))]
pub mod sample;
mod scenario;
mod server_command;
mod server_event;
mod situation;
#[cfg(test)]
mod tests;
mod top;
mod unobeyed;
mod validate;

pub use action::{Action, ActionTime, ClientAction};
pub use address::{Address, Scheme};
pub use client_options::{ClientOptions, check_variable};
pub use command_line::CommandLine;
pub(crate) use exercisable::{Objection, Setting};
pub use expect::Expectation;
pub use figures::figures;
pub use given::{Given, Origin, read_all};
pub use own_server::{OwnKind, OwnServer};
pub use proof::{Flawed, Proof};
pub use read::{Mistakes, read, read_for};
pub use scenario::{Outcome, Scenario, Start};
pub use server_command::{Cwd, PORT, Ready, ServerCommand};
pub use server_event::{ServerEnd, ServerEvent};
pub use situation::{Needed, Situation, SituationKind};
