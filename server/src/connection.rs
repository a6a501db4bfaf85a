//! One connection, from its first byte to its last, in one task.
//!
//! ```text
//! accept ─▶ HTTP (hyper, axum's router) ─▶ end
//!                     │ 101
//!                     ▼
//!                 WebSocket (crate::socket) ─▶ end
//! ```
//!
//! Invariant: the stream is whole and owned by this task all the way: hyper
//! gives it back at the upgrade. So shutdown knows of every socket, and a dead
//! peer's can be reset. Used by [`crate::serve()`]; any transport will do.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use environment::{Clock, ClockTimer, Stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::apps::Conversation;
use crate::config::Config;
use crate::routes::{Slot, Upgrade};
use crate::socket::{End, Socket};

/// Bytes of a request's head; hyper answers 431 to more.
const HEAD_LIMIT: usize = 16 * 1024;

/// How long a connection may stay without becoming a WebSocket. It bounds what
/// the header timeout does not: bodies, and readers of pages that do not read.
const HTTP_LIFETIME: Duration = Duration::from_secs(60);

/// How long, and how many bytes, a peer may go on sending after the end.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_LIMIT: usize = 256 * 1024;

/// What carries a connection's bytes.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Ends it at once and forgets what the peer has not taken.
    fn reset(self);
}

impl Transport for Stream {
    fn reset(self) {
        Self::reset(self);
    }
}

/// What all connections have in common.
pub(crate) struct Server {
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) router: Router,
    /// The answer to connections beyond the limit.
    pub(crate) full: Router,
    /// From now on, end as politeness demands.
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// Serves one connection to its end.
    pub(crate) async fn serve<T: Transport>(&self, stream: T) {
        let Some((stream, part, upgrade)) = self.http(stream, &self.router, true).await else {
            return;
        };
        match upgrade {
            Upgrade::Ticker(ticker) => self.websocket(stream, &part, ticker).await,
            Upgrade::Echo(echo) => self.websocket(stream, &part, echo).await,
            Upgrade::Refusal(refusal) => self.websocket(stream, &part, refusal).await,
        }
    }

    /// Tells one connection beyond the limit that it is.
    pub(crate) async fn refuse<T: Transport>(&self, stream: T) {
        // This router upgrades nothing, so nothing is left to do.
        let _ = self.http(stream, &self.full, false).await;
    }

    /// Speaks HTTP; gives the stream back if it is upgraded, with what was read
    /// beyond the request.
    async fn http<T: Transport>(
        &self,
        stream: T,
        router: &Router,
        keep_alive: bool,
    ) -> Option<(T, hyper::body::Bytes, Upgrade)> {
        let slot = Slot::default();
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(slot.clone());
            let answer = router.clone().oneshot(request);
            Box::pin(async move { answer.await.map_err(|never: Infallible| never) })
        });
        let mut connection = http1::Builder::new()
            // Two runs of one seed must say the same bytes.
            .auto_date_header(false)
            .timer(ClockTimer::new(self.clock.clone()))
            .header_read_timeout(self.config.header_timeout)
            .max_buf_size(HEAD_LIMIT)
            .keep_alive(keep_alive)
            .serve_connection(TokioIo::new(stream), service);
        let mut served = poll_fn(|cx| connection.poll_without_shutdown(cx));
        let done = self.until_told(&mut served).await;
        let done = match done {
            Some(done) => done,
            None => {
                Pin::new(&mut connection).graceful_shutdown();
                let served = poll_fn(|cx| connection.poll_without_shutdown(cx));
                let limit = self.config.drain;
                self.clock.timeout(limit, served).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = done {
            tracing::debug!("HTTP ended early: {error}");
            slot.take();
        }
        let parts = connection.into_parts();
        let stream = parts.io.into_inner();
        match slot.take() {
            Some(upgrade) => Some((stream, parts.read_buf, upgrade)),
            None => {
                self.linger(stream).await;
                None
            }
        }
    }

    /// Waits for the end; `None` if the server stops or time is up before.
    async fn until_told<F: Future + Unpin>(&self, served: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = served => Some(done),
            () = self.clock.sleep(HTTP_LIFETIME) => None,
        }
    }

    async fn websocket<T, C>(&self, stream: T, part: &[u8], conversation: C)
    where
        T: Transport,
        C: Conversation,
    {
        let socket =
            Socket::start(stream, part, conversation, self.clock.clone(), &self.config).await;
        let (stream, end) = socket.run(&self.stop).await;
        // What a peer does is no error of ours, and not worth more than this.
        tracing::debug!("WebSocket ended: {end}");
        match end {
            // The server closes first, and keeps TIME_WAIT (RFC 6455 §7.1.1).
            End::Closed | End::Refused => self.linger(stream).await,
            // What the system still holds may yet arrive.
            End::Unanswered | End::Gone(_) => drop(stream),
            End::Dead => stream.reset(),
        }
    }

    /// Ends a stream so that the last bytes arrive: closing it with unread
    /// input would reset it, and a reset overtakes what was said.
    async fn linger<T: Transport>(&self, mut stream: T) {
        // A peer that is gone already has nothing left to hear.
        let _: Result<io::Result<()>, _> = self
            .clock
            .timeout(LINGER, async {
                stream.shutdown().await?;
                let mut waste = [0; 1024];
                let mut left = LINGER_LIMIT;
                while left > 0 {
                    match stream.read(&mut waste).await? {
                        0 => break,
                        count => left = left.saturating_sub(count),
                    }
                }
                Ok(())
            })
            .await;
    }
}

/// Cheap to hand to every connection's task.
pub(crate) type SharedServer = Arc<Server>;

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
