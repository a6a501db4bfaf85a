//! Rules that a connection has ended for its client (`until_on`).

/// Rules, by number.
#[derive(Debug, Default)]
pub(super) struct Outlived {
    ended: Vec<usize>,
    /// Those of them that the scheduler does not know of yet.
    unreported: Vec<usize>,
    /// Rules whose end was past before they were armed.
    passed: Vec<usize>,
}

impl Outlived {
    /// Whether this connection has ended the rule.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.ended.contains(&rule)
    }

    /// The rule's end has come.
    pub(super) fn add(&mut self, rule: usize) {
        if !self.ended.contains(&rule) && !self.passed.contains(&rule) {
            self.ended.push(rule);
            self.unreported.push(rule);
        }
    }

    /// The rules are armed anew, these of them too late for this connection.
    pub(super) fn begin_round(&mut self, passed: Vec<usize>) {
        self.passed = passed;
        self.ended.clear();
    }

    /// The connection has another client.
    pub(super) fn rename(&mut self) {
        self.ended.clear();
        self.unreported.clear();
    }

    pub(super) fn has_unreported(&self) -> bool {
        !self.unreported.is_empty()
    }

    pub(super) fn take_unreported(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.unreported)
    }
}
