//! External programs: started in a group of their own, listened to
//! within bounds, and ended with all that they have started.
//!
//! Invariant: whatever a program does (prints without end, ignores signals,
//! leaves children behind), nothing here waits for it without a bound, keeps
//! more of its words than a bound, or leaves a process of its group behind;
//! nor does it if this program itself is killed, which a group's watchdog sees to.
//! Used for adapters, their setup, and a scenario's own server.

mod group;
mod lines;
mod program;
mod running;
mod tail;

pub(crate) use lines::{Flood, Lines};
pub(crate) use program::{Program, StartError};
pub(crate) use running::{Ended, Running};
pub(crate) use tail::Tail;
