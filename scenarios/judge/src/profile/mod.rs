//! What a client does when it loses its connection, measured.
//!
//! ```text
//! Probe ─▶ a scenario ─▶ (run) ─▶ its journal ─▶ courses ─▶ Profile ─▶ claims
//! ```
//!
//! A [`Probe`] is one small scenario; what came of all of them is a [`Profile`],
//! which is compared with what the client declares. Pure: nothing is run here.

mod claim;
mod course;
mod probe;
mod report;

pub use claim::{Claim, TOLERANCE_SHARE, TOLERANCE_TIME, claims};
pub use course::{Course, courses};
pub use probe::{Probe, Setting};
pub use report::{Figure, FromText, Outcome, Profile, Reaction, Spread};
