//! Verdicts: a pure fold of scenario and journal, the same a year later.
//!
//! - *failed* if a check failed and every fault that it hangs on fired in time;
//! - else *inconclusive* if a fault that must fire did not, or fired too late,
//!   or no rule had any effect, or no check was OK, or the run is not complete;
//! - else *passed*.
//!
//! Invariant: inconclusive is never passed and never blamed on the client, and
//! a control run without faults never passes.

mod firing;
mod judge;
mod reason;
#[cfg(test)]
mod tests;

pub use firing::{Firing, LATE_TOLERANCE};
pub use judge::{Judgement, Verdict, judge, judge_evidence};
pub use reason::{Missing, Reason};
