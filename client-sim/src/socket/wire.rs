//! The byte stream under a WebSocket: counts what arrives, and hands over the
//! answer to the upgrade in one piece.
//!
//! Counting makes life visible while a large message trickles in. Holding back
//! is needed because tungstenite takes an answer in more than 64 small reads
//! for an attack, and a slow network is none: every split of the bytes must
//! lead to the same connection. What follows the answer is followed frame by
//! frame as well. Used by [`Connection`](super::connection).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use environment::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;

/// The longest answer to an upgrade that is collected; tungstenite refuses
/// longer ones itself.
const HEAD_LIMIT: usize = 64 * 1024;

/// A stream whose bytes are counted, and whose first lines come whole.
#[derive(Debug)]
pub(super) struct Wire<S = Stream> {
    stream: S,
    received: u64,
    head: Head,
    frames: Frames,
}

#[derive(Debug)]
enum Head {
    /// Until the empty line, the limit, or the end.
    Collecting(Vec<u8>),
    /// Handing over, from here on.
    Releasing(Vec<u8>, usize),
    /// Bytes pass straight through.
    Passed,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            received: 0,
            head: Head::Collecting(Vec::new()),
            frames: Frames::default(),
        }
    }

    /// Bytes that have arrived.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// What has arrived behind the answer, frame by frame.
    pub(super) const fn frames(&self) -> &Frames {
        &self.frames
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    fn poll_count(&mut self, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        self.received += (to.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }

    /// Reads until the head is whole; an end before that releases what there is.
    fn poll_collect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut chunk = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut chunk);
            ready!(self.poll_count(cx, &mut buffer))?;
            let Head::Collecting(head) = &mut self.head else {
                return Poll::Ready(Ok(()));
            };
            head.extend_from_slice(buffer.filled());
            let is_over = buffer.filled().is_empty() || head.len() >= HEAD_LIMIT;
            let behind = behind_empty_line(head, buffer.filled().len());
            if let Some(behind) = behind {
                self.frames.read(&head[behind..]);
            }
            if is_over || behind.is_some() {
                self.head = Head::Releasing(std::mem::take(head), 0);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Where the empty line ends, if the last `fresh` bytes complete one.
fn behind_empty_line(head: &[u8], fresh: usize) -> Option<usize> {
    let from = head.len().saturating_sub(fresh + 3);
    let mut windows = head[from..].windows(4);
    let found = windows.position(|window| window == b"\r\n\r\n")?;
    Some(from + found + 4)
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.head, Head::Collecting(_)) {
            ready!(self.poll_collect(cx))?;
        }
        if let Head::Releasing(head, from) = &mut self.head
            && *from < head.len()
        {
            let count = to.remaining().min(head.len() - *from);
            to.put_slice(&head[*from..*from + count]);
            *from += count;
            return Poll::Ready(Ok(()));
        }
        self.head = Head::Passed;
        let before = to.filled().len();
        ready!(self.poll_count(cx, to))?;
        self.frames.read(&to.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio_tungstenite::client_async;
    use tokio_tungstenite::tungstenite::Error;
    use tokio_tungstenite::tungstenite::handshake::client::Request;

    async fn first_read(chunks: &[&[u8]]) -> (String, String, u64) {
        let (mut far, near) = tokio::io::duplex(HEAD_LIMIT * 2);
        for chunk in chunks {
            far.write_all(chunk).await.unwrap();
        }
        drop(far);
        let mut wire = Wire::new(near);
        let mut first = vec![0; HEAD_LIMIT * 2];
        let count = wire.read(&mut first).await.unwrap();
        let mut rest = String::new();
        wire.read_to_string(&mut rest).await.unwrap();
        let first = String::from_utf8(first[..count].to_vec()).unwrap();
        (first, rest, wire.received())
    }

    #[tokio::test]
    async fn a_head_in_single_bytes_comes_whole_and_the_rest_follows() {
        let text = b"HTTP/1.1 101 Switching\r\nA: b\r\n\r\nafter";
        let single: Vec<&[u8]> = text.chunks(1).collect();
        let (first, rest, received) = first_read(&single).await;
        assert!(first.ends_with("A: b\r\n\r\nafter"), "{first}");
        assert_eq!((rest.as_str(), received), ("", text.len() as u64));
    }

    #[tokio::test]
    async fn an_end_in_the_head_is_passed_on() {
        let (first, rest, _) = first_read(&[b"HTTP/1.1 101"]).await;
        assert_eq!((first.as_str(), rest.as_str()), ("HTTP/1.1 101", ""));
    }

    #[tokio::test]
    async fn an_endless_head_is_not_collected_for_ever() {
        let endless = vec![b'x'; HEAD_LIMIT + 10];
        let (first, _, _) = first_read(&[&endless]).await;
        assert!(first.len() >= HEAD_LIMIT);
    }

    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    /// An upgrade whose answer comes byte by byte.
    async fn upgrade<S>(wrap: impl FnOnce(DuplexStream) -> S) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut far, near) = tokio::io::duplex(HEAD_LIMIT);
        let answer = async {
            for byte in ANSWER {
                // Fails when the other end has given up, as it may.
                let _ = far.write_all(&[*byte]).await;
                tokio::task::yield_now().await;
            }
        };
        let request = Request::builder()
            .uri("ws://server.example.com/chat")
            .header("Host", "server.example.com")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap();
        let (upgraded, ()) = tokio::join!(client_async(request, wrap(near)), answer);
        upgraded.map(drop)
    }

    #[tokio::test]
    async fn an_upgrade_in_single_bytes_is_an_upgrade() {
        upgrade(Wire::new).await.unwrap();
        // What this is here for: tungstenite alone takes it for an attack.
        let alone = upgrade(|stream| stream).await;
        assert!(matches!(alone, Err(Error::AttackAttempt)), "{alone:?}");
    }

    #[test]
    fn the_empty_line_is_found_across_reads() {
        assert_eq!(behind_empty_line(b"a\r\n\r\n", 1), Some(5));
        assert_eq!(behind_empty_line(b"a\r\n\r\nb", 2), Some(5));
        assert_eq!(behind_empty_line(b"a\r\n\r", 1), None);
    }
}
