//! What only the system can show: foreign programs at its ports.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use environment::Network;

use super::loopback;

/// A refused port stays ours: 100 rounds, and a foreign bind fails in each state.
#[tokio::test]
async fn a_refused_port_stays_ours() {
    let network = Network::tcp();
    let mut listener = network.listen(loopback()).unwrap();
    let address = listener.local_addr();
    for round in 0..100 {
        listener.refuse();
        assert!(listener.is_refusing());
        let refused = network.dial(&address.to_string()).await.unwrap_err();
        assert_eq!(
            refused.kind(),
            ErrorKind::ConnectionRefused,
            "round {round}"
        );
        assert_foreign_bind_fails(address, round);
        listener.heal().unwrap();
        assert_eq!(listener.local_addr(), address);
        assert_foreign_bind_fails(address, round);
        let client = network.dial(&address.to_string()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        // Both kinds of end, so that TIME_WAIT is left on our side too.
        if round % 2 == 0 {
            server.reset();
        } else {
            drop(server);
        }
        drop(client);
    }
}

fn assert_foreign_bind_fails(address: SocketAddr, round: u32) {
    let foreign = TcpListener::bind(address).unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::AddrInUse, "round {round}");
    let again = Network::tcp().listen(address).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse, "round {round}");
}

/// The port is free again at once after its owner has gone, TIME_WAIT or not.
#[tokio::test]
async fn a_port_can_be_taken_again_after_a_restart() {
    let network = Network::tcp();
    let listener = network.listen(loopback()).unwrap();
    let address = listener.local_addr();
    let mut client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().await.unwrap();
    // Our side closes first, so TIME_WAIT is ours.
    drop(server);
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    drop(client);
    drop(listener);
    let again = network.listen(address).unwrap();
    assert_eq!(again.local_addr(), address);
}

/// Somebody else's server had the port, with SO_REUSEADDR as servers have it, and
/// closed its connections first: TIME_WAIT is no reason to wait a minute. From the
/// bind on the port is ours, refused or not.
#[tokio::test]
async fn a_port_is_taken_over_from_a_server_that_has_just_ended() {
    let server = TcpListener::bind(loopback()).unwrap();
    let address = server.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    drop(server.accept().unwrap());
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    drop((client, server));
    let mut listener = Network::tcp().listen(address).unwrap();
    assert_foreign_bind_fails(address, 0);
    listener.refuse();
    assert_foreign_bind_fails(address, 1);
    listener.heal().unwrap();
    assert_foreign_bind_fails(address, 2);
    let client = Network::tcp().dial(&address.to_string()).await.unwrap();
    listener.accept().await.unwrap();
    drop(client);
}
