//! Names that were looked up before a call is answered, so that no lookup is
//! waited for while others want to be answered.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use environment::Environment;

use super::address::Address;
use super::call::Refusal;

/// How long a lookup may take.
const LOOKUP: Duration = Duration::from_secs(5);

/// What names came to, as far as they were looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct DnsCache(BTreeMap<String, Result<IpAddr, &'static str>>);

impl DnsCache {
    /// The first of these names that was not looked up.
    pub(crate) fn missing(&self, names: Vec<String>) -> Option<String> {
        names.into_iter().find(|name| !self.0.contains_key(name))
    }

    /// Looks a name up. Of several addresses, the first one of IPv4 counts, as it
    /// does in Go.
    pub(crate) async fn look_up(&mut self, environment: &Environment, name: &str) {
        let found = environment.network.look_up(name);
        let entry = match environment.clock.timeout(LOOKUP, found).await {
            Ok(Ok(addresses)) => addresses
                .iter()
                .copied()
                .min_by_key(IpAddr::is_ipv6)
                .ok_or("no such host"),
            Ok(Err(_)) => Err("no such host"),
            Err(_) => Err("i/o timeout"),
        };
        self.0.insert(name.to_owned(), entry);
    }

    /// Nobody waits for this name any more.
    pub(crate) fn give_up(&mut self, name: String) {
        self.0.insert(name, Err("operation was canceled"));
    }

    /// The address that is meant.
    pub(crate) fn resolve(&self, listen: &str) -> Result<SocketAddr, Refusal> {
        match Address::read(listen)? {
            Address::Known(address) => Ok(address),
            Address::Named { host, port } => match self.0.get(&host) {
                Some(Ok(ip)) => Ok(SocketAddr::new(*ip, port)),
                Some(Err(problem)) => Err(unknown(&host, problem)),
                None => Err(unknown(&host, "no such host")),
            },
        }
    }
}

fn unknown(host: &str, problem: &str) -> Refusal {
    Refusal::Listen(format!("listen tcp: lookup {host}: {problem}"))
}
