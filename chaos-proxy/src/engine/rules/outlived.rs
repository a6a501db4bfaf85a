//! Rules that a connection has ended for its client (`until_on`).

/// Rules, by number. Most connections end none: that takes no room.
#[derive(Debug, Default)]
pub(super) struct Outlived(Option<Box<Lists>>);

#[derive(Debug, Default)]
struct Lists {
    ended: Vec<usize>,
    /// Those of them that the scheduler does not know of yet.
    unreported: Vec<usize>,
    /// Rules whose end was past before they were armed.
    passed: Vec<usize>,
}

impl Outlived {
    /// Whether this connection has ended the rule.
    pub(super) fn has(&self, rule: usize) -> bool {
        let lists = self.0.as_ref();
        lists.is_some_and(|lists| lists.ended.contains(&rule))
    }

    /// The rule's end has come.
    pub(super) fn add(&mut self, rule: usize) {
        let lists = self.0.get_or_insert_default();
        if !lists.ended.contains(&rule) && !lists.passed.contains(&rule) {
            lists.ended.push(rule);
            lists.unreported.push(rule);
        }
    }

    /// The rules are armed anew, these of them too late for this connection.
    pub(super) fn begin_round(&mut self, passed: Vec<usize>) {
        if self.0.is_some() || !passed.is_empty() {
            let lists = self.0.get_or_insert_default();
            lists.passed = passed;
            lists.ended.clear();
        }
    }

    /// The connection has another client.
    pub(super) fn rename(&mut self) {
        if let Some(lists) = &mut self.0 {
            lists.ended.clear();
            lists.unreported.clear();
        }
    }

    pub(super) fn has_unreported(&self) -> bool {
        let lists = self.0.as_ref();
        lists.is_some_and(|lists| !lists.unreported.is_empty())
    }

    pub(super) fn take_unreported(&mut self) -> Vec<usize> {
        let lists = self.0.as_mut();
        lists.map_or_else(Vec::new, |lists| std::mem::take(&mut lists.unreported))
    }
}
