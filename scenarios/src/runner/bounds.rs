//! What one client may take of a run: one that dials twice for each connection it
//! loses, or at once indefinitely, would else take all there is of machine and time.
//!
//! Pure. Invariant: told once, of the first client that goes beyond.

use std::collections::BTreeMap;
use std::sync::Arc;

use chaos_proxy::EventKind as Proxy;
use client_sim::EventKind as Client;

use crate::journal::{Body, Bound, Entry, Mark};

/// Four times what the worst client has in the worst built-in scenario.
const MOST_CONNECTIONS: u64 = 100;
/// As many as fit into a journal with all that comes of them.
const MOST_DIALS: u64 = 50_000;

/// What the clients have taken so far.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    clients: BTreeMap<Arc<str>, Taken>,
    is_told: bool,
}

/// What one client has taken.
#[derive(Debug, Default)]
struct Taken {
    /// Accepted and not closed.
    connections: u64,
    accepted: u64,
    /// By its own count.
    dialled: u64,
}

impl Bounds {
    /// Takes an entry in; gives the mark of a run that is to end with it.
    pub(super) fn see(&mut self, entry: &Entry) -> Option<Mark> {
        let (client, bound) = self.exceeded(entry)?;
        let is_told = std::mem::replace(&mut self.is_told, true);
        (!is_told).then(|| Mark::Exceeded {
            client: client.to_string(),
            bound,
            most: most(bound),
        })
    }

    fn exceeded<'a>(&mut self, entry: &'a Entry) -> Option<(&'a Arc<str>, Bound)> {
        match &entry.body {
            Body::Proxy { client, what, .. } => {
                let taken = self.clients.entry(Arc::clone(client)).or_default();
                match what {
                    Proxy::Accepted => {
                        taken.accepted += 1;
                        taken.connections += 1;
                    }
                    Proxy::Closed { .. } => {
                        taken.connections = taken.connections.saturating_sub(1);
                    }
                    _ => return None,
                }
                Some((client, taken.exceeded()?))
            }
            Body::Client {
                client,
                what: Client::Dialled { .. },
            } => {
                let taken = self.clients.entry(Arc::clone(client)).or_default();
                taken.dialled += 1;
                Some((client, taken.exceeded()?))
            }
            Body::Client { .. } | Body::Server(_) | Body::Harness(_) => None,
        }
    }
}

impl Taken {
    fn exceeded(&self) -> Option<Bound> {
        if self.connections > MOST_CONNECTIONS {
            Some(Bound::Connections)
        } else if self.accepted.max(self.dialled) > MOST_DIALS {
            Some(Bound::Dials)
        } else {
            None
        }
    }
}

fn most(bound: Bound) -> u64 {
    match bound {
        Bound::Connections => MOST_CONNECTIONS,
        Bound::Dials => MOST_DIALS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::builder::JournalBuilder;

    fn told(story: &JournalBuilder) -> Vec<Mark> {
        let mut bounds = Bounds::default();
        let entries = story.entries();
        let told = entries.iter().filter_map(|entry| bounds.see(entry));
        told.collect()
    }

    fn exceeded(bound: Bound, most: u64) -> Vec<Mark> {
        let client = "c1".to_owned();
        vec![Mark::Exceeded {
            client,
            bound,
            most,
        }]
    }

    #[test]
    fn connections_count_while_they_are_open_and_for_their_own_client() {
        let (mut kept, mut closed) = (JournalBuilder::new(), JournalBuilder::new());
        for attempt in 1..=100 {
            kept = kept
                .accepted("c1", attempt, attempt)
                .accepted("c2", attempt, attempt);
            closed = closed
                .accepted("c1", attempt, attempt)
                .closed("c1", attempt, attempt);
        }
        assert_eq!(told(&kept), []);
        assert_eq!(told(&closed.accepted("c1", 101, 101)), []);
        let over = kept.accepted("c1", 101, 101).accepted("c1", 102, 102);
        assert_eq!(told(&over), exceeded(Bound::Connections, 100), "told once");
    }

    #[test]
    fn dials_count_as_the_client_tells_or_the_proxy_sees_them() {
        let mut story = JournalBuilder::new();
        for dial in 1..=50_000 {
            story = story.dialled("c1", dial, dial);
        }
        let accepted = story.clone().accepted("c1", 1, 50_000);
        assert_eq!(told(&accepted), [], "the same dial");
        let over = story.dialled("c1", 50_001, 50_001);
        assert_eq!(told(&over), exceeded(Bound::Dials, 50_000));
    }
}
