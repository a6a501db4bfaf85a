//! What is in force now: the one thing that every connection looks at.
//!
//! The conductor alone changes it. Each occurrence that begins gets the next
//! number, so a connection knows which ones it has not seen yet, even when
//! several changes reach it as one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use environment::Moment;

use crate::plan::Plan;

/// How long something without duration stays to be seen, by tasks that a busy
/// machine has not let run yet.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// A timed occurrence that has begun.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Begun {
    /// Counts beginnings from 1.
    pub(super) serial: u64,
    /// Index into the plan's occurrences.
    pub(super) occurrence: usize,
    /// When it was planned.
    pub(super) planned: Moment,
    /// Whether it strikes once what is there, and nothing that comes later.
    pub(super) is_instant: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The rules and their times; it only grows.
    pub(super) plan: Arc<Plan>,
    /// Counts the changes.
    pub(super) version: u64,
    /// t = 0, once it has come.
    pub(super) zero: Option<Moment>,
    /// How often the plan has begun again.
    pub(super) round: u64,
    /// Whether rules on attempts strike: from t = 0 until the heal.
    pub(super) is_armed: bool,
    /// What holds, and what struck lately, by serial.
    pub(super) begun: Vec<Begun>,
    /// Rules that are over for a client, by what one of its connections did.
    pub(super) ended: BTreeSet<(usize, Arc<str>)>,
    /// The last serial given.
    pub(super) last_serial: u64,
}

impl Field {
    /// Before t = 0.
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            version: 0,
            zero: None,
            round: 0,
            is_armed: false,
            begun: Vec::new(),
            ended: BTreeSet::new(),
            last_serial: 0,
        }
    }

    pub(super) fn begin(&mut self, occurrence: usize, planned: Moment, is_instant: bool) {
        self.begun
            .retain(|begun| !begun.is_instant || planned.since(begun.planned) < SEEN_WITHIN);
        self.last_serial += 1;
        let serial = self.last_serial;
        self.begun.push(Begun {
            serial,
            occurrence,
            planned,
            is_instant,
        });
    }

    pub(super) fn end(&mut self, occurrence: usize) {
        self.begun
            .retain(|begun| begun.is_instant || begun.occurrence != occurrence);
    }

    /// Everything is over, and nothing is armed any more. What has struck stays
    /// to be seen.
    pub(super) fn heal(&mut self) {
        self.is_armed = false;
        self.begun.retain(|begun| begun.is_instant);
    }

    /// Whether this beginning still holds.
    pub(super) fn holds(&self, serial: u64) -> bool {
        self.begun.iter().any(|begun| begun.serial == serial)
    }
}
