//! Toxiproxy's HTTP API, so that every client library written for it works
//! unchanged.
//!
//! ```text
//!  HTTP ─▶ routes ─▶ Call ─▶ ToxiproxyState ─▶ Reply ─▶ HTTP
//!                                  │
//!                                  └─▶ Proxies (ports, engines, rules)
//! ```
//!
//! Names, defaults, orders of checks, texts and statuses are Toxiproxy's; what
//! toxics do to connections is ours ([`effect`]). All decisions are pure but for
//! those of [`state`], which asks [`crate::proxies`] for ports.

mod address;
mod body;
mod call;
mod dns_cache;
mod effect;
mod json;
mod proxy;
pub(crate) mod routes;
mod state;
mod toxic;

pub(crate) use body::ProxyBody;
pub(crate) use call::{Call, NAME_LIMIT, Refusal, Reply, name_in};
pub(crate) use dns_cache::DnsCache;
pub(crate) use state::ToxiproxyState;

/// The owner of the rules of toxics.
pub(crate) const OWNER: &str = "toxiproxy";

/// How many kinds of bodies these bytes could be.
pub(crate) fn count_readings(body: &[u8]) -> usize {
    let text = json::text(body);
    let toxic = body::ToxicBody::read(&text).and_then(|body| toxic::Toxics::default().check(&body));
    let readings = [
        ProxyBody::read(&text).is_ok(),
        ProxyBody::read_all(&text).is_ok(),
        body::ProxyChange::read(&text).is_ok(),
        toxic.is_ok(),
        body::ToxicChange::read(&text).is_ok(),
    ];
    readings.into_iter().filter(|is_read| *is_read).count()
}
