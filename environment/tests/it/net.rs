//! Reset, FIN, refusal and a port that stays ours, seen from a peer.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use environment::{Listener, Network, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) async fn pair() -> (Stream, Stream, Listener) {
    let network = Network::tcp();
    let listener = network.listen(loopback()).unwrap();
    let dialled = network
        .dial(&listener.local_addr().to_string())
        .await
        .unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    (dialled, accepted, listener)
}

#[tokio::test]
async fn reset_is_seen_as_connection_reset() {
    let (mut client, server, _listener) = pair().await;
    server.reset();
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn reset_is_noticed_though_nobody_reads() {
    let (client, server, _listener) = pair().await;
    server.reset();
    let ready = client.ready(Interest::ERROR).await.unwrap();
    assert!(ready.is_error());
    assert_eq!(
        client.take_error().unwrap().kind(),
        ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn shutdown_write_is_a_half_close() {
    let (mut client, mut server, _listener) = pair().await;
    client.shutdown_write().unwrap();
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    server.write_all(b"still here").await.unwrap();
    let mut answer = [0; 10];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"still here");
}

#[tokio::test]
async fn a_plain_drop_is_a_clean_end() {
    let (mut client, server, _listener) = pair().await;
    drop(server);
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
}

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

/// While silent a dial hangs; after the heal the client's next SYN is answered,
/// and nobody but the client comes out of the queue.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_silent_port_answers_no_syn_until_it_is_healed() {
    let network = Network::tcp();
    let clock = environment::Clock::start();
    let mut listener = network.listen(loopback()).unwrap();
    let address = listener.local_addr().to_string();
    for _ in 0..3 {
        listener.fall_silent().unwrap();
        let dial = network.dial(&address);
        tokio::pin!(dial);
        let silence = clock.timeout(Duration::from_millis(300), &mut dial).await;
        assert!(silence.is_err(), "somebody answered");
        listener.heal().unwrap();
        let dialled = clock
            .timeout(Duration::from_secs(20), dial)
            .await
            .unwrap()
            .unwrap();
        let (accepted, peer) = clock
            .timeout(Duration::from_secs(20), listener.accept())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(peer, dialled.local_addr().unwrap());
        drop(accepted);
    }
    listener.fall_silent().unwrap();
    listener.refuse();
    let refused = network.dial(&address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_system_says_what_the_peer_has_not_taken() {
    let (mut client, server, _listener) = pair().await;
    assert_eq!(server.unsent(), Some(0));
    let chunk = vec![7; 64 * 1024];
    let mut sent = 0;
    while let Ok(count) = server.try_write(&chunk) {
        sent += count;
    }
    assert!(
        server.unsent().unwrap() > 0,
        "{sent} bytes were taken at once"
    );
    let mut read = vec![0; sent];
    client.read_exact(&mut read).await.unwrap();
    // The peer has all of it, so its acknowledgements are on their way.
    while server.unsent() != Some(0) {
        tokio::task::yield_now().await;
    }
}

/// Whoever waits for the end of a listener can have its port.
#[tokio::test]
async fn a_port_is_free_when_its_listener_is_gone() {
    let network = Network::tcp();
    let mut listener = network.listen(loopback()).unwrap();
    let address = listener.local_addr();
    for _ in 0..20 {
        let mut gone = listener.gone();
        let ((), ()) = tokio::join!(gone.wait(), async { drop(listener) });
        listener = network.listen(address).unwrap();
    }
}
