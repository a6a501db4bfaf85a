//! The proxy as other projects' tests have it: on a multi-threaded runtime, with
//! threads beside it that never rest.

mod busy;
mod dependencies;
mod faults;
mod leaks;
mod many;
mod names;
mod pair;
