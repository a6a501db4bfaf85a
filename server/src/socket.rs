//! One WebSocket after its upgrade, from the first message to the end.
//!
//! Invariant: this task alone writes the socket. Ticks, answers, pings and the
//! Close frame all pass through here, so frames cannot interleave, and a peer
//! that reads slowly delays nobody but itself. Used by [`crate::connection`].

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use environment::Clock;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_util::sync::CancellationToken;

use crate::apps::Conversation;
use crate::config::Config;
use crate::liveness::{Due, Liveness};

/// Bytes read at once: commands are small, and every socket holds this much.
const READ_BUFFER: usize = 4 * 1024;

/// Messages handed over before the socket is flushed, during a replay.
const WRITE_BATCH: usize = 32;

/// How a WebSocket ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With a closing handshake.
    Closed,
    /// The peer broke the rules; it was told so, and may still be sending.
    Refused,
    /// The peer went without a word: it was killed, or its network was.
    Gone(Error),
    /// The peer gave no sign of life, or took no bytes, for too long.
    Dead,
    /// The peer did not answer a Close frame in time.
    Unanswered,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Refused => f.write_str("refused for breaking the protocol"),
            Self::Gone(error) => write!(f, "gone: {error}"),
            Self::Dead => f.write_str("given up: no sign of life"),
            Self::Unanswered => f.write_str("closed without an answer"),
        }
    }
}

/// What makes the task go on.
enum Wake {
    Stop,
    Due,
    Fed(Option<Message>),
    Flushed,
    Received(Message),
    /// The stream is at its end.
    Ended,
    Failed(Error),
}

pub(crate) struct Socket<T, C> {
    stream: WebSocketStream<T>,
    conversation: C,
    clock: Clock,
    liveness: Liveness,
    /// Bytes may wait in the stream's buffer.
    unflushed: bool,
    /// A Close frame was said by either side: nothing else is said any more.
    closing: bool,
    /// The peer broke the rules: nothing it sends can be read any more.
    refused: bool,
}

