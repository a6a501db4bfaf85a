//! A TCP proxy that drops, delays and resets connections on a seeded schedule, to be
//! put between a client and its server inside a test.
//!
//! ```toml
//! [dev-dependencies]
//! chaos-proxy = { git = "…" }          # or { path = "…/chaos-proxy" }
//! tokio = { version = "1", features = ["macros", "net", "io-util", "rt-multi-thread", "time"] }
//! ```
//!
//! ```no_run
//! use chaos_proxy::{Answer, ChaosProxy, Fault, Rule, Way};
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = ChaosProxy::builder()
//!     .upstream("127.0.0.1:8080")                               // your server
//!     .rule(Rule::new("busy", Answer::new(503)).on_attempt(2))  // the second upgrade gets a 503
//!     .start()
//!     .await?;
//! // … your client dials proxy.address() …
//! let pulled = proxy.inject("pulled", Fault::Stall(Way::Both)).await?;  // nothing passes …
//! pulled.heal().await;                                                  // … until here
//! # Ok(())
//! # }
//! ```
//!
//! - [`ChaosProxy`]: what it can do, what `.await` promises, and a whole example.
//! - [`Rule`]: when a fault acts and on whom; [`Fault`]: what it does.
//! - [`Event`]: what happened, for [`Builder::events`].
//!
//! The same proxy as a program, with an HTTP API and Toxiproxy's: feature `program`.

#[cfg(feature = "api")]
#[doc(hidden)]
pub mod api;
mod decision;
mod embedded;
mod engine;
mod event;
mod fault;
mod file;
#[cfg(feature = "api")]
mod journal;
mod link;
mod pattern;
mod plan;
#[cfg(feature = "api")]
#[doc(hidden)]
pub mod proxies;
mod rule;
#[doc(hidden)]
pub mod upstream;
#[doc(hidden)]
pub mod websocket;

pub use embedded::{Builder, ChaosProxy, Guard, InjectError, StartError};
pub use engine::OpenConnection;
pub use environment::Moment;
pub use environment::tls::Leaf;
pub use event::{Ending, Event, EventKind, Peer};
pub use fault::{
    Alert, Answer, BadFrame, Bandwidth, CloseFrame, ConnectDelay, Content, Corrupt, Cut,
    DelayFrame, Distribution, Fault, FlipBits, FragmentMessage, FrameCut, Frames, How, IdleTimeout,
    Illegal, Latency, Opcodes, Ordinals, Part, Place, ReplaceMessage, SendMessage, Side, Slice,
    SlowClose, Stage, TlsFault, UpgradeDelay, UpgradeReply, Way,
};
pub use pattern::Pattern;
pub use rule::{Condition, Phase, Rule, Spoken, Target, When};
pub use websocket::Opcode;

// For the other crates of this workspace, and of no stability.
#[doc(hidden)]
pub use decision::Decision;
#[doc(hidden)]
pub use engine::{
    AddedRule, Apply, Carried, Commands, Config, Control, Data, NameTaken, Route, Start, Tell,
    TlsSides, Traffic, control, run,
};
#[doc(hidden)]
pub use fault::{ELSEWHERE, Expiry, FaultKind, Pace};
#[cfg(feature = "api")]
#[doc(hidden)]
pub use file::read_as_files;
#[doc(hidden)]
pub use file::{Faults, read_faults};
#[cfg(feature = "api")]
#[doc(hidden)]
pub use journal::Journal;
#[doc(hidden)]
pub use link::{LinkName, UnderWay};
#[doc(hidden)]
pub use plan::{Occurrence, Plan, Window};
#[doc(hidden)]
pub use rule::{ConditionGrammar, Reading, TargetGrammar, read_rules};
#[doc(hidden)]
pub use websocket::UNREAD;
