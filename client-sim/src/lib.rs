//! Simulated WebSocket clients that reconnect, correctly or with known bugs (flaws).
//!
//! [`run`] is one client: it dials a URL, stays connected through whatever
//! happens, and tells an observer what it does ([`Event`]). What it does is
//! decided by [`session::Session`], a machine without sockets or clock.
//!
//! - [`Policy`], [`Backoff`]: how long to wait before a retry.
//! - [`ClientsConfig`], [`Behaviour`], [`Flaw`]: what clients are told to be like.
//! - [`fleet`]: many clients under one roof, as the binary runs them.
//! - [`Statistics`]: what the events of many clients come to, and [`Recoveries`],
//!   which several machines' clients can be put together in.
//!
//! It knows no proxy and no scenario: it has a URL.

mod backoff;
mod client;
mod config;
mod event;
mod flaw;
pub mod fleet;
mod message;
mod policy;
mod recoveries;
mod sending;
pub mod session;
mod socket;
mod sources;
mod statistics;
mod upgrade;
mod url;

pub use backoff::Backoff;
pub use client::run;
pub use config::{Behaviour, ClientConfig, ClientsConfig, MAX_COUNT, Say};
pub use event::{CloseReason, Event, EventKind};
pub use flaw::{Flaw, UnknownFlaw};
pub use message::{ClientMessage, ServerMessage, Welcome};
pub use policy::{DEFAULT_CAP, Policy, Shape};
pub use recoveries::{Recoveries, RecoveriesError, Recovery};
pub use sending::{Beyond, Delivery, Sending};
pub use session::Command;
pub use sources::{Sources, SourcesError};
pub use statistics::{Statistics, Summary};
pub use upgrade::{Header, Upgrade, check_header, check_host, check_subprotocol, check_text};
pub use url::{Url, UrlError};
