//! Without a fault in force the proxy is a wire: bytes, FIN and RST arrive as
//! they were sent, on both networks.

use std::io::ErrorKind;
use std::time::Duration;

use chaos_proxy::{Ending, EventKind, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{Bench, Setup};
use crate::world::{ending, expect, on_both, send};

#[test]
fn bytes_pass_both_ways_unchanged() {
    on_both(async |world| {
        let bench = Bench::of(&world, "");
        let (client, upstream) = bench.pair().await;
        let sent: Vec<u8> = (0..3_000_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let (mut from, mut to) = tokio::io::split(client);
        let (mut there, mut back) = tokio::io::split(upstream);
        let mut echoed = Vec::new();
        let there_and_back = async {
            tokio::io::copy(&mut there, &mut back).await.unwrap();
            back.shutdown().await.unwrap();
        };
        let sending = async {
            to.write_all(&sent).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let receiving = from.read_to_end(&mut echoed);
        let ((), (), read) = tokio::join!(sending, there_and_back, receiving);
        read.unwrap();
        assert!(
            echoed == sent,
            "{} bytes came back of {}",
            echoed.len(),
            sent.len()
        );
    });
}

#[test]
fn a_half_close_is_kept_and_the_answer_comes_back() {
    on_both(async |world| {
        let mut bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        send(&mut client, b"question").await;
        client.shutdown_write().unwrap();
        assert_eq!(ending(&mut upstream).await.unwrap(), b"question");
        send(&mut upstream, b"answer").await;
        drop(upstream);
        assert_eq!(ending(&mut client).await.unwrap(), b"answer");
        let closed = bench
            .until(|what| matches!(what, EventKind::Closed { .. }))
            .await;
        assert_eq!(
            closed.what,
            EventKind::Closed {
                upstream_bytes: 8,
                downstream_bytes: 6
            }
        );
    });
}

#[test]
fn the_servers_reset_reaches_the_client_as_a_reset() {
    on_both(async |world| {
        let bench = Bench::of(&world, "");
        let mut client = bench.dial().await;
        bench.accept().await.reset();
        assert_eq!(ending(&mut client).await, Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn the_clients_reset_reaches_the_server_as_a_reset() {
    on_both(async |world| {
        let mut bench = Bench::of(&world, "");
        let (client, mut upstream) = bench.pair().await;
        client.reset();
        assert_eq!(ending(&mut upstream).await, Err(ErrorKind::ConnectionReset));
        let ended = bench
            .until(|what| matches!(what, EventKind::PeerEnded { .. }))
            .await;
        assert_eq!(
            ended.what,
            EventKind::PeerEnded {
                peer: Peer::Client,
                how: Ending::Reset,
                code: None
            }
        );
        bench
            .until(|what| matches!(what, EventKind::Closed { .. }))
            .await;
    });
}

#[test]
fn a_server_that_is_down_resets_the_client_and_says_why() {
    on_both(async |world| {
        let gone = world.listen().local_addr();
        let mut bench = Setup::toward(&world, gone).start("");
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset)
        );
        let failed = bench
            .until(|what| matches!(what, EventKind::UpstreamFailed { .. }))
            .await;
        assert_eq!(
            failed.what,
            EventKind::UpstreamFailed {
                error: "connection refused".to_owned()
            }
        );
        bench
            .until(|what| matches!(what, EventKind::Closed { .. }))
            .await;
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_dial_that_hangs_blocks_nobody() {
    on_both(async |world| {
        let mut server = world.listen();
        server.fall_silent().unwrap();
        let mut bench = Setup::toward(&world, server.local_addr())
            .start("[[fault]]\non.attempt = 3\ninject.reject = {}");
        bench.begin().await;
        let hanging = bench.dial().await;
        let second = bench.dial().await;
        assert_eq!(
            bench.dial_to_the_end().await,
            Err(ErrorKind::ConnectionReset)
        );
        // A client that leaves while its dial hangs is let go at once.
        hanging.reset();
        let closed = bench
            .event(|event| event.attempt == 1 && matches!(event.what, EventKind::Closed { .. }))
            .await;
        assert_eq!(closed.attempt, 1);
        drop(second);
        let (events, _) = bench.finish().await;
        assert!(
            !events
                .iter()
                .any(|event| matches!(event.what, EventKind::UpstreamFailed { .. }))
        );
    });
}

/// A client that reads nothing while the server sends indefinitely: the proxy stops
/// reading, and nothing is lost when the client reads on.
#[test]
fn a_client_that_does_not_read_slows_the_server_down() {
    on_both(async |world| {
        let bench = Bench::of(&world, "");
        let (mut client, mut upstream) = bench.pair().await;
        let clock = world.clock.clone();
        let chunk = vec![7; 64 * 1024];
        let mut sent = 0;
        while let Ok(wrote) = clock
            .timeout(Duration::from_millis(500), upstream.write(&chunk))
            .await
        {
            sent += wrote.unwrap();
            assert!(sent < 64 << 20, "the proxy takes all the server has");
        }
        // Of TLS some may wait in the stream itself.
        let (ended, read) = tokio::join!(upstream.shutdown(), ending(&mut client));
        ended.unwrap();
        assert_eq!(read.unwrap().len(), sent);
    });
}

fn is_of_the_connection(what: &EventKind) -> bool {
    use EventKind::{Accepted, TlsEstablished, UpstreamConnected};
    matches!(what, Accepted | UpstreamConnected | TlsEstablished { .. })
}

#[test]
fn a_websocket_is_watched_without_being_changed() {
    on_both(async |world| {
        let mut setup = Setup::new(&world);
        setup.frames = true;
        let mut bench = setup.start("");
        let (mut client, mut upstream) = bench.pair().await;
        let request = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        send(&mut client, request).await;
        expect(&mut upstream, request).await;
        let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x89\x00";
        send(&mut upstream, answer).await;
        expect(&mut client, answer).await;
        let upgraded = bench.until(|what| !is_of_the_connection(what)).await;
        assert_eq!(upgraded.what, EventKind::Upgraded { status: 101 });
        send(&mut upstream, b"\x81\x02hi").await;
        expect(&mut client, b"\x81\x02hi").await;
        // The ping before it was no data.
        let first = bench.until(|_| true).await;
        assert_eq!(first.what, EventKind::FirstData);
        let close = b"\x88\x82\x00\x00\x00\x00\x03\xe8";
        send(&mut client, close).await;
        expect(&mut upstream, close).await;
        let ended = bench.until(|_| true).await;
        assert_eq!(
            ended.what,
            EventKind::PeerEnded {
                peer: Peer::Client,
                how: Ending::CloseFrame,
                code: Some(1000)
            }
        );
    });
}
