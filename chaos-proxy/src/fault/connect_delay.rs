//! `connect_delay`: TCP connects at once, the server is dialled later. What the
//! client sends meanwhile is kept.

use std::time::Duration;

use environment::text::Table;

/// A late dial to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectDelay {
    /// From the accept to the dial.
    pub delay: Duration,
}

impl ConnectDelay {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let delay = table.required("delay")?;
        Some(Self { delay })
    }
}
