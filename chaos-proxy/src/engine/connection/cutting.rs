//! Resets behind data: they wait until the system has handed it over.

use std::time::Duration;

use environment::Moment;

use crate::event::Peer;
use crate::fault::Side;

/// How long a reset waits for what came before it, at most.
const HAND_OVER: Duration = Duration::from_secs(1);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(2);

/// A reset behind data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutting {
    /// Whose data.
    pub(super) peer: Peer,
    pub(super) side: Side,
    next_look: Moment,
    pub(super) until: Moment,
}

/// Those of one connection.
#[derive(Debug, Default)]
pub(super) struct Cuttings(Vec<Cutting>);

impl Cuttings {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next_look(&self) -> Option<Moment> {
        self.0.iter().map(|cutting| cutting.next_look).min()
    }

    /// `side` is to be reset behind what was written to `peer`.
    pub(super) fn begin(&mut self, peer: Peer, side: Side, now: Moment) {
        self.0.push(Cutting {
            peer,
            side,
            next_look: now,
            until: now + HAND_OVER,
        });
    }

    /// Those that are to be looked at now.
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<Cutting> {
        self.0
            .extract_if(.., |cutting| cutting.next_look <= now)
            .collect()
    }

    /// Not everything is handed over. If looking from `began` to `now` took long,
    /// others have most of the time.
    pub(super) fn look_again(&mut self, cutting: Cutting, began: Moment, now: Moment) {
        self.0.push(Cutting {
            next_look: now + LOOK.max(now.since(began) * 4),
            ..cutting
        });
    }
}
