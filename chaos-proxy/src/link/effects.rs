//! The faults in force on one link.

use std::sync::Arc;

use crate::rule::Latency;

/// What holds or delays the bytes of a link now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    stalls: usize,
    delays: Vec<Delay>,
}

/// A delay and the rule that asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delay {
    /// The rule's name, for its draws.
    pub rule: Arc<str>,
    /// How long.
    pub latency: Latency,
}

impl Effects {
    /// Adds a stall; several hold as one.
    pub fn stall(&mut self) {
        self.stalls += 1;
    }

    /// Adds a delay; several add up.
    pub fn delay(&mut self, delay: Delay) {
        self.delays.push(delay);
    }

    /// Whether nothing may leave.
    pub fn is_stalled(&self) -> bool {
        self.stalls > 0
    }

    /// Whether segments differ in their delay.
    pub fn has_jitter(&self) -> bool {
        self.delays
            .iter()
            .any(|delay| !delay.latency.jitter.is_zero())
    }

    /// The delays, in the order of their rules.
    pub fn delays(&self) -> impl Iterator<Item = &Delay> {
        self.delays.iter()
    }
}
