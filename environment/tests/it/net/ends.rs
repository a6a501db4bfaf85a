//! What an end says of itself, and what it says to whoever waits.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

use super::on_both;

#[test]
fn both_ends_agree_on_their_addresses() {
    on_both(|world| async move {
        let listener = world.listen();
        let dialled = world.dial(&listener).await.unwrap();
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(dialled.peer_addr().unwrap(), listener.local_addr());
        assert_eq!(accepted.local_addr().unwrap(), listener.local_addr());
        assert_eq!(accepted.peer_addr().unwrap(), dialled.local_addr().unwrap());
        assert_eq!(peer, dialled.local_addr().unwrap());
        let another = world.dial(&listener).await.unwrap();
        assert_ne!(another.local_addr().unwrap(), peer);
    });
}

#[test]
fn an_idle_end_is_writable_and_nothing_else() {
    on_both(|world| async move {
        let (client, _server, _listener) = world.pair().await;
        let ready = client.ready(Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable() && !ready.is_error());
        let mut context = Context::from_waker(Waker::noop());
        assert!(client.poll_readable(&mut context).is_pending());
    });
}

#[test]
fn the_end_wakes_whoever_waits_to_read() {
    on_both(|world| async move {
        let (client, mut server, _listener) = world.pair().await;
        let wait = poll_fn(|cx| client.poll_readable(cx));
        let (readable, ()) = tokio::join!(wait, async { server.shutdown().await.unwrap() });
        readable.unwrap();
        let ready = client.ready(Interest::READABLE).await.unwrap();
        assert!(ready.is_read_closed() && !ready.is_write_closed());
    });
}

#[test]
fn a_reset_wakes_whoever_waits_to_write() {
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        super::manners::stuff(&world, &mut client).await;
        let wait = poll_fn(|cx| client.poll_writable(cx));
        let (writable, ()) = tokio::join!(wait, async { server.reset() });
        writable.unwrap();
        let error = client.try_write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn two_may_wait_for_one_end() {
    on_both(|world| async move {
        let (client, server, _listener) = world.pair().await;
        let error = client.ready(Interest::ERROR);
        let bytes = client.ready(Interest::READABLE);
        let (error, bytes, ()) = tokio::join!(error, bytes, async { server.reset() });
        assert!(error.unwrap().is_error());
        assert!(bytes.unwrap().is_readable());
    });
}

#[test]
fn a_read_that_is_dropped_takes_nothing() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        {
            let mut buffer = [0; 8];
            let mut read = std::pin::pin!(client.read(&mut buffer));
            let polled = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending()));
            assert!(polled.await);
        }
        server.write_all(b"kept").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(client.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], b"kept");
    });
}
