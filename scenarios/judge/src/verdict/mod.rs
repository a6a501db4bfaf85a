//! Verdicts: a pure fold of scenario and journal, the same a year later.
//!
//! - *failed* if a check failed and every fault that it hangs on fired in time;
//! - else *not applicable* if this client cannot do what the case is about, or
//!   does not show it;
//! - else *inconclusive* if a fault that must fire did not, or fired too late,
//!   or no rule had any effect, or the check that the case is about could not be
//!   judged, or the run is not complete, or the harness killed the server;
//! - else *passed*.
//!
//! Invariant: inconclusive and not applicable are never passed and never blamed
//! on the client. That a run is a control changes nothing: without faults there
//! is no effect, and so nothing passes.

mod applicable;
mod firing;
mod judge;
mod note;
mod reason;
#[cfg(test)]
mod tests;

pub use applicable::known_before;
pub use firing::{Firing, LATE_TOLERANCE};
pub use judge::{Judgement, Verdict, judge, judge_evidence};
pub use note::Note;
pub use reason::{Missing, Reason};
