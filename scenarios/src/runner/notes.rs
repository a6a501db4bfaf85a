//! What is kept of other people's processes besides their reports: how each
//! ended, and the end of what it complained.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::process::Tail;

/// A cheap handle to what is kept of one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// The end of its stderr.
    pub(super) tail: Tail,
    remarks: Arc<Mutex<Remarks>>,
}

#[derive(Debug, Default)]
struct Remarks {
    ended: Option<String>,
    others: u64,
}

impl Notes {
    /// It ended like this.
    pub(super) fn ended(&self, how: &str) {
        self.remarks().ended = Some(how.to_owned());
    }

    /// A line of its stdout was no report, or none that it declares.
    pub(super) fn passed_over(&self) {
        self.remarks().others += 1;
    }

    /// For the record of the run; empty if there is nothing to say.
    pub(super) fn text(&self, who: &str) -> String {
        let complaints = self.tail.text();
        let remarks = self.remarks();
        if complaints.is_empty() && remarks.others == 0 {
            return String::new();
        }
        let ended = remarks.ended.as_deref().unwrap_or("never started");
        let mut text = format!("== {who}: {ended}\n");
        if remarks.others > 0 {
            let others = remarks.others;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "lines of stdout that were no report that it declares: {others}"
            );
        }
        text.push_str(&complaints);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    fn remarks(&self) -> std::sync::MutexGuard<'_, Remarks> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
