//! `slow_close`: a peer's FIN is passed on later than its last bytes.

use std::time::Duration;

use environment::text::Table;

use super::Way;

/// A late FIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowClose {
    /// Which links.
    pub way: Way,
    /// From when the FIN would have been passed on to when it is.
    pub delay: Duration,
}

impl SlowClose {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let way = table.or("direction", Way::Both);
        let delay = table.required("delay")?;
        Some(Self { way, delay })
    }
}
