//! The checker: reads scenarios and journals, and gives verdicts.
//!
//! ```text
//! language ─▶ journal ─▶ definitions ─▶ checks ─▶ verdict ─▶ results
//! ```
//!
//! Every step is a function of its arguments: nothing here runs a scenario,
//! opens a file or a socket, or asks for the time. So a run is judged alike
//! while it ends and a year later, from its scenario and its journal alone.

pub mod checks;
pub mod definitions;
pub mod journal;
pub mod language;
pub mod plain;
pub mod profile;
pub mod results;
pub mod subject;
pub mod verdict;
