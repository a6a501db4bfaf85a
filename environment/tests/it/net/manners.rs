//! Bytes, FIN and RST between the two ends of a connection.

use std::io::{ErrorKind, IoSlice};
use std::time::Duration;

use environment::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::task::JoinSet;

use super::{World, on_both};

/// Bytes of which each tells where it stands, modulo a prime.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// Writes until `WouldBlock` again and again, until the peer's system has taken all
/// it will; how much that was.
pub(super) async fn stuff(world: &World, stream: &mut Stream) -> usize {
    let mut sent = fill(stream, 0);
    loop {
        // The system may take more once it has handed on what it has.
        let before = (stream.unsent(), sent);
        let room = stream.ready(Interest::WRITABLE);
        let _ = world.clock.timeout(Duration::from_millis(20), room).await;
        sent += fill(stream, sent);
        if (stream.unsent(), sent) == before {
            return sent;
        }
    }
}

/// Writes until the system takes no more; how much it took.
fn fill(stream: &mut Stream, at: usize) -> usize {
    let (chunk, mut sent) = (pattern(64 * 1024), 0);
    while let Ok(count) = stream.try_write(&chunk[(at + sent) % 251..]) {
        sent += count;
    }
    sent
}

/// Everything until the end or the error, checked against the pattern.
pub(super) async fn read_on(stream: &mut Stream) -> (usize, Option<ErrorKind>) {
    let (mut buffer, mut read) = (vec![0; 100_000], 0);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (read, None),
            Ok(count) => {
                for (at, byte) in buffer[..count].iter().enumerate() {
                    assert_eq!(usize::from(*byte), (read + at) % 251, "at {}", read + at);
                }
                read += count;
            }
            Err(error) => return (read, Some(error.kind())),
        }
    }
}

#[test]
fn bytes_arrive_in_order_and_both_ways() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        client.write_all(b"one").await.unwrap();
        let parts = [IoSlice::new(b"t"), IoSlice::new(b"w"), IoSlice::new(b"o")];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 3);
        let mut read = [0; 6];
        server.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"onetwo");
        server.write_all(b"back").await.unwrap();
        client.read_exact(&mut read[..4]).await.unwrap();
        assert_eq!(&read[..4], b"back");
    });
}

/// Whoever waits is woken for each of them, however little is between.
#[test]
fn bytes_that_follow_each_other_closely_all_arrive() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        // In a task of its own, so that nothing else wakes it.
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            for byte in 0..5 {
                let mut read = [9];
                client.read_exact(&mut read).await.unwrap();
                assert_eq!(read, [byte]);
            }
            client.read(&mut [0]).await.unwrap()
        });
        for byte in 0..5 {
            assert_eq!(server.try_write(&[byte]).unwrap(), 1);
            world.clock.sleep(Duration::from_micros(5)).await;
        }
        server.shutdown_write().unwrap();
        assert_eq!(reader.join_next().await.unwrap().unwrap(), 0);
    });
}

#[test]
fn nothing_asked_is_nothing_done() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        assert_eq!(client.try_write(&[]).unwrap(), 0);
        client.write_all(b"x").await.unwrap();
        server.ready(Interest::READABLE).await.unwrap();
        assert_eq!(server.try_read(&mut []).unwrap(), 0);
        assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 1);
        let nothing = server.try_read(&mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn whoever_does_not_read_holds_the_writer_up_and_loses_nothing() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        let sent = stuff(&world, &mut server).await;
        assert!((1..1 << 26).contains(&sent), "{sent}");
        assert!(server.unsent().unwrap() > 0);
        let full = server.try_write(b"x").unwrap_err();
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        server.shutdown_write().unwrap();
        assert_eq!(read_on(&mut client).await, (sent, None));
        while server.unsent() != Some(0) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn room_is_told_to_whoever_waits_for_it() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        let sent = stuff(&world, &mut server).await;
        let wait = server.ready(Interest::WRITABLE);
        let read = async {
            let mut read = vec![0; sent];
            client.read_exact(&mut read).await.unwrap();
        };
        let (ready, ()) = tokio::join!(wait, read);
        assert!(ready.unwrap().is_writable());
        assert!(server.try_write(b"x").is_ok());
    });
}

