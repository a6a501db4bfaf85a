//! What is measured, the same for every client: pure folds over a journal.
//!
//! - **attempt**: an accepted connection of the client's own listener, from 1
//!   in accept order ([`Connection`]). A refused dial has no number.
//! - **live**: has delivered a data message, and the client has not yet sent
//!   FIN, RST or Close on it ([`Connection::live`]).
//! - **deprived** is a client from which something is kept that is due to it:
//!   bytes wait for more than 250 ms, data is destroyed, its connection is ended
//!   toward it, or its dial gets no answer of the server's ([`Effect`]).
//! - **outage** of a client: from when it is first deprived until all that
//!   deprived it is healed; of no length for faults that strike once ([`Outage`]).
//! - **dial** of a client: what it tells of its dials, else its accepted
//!   connections ([`Dials`]).
//! - **detect** and **recover**: see [`Notice::noticed`], [`Outage::recovered`].
//!
//! Invariant: nothing here looks at anything but entries and the plan, and
//! entries of one moment keep the order in which they were recorded.

mod connection;
mod connections;
mod deprivations;
mod dials;
mod downtimes;
mod effects;
mod frames;
mod losses;
mod marks;
mod messages;
mod outages;
mod reports;
mod sequences;
mod situations;
mod sockets;
#[cfg(test)]
mod table;
mod testimony;
#[cfg(test)]
mod tests;
mod times;

pub use connection::Connection;
pub use connections::{Connections, Powerless, Strike};
pub use deprivations::ClientFigures;
pub use dials::{ClientDials, Dial, Dials};
pub use effects::{Effect, Notice, effects};
pub use frames::Frames;
pub use losses::{Loss, Losses};
pub use marks::{BrokenOff, Departure, Downtime, Instruction, Marks};
pub use messages::{Messages, Outgoing, Receipt};
pub use outages::{Outage, Return, outages};
pub use reports::{End, Reports, Session};
pub use sequences::{Sequences, unapplied};
pub use situations::{
    attempts_given_up, overlapping_connections, own_delay, silences_outlasted, thrown_out,
    told_while_connecting, told_while_waiting,
};
pub use sockets::{Socket, Sockets};
pub use testimony::{Contradiction, Fact, Testimony, contradictions};
pub use times::Times;

use chaos_proxy::Plan;
use environment::Moment;

use crate::journal::Entry;

/// A whole journal, folded.
#[derive(Debug, Default)]
pub struct Observations {
    /// The course of the run.
    pub marks: Marks,
    /// The proxy's side.
    pub connections: Connections,
    /// The clients' side.
    pub reports: Reports,
    /// The server's sockets.
    pub sockets: Sockets,
    /// Ticks made and applied.
    pub sequences: Sequences,
    /// Frames that rules saw.
    pub frames: Frames,
    /// What clients had to say themselves.
    pub messages: Messages,
    /// What several witnesses speak of.
    pub testimony: Testimony,
    /// The last entry's moment: nothing was observed after it.
    pub last: Moment,
}

impl Observations {
    /// Folds entries in any order; equal moments keep theirs.
    pub fn of(entries: &[Entry]) -> Self {
        let mut ordered: Vec<&Entry> = entries.iter().collect();
        ordered.sort_by_key(|entry| entry.at);
        let mut all = Self::default();
        for entry in ordered {
            all.last = entry.at;
            all.marks.fold(entry);
            all.connections.fold(entry);
            all.reports.fold(entry);
            all.sockets.fold(entry);
            all.sequences.fold(entry);
            all.frames.fold(entry);
            all.messages.fold(entry);
            all.testimony.fold(entry, &all.sequences);
        }
        let reports = &all.reports;
        let is_told_open = |client: &str, at| reports.told_open(client, at);
        all.connections.doubt_openings(is_told_open);
        all
    }

    /// Notes what follows from what the plan's rules are.
    pub(crate) fn note_plan(&mut self, plan: &Plan) {
        for own in self.frames.take_own(plan) {
            self.connections.note_own(&own);
        }
        self.connections.note_ends(plan);
    }

    /// Until when the clients were left to themselves.
    pub fn watched_until(&self) -> Moment {
        self.marks.drained.unwrap_or(self.last)
    }
}
