//! `idle_timeout`: a middle box that forgets connections which say nothing.

use std::time::Duration;

use environment::text::Table;

use super::How;

/// An end after a silence of both peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleTimeout {
    /// How long neither peer has sent anything.
    pub delay: Duration,
    /// How it ends, for both.
    pub how: How,
}

impl IdleTimeout {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let how = table.or("how", How::Close);
        let delay = table.required("delay")?;
        Some(Self { delay, how })
    }
}
