//! A stream with a time limit on its writes: a client that takes nothing of its
//! answer for so long is let go, however much of it is still to come.
//!
//! hyper limits how long a head may take to arrive, and nothing else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use environment::{Clock, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a client may take nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream whose writes fail once the client has taken nothing for `patience`.
pub(super) struct WriteTimeout {
    stream: Stream,
    clock: Clock,
    patience: Duration,
    /// Runs while the client takes nothing.
    end: Option<Wait>,
}

impl WriteTimeout {
    pub(super) fn new(stream: Stream, clock: Clock, patience: Duration) -> Self {
        Self {
            stream,
            clock,
            patience,
            end: None,
        }
    }

    /// What a write came to, or that it has come to nothing for too long.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let (clock, patience) = (self.clock.clone(), self.patience);
        let begin = || -> Wait { Box::pin(async move { clock.sleep(patience).await }) };
        let end = self.end.get_or_insert_with(begin);
        end.as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for WriteTimeout {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for WriteTimeout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use environment::Environment;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn pair(patience: Duration) -> (Stream, WriteTimeout) {
        let Environment { network, clock } = Environment::real();
        let listener = network
            .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .unwrap();
        let address = listener.local_addr().to_string();
        let client = network.dial(&address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, WriteTimeout::new(server, clock, patience))
    }

    #[tokio::test]
    async fn who_takes_nothing_is_let_go() {
        let (_client, mut server) = pair(Duration::from_millis(50)).await;
        let chunk = vec![0; 1024 * 1024];
        let error = loop {
            if let Err(error) = server.write_all(&chunk).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// All in all it takes longer than the patience; each wait does not.
    #[tokio::test]
    async fn who_takes_a_little_now_and_then_is_not() {
        let patience = Duration::from_secs(2);
        let (mut client, mut server) = pair(patience).await;
        let clock = Clock::start();
        let reading = async {
            let (mut taken, mut chunk) = (0, vec![0; 64 * 1024]);
            while clock.now().since_origin() < patience * 2 {
                taken += client.read(&mut chunk).await.unwrap();
                clock.sleep(Duration::from_millis(5)).await;
            }
            drop(client);
            taken
        };
        let writing = async {
            let chunk = vec![0; 1024 * 1024];
            loop {
                if let Err(error) = server.write_all(&chunk).await {
                    return error.kind();
                }
            }
        };
        let (taken, ended) = tokio::join!(reading, writing);
        assert!(taken > 0);
        assert_ne!(ended, io::ErrorKind::TimedOut);
    }
}
