//! The instrument: a TCP proxy that drops, delays and resets connections on a
//! seeded schedule.
//!
//! It knows connections, rules and a log of what it did; it knows no clients
//! beyond their names and gives no verdicts.

pub mod api;
mod decision;
mod embedded;
mod engine;
mod event;
mod fault;
mod file;
mod journal;
mod link;
mod plan;
pub mod proxies;
mod rule;
pub mod websocket;

pub use decision::Decision;
pub use embedded::{Builder, ChaosProxy, Guard, StartError};
pub use engine::{
    AddedRule, Apply, Carried, Commands, Config, Control, NameTaken, OpenConnection, Route, Start,
    Tell, Traffic, control, run,
};
pub use event::{Ending, Event, EventKind, Peer};
pub use fault::*;
pub use file::{Faults, read_as_files, read_faults};
pub use journal::Journal;
pub use link::{LinkName, UnderWay};
pub use plan::{Occurrence, Plan, Window};
pub use rule::{
    Condition, ConditionGrammar, Phase, Reading, Rule, Target, TargetGrammar, When, read_rules,
};
