//! Verdicts: a pure fold of scenario and journal, the same a year later.
//!
//! - *failed* if a check failed and every fault that it hangs on fired in time;
//! - else *not applicable* if this client cannot do what the case is about, or
//!   does not show it, or does not come into its situation by what it declares;
//! - else *inconclusive* if a fault that must fire did not, or fired too late,
//!   or no fault had any effect, or the check that the case is about could not be
//!   judged, or no client came into the situation of the case, or the run is not complete, or the harness killed the server;
//! - else *passed*.
//!
//! Where the witnesses contradict each other about what a check hangs on, no client
//! is failed, and nothing passes.
//!
//! Invariant: inconclusive and not applicable are never passed and never held
//! against the client. That a run is a control changes nothing: without faults there
//! is no effect, and so nothing passes.

mod applicable;
mod contradiction;
#[cfg(test)]
mod contradiction_tests;
mod display;
mod firing;
mod judge;
mod note;
mod reason;
mod situation;
#[cfg(test)]
mod situation_tests;
#[cfg(test)]
mod tests;

pub use applicable::{blind, known_before};
pub use firing::{Firing, LATE_TOLERANCE};
pub use judge::{Judgement, Verdict, judge, judge_evidence};
pub use note::Note;
pub use reason::{Figure, Missing, Reason, Seen};
pub use situation::SituationResult;
