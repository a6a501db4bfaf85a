//! What both APIs act on: the hub's proxies, and what Toxiproxy's API knows of
//! them.

use std::net::SocketAddr;

use environment::{Environment, Listener};

use super::toxiproxy::{Book, Call, ProxyBody, Refusal, Reply, Store, name_in};
use crate::hub::{Hub, Script};

/// See the module.
#[derive(Debug)]
pub struct Room {
    pub(super) hub: Hub,
    pub(super) store: Store,
}

/// Why a configuration cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(Refusal);

impl Room {
    /// A room without proxies.
    pub fn new(hub: Hub) -> Self {
        Self {
            hub,
            store: Store::default(),
        }
    }

    /// Starts a proxy of the caller's own, which clients of the API find under
    /// this name.
    pub async fn add(&mut self, name: &str, listener: Listener, upstream: &str, script: Script) {
        let address: SocketAddr = listener.local_addr();
        self.hub.add(name, script);
        self.hub.start(name, listener, upstream).await;
        self.store.adopt(name, address, upstream);
    }

    /// Makes the proxies of a configuration in Toxiproxy's JSON, toxics
    /// included; says their names and where they listen.
    ///
    /// # Errors
    /// The first mistake in it, or the first address that cannot be had. A
    /// mistake is found before anything is made.
    pub async fn load(
        &mut self,
        environment: &Environment,
        text: &str,
    ) -> Result<Vec<(String, String)>, LoadError> {
        let bodies = ProxyBody::read_all(text).map_err(LoadError)?;
        let mut book = Book::default();
        for name in bodies.iter().filter_map(|body| name_in(&body.listen)) {
            book.look_up(environment, name).await;
        }
        let mut made = Vec::new();
        for (index, body) in bodies.into_iter().enumerate() {
            let of_entry = |refusal: Refusal| LoadError(refusal.of_entry(index + 1));
            let added = self.store.add_or_replace(&mut self.hub, body, &book).await;
            let proxy = added.map_err(of_entry)?;
            made.push((proxy.name, proxy.listen));
        }
        Ok(made)
    }

    /// Stops everything.
    pub async fn close(&mut self) {
        self.hub.close().await;
    }

    /// Answers a call of Toxiproxy's, or says which name must be looked up
    /// before that can be.
    pub(super) async fn answer(
        &mut self,
        call: Call,
        book: &Book,
    ) -> Result<Reply, (Call, String)> {
        match book.missing(self.store.names(&call)) {
            Some(name) => Err((call, name)),
            None => Ok(self.store.answer(&mut self.hub, call, book).await),
        }
    }
}
