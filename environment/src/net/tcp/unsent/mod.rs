//! How much of what was written the system has not yet handed to the peer.
//!
//! Linux answers that about one socket (`netlink`), at a cost that does not grow
//! with the sockets of the machine; a kernel without that has a table of them all
//! (`table`), of which no more is read than is soon done. The usual system call
//! has no safe form.

#[cfg(target_os = "linux")]
mod netlink;
mod table;

use std::net::SocketAddr;

/// Bytes in the send queue of the socket between these ends; `None` where the
/// system does not say.
pub(super) fn unsent(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = netlink::ask(local, peer) {
        return answer;
    }
    table::look(local, peer)
}

#[cfg(test)]
mod tests;
