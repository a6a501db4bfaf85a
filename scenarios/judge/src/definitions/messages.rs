//! Numbered messages on the way up: as the clients had them to say, and as the
//! server got them.
//!
//! A number is its client's own and outlives sessions and connections, so whose a
//! message is that the server got follows from whom it welcomed to that session
//! last. Invariant: what one socket brings is in the order in which it was said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use client_sim::EventKind as Client;
use environment::Moment;
use ticker_server::EventKind as Server;

use crate::journal::{Body, Entry};

/// All messages of all clients.
#[derive(Debug, Default)]
pub struct Messages {
    by_client: BTreeMap<Arc<str>, Outgoing>,
    /// Who was welcomed to each session last.
    owners: BTreeMap<String, Arc<str>>,
    /// The present socket of each number, as the server counts them since it began:
    /// when it was opened, and which of all sockets of the run it is.
    sockets: BTreeMap<u64, (Moment, u64)>,
    opened: u64,
}

/// The messages of one client.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// What was held until it could be said, or said at once.
    offered: BTreeSet<u64>,
    /// What there was no room for, with how many were held then.
    given_up: BTreeMap<u64, u64>,
    sent: BTreeSet<u64>,
    /// What was said on a connection before its welcome: which, and when.
    early: Vec<(u64, Moment)>,
    acknowledged: BTreeMap<u64, Moment>,
    receipts: Vec<Receipt>,
    /// How many are held.
    held: u64,
    /// The most that ever were, and when first.
    peak: Option<(u64, Moment)>,
    /// Whether it has ever been, and whether it is.
    was_welcomed: bool,
    is_welcomed: bool,
    /// The dial that was welcomed last.
    welcomed_dial: u64,
    /// How many were given up since its connection was last lost.
    given_up_away: u64,
    /// With how many in hand, or given up meanwhile, it was back, all times together.
    pub carried: u64,
}

/// A message that the server got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// When.
    pub at: Moment,
    /// The client's number for it.
    pub number: u64,
    /// Which socket of the run brought it, from 1.
    pub socket: u64,
    /// When that socket was opened.
    pub opened: Moment,
}

impl Messages {
    pub(super) fn fold(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Client { client, what } => self.of_client(entry.at, client, what),
            Body::Server(Server::SocketOpened { socket, .. }) => {
                self.opened += 1;
                self.sockets.insert(*socket, (entry.at, self.opened));
            }
            Body::Server(Server::Received {
                socket,
                session,
                number,
            }) => self.received(entry.at, *socket, session, *number),
            _ => {}
        }
    }

    fn received(&mut self, at: Moment, socket: u64, session: &str, number: u64) {
        let owner = self.owners.get(session);
        let socket = self.sockets.get(&socket);
        if let (Some(owner), Some((opened, socket))) = (owner, socket) {
            let own = self.by_client.entry(Arc::clone(owner)).or_default();
            own.receipts.push(Receipt {
                at,
                number,
                socket: *socket,
                opened: *opened,
            });
        }
    }

    fn of_client(&mut self, at: Moment, client: &Arc<str>, what: &Client) {
        if let Client::Welcomed { session, .. } = what {
            self.owners.insert(session.clone(), Arc::clone(client));
        }
        let own = self.by_client.entry(Arc::clone(client)).or_default();
        own.fold(at, what);
    }

    /// Every client that told anything, by name.
    pub fn clients(&self) -> impl Iterator<Item = (&Arc<str>, &Outgoing)> {
        self.by_client.iter()
    }
}

impl Outgoing {
    fn fold(&mut self, at: Moment, what: &Client) {
        match what {
            Client::Offered { number, held } => {
                self.offered.insert(*number);
                self.hold(at, *held);
            }
            Client::Dropped { number, held } | Client::Rejected { number, held } => {
                self.given_up.insert(*number, *held);
                self.given_up_away += 1;
            }
            Client::Sent { dial, number } => {
                self.sent.insert(*number);
                if *dial != self.welcomed_dial {
                    self.early.push((*number, at));
                }
            }
            Client::Acknowledged { number, held, .. } => {
                self.acknowledged.entry(*number).or_insert(at);
                self.hold(at, *held);
            }
            Client::Held { held } => self.hold(at, *held),
            Client::Welcomed { dial, .. } => {
                self.welcomed_dial = *dial;
                self.welcomed();
            }
            Client::Closed { .. } if self.is_welcomed => {
                self.is_welcomed = false;
                self.given_up_away = 0;
            }
            _ => {}
        }
    }

    fn hold(&mut self, at: Moment, held: u64) {
        self.held = held;
        if self.peak.is_none_or(|(peak, _)| held > peak) {
            self.peak = Some((held, at));
        }
    }

    fn welcomed(&mut self) {
        if self.was_welcomed && !self.is_welcomed {
            // Whatever a client says that it holds.
            let brought = self.held.saturating_add(self.given_up_away);
            self.carried = self.carried.saturating_add(brought);
        }
        (self.was_welcomed, self.is_welcomed) = (true, true);
    }

    /// The most that were held at any time, and when first.
    pub fn peak(&self) -> Option<(u64, Moment)> {
        self.peak
    }

    /// What the client says that it said before the server had welcomed it, each
    /// with when.
    pub fn early(&self) -> &[(u64, Moment)] {
        &self.early
    }

    /// What the client said that it has to say, which the server never got though it
    /// got something later: what was said in order was said before that. Without
    /// `is_repeated` what was said once need not arrive; what was given up with
    /// `at_most` in hand need not either.
    pub fn lost(&self, at_most: u64, is_repeated: bool) -> Vec<u64> {
        let got: BTreeSet<u64> = self.receipts.iter().map(|r| r.number).collect();
        let last = got.last().copied().unwrap_or_default();
        let is_excused = |number: &u64| {
            let given_up = self.given_up.get(number);
            given_up.is_some_and(|held| *held >= at_most)
                || !is_repeated && self.sent.contains(number)
        };
        let said = self.offered.iter().chain(self.given_up.keys());
        let said: BTreeSet<u64> = said.copied().collect();
        let due = said.range(..last).copied();
        due.filter(|number| !got.contains(number) && !is_excused(number))
            .collect()
    }

    /// What the server got again: where messages are repeated until they are
    /// acknowledged, by a socket that was opened only after the client knew that.
    pub fn doubled(&self, is_repeated: bool) -> Vec<Receipt> {
        let mut got = BTreeSet::new();
        let again = self.receipts.iter().filter(|r| !got.insert(r.number));
        let is_known = |receipt: &&Receipt| {
            let known = self.acknowledged.get(&receipt.number);
            known.is_some_and(|at| *at < receipt.opened)
        };
        again
            .filter(|receipt| !is_repeated || is_known(receipt))
            .copied()
            .collect()
    }

    /// What the server got for the first time after something later, by the same
    /// socket or a newer one: an older one's bytes may have been kept on their way.
    pub fn reordered(&self) -> Vec<Receipt> {
        let (mut got, mut strays) = (BTreeSet::new(), Vec::new());
        // The highest number that any socket up to this one has brought.
        let mut highest: BTreeMap<u64, u64> = BTreeMap::new();
        for receipt in &self.receipts {
            if !got.insert(receipt.number) {
                continue;
            }
            let before = highest.range(..=receipt.socket).map(|(_, number)| *number);
            if before.max().is_some_and(|number| number > receipt.number) {
                strays.push(*receipt);
            }
            let own = highest.entry(receipt.socket).or_default();
            *own = (*own).max(receipt.number);
        }
        strays
    }
}
