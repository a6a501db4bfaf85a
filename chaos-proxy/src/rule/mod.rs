//! When something goes wrong, and for whom: the rules of a scenario's
//! `[[fault]]`.
//!
//! Everything here is plain data and pure functions of it. [`crate::plan`]
//! expands rules by the seed; nothing else interprets them.

mod possible;
mod read;
mod target;
mod when;

pub use read::{Reading, read_rules};
pub use target::{Target, TargetGrammar};
pub use when::{Condition, ConditionGrammar, Phase, Spoken, When};
pub(crate) use when::{Progress, Reached};

use std::time::Duration;

use crate::fault::Fault;
use crate::pattern::Pattern;

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
    /// All clients, at once: at t = 0, or when it is added. The other methods say
    /// otherwise.
    pub fn new(name: impl Into<String>, fault: impl Into<Fault>) -> Self {
        Self {
            name: name.into(),
            when: When::at_once(None),
            until_on: None,
            probability: None,
            target: Target::All,
            fault: fault.into(),
            must_fire: false,
        }
    }

    /// What it asks of what messages say.
    #[doc(hidden)]
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let condition = match &self.when {
            When::On { condition, .. } => Some(condition),
            When::Timed { .. } => None,
        };
        let conditions = condition.into_iter().chain(&self.until_on);
        let spoken = conditions.filter_map(|condition| condition.message.as_deref());
        let of_fault = self.fault.message().map(AsRef::as_ref);
        spoken.map(|spoken| &spoken.pattern).chain(of_fault)
    }

    /// Begins that long after t = 0.
    #[must_use]
    pub fn at(mut self, at: Duration) -> Self {
        self.when = match self.when {
            When::Timed {
                every,
                until,
                lasting,
                ..
            } => When::Timed {
                at,
                every,
                until,
                lasting,
            },
            When::On { lasting, .. } => When::Timed {
                at,
                every: None,
                until: None,
                lasting,
            },
        };
        self
    }

    /// Holds that long.
    #[must_use]
    pub fn lasting(mut self, length: Duration) -> Self {
        match &mut self.when {
            When::Timed { lasting, .. } | When::On { lasting, .. } => *lasting = Some(length),
        }
        self
    }

    /// Waits for connections that come to this, in place of a time.
    #[must_use]
    pub fn on(mut self, condition: Condition) -> Self {
        let (When::Timed { lasting, .. } | When::On { lasting, .. }) = self.when;
        self.when = When::On {
            condition,
            after: Duration::ZERO,
            lasting,
        };
        self
    }

    /// Waits for the connection of this number, of each client: those that do not
    /// say a name are one client each, by their number.
    #[must_use]
    pub fn on_attempt(self, attempt: u64) -> Self {
        self.on(Condition::attempt(attempt))
    }

    /// Is applied with this probability only, each time.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// Is about these alone.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// What it waits for, and what ends it, as far as these are what connections
    /// come to.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let on = match &self.when {
            When::On { condition, .. } => Some(condition),
            When::Timed { .. } => None,
        };
        on.into_iter().chain(&self.until_on)
    }

    /// Whether it waits for what a peer says.
    pub(crate) fn listens(&self) -> bool {
        let mut conditions = self.conditions();
        conditions.any(|condition| condition.message.is_some())
    }

    /// Whether it is about a WebSocket alone.
    #[doc(hidden)]
    pub fn needs_websocket(&self) -> bool {
        self.fault.needs_websocket() || self.listens()
    }

    /// Whether it could do nothing to compressed messages.
    pub(crate) fn breaks_compression(&self) -> bool {
        self.fault.breaks_compression() || self.listens()
    }

    /// A rule that acts as soon as it is added.
    #[doc(hidden)]
    pub fn by_hand(name: &str, fault: Fault, target: Target) -> Self {
        Self {
            target,
            ..Self::new(name, fault)
        }
    }
}