#[test]
fn shutdown_write_is_a_half_close() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        client.shutdown_write().unwrap();
        for _ in 0..2 {
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        }
        let shut = client.write_all(b"x").await.unwrap_err();
        assert_eq!(shut.kind(), ErrorKind::BrokenPipe);
        server.write_all(b"still here").await.unwrap();
        let mut answer = [0; 10];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"still here");
    });
}

#[test]
fn a_plain_drop_is_a_clean_end() {
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(client.take_error().is_none());
    });
}

/// What was written before a drop arrives, even what had no room yet.
#[test]
fn what_was_written_before_a_drop_arrives() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        let sent = stuff(&world, &mut server).await;
        drop(server);
        assert_eq!(read_on(&mut client).await, (sent, None));
    });
}

#[test]
fn whoever_drops_with_bytes_unread_resets() {
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        client.write_all(b"unread").await.unwrap();
        server.ready(Interest::READABLE).await.unwrap();
        drop(server);
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_is_an_error_once_and_then_the_end() {
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        server.reset();
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        let broken = client.write_all(b"x").await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
        let gone = client.shutdown_write().unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotConnected);
        assert_eq!(
            client.peer_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        assert!(client.local_addr().is_ok());
        assert_eq!(client.unsent(), None);
    });
}

#[test]
fn a_write_finds_the_reset_first_if_it_comes_first() {
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        server.reset();
        client.ready(Interest::ERROR).await.unwrap();
        let error = client.try_write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let broken = client.try_write(b"x").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reset_is_noticed_though_nobody_reads() {
    on_both(|world| async move {
        let (client, server, _listener) = world.pair().await;
        server.reset();
        let ready = client.ready(Interest::ERROR).await.unwrap();
        assert!(ready.is_error());
        let error = client.take_error().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.take_error().is_none());
    });
}

/// What is in the receiver's queue comes before the error; what the sender's
/// system held is gone.
#[test]
fn a_reset_spares_what_has_arrived_and_takes_what_has_not() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        server.write_all(&pattern(1000)).await.unwrap();
        client.ready(Interest::READABLE).await.unwrap();
        while server.unsent() != Some(0) {
            tokio::task::yield_now().await;
        }
        server.reset();
        client.ready(Interest::ERROR).await.unwrap();
        let arrived = (1000, Some(ErrorKind::ConnectionReset));
        assert_eq!(read_on(&mut client).await, arrived);

        let (mut client, mut server, _listener) = world.pair().await;
        let sent = stuff(&world, &mut server).await;
        let held = usize::try_from(server.unsent().unwrap()).unwrap();
        server.reset();
        client.ready(Interest::ERROR).await.unwrap();
        let (read, error) = read_on(&mut client).await;
        assert_eq!(error, Some(ErrorKind::ConnectionReset));
        assert!(read < sent, "{read} of {sent}");
        // What counts as held may be there already, and not acknowledged yet.
        assert!(read >= sent - held, "{read} of {sent} with {held} held");
    });
}

#[test]
fn whoever_writes_to_the_gone_is_told_by_the_next_write() {
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(client.try_write(b"into the void").unwrap(), 13);
        client.ready(Interest::ERROR).await.unwrap();
        let broken = client.try_write(b"x").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

/// Writes without end; how that ends.
async fn flood(stream: &mut Stream) -> ErrorKind {
    let chunk = vec![0; 1024 * 1024];
    loop {
        if let Err(error) = stream.write_all(&chunk).await {
            return error.kind();
        }
    }
}

#[test]
fn whoever_floods_the_gone_is_told() {
    let gone = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    on_both(|world| async move {
        let (mut client, server, _listener) = world.pair().await;
        drop(server);
        assert!(gone.contains(&flood(&mut client).await));

        let (mut client, mut server, _listener) = world.pair().await;
        let goes = async {
            server.read_exact(&mut vec![0; 100_000]).await.unwrap();
            drop(server);
        };
        let (told, ()) = tokio::join!(flood(&mut client), goes);
        assert!(gone.contains(&told));
    });
}

#[test]
fn a_reset_after_the_end_is_no_error_for_whoever_reads() {
    on_both(|world| async move {
        let (mut client, mut server, _listener) = world.pair().await;
        server.shutdown_write().unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        server.reset();
        client.ready(Interest::ERROR).await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        let error = client.take_error().unwrap();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}
