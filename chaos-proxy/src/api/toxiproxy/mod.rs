//! Toxiproxy's HTTP API, so that every client library written for it works
//! unchanged.
//!
//! ```text
//!  HTTP ─▶ routes ─▶ Call ─▶ Store ─▶ Reply ─▶ HTTP
//!                              │
//!                              └─▶ Hub (ports, engines, rules)
//! ```
//!
//! Names, defaults, orders of checks, texts and statuses are Toxiproxy's; what
//! toxics do to connections is ours ([`effect`]). All decisions are pure but for
//! those of [`store`], which asks the hub for ports.

mod address;
mod attributes;
mod body;
mod book;
mod call;
mod effect;
mod json;
mod kind;
mod proxy;
mod refusal;
mod reply;
pub(crate) mod routes;
mod store;
mod toxic;
mod toxics;

pub(crate) use body::ProxyBody;
pub(crate) use book::Book;
pub(crate) use call::{Call, name_in};
pub(crate) use refusal::Refusal;
pub(crate) use reply::Reply;
pub(crate) use store::Store;

/// The owner of the rules of toxics.
pub(crate) const OWNER: &str = "toxiproxy";

/// How many kinds of bodies these bytes could be.
pub(crate) fn count_readings(body: &[u8]) -> usize {
    let text = json::text(body);
    let toxic =
        body::ToxicBody::read(&text).and_then(|body| toxics::Toxics::default().check(&body));
    let readings = [
        ProxyBody::read(&text).is_ok(),
        ProxyBody::read_all(&text).is_ok(),
        body::ProxyChange::read(&text).is_ok(),
        toxic.is_ok(),
        body::ToxicChange::read(&text).is_ok(),
    ];
    readings.into_iter().filter(|is_read| *is_read).count()
}
