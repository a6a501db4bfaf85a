//! Ports that may be given up and taken again within a test: outside of those
//! that the system gives to whoever dials meanwhile.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 10_000;
/// Linux gives away those from 32,768 on.
const COUNT: u32 = 20_000;

/// So many free ports in a row. No other test of this process gets them, and
/// other processes begin elsewhere.
pub(crate) fn free(count: u16) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(997);
    loop {
        let next = NEXT.fetch_add(u32::from(count), Ordering::Relaxed);
        let base = FIRST + (start.wrapping_add(next)) % COUNT;
        let base = u16::try_from(base).unwrap();
        let is_free = |n| TcpListener::bind(("127.0.0.1", base + n)).is_ok();
        if (0..count).all(is_free) {
            return base;
        }
    }
}
