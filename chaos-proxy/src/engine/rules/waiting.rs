//! A rule that waits: for a phase, for bytes or frames, and for its time after
//! that.

use environment::Moment;

use super::heard::{Heard, Part};
use super::set::RuleHandle;
use crate::rule::{Progress, When};

/// A rule that waits for a connection.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) rule: RuleHandle,
    /// When it acts, once its condition has been met.
    pub(super) due: Option<Moment>,
}

impl Waiting {
    pub(super) fn new(rule: RuleHandle) -> Self {
        Self { rule, due: None }
    }

    /// Notes when it acts, if connection `attempt` has come so far now.
    pub(super) fn meet(&mut self, attempt: u64, progress: Progress, heard: &Heard, now: Moment) {
        if self.due.is_none()
            && let When::On {
                condition, after, ..
            } = &self.rule.when
            && condition.is_met(attempt, progress)
            && heard.has_met(self.rule.id, Part::On, condition)
        {
            self.due = Some(now + *after);
        }
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}
