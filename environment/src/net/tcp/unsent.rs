//! How much of what was written the system has not yet handed to the peer.
//!
//! Linux says it in `/proc/net/tcp`; the system call for it has no safe form.
//! Reading that table costs with the number of sockets of the machine, so it is
//! for rare use: before a reset that must come after data.

use std::net::SocketAddr;

/// The system goes through its sockets while others come and go, and may leave
/// one out; that it does so as often as this is not to be expected.
const LOOKS: usize = 8;

/// Bytes in the send queue of the socket between these ends; `None` where the
/// system does not say.
pub(super) fn unsent(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let table = if local.is_ipv4() {
        "/proc/net/tcp"
    } else {
        "/proc/net/tcp6"
    };
    let ends = format!("{} {}", encode(local), encode(peer));
    let look = || {
        let table = std::fs::read_to_string(table).ok()?;
        table.lines().find_map(|line| queue(line, &ends))
    };
    (0..LOOKS).find_map(|_| look())
}

/// The send queue in a line of the table, if it is about these ends:
/// `sl: local peer state tx_queue:rx_queue …`, all in hexadecimal.
fn queue(line: &str, ends: &str) -> Option<u64> {
    let (_, rest) = line.split_once(": ")?;
    let rest = rest.strip_prefix(ends)?;
    let queues = rest.split_whitespace().nth(1)?;
    u64::from_str_radix(queues.split(':').next()?, 16).ok()
}

/// An address as the table has it: the IP as words of the machine's byte order.
fn encode(address: SocketAddr) -> String {
    let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
    let ip: String = match address {
        SocketAddr::V4(v4) => word(v4.ip().octets()),
        SocketAddr::V6(v6) => {
            let octets = v6.ip().octets();
            octets
                .chunks_exact(4)
                .map(|part| word([part[0], part[1], part[2], part[3]]))
                .collect()
        }
    };
    format!("{ip}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line = "   1: 0100007F:1F90 0100007F:9C40 01 0000000A:00000000 00:00000000 00000000     0        0 1 1";
        let ends = "0100007F:1F90 0100007F:9C40";
        assert_eq!(queue(line, ends), Some(10));
        assert_eq!(queue(line, "0100007F:1F91 0100007F:9C40"), None);
        assert_eq!(queue("  sl  local_address rem_address", ends), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_written_as_the_table_has_them() {
        assert_eq!(
            encode(SocketAddr::from(([127, 0, 0, 1], 8080))),
            "0100007F:1F90"
        );
    }
}
