//! The command line: what can be said, and what is answered.
//!
//! Data goes to stdout, everything else to stderr.

mod args;
mod ca;
mod end;
mod explore;
mod files;
mod found;
mod judge;
mod merge;
mod output;
mod play;
mod profile;
mod reference;
mod run;
mod shells;
mod unmatched;

pub(crate) use args::Args;
pub(crate) use output::{answer, complain, start_logging, told};

/// Everything passed.
pub(crate) const EXIT_PASSED: u8 = 0;
/// Some check failed.
pub(crate) const EXIT_FAILED: u8 = 1;
/// Usage, or an error in a scenario; nothing was run.
pub(crate) const EXIT_USAGE: u8 = 2;
/// A scenario says nothing, or the harness itself failed.
pub(crate) const EXIT_INCONCLUSIVE: u8 = 3;
/// Interrupted: 128 + SIGINT, as shells say it.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;
