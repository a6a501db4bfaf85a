//! What every task of an engine has in common.

use std::sync::Arc;
use std::time::Duration;

use environment::Environment;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::{Apply, Data, Start, Tell, TlsSides};
use super::control::Control;
use crate::fault::How;
use crate::link::UnderWay;

/// How many connections deal with a peer's end before others have their turn.
pub(super) const ENDS_AT_ONCE: usize = 16;

/// What every task of the proxy shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) environment: Environment,
    pub(super) upstream: String,
    pub(super) tls: TlsSides,
    pub(super) dial_timeout: Duration,
    pub(super) on_dial_failure: How,
    pub(super) frames: bool,
    pub(super) data: Data,
    pub(super) lists: bool,
    pub(super) apply: Apply,
    pub(super) tell: Tell,
    pub(super) connections: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) control: Control,
    pub(super) start: Start,
    /// How much may be under way in delays, of all connections together.
    pub(super) under_way: UnderWay,
    /// Turns to deal with a peer's end.
    pub(super) ends: Arc<Semaphore>,
}
