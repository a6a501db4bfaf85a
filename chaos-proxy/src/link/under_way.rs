//! How much may be under way in delays: of one link, and of all of a proxy's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::room::CAPACITY;

/// The bounds, and what all links use of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UnderWay(Arc<Bounds>);

#[derive(Debug)]
struct Bounds {
    link: usize,
    all: usize,
    used: AtomicUsize,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self::new(Self::LINK, Self::ALL)
    }
}

impl UnderWay {
    /// How many bytes of one link may be under way, if nothing else is said.
    pub const LINK: usize = 32 * 1024 * 1024;
    /// How many bytes of all links of a proxy may be under way, likewise.
    pub const ALL: usize = 256 * 1024 * 1024;

    /// Bounds for each link, and for all of them together; every link may have
    /// 256 KiB in any case.
    pub fn new(link: usize, all: usize) -> Self {
        Self(Arc::new(Bounds {
            link,
            all,
            used: AtomicUsize::new(0),
        }))
    }

    /// How many bytes a link may hold that uses up `share` already.
    fn most(&self, share: usize) -> usize {
        let Bounds { link, all, used } = &*self.0;
        let free = all.saturating_sub(used.load(Ordering::Relaxed));
        let granted = CAPACITY + share;
        (*link).max(CAPACITY).min(granted.saturating_add(free))
    }
}

/// What one link uses. Given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    bounds: UnderWay,
    /// Beyond [`CAPACITY`], which every link has.
    used: usize,
}

impl Share {
    pub(super) fn new(bounds: UnderWay) -> Self {
        Self { bounds, used: 0 }
    }

    /// How many bytes the link may hold in all.
    pub(super) fn most(&self) -> usize {
        self.bounds.most(self.used)
    }

    /// The link now holds so many.
    pub(super) fn hold(&mut self, held: usize) {
        let wanted = held.saturating_sub(CAPACITY);
        let all = &self.bounds.0.used;
        if wanted > self.used {
            all.fetch_add(wanted - self.used, Ordering::Relaxed);
        } else if wanted < self.used {
            all.fetch_sub(self.used - wanted, Ordering::Relaxed);
        }
        self.used = wanted;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}
