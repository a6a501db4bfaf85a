//! The judge: it reads scenarios, runs server, proxy and clients against each
//! other on real sockets, writes down what happened, and says what that means.
//!
//! ```text
//! language ─▶ runner ─▶ journal ─▶ definitions ─▶ checks ─▶ verdict ─▶ results
//!              │ server, proxy, clients     (all pure from here on)      │
//!            suite: many of them, some at a time                      console
//!                                └──▶ archive: judged again, from files alone
//! ```
//!
//! Only this crate knows all parts, and only it judges. Everything right of
//! `journal` is a pure fold over a scenario and a journal, so a run can be
//! judged again a year later.

pub mod archive;
mod catalogue;
pub mod checks;
pub mod console;
pub mod definitions;
pub mod journal;
pub mod language;
pub mod play;
pub mod results;
pub mod runner;
pub mod subjects;
pub mod suite;
pub mod verdict;
