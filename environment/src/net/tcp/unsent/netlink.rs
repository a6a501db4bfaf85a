//! The question about one socket, as `ss` asks it: `sock_diag(7)`.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

/// `AF_NETLINK`.
const NETLINK: i32 = 16;
/// `NETLINK_SOCK_DIAG`.
const SOCK_DIAG: i32 = 4;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// `TCP_LISTEN`.
const LISTEN: u8 = 10;
/// `ENOENT`.
const NO_SUCH: i32 = 2;

/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct inet_diag_sockid`.
const ENDS: usize = 48;
/// Where `struct inet_diag_req_v2` and `struct inet_diag_msg` have the ends.
const ASKED_ENDS: usize = HEADER + 8;
const TOLD_ENDS: usize = HEADER + 4;
/// The length of a question.
const QUESTION: u32 = 72;
/// Where the ends have the interface; the cookie is behind it.
const INTERFACE: usize = 36;
/// Where `idiag_wqueue` is told.
const QUEUE: usize = TOLD_ENDS + ENDS + 8;

/// One socket for the process, opened by whoever asks first; `None` where there
/// is no such thing.
static CHANNEL: LazyLock<Option<Mutex<Channel>>> =
    LazyLock::new(|| Some(Mutex::new(Channel::open().ok()?)));

/// Whether the kernel has ever told of a socket. One without the module for TCP
/// says that there is no socket, whichever is asked about.
static IS_ANSWERED: AtomicBool = AtomicBool::new(false);

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// So much is in the send queue.
    Queue(u64),
    /// There is no such socket.
    Gone,
    /// That this cannot be asked.
    Error,
    /// It is about something else.
    Other,
}

/// The send queue of the socket between these ends; `None` if there is no such
/// socket.
///
/// # Errors
/// Where the kernel cannot be asked.
pub(super) fn ask(local: SocketAddr, peer: SocketAddr) -> io::Result<Option<u64>> {
    let channel = CHANNEL.as_ref().ok_or(io::ErrorKind::Unsupported)?;
    let mut channel = channel.lock().unwrap_or_else(PoisonError::into_inner);
    match channel.ask(local, peer)? {
        Answer::Queue(queue) => {
            IS_ANSWERED.store(true, Ordering::Relaxed);
            Ok(Some(queue))
        }
        Answer::Gone if IS_ANSWERED.load(Ordering::Relaxed) => Ok(None),
        Answer::Gone | Answer::Error | Answer::Other => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[derive(Debug)]
struct Channel {
    socket: Socket,
    asked: u32,
}

impl Channel {
    fn open() -> io::Result<Self> {
        let protocol = Some(Protocol::from(SOCK_DIAG));
        let socket = Socket::new(Domain::from(NETLINK), Type::DGRAM, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, asked: 0 })
    }

    /// The kernel answers before `send` returns, so nothing is waited for.
    fn ask(&mut self, local: SocketAddr, peer: SocketAddr) -> io::Result<Answer> {
        self.asked = self.asked.wrapping_add(1);
        let question = question(self.asked, local, peer);
        self.socket.send(&question)?;
        let mut told = [0; 512];
        loop {
            let count = self.socket.read(&mut told)?;
            match read(&told[..count], &question) {
                Answer::Other => {}
                answer => return Ok(answer),
            }
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`: this socket, in any state, and
/// nothing of it but what is told of each.
fn question(number: u32, local: SocketAddr, peer: SocketAddr) -> [u8; QUESTION as usize] {
    let mut bytes = [0; QUESTION as usize];
    bytes[..4].copy_from_slice(&QUESTION.to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST.to_ne_bytes());
    bytes[8..12].copy_from_slice(&number.to_ne_bytes());
    bytes[HEADER] = family(local);
    bytes[HEADER + 1] = TCP;
    bytes[HEADER + 4..ASKED_ENDS].fill(0xff);
    bytes[ASKED_ENDS..].copy_from_slice(&ends(local, peer));
    bytes
}

/// `AF_INET` or `AF_INET6`.
fn family(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 2 } else { 10 }
}

