//! Who has had a first message, and who never will.
//!
//! Pure. What the simulated client says of itself counts; of anybody else's,
//! what the proxy has delivered, which needs no word of the client's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use client_sim::EventKind;
use environment::text::format_duration;

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
        last_output: impl Fn(&str) -> String,
    ) -> Option<NotConnected> {
        let first = self.left.first()?;
        if let Some((client, how)) = self.gone().next() {
            return Some(NotConnected::Ended {
                client: client.as_ref().to_owned(),
                how: how.clone(),
                last_output: last_output(client),
            });
        }
        Some(NotConnected::Silent {
            clients: self.left.iter().map(|name| name.as_ref().into()).collect(),
            within,
            hint: self.hint(),
            last_output: last_output(first),
        })
    }

    fn hint(&self) -> Hint {
        let never = self.left.difference(&self.connected).count();
        match (never, self.refusal) {
            (0, Some(status)) => Hint::Refused(status),
            (0, None) => Hint::Mute,
            _ if never == self.left.len() => Hint::NoConnection,
            _ => Hint::None,
        }
    }
}

/// A client that had no first message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConnected {
    /// It ended before.
    #[error(
        "client never connected: {client} ended by itself ({how}) before it had a message{last_output}"
    )]
    Ended {
        /// Which.
        client: String,
        /// How.
        how: String,
        /// The end of its output, for a sentence; or nothing.
        last_output: String,
    },
    /// There was none in time.
    #[error(
        "client never connected: {} had no message within {} (start_within){hint}{last_output}",
        listed(clients), format_duration(*within)
    )]
    Silent {
        /// Which.
        clients: Vec<String>,
        /// In which time.
        within: Duration,
        /// What may be the cause.
        hint: Hint,
        /// The end of the first one's output, for a sentence; or nothing.
        last_output: String,
    },
}

/// What was seen of clients that had no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// The server answered the last upgrade with this status.
    Refused(u16),
    /// Each had a connection.
    Mute,
    /// None had one.
    NoConnection,
    /// Nothing that they have in common.
    None,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(
                f,
                "; the server answered with status {status} instead of a WebSocket: {}",
                about(*status)
            ),
            Self::Mute => {
                f.write_str("; there were connections, but the server sent nothing on them")
            }
            Self::NoConnection => f.write_str("; not one connection came"),
            Self::None => Ok(()),
        }
    }
}

/// What an answer that is no 101 is about, and what to look at.
fn about(status: u16) -> &'static str {
    match status {
        400 => {
            "it misses something in the request, such as a subprotocol (`subprotocols` in [clients])"
        }
        401 | 407 => {
            "it requires authentication (`headers`, `query` or `headers_by_attempt` in [clients])"
        }
        403 => "it forbids this: set an Origin, a cookie or a token (`headers` in [clients])",
        421 => "it knows no such host (`host` in [clients])",
        426 => {
            "it wants another version of the protocol, or a subprotocol (`subprotocols` in [clients])"
        }
        _ => "is the path right?",
    }
}

/// All names, or the first of many.
fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown = names[..names.len().min(MOST)].join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_it_was_about() {
        for (status, part) in [
            (401, "`headers_by_attempt`"),
            (403, "an Origin, a cookie"),
            (404, "is the path right?"),
            (421, "`host`"),
            (426, "`subprotocols`"),
            (500, "is the path right?"),
        ] {
            let hint = Hint::Refused(status).to_string();
            assert!(hint.contains(part), "{hint}");
        }
    }
}
