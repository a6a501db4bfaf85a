//! The server's sockets and the pause state of its sessions.

use std::collections::BTreeMap;

use environment::Moment;
use ticker_server::EventKind;

use crate::journal::{Body, Entry, Mark};

/// One socket of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// When it was attached to its session.
    pub opened: Moment,
    /// When it was gone.
    pub closed: Option<Moment>,
}

/// All sockets, and what the server says of its sessions.
#[derive(Debug, Default)]
pub struct Sockets {
    /// By incarnation of the server and its own number.
    sockets: BTreeMap<(u64, u64), Socket>,
    incarnation: u64,
    paused: BTreeMap<String, Vec<(Moment, bool)>>,
}

impl Sockets {
    pub(super) fn fold(&mut self, entry: &Entry) {
        let at = entry.at;
        let what = match &entry.body {
            Body::Server(what) => what,
            Body::Harness(Mark::ServerUp { .. }) => return self.begin_anew(at),
            _ => return,
        };
        match what {
            EventKind::SocketOpened { socket, .. } => {
                let opened = Socket {
                    opened: at,
                    closed: None,
                };
                self.sockets.insert((self.incarnation, *socket), opened);
            }
            EventKind::SocketClosed { socket, .. } => {
                let key = (self.incarnation, *socket);
                if let Some(socket) = self.sockets.get_mut(&key) {
                    socket.closed.get_or_insert(at);
                }
            }
            EventKind::PauseChanged { session, paused } => {
                let states = self.paused.entry(session.clone()).or_default();
                states.push((at, *paused));
            }
            EventKind::Ticked { .. }
            | EventKind::Received { .. }
            | EventKind::SessionEnded { .. } => {}
        }
    }

    /// A server that died had no time to tell of its sockets.
    fn begin_anew(&mut self, at: Moment) {
        for socket in self.sockets.values_mut() {
            socket.closed.get_or_insert(at);
        }
        self.incarnation += 1;
    }

    /// Whether the server told of any.
    pub fn are_reported(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// How many were open all the time from `from` until `until`.
    pub(crate) fn open_throughout(&self, from: Moment, until: Moment) -> usize {
        let is_open = |socket: &&Socket| {
            socket.opened <= from && socket.closed.is_none_or(|closed| closed > until)
        };
        self.sockets.values().filter(is_open).count()
    }

    /// The session's pause state then; a session begins without a pause.
    pub fn paused(&self, session: &str, at: Moment) -> bool {
        let states = self.paused.get(session).into_iter().flatten();
        let last = states.take_while(|(when, _)| *when <= at).last();
        last.is_some_and(|(_, paused)| *paused)
    }
}
