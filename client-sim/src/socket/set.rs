//! The connections that one client has at a time, by the number of their dial.
//!
//! The one invariant: bounded. What a flaw leaves behind is dropped, oldest
//! first, past [`LIMIT`]. Used by [`run`](crate::run).

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use environment::tls::Connector;
use environment::{Environment, Moment, Seed};

use super::connection::Connection;
use super::handshake::{self, Dialler};
use crate::session::{Input, Resume};
use crate::{ClientConfig, ClientMessage, Upgrade, Url};

/// How many connections a client may have; a sound one needs two.
const LIMIT: usize = 16;

/// One client's connections, by the number of their dial.
pub(crate) struct Sockets {
    environment: Environment,
    url: Url,
    seed: Seed,
    name: Arc<str>,
    upgrade: Arc<Upgrade>,
    tls: Option<Connector>,
    sockets: BTreeMap<u64, Socket>,
}

struct Socket {
    connection: Connection,
    /// It is closing, and is dropped when this comes.
    dropped_at: Option<Moment>,
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.sockets.keys()).finish()
    }
}

impl Sockets {
    pub(crate) fn new(environment: Environment, config: &ClientConfig) -> Self {
        Self {
            environment,
            url: config.url.clone(),
            seed: config.seed,
            name: Arc::clone(&config.name),
            upgrade: Arc::clone(&config.behaviour.upgrade),
            tls: config.tls.clone(),
            sockets: BTreeMap::new(),
        }
    }

    /// Starts a dial; [`Sockets::next`] makes it go on.
    pub(crate) fn dial(&mut self, dial: u64, resume: Option<&Resume>) {
        let network = self.environment.network.clone();
        let url = match resume {
            Some(resume) => self.url.resuming(resume),
            None => self.url.clone(),
        };
        let dialler = Dialler {
            client: Arc::clone(&self.name),
            dial,
            key: handshake::key(self.seed, &self.name, dial),
            upgrade: Arc::clone(&self.upgrade),
            tls: self.tls.clone(),
        };
        let dialling = async move { handshake::connect(&network, &url, &dialler).await };
        let socket = Socket {
            connection: Connection::Dialling(Box::pin(dialling)),
            dropped_at: None,
        };
        if self.sockets.len() >= LIMIT {
            self.sockets.pop_first();
        }
        self.sockets.insert(dial, socket);
    }

    pub(crate) fn send(&mut self, dial: u64, message: ClientMessage) {
        if let Some(socket) = self.sockets.get_mut(&dial) {
            socket.connection.send(message);
        }
    }

    pub(crate) fn say(&mut self, dial: u64, text: &str) {
        if let Some(socket) = self.sockets.get_mut(&dial) {
            socket.connection.say(text);
        }
    }

    pub(crate) fn ping(&mut self, dial: u64) {
        if let Some(socket) = self.sockets.get_mut(&dial) {
            socket.connection.ping();
        }
    }

    pub(crate) fn close(&mut self, dial: u64, code: u16, patience: Option<Duration>) {
        let now = self.environment.clock.now();
        if let Some(socket) = self.sockets.get_mut(&dial) {
            socket.connection.close(code);
            socket.dropped_at = patience.map(|patience| now + patience);
        }
    }

    pub(crate) fn abandon(&mut self, dial: u64) {
        self.sockets.remove(&dial);
    }

    /// What happens next, and on which dial; waits indefinitely if there is none.
    /// Cancel safe: what has been read and not returned stays in its connection.
    pub(crate) async fn next(&mut self) -> (u64, Input) {
        let clock = self.environment.clock.clone();
        loop {
            let due = self.sockets.values().filter_map(|s| s.dropped_at).min();
            tokio::select! {
                biased;
                input = poll_fn(|cx| self.poll_next(cx)) => return input,
                () = clock.sleep_until_some(due) => self.drop_closed(clock.now()),
            }
        }
    }

    /// Waits until every closing connection is closed; drops all others.
    pub(crate) async fn drain(mut self) {
        self.sockets.retain(|_, socket| socket.dropped_at.is_some());
        let clock = self.environment.clock.clone();
        let due = self.sockets.values().filter_map(|s| s.dropped_at).max();
        tokio::select! {
            biased;
            () = poll_fn(|cx| self.poll_drained(cx)) => {}
            () = clock.sleep_until_some(due) => {}
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(u64, Input)> {
        for (&dial, socket) in &mut self.sockets {
            if let Poll::Ready(input) = socket.connection.poll(cx) {
                if matches!(input, Input::Ended(_)) {
                    self.sockets.remove(&dial);
                }
                return Poll::Ready((dial, input));
            }
        }
        Poll::Pending
    }

    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.sockets.is_empty() {
            if self.poll_next(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn drop_closed(&mut self, now: Moment) {
        self.sockets
            .retain(|_, socket| socket.dropped_at.is_none_or(|due| now < due));
    }
}
