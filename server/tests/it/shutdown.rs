//! Stopping: politely, within bounds, and leaving nothing behind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use environment::{Environment, Network, Observer, Simulation};
use futures_util::StreamExt;
use ticker_server::{Config, EventKind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::support::{Server, quick, soon};

#[tokio::test]
async fn stopping_says_1001_to_everyone() {
    let mut server = Server::start(quick());
    let mut clients = Vec::new();
    for path in ["/ws", "/ws", "/echo"] {
        clients.push(server.open(path).await);
    }
    server.shutdown.cancel();
    for client in &mut clients {
        let (code, reason) = client.closed().await;
        assert_eq!((code, reason.as_str()), (1001, "the server is stopping"));
    }
    server.ended().await;
    let closed = |what: &EventKind| matches!(what, EventKind::SocketClosed { .. });
    assert_eq!(server.count(closed), 2);
    let again = Network::tcp().dial(&server.address.to_string()).await;
    assert!(again.is_err(), "the port is given back");
}

#[tokio::test]
async fn who_does_not_answer_delays_the_stop_no_longer_than_the_drain() {
    let config = Config {
        drain: Duration::from_millis(100),
        ..quick()
    };
    let mut server = Server::start(config);
    let _asleep = server.open("/ws").await;
    server.stop().await;
    let closed = |what: &EventKind| matches!(what, EventKind::SocketClosed { .. });
    assert_eq!(server.count(closed), 1);
}

/// Browsers open connections ahead of need and leave them idle.
#[tokio::test]
async fn idle_connections_do_not_hold_up_the_stop() {
    let config = Config {
        drain: Duration::from_secs(3600),
        header_timeout: Duration::from_secs(3600),
        ..quick()
    };
    let mut server = Server::start(config);
    let mut unused = server.dial().await;
    let mut kept = server.dial().await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut kept, request)
        .await
        .unwrap();
    let mut answer = [0; 4096];
    assert_ne!(soon(kept.read(&mut answer)).await.unwrap(), 0);
    server.stop().await;
    assert_eq!(soon(kept.read(&mut answer)).await.unwrap(), 0);
    assert_eq!(soon(unused.read(&mut answer)).await.unwrap(), 0);
}

/// In virtual time, where an hour is over when nothing is left to happen in it.
#[test]
fn no_tick_is_made_after_the_server_has_ended() {
    let simulation = Simulation::new().unwrap();
    let environment = simulation.environment();
    let clock = environment.clock.clone();
    let ended = simulation.run(async {
        let network = environment.network.clone();
        let (stop, events) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let told = Arc::clone(&events);
        let observer = Observer::new(move |_| {
            told.fetch_add(1, Ordering::Relaxed);
        });
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = network.listen(loopback).unwrap();
        let address = listener.local_addr().to_string();
        let served = ticker_server::run(environment, listener, quick(), observer, stop.clone());
        let client = async {
            let stream = network.dial(&address).await.unwrap();
            let url = format!("ws://{address}/ws");
            let opened = tokio_tungstenite::client_async(url, stream).await;
            let (mut socket, _) = opened.unwrap();
            for _ in 0..3 {
                socket.next().await.unwrap().unwrap();
            }
            socket.into_inner().reset();
            stop.cancel();
        };
        let (served, ()) = tokio::join!(served, client);
        served.unwrap();
        let before = events.load(Ordering::Relaxed);
        assert!(before > 0);
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(events.load(Ordering::Relaxed), before);
    });
    ended.unwrap();
}

#[tokio::test]
async fn a_server_stopped_before_it_starts_ends() {
    let config = quick();
    let mut server = Server::start(config);
    server.stop().await;
}

/// A server that dies and comes back where it was.
#[tokio::test]
async fn a_port_that_stays_the_callers_is_served_again_after_a_kill_and_after_a_stop() {
    let environment = Environment::real();
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut listener = environment.network.listen(loopback).unwrap();
    let address = listener.local_addr().to_string();
    let network = Network::tcp();
    for is_killed in [true, false, true] {
        let stop = CancellationToken::new();
        let observer = Observer::none();
        let config = quick();
        let served = serve(
            environment.clone(),
            &mut listener,
            config,
            observer,
            stop.clone(),
        );
        let mut served = Box::pin(served);
        let meet = async {
            let mut stream = network.dial(&address).await.unwrap();
            let request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = [0; 4096];
            assert_ne!(stream.read(&mut answer).await.unwrap(), 0);
            stream
        };
        let mut kept = tokio::select! {
            biased;
            _ = &mut served => panic!("nobody stopped it"),
            kept = soon(meet) => kept,
        };
        if !is_killed {
            stop.cancel();
            soon(&mut served).await.unwrap();
        }
        drop(served);
        listener.refuse();
        assert!(network.dial(&address).await.is_err(), "nobody is there");
        // FIN or RST, as the system has it.
        let ended = soon(kept.read(&mut [0; 16])).await;
        assert!(ended.is_ok_and(|count| count == 0) || is_killed);
        listener.heal().unwrap();
    }
}
