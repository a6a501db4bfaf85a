//! When something goes wrong, and for whom: the rules of a scenario's
//! `[[fault]]`.
//!
//! Everything here is plain data and pure functions of it. [`crate::plan`]
//! expands rules by the seed; nothing else interprets them.

mod read;
mod target;
mod when;

pub use read::{Reading, read_rules};
pub use target::{Target, TargetGrammar};
pub use when::{Condition, ConditionGrammar, Phase, When};
pub(crate) use when::{Progress, Reached};

use std::time::Duration;

use crate::fault::Fault;

/// A fault with its trigger and its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique within a plan; part of the key of every draw.
    pub name: String,
    /// When it acts.
    pub when: When,
    /// What ends it for a client, if anything does before its time.
    pub until_on: Option<Condition>,
    /// How likely it is to act, each time; `None`: always.
    pub probability: Option<f64>,
    /// On whom.
    pub target: Target,
    /// What it does.
    pub fault: Fault,
    /// Whether a run in which it never acted proves nothing.
    pub must_fire: bool,
}

impl Rule {
    /// A rule that acts as soon as it is added.
    pub fn by_hand(name: &str, fault: Fault, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            when: When::Timed {
                at: Duration::ZERO,
                every: None,
                until: None,
                lasting: None,
            },
            until_on: None,
            probability: None,
            target,
            fault,
            must_fire: false,
        }
    }
}
