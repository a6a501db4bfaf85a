//! What an engine is told before it runs.

use std::sync::Arc;
use std::time::Duration;

use environment::tls::{Acceptor, Connector};
use environment::{Listener, Observer};

use crate::decision::Decision;
use crate::event::Event;
use crate::fault::How;
use crate::link::UnderWay;
use crate::pattern::Pattern;
use crate::plan::Plan;

/// A listener and whose it is.
#[derive(Debug)]
pub struct Route {
    /// Where clients dial.
    pub listener: Listener,
    /// The one client that dials here, known by name from its first SYN on.
    /// `None`: many do; each is named by `?client=` in its upgrade, else by the
    /// ordinal of its connection.
    pub client: Option<Arc<str>>,
}

/// Everything a proxy needs to know.
#[derive(Debug)]
pub struct Config {
    /// The listeners.
    pub routes: Vec<Route>,
    /// The server, as `host:port`.
    pub upstream: String,
    /// On which sides TLS is spoken.
    pub tls: TlsSides,
    /// How long a dial to the server may take, its handshake of TLS included.
    pub dial_timeout: Duration,
    /// How much may be under way in delays. Engines that are given the same have
    /// the bound for all links together.
    pub under_way: UnderWay,
    /// How a client is told that the server cannot be reached.
    pub on_dial_failure: How,
    /// What goes wrong, and when.
    pub plan: Plan,
    /// Whether it does.
    pub apply: Apply,
    /// Whether WebSocket frames are watched: then first data means a data
    /// frame, close frames are told, and delays are drawn by frame. Without,
    /// the stream's bytes count.
    pub frames: bool,
    /// What of it is data.
    pub data: Data,
    /// Whether [`Control::connections`](super::Control::connections) lists the open ones.
    pub lists: bool,
    /// When t = 0 is.
    pub start: Start,
    /// Whether the plan begins again at its horizon, indefinitely.
    pub repeat: bool,
}

/// On which sides TLS is spoken; between them the bytes are plain.
#[derive(Debug, Clone, Default)]
pub struct TlsSides {
    /// How clients are met, if they speak it.
    pub client: Option<Acceptor>,
    /// How the server is asked for it, if it speaks it.
    pub server: Option<Connector>,
}

/// What the server sends that counts as data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Data {
    /// What a message must say; without one every message counts, and of a raw
    /// stream every byte.
    pub pattern: Option<Pattern>,
    /// Whether the server is one of HTTP: its answer 2xx is what a client dials for.
    pub is_http: bool,
}

/// Whether the plan is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// Faults are injected.
    Faults,
    /// Everything is planned, nothing is done: the control of the experiment.
    Nothing,
}

/// When t = 0 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At [`Control::begin`](super::Control::begin).
    OnCommand,
    /// When the first connection is accepted, or at [`Control::begin`](super::Control::begin).
    FirstConnection,
}

/// Who is told what.
#[derive(Debug, Clone)]
pub struct Tell {
    /// What happens.
    pub events: Observer<Event>,
    /// What is decided.
    pub decisions: Observer<Decision>,
}

impl Tell {
    /// Nobody is told anything.
    pub fn nobody() -> Self {
        Self {
            events: Observer::none(),
            decisions: Observer::none(),
        }
    }
}
