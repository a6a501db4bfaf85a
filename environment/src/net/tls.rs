//! TLS over another stream: records below, plain bytes above.
//!
//! ```text
//!  try_read  ◀── session ◀── incoming ◀── inner
//!  try_write ──▶ session ──▶ outgoing ──▶ inner
//! ```
//!
//! Invariant: what was taken by `try_write` and is not yet in the system's buffer is
//! in `outgoing`, which has a bound, and nothing more is taken before it is empty.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use rustls::{Connection, ProtocolVersion};
use tokio::io::{Interest, ReadBuf, Ready};

use super::Stream;
use crate::tls::{Handshake, Misdeed, Problem, Status};

/// The size of one read: a record and its header fit.
const READ: usize = 32 * 1024;
/// How much is encrypted at a time: four records.
const WRITE: usize = 64 * 1024;

thread_local! {
    /// Where every read of this thread lands, so that idle streams hold no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// How the peer has ended.
#[derive(Debug)]
enum End {
    /// By close_notify.
    Notified,
    /// By FIN without it, or in a way that breaks the protocol.
    Broken(Problem),
    /// By an error of the stream beneath.
    Error(io::ErrorKind),
}

/// What [`Stream`] promises, through TLS.
#[derive(Debug)]
pub(super) struct TlsSocket {
    inner: Stream,
    session: Connection,
    /// Read, and not yet taken by the session: it has plain bytes enough.
    incoming: VecDeque<u8>,
    /// The session may have plain bytes.
    has_plain: bool,
    /// Records that the system has not taken.
    outgoing: VecDeque<u8>,
    end: Option<End>,
    /// FIN is to follow what is outgoing, and whether it has.
    fin: Option<bool>,
    misdeed: Option<Misdeed>,
    /// How much more may go out.
    allowance: Option<usize>,
    /// No close_notify goes before FIN.
    is_cut_short: bool,
}

impl TlsSocket {
    pub(super) fn new(inner: Stream, mut session: Connection) -> Self {
        // The client speaks first. Into memory everything can be written.
        let mut outgoing = VecDeque::new();
        let _ = session.write_tls(&mut outgoing);
        Self {
            inner,
            session,
            incoming: VecDeque::new(),
            has_plain: false,
            outgoing,
            end: None,
            fin: None,
            misdeed: None,
            allowance: None,
            is_cut_short: false,
        }
    }

    pub(super) fn misbehave(&mut self, misdeed: Misdeed) {
        self.misdeed = Some(misdeed);
    }

    pub(super) fn cut_short(&mut self) {
        self.is_cut_short = true;
    }

    pub(super) fn status(&self) -> Status {
        match &self.end {
            Some(End::Broken(problem)) => Status::Failed(problem.clone()),
            Some(_) if self.session.is_handshaking() => Status::Failed(Problem::Ended),
            _ if self.session.is_handshaking() => Status::Handshaking,
            _ => Status::Established(handshake(&self.session)),
        }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    pub(super) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        if interest.is_readable() && self.has_input() {
            return Ok(Ready::READABLE);
        }
        // As deep as the streams lie in each other, which is once.
        Box::pin(self.inner.ready(interest)).await
    }

    fn has_input(&self) -> bool {
        let has_records = !self.incoming.is_empty() && self.misdeed.is_none();
        self.has_plain || has_records || self.end.is_some()
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_input() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_readable(cx)
    }

    /// Before the handshake is done, only what is read can bring it on.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.session.is_handshaking() && self.outgoing.is_empty() {
            return self.poll_readable(cx);
        }
        self.inner.poll_writable(cx)
    }

    pub(super) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.has_plain {
                match self.session.reader().read(buffer) {
                    Ok(count) if count > 0 || buffer.is_empty() => return Ok(count),
                    _ => self.has_plain = false,
                }
            }
            match &self.end {
                Some(End::Notified) => return Ok(0),
                Some(End::Error(kind)) => return Err((*kind).into()),
                // A peer that says less than it should has ended all the same.
                Some(End::Broken(Problem::Truncated)) => return Ok(0),
                Some(End::Broken(problem)) => return Err(problem.clone().into()),
                None => self.fill()?,
            }
        }
    }

    /// Reads once, and has the session take some of what there is.
    fn fill(&mut self) -> io::Result<()> {
        // An answer waits for a whole hello.
        let is_waiting = matches!(self.misdeed, Some(Misdeed::Answer(_)));
        if (self.incoming.is_empty() || is_waiting) && !self.receive()? {
            return Ok(());
        }
        if self.is_answered_otherwise() {
            return Ok(());
        }
        self.session.read_tls(&mut self.incoming)?;
        let processed = self.session.process_new_packets();
        self.has_plain = true;
        match processed {
            Ok(state) if state.peer_has_closed() => self.end = Some(End::Notified),
            Ok(_) => {}
            Err(error) => self.end = Some(End::Broken(error.into())),
        }
        self.collect()?;
        // Whoever writes next will hear of it.
        let _ = self.flush();
        Ok(())
    }

    /// Whether the handshake is none, since a misdeed stands in its place: what came
    /// has been dealt with.
    fn is_answered_otherwise(&mut self) -> bool {
        match &self.misdeed {
            None | Some(Misdeed::HelloAlone) => return false,
            Some(Misdeed::Silence) => {}
            Some(Misdeed::Answer(_)) if !begins_with_a_record(&self.incoming) => return true,
            Some(Misdeed::Answer(answer)) => {
                self.outgoing = answer.iter().copied().collect();
                self.fin = Some(false);
                self.end = Some(End::Broken(Problem::Answered));
                // It is as short as no system's buffer.
                let _ = self.flush();
            }
        }
        self.incoming.clear();
        true
    }

    /// Whether anything came but an end.
    fn receive(&mut self) -> io::Result<bool> {
        SCRATCH.with_borrow_mut(|scratch| match self.inner.try_read(scratch) {
            Ok(0) => {
                let is_early = self.session.is_handshaking();
                let problem = if is_early {
                    Problem::Ended
                } else {
                    Problem::Truncated
                };
                self.end = Some(End::Broken(problem));
                Ok(false)
            }
            Ok(count) => {
                self.incoming.extend(&scratch[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Who waits for long needs no room.
                self.incoming.shrink_to_fit();
                Err(error)
            }
            Err(error) => {
                self.end = Some(End::Error(error.kind()));
                Ok(false)
            }
        })
    }

    /// Takes the records that the session has made.
    fn collect(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.outgoing)?;
        }
        if self.misdeed == Some(Misdeed::HelloAlone) && self.allowance.is_none() {
            self.allowance = first_record(&self.outgoing);
        }
        Ok(())
    }

    /// Writes what the system takes of what is outgoing, and FIN behind the last of it.
    ///
    /// # Errors
    /// `WouldBlock` if some is left; the peer's reset.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            let (front, _) = self.outgoing.as_slices();
            let most = self.allowance.unwrap_or(front.len()).min(front.len());
            if most == 0 {
                return Ok(());
            }
            let count = self.inner.try_write(&front[..most])?;
            self.outgoing.drain(..count);
            self.allowance = self.allowance.map(|allowance| allowance - count);
        }
        if self.outgoing.capacity() > 0 {
            self.outgoing = VecDeque::new();
        }
        match self.fin {
            Some(false) => {
                self.fin = Some(true);
                self.inner.shutdown_write()
            }
            _ => Ok(()),
        }
    }

    /// Whether something is still to be written, as soon as the system takes it.
    pub(super) fn has_backlog(&self) -> bool {
        let is_held = self.allowance == Some(0);
        !is_held && (!self.outgoing.is_empty() || self.fin == Some(false))
    }

    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.session.is_handshaking() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self
            .session
            .writer()
            .write(&bytes[..bytes.len().min(WRITE)])?;
        self.collect()?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.inner.take_error()
    }

    pub(super) fn unsent(&self) -> Option<u64> {
        match (self.inner.unsent(), self.outgoing.len() as u64) {
            (None, 0) => None,
            (unsent, backlog) => Some(unsent.unwrap_or(0) + backlog),
        }
    }

    /// close_notify and FIN, behind what is outgoing. What cannot go at once goes by
    /// [`TlsSocket::flush`].
    pub(super) fn shutdown_write(&mut self) -> io::Result<()> {
        if self.fin.is_none() {
            if !self.is_cut_short {
                self.session.send_close_notify();
                self.collect()?;
            }
            self.fin = Some(false);
        }
        match self.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            flushed => flushed,
        }
    }

    pub(super) fn reset(self) {
        self.inner.reset();
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Brings the handshake to its end.
    ///
    /// # Errors
    /// A [`Problem`], or the stream's own.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            ready!(self.poll_flush(cx))?;
            match (&self.end, self.status()) {
                (Some(End::Error(kind)), _) => return Poll::Ready(Err((*kind).into())),
                (Some(_), Status::Failed(problem)) => return Poll::Ready(Err(problem.into())),
                _ => {}
            }
            match self.fill() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.inner.poll_readable(cx))?;
                }
                filled => filled?,
            }
        }
        self.poll_flush(cx)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.inner.poll_writable(cx))?;
                }
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_readable(cx))?;
                }
                read => return Poll::Ready(read.map(|count| buffer.advance(count))),
            }
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_handshake(cx))?;
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.inner.poll_writable(cx))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdown_write()?;
        self.poll_flush(cx)
    }
}

/// How long the first record is, with its header; `None` while that is not known.
fn first_record(bytes: &VecDeque<u8>) -> Option<usize> {
    // RFC 8446 §5.1: type, version, and the length in two bytes.
    let length = [*bytes.get(3)?, *bytes.get(4)?];
    Some(5 + usize::from(u16::from_be_bytes(length)))
}

fn begins_with_a_record(bytes: &VecDeque<u8>) -> bool {
    first_record(bytes).is_some_and(|length| bytes.len() >= length)
}

fn handshake(session: &Connection) -> Handshake {
    let server_name = match session {
        Connection::Server(session) => session.server_name().map(str::to_owned),
        Connection::Client(_) => None,
    };
    let alpn = session.alpn_protocol();
    Handshake {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        },
        server_name,
        alpn: alpn.map(|name| String::from_utf8_lossy(name).into_owned()),
    }
}
