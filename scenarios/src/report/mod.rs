//! `report.html`: one file in which people see what happened.
//!
//! ```text
//! evidence ─▶ Timeline ─▶ Gallery ─┐
//! judgement ─▶ Results ────────────┴▶ render ─▶ one String ─▶ OUT/report.html
//! ```
//!
//! The file has no script, and asks for nothing outside: those who show the
//! artifacts of pipelines forbid both, and its own policy does. Every text in it
//! may come from a hostile file and is escaped. It is a pure function of results
//! and timelines: no clock, no path of the output folder, and every number in it
//! is made from whole ones.
//!
//! Invariant: no report is larger than [`MOST_BYTES`], however many runs there
//! were. What does not fit loses its figures first, then its words; what did not
//! pass keeps them longest.

mod gallery;
mod page;
mod timeline;

pub use gallery::Gallery;
pub use page::{MOST_BYTES, render, render_search};
pub use timeline::Timeline;

use std::path::{Path, PathBuf};

use crate::explore::Summary;
use crate::results::Results;
use crate::whole::{ResultsError, write_whole};

const FILE: &str = "report.html";

/// Writes `OUT/report.html` as a whole; says where that is.
///
/// # Errors
/// When the system refuses; then an older file is still there.
pub fn write(results: &Results, gallery: &Gallery, out: &Path) -> Result<PathBuf, ResultsError> {
    write_whole(out, FILE, &render(results, gallery))
}

/// Writes the `OUT/report.html` of a search, whose findings are these runs.
///
/// # Errors
/// As [`write()`].
pub fn write_search(
    results: &Results,
    gallery: &Gallery,
    summary: &Summary,
    out: &Path,
) -> Result<PathBuf, ResultsError> {
    write_whole(out, FILE, &render_search(results, gallery, summary))
}
