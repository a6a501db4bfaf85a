//! Pipes between streams: what goes in comes out, and `WouldBlock` is always the
//! socket's word.

use std::io::ErrorKind;

use environment::{Network, Pipe, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

use crate::net::pair;

async fn fill(pipe: &mut Pipe, source: &Stream) -> usize {
    loop {
        source.ready(Interest::READABLE).await.unwrap();
        match pipe.fill(source) {
            Ok(count) => return count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

#[tokio::test]
async fn bytes_go_from_one_stream_to_another() {
    let (mut sender, source, _one) = pair().await;
    let (sink, mut receiver, _other) = pair().await;
    let mut pipe = Network::tcp().pipe().unwrap();
    sender.write_all(b"through the kernel").await.unwrap();
    assert_eq!(fill(&mut pipe, &source).await, 18);
    assert_eq!(pipe.pour(&sink).unwrap(), 18);
    assert_eq!(pipe.held(), 0);
    let mut read = [0; 18];
    receiver.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"through the kernel");
    drop(sender);
    assert_eq!(fill(&mut pipe, &source).await, 0, "FIN");
}

#[tokio::test]
async fn a_pipe_that_holds_bytes_takes_no_more_and_leaves_them_to_be_seen() {
    let (mut sender, source, _listener) = pair().await;
    let mut pipe = Network::tcp().pipe().unwrap();
    sender.write_all(b"one").await.unwrap();
    fill(&mut pipe, &source).await;
    sender.write_all(b"two").await.unwrap();
    source.ready(Interest::READABLE).await.unwrap();
    assert_eq!(
        pipe.fill(&source).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(pipe.drain().unwrap(), b"one");
    // The socket is as readable as it was.
    let mut other = Network::tcp().pipe().unwrap();
    assert_eq!(other.fill(&source).unwrap(), 3);
    assert_eq!(other.drain().unwrap(), b"two");
}

#[tokio::test]
async fn what_a_full_sink_does_not_take_stays_in_the_pipe() {
    let (mut sender, source, _one) = pair().await;
    let (sink, mut receiver, _other) = pair().await;
    let mut pipe = Network::tcp().pipe().unwrap();
    let (bytes, mut filled) = (vec![7; 64 * 1024], 0);
    let error = loop {
        if pipe.held() == 0 {
            sender.write_all(&bytes).await.unwrap();
            filled += fill(&mut pipe, &source).await;
        }
        if let Err(error) = pipe.pour(&sink) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let (held, mut read) = (pipe.held(), 0);
    assert!(held > 0);
    let mut buffer = vec![0; 1 << 20];
    while read < filled - held {
        read += receiver.read(&mut buffer).await.unwrap();
    }
    assert_eq!(pipe.drain().unwrap().len(), held);
    assert_eq!(read, filled - held);
}

#[tokio::test]
async fn pipes_are_few_and_come_back() {
    let network = Network::tcp();
    let pipes: Vec<Pipe> = std::iter::from_fn(|| network.pipe()).collect();
    assert_eq!(pipes.len(), 64);
    assert!(network.clone().pipe().is_none());
    drop(pipes);
    assert!(network.pipe().is_some());
}
