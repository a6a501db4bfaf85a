//! The instrument: a TCP proxy that drops, delays and resets connections on a
//! seeded schedule.
//!
//! It knows connections, rules and a log of what it did; it knows no clients
//! beyond their names and gives no verdicts.

mod decision;
mod event;
mod link;
mod plan;
mod rule;
mod websocket;

pub use decision::Decision;
pub use event::{Ending, Event, Peer, What};
pub use plan::{MAX_OCCURRENCES, Occurrence, Plan};
pub use rule::*;