impl<T, C> Socket<T, C>
where
    T: AsyncRead + AsyncWrite + Unpin,
    C: Conversation,
{
    /// A socket on a stream whose upgrade is done; `part` was read already.
    pub(crate) async fn start(
        stream: T,
        part: &[u8],
        conversation: C,
        clock: Clock,
        config: &Config,
    ) -> Self {
        let limit = conversation.limit();
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let role = Role::Server;
        let part = part.to_vec();
        let stream = WebSocketStream::from_partially_read(stream, part, role, Some(limits)).await;
        Self {
            stream,
            conversation,
            clock: clock.clone(),
            liveness: Liveness::start(clock.now(), config.ping_every, config.pong_within),
            unflushed: false,
            closing: false,
            refused: false,
        }
    }

    /// Talks until either side ends it. After `stop` the peer is told 1001.
    ///
    /// Gives back the stream, for the caller to end as the case requires.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> (T, End) {
        let end = loop {
            if let Err(error) = self.say_owed() {
                break End::Gone(error);
            }
            let wake = self.wake(stop).await;
            if let Some(end) = self.act(wake) {
                break end;
            }
        };
        (self.stream.into_inner(), end)
    }

    /// Hands over what is owed, unless bytes still wait to be taken.
    fn say_owed(&mut self) -> Result<(), Error> {
        if self.unflushed || self.closing {
            return Ok(());
        }
        for _ in 0..WRITE_BATCH {
            match self.conversation.owed() {
                Some(message) => self.say(message)?,
                None => break,
            }
        }
        Ok(())
    }

    async fn wake(&mut self, stop: &CancellationToken) -> Wake {
        let open = !self.closing;
        let may_say = open && !self.unflushed;
        let may_read = !self.refused && (self.closing || self.conversation.is_idle());
        let deadline = self.liveness.deadline();
        let clock = self.clock.clone();
        let Self {
            stream,
            conversation,
            unflushed,
            ..
        } = self;
        tokio::select! {
            biased;
            () = stop.cancelled(), if open => Wake::Stop,
            () = clock.sleep_until(deadline) => Wake::Due,
            fed = poll_fn(|cx| conversation.poll_feed(cx)), if may_say => Wake::Fed(fed),
            wake = poll_fn(|cx| poll_stream(stream, *unflushed, may_read, cx)) => wake,
        }
    }

    fn act(&mut self, wake: Wake) -> Option<End> {
        let said = match wake {
            Wake::Stop => self.close(CloseCode::Away, "the server is stopping"),
            Wake::Fed(Some(message)) => self.say(message),
            Wake::Fed(None) => {
                let (code, reason) = self.conversation.farewell();
                self.close(code, reason)
            }
            Wake::Due => return self.act_on_time(),
            Wake::Received(message) => {
                self.receive(message);
                Ok(())
            }
            Wake::Flushed => {
                self.unflushed = false;
                self.liveness.written();
                return self.refused.then_some(End::Refused);
            }
            Wake::Ended => return Some(End::Closed),
            Wake::Failed(error) => match refusal(&error) {
                Some(_) if self.closing => return Some(End::Refused),
                Some((code, reason)) => {
                    self.refused = true;
                    self.close(code, reason)
                }
                None => return Some(End::Gone(error)),
            },
        };
        said.err().map(End::Gone)
    }

    fn act_on_time(&mut self) -> Option<End> {
        match self.liveness.poll(self.clock.now())? {
            Due::Ping => self.say(Message::Ping(Bytes::new())).err().map(End::Gone),
            Due::Dead => Some(End::Dead),
            Due::Unanswered => Some(End::Unanswered),
        }
    }

    fn receive(&mut self, message: Message) {
        let now = self.clock.now();
        self.liveness.heard(now);
        match message {
            Message::Text(_) | Message::Binary(_) if !self.closing => {
                self.conversation.receive(message);
            }
            // The library has its pong ready; it must also leave.
            Message::Ping(_) => self.must_flush(),
            Message::Close(_) => {
                self.closing = true;
                self.liveness.closing(now);
                self.must_flush();
            }
            Message::Text(_) | Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }

    /// Puts a message into the stream's buffer, from where it is flushed.
    fn say(&mut self, message: Message) -> Result<(), Error> {
        self.stream.start_send_unpin(message)?;
        self.must_flush();
        Ok(())
    }

    fn must_flush(&mut self) {
        self.unflushed = true;
        self.liveness.writing(self.clock.now());
    }

    /// Says Close, behind whatever still waits, and nothing after it.
    fn close(&mut self, code: CloseCode, reason: &'static str) -> Result<(), Error> {
        if self.closing {
            return Ok(());
        }
        self.closing = true;
        self.liveness.closing(self.clock.now());
        let reason = reason.into();
        self.say(Message::Close(Some(CloseFrame { code, reason })))
    }
}

/// Flushes and reads in one wait, so that a peer that does not read is still
/// listened to, where `may_read` says so.
fn poll_stream<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut WebSocketStream<T>,
    unflushed: bool,
    may_read: bool,
    cx: &mut Context<'_>,
) -> Poll<Wake> {
    if unflushed && let Poll::Ready(flushed) = stream.poll_flush_unpin(cx) {
        return Poll::Ready(flushed.map_or_else(Wake::Failed, |()| Wake::Flushed));
    }
    if !may_read {
        return Poll::Pending;
    }
    stream.poll_next_unpin(cx).map(|next| match next {
        Some(Ok(message)) => Wake::Received(message),
        Some(Err(error)) => Wake::Failed(error),
        None => Wake::Ended,
    })
}

/// The Close code for a broken rule (RFC 6455 §7.4.1); `None` if the peer is
/// not there to be told.
fn refusal(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Capacity(_) => Some((CloseCode::Size, "the message is too long")),
        Error::Utf8(_) => Some((CloseCode::Invalid, "the text is not UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "the frame breaks the protocol")),
        _ => None,
    }
}
