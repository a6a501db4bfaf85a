//! The timelines of many runs, as many as a report can show.

use std::collections::BTreeMap;

use super::timeline::Timeline;
use crate::verdict::Verdict;

/// So many are kept of the runs that went well, and of those that did not.
const MOST: usize = 300;

/// Timelines by the place of their run's result in the results.
///
/// Invariant: what is kept does not depend on the order in which runs end.
#[derive(Debug, Default)]
pub struct Gallery {
    passed: BTreeMap<usize, Timeline>,
    wanting: BTreeMap<usize, Timeline>,
}

impl Gallery {
    /// Keeps the timeline of the run whose result is at `index`, unless there are
    /// enough with lower ones.
    pub fn add(&mut self, index: usize, verdict: Verdict, timeline: Timeline) {
        let kept = match verdict {
            // There is nothing to see of the others.
            Verdict::Passed | Verdict::NotApplicable => &mut self.passed,
            Verdict::Failed | Verdict::Inconclusive => &mut self.wanting,
        };
        kept.insert(index, timeline);
        if kept.len() > MOST {
            kept.pop_last();
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Timeline> {
        self.wanting.get(&index).or_else(|| self.passed.get(&index))
    }
}
