//! What rules do to one connection, as a machine without sockets or clock.
//!
//! ```text
//!  accept · rename · change ──▶ ┌─────────┐ ──▶ actions, to be carried out in order
//!  progress · timer         ──▶ │ Machine │ ──▶ effects and edits, for the links
//!  cut · edited · answer    ──▶ └─────────┘ ──▶ deadline
//!        ActiveRules, Snapshot ─────┘
//! ```
//!
//! The time and all else that it knows of the connection come in a
//! [`Snapshot`]; every draw is a function of the seed. So whatever happens to a
//! connection can be tested without one.
//!
//! Invariant: a rule strikes a connection once for each time that it acts, and
//! what holds is let go once.

mod action;
mod agenda;
mod edits;
mod entry;
mod heard;
mod held;
mod holds;
mod in_force;
mod machine;
mod outlived;
mod set;
mod snapshot;
mod strikes;
mod waiting;

pub(super) use action::{Action, Answer};
pub(super) use agenda::Agenda;
pub(super) use in_force::{Activation, ActiveRules};
pub(super) use machine::{Machine, Timer, Traits};
pub use set::AddedRule;
pub(super) use set::{RuleSet, Who};
pub(super) use snapshot::{CutBy, Flow, Snapshot};
pub(super) use strikes::Strike;

#[cfg(test)]
mod tests;
