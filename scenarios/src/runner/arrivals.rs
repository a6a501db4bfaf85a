//! Who has had a first message, and who never will.
//!
//! Pure. What the simulated client says of itself counts; of anybody else's,
//! what the proxy has delivered, which needs no word of the client's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use client_sim::EventKind;

use crate::journal::{Body, Entry, Mark};

/// A fold over the first entries of a run.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    is_sim: bool,
    left: BTreeSet<Arc<str>>,
    /// Of those, the ones of which a connection was accepted.
    connected: BTreeSet<Arc<str>>,
    /// What the server last answered an upgrade with, if not with the WebSocket.
    refusal: Option<u16>,
    /// Of those, the ones whose processes have ended.
    ended: BTreeMap<Arc<str>, String>,
}

impl Arrivals {
    pub(super) fn new(clients: BTreeSet<Arc<str>>, is_sim: bool) -> Self {
        Self {
            is_sim,
            left: clients,
            connected: BTreeSet::new(),
            refusal: None,
            ended: BTreeMap::new(),
        }
    }

    pub(super) fn fold(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Client {
                client,
                what:
                    EventKind::Welcomed { .. } | EventKind::Applied { .. } | EventKind::Received { .. },
            } if self.is_sim => self.arrived(client),
            Body::Proxy { client, what, .. } => match what {
                chaos_proxy::EventKind::FirstData if !self.is_sim => self.arrived(client),
                chaos_proxy::EventKind::Accepted => {
                    self.connected.insert(Arc::clone(client));
                }
                chaos_proxy::EventKind::Upgraded { status } if *status != 101 => {
                    self.refusal = Some(*status);
                }
                _ => {}
            },
            Body::Harness(Mark::ClientEnded { client, how }) => {
                self.ended.insert(client.as_str().into(), how.clone());
            }
            _ => {}
        }
    }

    fn arrived(&mut self, client: &Arc<str>) {
        self.left.remove(client);
    }

    /// Whether there is nothing to wait for any more: everybody has arrived, or
    /// somebody never will.
    pub(super) fn are_over(&self) -> bool {
        self.left.is_empty() || self.gone().next().is_some()
    }

    fn gone(&self) -> impl Iterator<Item = (&Arc<str>, &String)> {
        let ended = self.ended.iter();
        ended.filter(|(client, _)| self.left.contains(*client))
    }

    /// Why the run cannot begin, if it cannot.
    pub(super) fn problem(
        &self,
        within: Duration,
        last_words: impl Fn(&str) -> String,
    ) -> Option<String> {
        let first = self.left.first()?;
        if let Some((client, how)) = self.gone().next() {
            let words = last_words(client);
            return Some(format!(
                "client never connected: {client} ended by itself ({how}) before it had a message{words}"
            ));
        }
        let left: Vec<&str> = self.left.iter().map(|name| &**name).collect();
        let never: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !self.connected.contains(*name))
            .collect();
        let how = match (never.len(), self.refusal) {
            (0, Some(status)) => {
                format!(
                    "; the server answered with status {status} instead of a WebSocket: is the path right?"
                )
            }
            (0, None) => "; connections there were, but the server said nothing on them".to_owned(),
            _ if never.len() == left.len() => "; not one connection came".to_owned(),
            _ => String::new(),
        };
        let within = environment::text::format_duration(within);
        let (names, words) = (listed(&left), last_words(first));
        Some(format!(
            "client never connected: {names} had no message within {within} (start_within){how}{words}"
        ))
    }
}

/// All names, or the first of many.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 20;
    let shown = names[..names.len().min(MOST)].join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
