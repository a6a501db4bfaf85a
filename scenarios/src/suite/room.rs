//! How many cases there are at a time if each client is a browser: what a browser
//! takes of a machine is known.
//!
//! Invariant: at least one, and no more than memory allows.

use std::num::NonZero;

use super::Jobs;

/// Clients of a case, at most.
const BROWSERS: u64 = 6;

/// What a browser with a small page and its driver take, in bytes (measured with
/// Chromium 156: 300 MiB).
const MEMORY: u64 = 320 << 20;

/// Cases at a time for each core: to start a browser takes two seconds of one, and
/// a browser whose page ticks ten times a second 5 %.
const PER_CORE: u64 = 1;

impl Jobs {
    /// As many as there may be here if the clients are browsers.
    pub fn of_browsers() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let memory = std::fs::read_to_string("/proc/meminfo");
        let memory = memory.ok().as_deref().and_then(available);
        Self {
            most: room(cores as u64, memory),
            adapts: true,
        }
    }
}

/// Half of what is free may be taken; where that is unknown, it is enough.
fn room(cores: u64, memory: Option<u64>) -> usize {
    let by_memory = memory.map_or(u64::MAX, |free| free / 2 / (BROWSERS * MEMORY));
    let most = by_memory.min(cores * PER_CORE).max(1);
    usize::try_from(most).unwrap_or(1)
}

/// The memory that programs may still have, in bytes, as Linux tells it.
fn available(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_and_memory_both_bound_it_and_one_is_always_left() {
        let gib = |count: u64| Some(count << 30);
        assert_eq!(room(2, gib(16)), 2);
        assert_eq!(room(16, gib(16)), 4);
        assert_eq!(room(16, gib(1)), 1);
        assert_eq!(room(4, None), 4);
        let meminfo = "MemTotal:       24684084 kB\nMemAvailable:   23468308 kB\n";
        assert_eq!(available(meminfo), Some(23_468_308 * 1024));
        assert_eq!(available("MemAvailable: some\n"), None);
    }
}
