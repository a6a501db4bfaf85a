//! The kernel's way past a lane's queue.

use std::time::Duration;

use environment::{Moment, Pipe};

/// How long a pipe is kept that nothing goes through: an idle connection has none.
const KEEP: Duration = Duration::from_secs(1);
/// A pipe through which less than this goes at a time is not worth its calls.
const WORTH: usize = 16 * 1024;
/// How many times in a row that may be so.
const PATIENCE: u8 = 8;

/// A lane in bulk.
#[derive(Debug)]
pub(super) struct Bulk {
    pub(super) pipe: Pipe,
    /// When it is given back.
    pub(super) until: Moment,
    /// How many times in a row it was not worth its calls.
    idled: u8,
}

impl Bulk {
    pub(super) fn new(pipe: Pipe, now: Moment) -> Box<Self> {
        Box::new(Self {
            pipe,
            until: now + KEEP,
            idled: 0,
        })
    }

    pub(super) fn holds_bytes(&self) -> bool {
        self.pipe.held() > 0
    }

    /// So many bytes went into it.
    pub(super) fn note(&mut self, count: usize, now: Moment) {
        self.until = now + KEEP;
        self.idled = if count < WORTH { self.idled + 1 } else { 0 };
    }

    /// Whether it is empty, and has not been worth its calls for long enough.
    pub(super) fn is_done(&self) -> bool {
        self.idled > PATIENCE && !self.holds_bytes()
    }
}
