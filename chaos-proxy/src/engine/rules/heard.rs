//! What was said on a connection that rules wait for.

use std::collections::BTreeSet;

use environment::Direction;

use super::set::RuleSet;
use crate::rule::{Condition, Spoken, When};
use crate::websocket::{FrameEdit, FrameRule, FrameRuleId};

/// Which condition of a rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Its `on`.
    On,
    /// Its `until_on`.
    UntilOn,
}

impl Part {
    /// What the editor knows it by: no rule that holds has such an occurrence.
    fn id(self, rule: usize) -> FrameRuleId {
        let occurrence = match self {
            Self::On => 0,
            Self::UntilOn => u64::MAX,
        };
        FrameRuleId { rule, occurrence }
    }
}

/// The conditions whose message has gone by. Most connections hear nothing: that
/// takes no room.
#[derive(Debug, Default)]
pub(super) struct Heard(Option<Box<BTreeSet<FrameRuleId>>>);

impl Heard {
    /// A message has gone by that is meant by the condition of this number.
    pub(super) fn add(&mut self, id: FrameRuleId) {
        self.0.get_or_insert_default().insert(id);
    }

    /// The rule is another one now.
    pub(super) fn forget(&mut self, rule: usize) {
        if let Some(heard) = &mut self.0 {
            heard.retain(|id| id.rule != rule);
        }
    }

    /// Rules wait for what is said from now on.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    /// Whether the message has gone by that a condition asks for, if it does.
    pub(super) fn has_met(&self, rule: usize, part: Part, condition: &Condition) -> bool {
        condition.message.is_none() || self.has(part.id(rule))
    }

    /// What is still to be listened for.
    pub(super) fn orders(&self, rules: &RuleSet, direction: Direction) -> Vec<FrameRule> {
        let conditions = rules.all().flat_map(|rule| {
            let on = match &rule.when {
                When::On { condition, .. } => condition.message.clone(),
                When::Timed { .. } => None,
            };
            let until = rule.until_on.as_ref();
            let until = until.and_then(|until| until.message.clone());
            let parts = [(Part::On, on), (Part::UntilOn, until)].into_iter();
            let name = rule.name.clone();
            parts.filter_map(move |(part, spoken)| {
                let spoken = spoken?;
                let id = part.id(rule.id);
                let task = hear(&spoken, direction)?;
                let rule = name.as_str().into();
                Some(FrameRule { id, rule, task })
            })
        });
        conditions.filter(|order| !self.has(order.id)).collect()
    }

    fn has(&self, id: FrameRuleId) -> bool {
        let heard = self.0.as_ref();
        heard.is_some_and(|heard| heard.contains(&id))
    }
}

fn hear(spoken: &Spoken, direction: Direction) -> Option<FrameEdit> {
    let is_meant = spoken.way.covers(direction);
    is_meant.then(|| FrameEdit::Hear(spoken.pattern.clone()))
}
