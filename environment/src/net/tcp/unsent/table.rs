//! The table of all sockets, `/proc/net/tcp`: where the kernel cannot be asked
//! about one.
//!
//! Reading it costs with the number of sockets of the machine, so no more of it is
//! read than takes a moment; a socket behind that is one of which nothing is known.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;

/// The system goes through its sockets while others come and go, and may leave
/// one out; that it does so as often as this is not to be expected.
const LOOKS: usize = 3;
/// How much of the table is read, in bytes: some 1,700 sockets.
const MOST: u64 = 256 * 1024;

/// Bytes in the send queue of the socket between these ends; `None` where the
/// table does not say.
pub(super) fn look(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let table = if local.is_ipv4() {
        "/proc/net/tcp"
    } else {
        "/proc/net/tcp6"
    };
    let ends = format!("{} {}", encode(local), encode(peer));
    (0..LOOKS).find_map(|_| {
        let lines = read(table)?;
        lines.lines().find_map(|line| queue(line, &ends))
    })
}

fn read(table: &str) -> Option<String> {
    let mut lines = String::new();
    let mut table = File::open(table).ok()?.take(MOST);
    table.read_to_string(&mut lines).ok()?;
    Some(lines)
}

/// The send queue in a line of the table, if it is about these ends:
/// `sl: local peer state tx_queue:rx_queue …`, all in hexadecimal.
fn queue(line: &str, ends: &str) -> Option<u64> {
    let (_, rest) = line.split_once(": ")?;
    let rest = rest.strip_prefix(ends)?;
    let queues = rest.split_whitespace().nth(1)?;
    // A line that is cut off has no colon there.
    u64::from_str_radix(queues.split_once(':')?.0, 16).ok()
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
        let cut_off = "   1: 0100007F:1F90 0100007F:9C40 01 00000";
        assert_eq!(queue(cut_off, ends), None);
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
