//! One connection, from its dial to its end, polled for what it has to tell.
//!
//! The one invariant: after [`Input::Ended`] it is done and must be dropped.
//! Dropping it closes the stream at once, with FIN, or with RST if bytes lie
//! unread. Used by the socket set.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{Bytes, Error, Utf8Bytes};

use super::handshake;
use super::wire::Wire;
use crate::message::ServerMessage;
use crate::session::{Ending, Input};
use crate::{ClientMessage, CloseReason};

/// A dial under way.
type Dialling = Pin<Box<dyn Future<Output = Result<WebSocketStream<Wire>, Ending>> + Send>>;

/// A dial, and then its WebSocket.
pub(super) enum Connection {
    Dialling(Dialling),
    Open(Box<Open>),
}

/// A WebSocket, and what it still has to write.
pub(super) struct Open {
    socket: WebSocketStream<Wire>,
    /// Bytes received at the last input that was returned.
    reported: u64,
    needs_flush: bool,
    /// An error of sending, for the next poll to return.
    failed: Option<Ending>,
}

impl Connection {
    /// The next thing that happens. Cancel safe.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        match self {
            Self::Dialling(dialling) => match ready!(dialling.as_mut().poll(cx)) {
                Ok(socket) => {
                    *self = Self::Open(Box::new(Open::new(socket)));
                    Poll::Ready(Input::Opened)
                }
                Err(ending) => Poll::Ready(Input::Ended(ending)),
            },
            Self::Open(open) => open.poll(cx),
        }
    }

    /// Queues a text message; a connection that is not open loses it.
    pub(super) fn send(&mut self, message: ClientMessage) {
        self.queue(Message::Text(match message.encode() {
            Cow::Borrowed(text) => Utf8Bytes::from_static(text),
            Cow::Owned(text) => text.into(),
        }));
    }

    /// Queues any text, likewise.
    pub(super) fn say(&mut self, text: &str) {
        self.queue(Message::Text(text.into()));
    }

    /// Queues a ping.
    pub(super) fn ping(&mut self) {
        self.queue(Message::Ping(Bytes::new()));
    }

    /// Queues a close frame.
    pub(super) fn close(&mut self, code: u16) {
        let reason = Utf8Bytes::default();
        let code = code.into();
        self.queue(Message::Close(Some(CloseFrame { code, reason })));
    }

    fn queue(&mut self, message: Message) {
        if let Self::Open(open) = self {
            open.queue(message);
        }
    }
}

impl Open {
    fn new(socket: WebSocketStream<Wire>) -> Self {
        Self {
            reported: socket.get_ref().received(),
            socket,
            needs_flush: false,
            failed: None,
        }
    }

    fn queue(&mut self, message: Message) {
        // Takes it even while the peer reads nothing, up to the write limit.
        match Pin::new(&mut self.socket).start_send(message) {
            Ok(()) => self.needs_flush = true,
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &Error) {
        self.failed = Some(self.ending(handshake::of_connection(error)));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if self.needs_flush {
            self.needs_flush = match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Pending => true,
                Poll::Ready(Ok(())) => false,
                Poll::Ready(Err(error)) => {
                    self.fail(&error);
                    false
                }
            };
        }
        // What the peer has sent before it ended comes first, its close above all.
        let input = match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Ready(input) => self.read(cx, input),
            Poll::Pending => match self.failed.take() {
                Some(ending) => Input::Ended(ending),
                None if self.socket.get_ref().received() > self.reported => Input::Heard,
                None => return Poll::Pending,
            },
        };
        self.reported = self.socket.get_ref().received();
        Poll::Ready(input)
    }

    fn read(&mut self, cx: &mut Context<'_>, input: Option<Result<Message, Error>>) -> Input {
        match input {
            Some(Ok(Message::Text(text))) => Input::Message(ServerMessage::parse(&text)),
            Some(Ok(Message::Binary(_))) => Input::Message(ServerMessage::Other),
            Some(Ok(Message::Close(frame))) => {
                // tungstenite has the answer ready. One try is all it gets: who
                // waits for a dead peer to take it does not dial.
                let _ = Pin::new(&mut self.socket).poll_flush(cx);
                let sent = self.socket.get_ref().frames().close_code();
                Input::Ended(Ending {
                    code: frame.and(sent),
                    ..Ending::of(CloseReason::CloseFrame)
                })
            }
            Some(Ok(_)) => Input::Heard,
            Some(Err(error)) => Input::Ended(self.ending(handshake::of_connection(&error))),
            None => Input::Ended(self.ending(CloseReason::Ended)),
        }
    }

    /// An end without a close frame.
    fn ending(&self, why: CloseReason) -> Ending {
        Ending {
            is_cut: self.socket.get_ref().frames().is_within_message(),
            ..Ending::of(why)
        }
    }
}