/// `struct inet_diag_sockid`, with any cookie.
fn ends(local: SocketAddr, peer: SocketAddr) -> [u8; ENDS] {
    let mut bytes = [0; ENDS];
    bytes[..2].copy_from_slice(&local.port().to_be_bytes());
    bytes[2..4].copy_from_slice(&peer.port().to_be_bytes());
    for (at, address) in [(4, local), (20, peer)] {
        match address.ip() {
            IpAddr::V4(ip) => bytes[at..at + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes[at..at + 16].copy_from_slice(&ip.octets()),
        }
    }
    if let SocketAddr::V6(local) = local {
        bytes[INTERFACE..INTERFACE + 4].copy_from_slice(&local.scope_id().to_ne_bytes());
    }
    bytes[INTERFACE + 4..].fill(0xff);
    bytes
}

/// What an answer says to a question. Where no connection has these ends the
/// kernel tells of a listener that would take one.
fn read(told: &[u8], question: &[u8]) -> Answer {
    let number = told.get(8..12);
    if number.is_none() || number != question.get(8..12) {
        return Answer::Other;
    }
    let kind = told.get(4..6).and_then(|bytes| bytes.try_into().ok());
    match kind.map(u16::from_ne_bytes) {
        Some(ERROR) if word(told, HEADER) == Some((-NO_SUCH).cast_unsigned()) => Answer::Gone,
        Some(BY_FAMILY) => socket(told, question).unwrap_or(Answer::Error),
        _ => Answer::Error,
    }
}

/// A `struct inet_diag_msg`.
fn socket(told: &[u8], question: &[u8]) -> Option<Answer> {
    let queue = word(told, QUEUE)?;
    let are_its_ends = told.get(TOLD_ENDS..TOLD_ENDS + INTERFACE)
        == question.get(ASKED_ENDS..ASKED_ENDS + INTERFACE);
    let is_listening = told.get(HEADER + 1) == Some(&LISTEN);
    if is_listening || !are_its_ends {
        return Some(Answer::Gone);
    }
    Some(Answer::Queue(u64::from(queue)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked() -> [u8; QUESTION as usize] {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        question(7, address(8080), address(40_000))
    }

    /// What a kernel says of that socket.
    fn told(state: u8, queue: u32) -> [u8; 88] {
        let (asked, mut told) = (asked(), [0; 88]);
        told[..4].copy_from_slice(&88_u32.to_ne_bytes());
        told[4..12].copy_from_slice(&asked[4..12]);
        told[HEADER..HEADER + 2].copy_from_slice(&[2, state]);
        told[TOLD_ENDS..TOLD_ENDS + INTERFACE]
            .copy_from_slice(&asked[ASKED_ENDS..ASKED_ENDS + INTERFACE]);
        told[QUEUE..QUEUE + 4].copy_from_slice(&queue.to_ne_bytes());
        told
    }

    #[test]
    fn the_queue_of_the_socket_that_was_asked_about_is_read() {
        assert_eq!(read(&told(1, 4711), &asked()), Answer::Queue(4711));
    }

    #[test]
    fn a_listener_and_another_socket_are_not_the_one() {
        assert_eq!(read(&told(LISTEN, 128), &asked()), Answer::Gone);
        let mut other = told(1, 5);
        other[TOLD_ENDS + 1] ^= 1;
        assert_eq!(read(&other, &asked()), Answer::Gone);
    }

    #[test]
    fn an_error_is_told_from_a_socket_that_is_gone() {
        let error = |number: i32| {
            let mut told = told(0, 0);
            told[4..6].copy_from_slice(&ERROR.to_ne_bytes());
            told[HEADER..HEADER + 4].copy_from_slice(&(-number).to_ne_bytes());
            read(&told, &asked())
        };
        assert_eq!(error(NO_SUCH), Answer::Gone);
        assert_eq!(error(1), Answer::Error);
    }

    #[test]
    fn an_answer_to_another_question_is_passed_over() {
        let mut late = told(1, 5);
        late[8] ^= 1;
        assert_eq!(read(&late, &asked()), Answer::Other);
    }

    proptest! {
        #[test]
        fn garbage_is_read_as_something(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, &asked());
        }

        /// Cut off anywhere, changed anywhere: never a queue that was not told.
        #[test]
        fn a_damaged_answer_is_no_panic(queue: u32, at in 0_usize..88, value: u8, length in 0_usize..88) {
            let mut whole = told(1, queue);
            let cut = read(&whole[..length], &asked());
            prop_assert!(cut == Answer::Queue(queue.into()) || length < QUEUE + 4);
            prop_assert!(length >= QUEUE + 4 || !matches!(cut, Answer::Queue(_)));
            whole[at] = value;
            let _ = read(&whole, &asked());
        }

        #[test]
        fn a_question_names_both_ends(local: [u8; 4], peer: [u8; 4], ports: (u16, u16)) {
            let asked = question(1, (local, ports.0).into(), (peer, ports.1).into());
            prop_assert_eq!(&asked[ASKED_ENDS + 4..ASKED_ENDS + 8], &local);
            prop_assert_eq!(&asked[ASKED_ENDS + 20..ASKED_ENDS + 24], &peer);
            prop_assert_eq!(&asked[ASKED_ENDS..ASKED_ENDS + 2], &ports.0.to_be_bytes());
            prop_assert_eq!(asked.len(), 72);
        }
    }
}
