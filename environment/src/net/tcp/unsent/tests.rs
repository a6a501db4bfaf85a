//! What is told is what the system's sockets really hold.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

/// Both ends of a connection, by way of these addresses: the one that dialled, and
/// the other. `None` where the machine has no such addresses.
fn pair(listen: &str, dial: &str) -> Option<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((listen, 0)).ok()?;
    let port = listener.local_addr().unwrap().port();
    let dialled = TcpStream::connect((dial, port)).unwrap();
    Some((dialled, listener.accept().unwrap().0))
}

fn pairs() -> Vec<(TcpStream, TcpStream)> {
    let mapped = ("::ffff:127.0.0.1", "127.0.0.1");
    let ways = [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), mapped];
    ways.iter().filter_map(|(a, b)| pair(a, b)).collect()
}

/// Writes to a peer that does not read until the system takes no more.
fn stuff(stream: &mut TcpStream) {
    stream.set_nonblocking(true).unwrap();
    loop {
        match stream.write(&[7; 64 * 1024]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn ends(stream: &TcpStream) -> (SocketAddr, SocketAddr) {
    (stream.local_addr().unwrap(), stream.peer_addr().unwrap())
}

fn unsent_of(stream: &TcpStream) -> Option<u64> {
    let (local, peer) = ends(stream);
    unsent(local, peer)
}

#[test]
fn what_a_peer_does_not_read_is_unsent_until_it_has_read_it() {
    let pairs = pairs();
    assert!(!pairs.is_empty());
    for (mut reader, mut writer) in pairs {
        assert_eq!(unsent_of(&writer), Some(0), "{writer:?}");
        stuff(&mut writer);
        let held = unsent_of(&writer).unwrap();
        assert!(held > 0, "{writer:?}");
        assert_eq!(unsent_of(&reader), Some(0), "it has written nothing");
        reader.set_nonblocking(true).unwrap();
        let mut buffer = [0; 64 * 1024];
        while unsent_of(&writer) != Some(0) {
            let _ = reader.read(&mut buffer);
            std::thread::yield_now();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_table_says_the_same_as_the_answer_about_one_socket() {
    let (_reader, mut writer) = pair("127.0.0.1", "127.0.0.1").unwrap();
    stuff(&mut writer);
    let (local, peer) = ends(&writer);
    // The system may still hand on a little between two looks.
    let agrees = || {
        let asked = netlink::ask(local, peer).unwrap();
        asked.is_some() && asked == table::look(local, peer)
    };
    while !agrees() {
        std::thread::yield_now();
    }
}

#[test]
fn nothing_is_known_of_a_socket_that_is_gone() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let dialled = TcpStream::connect(address).unwrap();
    assert_eq!(unsent_of(&dialled), Some(0));
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    assert_eq!(
        unsent(address, nobody),
        None,
        "a listener is not the socket"
    );
}
