//! Which bytes went in and came out: each client's connection, and the server's
//! side of it, found by the key of its upgrade.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use environment::{Moment, Passed, Passing};

/// What one end of a connection wrote and read.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) wrote: Vec<(Moment, Vec<u8>)>,
    pub(super) read: Vec<(Moment, Vec<u8>)>,
    /// When it was told of an end, or let go.
    pub(super) over: Option<Moment>,
}

/// A connection's two ends.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) dialled: End,
    pub(super) accepted: End,
}

/// A client's connection and the one that the proxy dialled for it.
#[derive(Debug)]
pub(super) struct Wire<'a> {
    /// What the server wrote, and when.
    pub(super) sent: &'a [(Moment, Vec<u8>)],
    /// What the client read, and when.
    pub(super) came: &'a [(Moment, Vec<u8>)],
    /// When it was over for the client.
    pub(super) over: Option<Moment>,
}

/// All connections of a run.
pub(super) struct Wires {
    pairs: BTreeMap<(SocketAddr, SocketAddr), Pair>,
    /// The server's side, by the upgrade's key.
    upstream: BTreeMap<String, (SocketAddr, SocketAddr)>,
    /// The listeners of the clients, in their order.
    listeners: Vec<SocketAddr>,
}

impl Wires {
    pub(super) fn of(passed: &[Passed]) -> Self {
        let mut pairs: BTreeMap<(SocketAddr, SocketAddr), Pair> = BTreeMap::new();
        for one in passed {
            let pair = pairs.entry((one.dialled, one.accepted)).or_default();
            let end = if one.is_dialled {
                &mut pair.dialled
            } else {
                &mut pair.accepted
            };
            match &one.what {
                Passing::Wrote(bytes) => end.wrote.push((one.at, bytes.clone())),
                Passing::Read(bytes) => end.read.push((one.at, bytes.clone())),
                Passing::Ended(_) | Passing::Closed => {
                    end.over.get_or_insert(one.at);
                }
            }
        }
        let mut upstream = BTreeMap::new();
        let mut listeners = Vec::new();
        for (ends, pair) in &pairs {
            let Some((host, key)) = request(&pair.dialled) else {
                continue;
            };
            if host == ends.1.to_string() {
                listeners.push(ends.1);
            } else {
                upstream.insert(key, *ends);
            }
        }
        listeners.sort_unstable();
        listeners.dedup();
        Self {
            pairs,
            upstream,
            listeners,
        }
    }

    /// The connection of this client that was accepted then.
    pub(super) fn of_client(&self, client: &str, accepted: Moment) -> Option<Wire<'_>> {
        /// A connection is there a moment before its dial is answered.
        const ANSWERED: Duration = Duration::from_millis(1);
        let number: usize = client.strip_prefix('c')?.parse().ok()?;
        let listener = self.listeners.get(number - 1)?;
        let mut own = self.pairs.iter().filter(|((_, to), _)| to == listener);
        let (_, pair) = own.find(|(_, pair)| {
            let first = pair.dialled.wrote.first().map(|(at, _)| *at);
            first.is_some_and(|first| (accepted..accepted + ANSWERED).contains(&first))
        })?;
        let (_, key) = request(&pair.dialled)?;
        let server = self.pairs.get(self.upstream.get(&key)?)?;
        Some(Wire {
            sent: &server.accepted.wrote,
            came: &pair.dialled.read,
            over: pair.dialled.over,
        })
    }
}

/// The host and the key of the upgrade that was written.
fn request(end: &End) -> Option<(String, String)> {
    let bytes: Vec<u8> = end
        .wrote
        .iter()
        .flat_map(|(_, bytes)| bytes.clone())
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    Some((header("host")?, header("sec-websocket-key")?))
}
