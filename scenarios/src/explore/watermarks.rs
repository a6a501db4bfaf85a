//! How far a run went: what a search wants to see raised.

use std::collections::VecDeque;
use std::time::Duration;

use chaos_proxy::EventKind as ProxyEvent;
use environment::Moment;
use serde::{Deserialize, Serialize};

use crate::checks::Evidence;
use crate::journal::{Body, Entry};

/// How far a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Watermarks {
    /// The longest recovery, in microseconds.
    pub recovery_us: u64,
    /// The most dials of one client within a second.
    pub dials: u64,
    /// The most connections of one client at once.
    pub sockets: u64,
    /// The most bytes that were held and went on.
    pub held: u64,
}

impl Watermarks {
    /// Of a journal.
    pub fn of(entries: &[Entry], evidence: &Evidence<'_>) -> Self {
        let recoveries = evidence.outages.iter().filter_map(|o| o.recovered());
        let recovery = recoveries.max().unwrap_or_default();
        let mut held = 0;
        for entry in entries {
            if let Body::Proxy {
                what: ProxyEvent::Withheld { bytes, .. },
                ..
            } = &entry.body
            {
                held = held.max(*bytes);
            }
        }
        let dials = evidence.dials.iter();
        let dials =
            dials.map(|(_, own)| most_within_a_second(own.dials.iter().map(|dial| dial.at)));
        let sockets = evidence.observed.connections.clients();
        let sockets = sockets.map(|client| most_at_once(evidence, client));
        Self {
            recovery_us: u64::try_from(recovery.as_micros()).unwrap_or(u64::MAX),
            dials: dials.max().unwrap_or_default(),
            sockets: sockets.max().unwrap_or_default(),
            held,
        }
    }

    /// The higher of each; and whether this is clearly higher in any.
    pub fn raise(&mut self, other: &Self) -> bool {
        /// By a tenth.
        fn raised(mine: &mut u64, other: u64) -> bool {
            let is_clear = other > *mine + *mine / 10;
            *mine = (*mine).max(other);
            is_clear
        }
        let raised = [
            raised(&mut self.recovery_us, other.recovery_us),
            raised(&mut self.dials, other.dials),
            raised(&mut self.sockets, other.sockets),
            raised(&mut self.held, other.held),
        ];
        raised.contains(&true)
    }
}

fn most_within_a_second(times: impl Iterator<Item = Moment>) -> u64 {
    let mut window: VecDeque<Moment> = VecDeque::new();
    let mut most = 0;
    for at in times {
        window.push_back(at);
        while window
            .front()
            .is_some_and(|first| at.since(*first) >= Duration::from_secs(1))
        {
            window.pop_front();
        }
        most = most.max(window.len());
    }
    most as u64
}

fn most_at_once(evidence: &Evidence<'_>, client: &str) -> u64 {
    let observed = &evidence.observed;
    let mut edges: Vec<(Moment, bool)> = Vec::new();
    for connection in observed.connections.of(client) {
        edges.push((connection.accepted, true));
        edges.push((connection.gone().unwrap_or(observed.last), false));
    }
    // Who leaves comes before who is accepted.
    edges.sort_unstable();
    let (mut now, mut most) = (0_u64, 0);
    for (_, begins) in edges {
        now = if begins {
            now + 1
        } else {
            now.saturating_sub(1)
        };
        most = most.max(now);
    }
    most
}
