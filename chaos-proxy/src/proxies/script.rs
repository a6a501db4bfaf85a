//! What a proxy does by itself.

use std::time::Duration;

use environment::Seed;

use crate::engine::{Start, TlsSides};
use crate::fault::How;
use crate::plan::{FOR_EVER, Plan};
use crate::rule::Rule;

/// The rules that a proxy begins with, and when they act.
#[derive(Debug, Clone)]
pub struct Script {
    /// The rules, in the order of their file.
    pub rules: Vec<Rule>,
    /// When everything is healed, after t = 0; `None`: never.
    pub horizon: Option<Duration>,
    /// When t = 0 is.
    pub start: Start,
    /// Whether it begins again at its end, indefinitely.
    pub repeat: bool,
    /// How a client is told that the server cannot be reached.
    pub on_dial_failure: How,
    /// Whether WebSocket frames are watched though no rule needs it.
    pub frames: bool,
    /// On which sides TLS is spoken.
    pub tls: TlsSides,
}

impl Script {
    /// Nothing happens by itself, and a server that cannot be reached is told
    /// with FIN, as Toxiproxy does.
    pub fn empty() -> Self {
        Self {
            rules: Vec::new(),
            horizon: None,
            start: Start::OnCommand,
            repeat: false,
            on_dial_failure: How::Close,
            frames: false,
            tls: TlsSides::default(),
        }
    }

    /// The plan of these rules.
    pub fn plan(&self, seed: Seed) -> Plan {
        let horizon = self.horizon.unwrap_or(FOR_EVER);
        Plan::new(self.rules.clone(), None, seed, horizon)
    }
}
