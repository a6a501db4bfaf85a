//! What is said on a WebSocket: the ticker on `/ws`, the echo on `/echo`.
//!
//! Invariant: a conversation never writes; it says what it owes when
//! [`crate::socket`], the one writer, asks. While it owes anything nothing more
//! is read, so what it owes is bounded.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::hub::Attachment;
use crate::message::{ClientMessage, ServerMessage};

/// One side of a conversation, without the socket.
pub(crate) trait Conversation {
    /// The longest message that it listens to, in bytes.
    fn limit(&self) -> usize;

    /// Whether nothing is owed.
    fn is_idle(&self) -> bool;

    /// The next message owed.
    fn owed(&mut self) -> Option<Message>;

    /// Takes in a text or binary message.
    fn receive(&mut self, message: Message);

    /// Waits for something to say by itself; `None` once nothing more will come.
    fn poll_feed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>>;

    /// What is said when nothing more will come by itself.
    fn farewell(&self) -> (CloseCode, &'static str) {
        (CloseCode::Again, "fell behind; come back and resume")
    }
}

/// The longest command, in bytes.
const COMMAND_LIMIT: usize = 4 * 1024;

/// The longest message that is echoed, in bytes.
const ECHO_LIMIT: usize = 64 * 1024;

/// Ticks of a session, and commands to pause and resume it.
pub(crate) struct Ticker {
    attachment: Attachment,
    owed: VecDeque<ServerMessage>,
}

impl Ticker {
    pub(crate) fn new(mut attachment: Attachment) -> Self {
        let owed = std::mem::take(&mut attachment.greeting).into();
        Self { attachment, owed }
    }

    fn obey(&mut self, command: Result<ClientMessage, ServerMessage>) {
        match command {
            Ok(ClientMessage::Pause) => self.attachment.set_paused(true),
            Ok(ClientMessage::Resume) => self.attachment.set_paused(false),
            Ok(ClientMessage::Message { number }) => {
                self.attachment.received(number);
                self.owed.push_back(ServerMessage::Ack { number });
            }
            Err(complaint) => self.owed.push_back(complaint),
        }
    }
}

impl Conversation for Ticker {
    fn limit(&self) -> usize {
        COMMAND_LIMIT
    }

    fn is_idle(&self) -> bool {
        self.owed.is_empty() && self.attachment.replay.is_empty()
    }

    fn owed(&mut self) -> Option<Message> {
        let attachment = &mut self.attachment;
        let message = match self.owed.pop_front() {
            Some(message) => message,
            None => {
                let seq = attachment.replay.next()?;
                attachment.tick_message(seq)
            }
        };
        Some(Message::text(message.encode()))
    }

    fn receive(&mut self, message: Message) {
        self.obey(match message {
            Message::Text(text) => ClientMessage::decode(&text),
            _ => Err(ServerMessage::bad_command("a binary message")),
        });
    }

    fn poll_feed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let text = ready!(self.attachment.feed.poll_recv(cx));
        Poll::Ready(text.map(Message::Text))
    }
}

/// What a client hears whose session is not there any more, where that is refused:
/// a complaint, and the end.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    is_said: bool,
}

/// As 401 is among statuses: other credentials are needed.
const UNAUTHORISED: CloseCode = CloseCode::Library(4401);

const NO_SESSION: &str = "there is no such session any more";

impl Conversation for Refusal {
    fn limit(&self) -> usize {
        COMMAND_LIMIT
    }

    fn is_idle(&self) -> bool {
        self.is_said
    }

    fn owed(&mut self) -> Option<Message> {
        if std::mem::replace(&mut self.is_said, true) {
            return None;
        }
        let message = NO_SESSION.to_owned();
        Some(Message::text(ServerMessage::Error { message }.encode()))
    }

    fn receive(&mut self, _: Message) {}

    fn poll_feed(&mut self, _: &mut Context<'_>) -> Poll<Option<Message>> {
        Poll::Ready(None)
    }

    fn farewell(&self) -> (CloseCode, &'static str) {
        (UNAUTHORISED, NO_SESSION)
    }
}

/// Says every message back.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    owed: Option<Message>,
}

impl Conversation for Echo {
    fn limit(&self) -> usize {
        ECHO_LIMIT
    }

    fn is_idle(&self) -> bool {
        self.owed.is_none()
    }

    fn owed(&mut self) -> Option<Message> {
        self.owed.take()
    }

    fn receive(&mut self, message: Message) {
        self.owed = Some(message);
    }

    fn poll_feed(&mut self, _: &mut Context<'_>) -> Poll<Option<Message>> {
        Poll::Pending
    }
}
