//! What rules may know of a connection.

use environment::{Direction, Moment};

use crate::rule::Progress;
use crate::websocket::FrameRuleId;

/// A connection at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) now: Moment,
    pub(crate) progress: Progress,
    /// Whether the dial to the server is still under way.
    pub(crate) is_dialling: bool,
    /// When a peer was last heard.
    pub(crate) heard_at: Moment,
    pub(crate) upstream: Flow,
    pub(crate) downstream: Flow,
}

/// One direction of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flow {
    /// Bytes that came in, ever.
    pub(crate) admitted: u64,
    /// The peer that they come from has ended.
    pub(crate) has_ended: bool,
    /// What lets no more in, if a cut has come.
    pub(crate) cut: Option<CutBy>,
}

/// What a stream was cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutBy {
    /// The rule whose number of bytes came first.
    Bytes,
    /// This rule, inside a frame.
    Frame(FrameRuleId),
}

impl Snapshot {
    pub(super) fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::Upstream => self.upstream,
            Direction::Downstream => self.downstream,
        }
    }
}
