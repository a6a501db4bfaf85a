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
