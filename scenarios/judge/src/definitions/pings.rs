//! The pings of clients, where a rule about frames saw them or their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chaos_proxy::{EventKind, Opcode};

use crate::journal::{Body, Entry};

/// Frames that were seen of one client, each by its connection and its number.
type Seen = BTreeSet<(u64, u64)>;

/// What was seen of all clients' pings.
#[derive(Debug, Default)]
pub struct Pings {
    /// Pings, and pongs that answer one.
    by_client: BTreeMap<Arc<str>, (Seen, Seen)>,
}

impl Pings {
    pub(super) fn fold(&mut self, entry: &Entry) {
        let Body::Proxy {
            client,
            attempt,
            what:
                EventKind::Frame {
                    direction,
                    index,
                    opcode,
                    ..
                },
        } = &entry.body
        else {
            return;
        };
        let (pings, pongs) = self.by_client.entry(Arc::clone(client)).or_default();
        match (opcode, direction.as_str()) {
            (Opcode::Ping, "upstream") => pings.insert((*attempt, *index)),
            (Opcode::Pong, "downstream") => pongs.insert((*attempt, *index)),
            _ => false,
        };
    }

    /// How many this client sent, as far as rules saw.
    pub fn sent(&self, client: &str) -> usize {
        let seen = self.by_client.get(client);
        seen.map_or(0, |(pings, pongs)| pings.len().max(pongs.len()))
    }
}
