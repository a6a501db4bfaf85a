//! TLS on either side of a connection: what it came to is told, and the client has a
//! limited time for its handshake.
//!
//! The handshake with the client is made by the connection's own reads, so whatever
//! strikes the connection strikes it as well; that with the server is a part of the
//! dial, which waits for the client's. Half a handshake costs the server nothing.

use std::io;
use std::time::Duration;

use environment::tls::{Problem, Status};
use environment::{Moment, Stream};

use super::Connection;
use crate::engine::config::TlsSides;
use crate::engine::shared::Shared;
use crate::event::{EventKind, Peer};

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// An accepted stream, as TLS if that is spoken with clients, and how long the client
/// has to agree upon it.
pub(super) fn met(stream: Stream, tls: &TlsSides, now: Moment) -> (Stream, Option<Moment>) {
    match &tls.client {
        Some(acceptor) => (acceptor.accept(stream), Some(now + HANDSHAKE)),
        None => (stream, None),
    }
}

/// Dials the server, and agrees upon TLS with it if that is spoken there.
pub(super) async fn dial(shared: &Shared) -> io::Result<Stream> {
    let dialled = shared.environment.network.dial(&shared.upstream).await?;
    let Some(connector) = &shared.tls.server else {
        return Ok(dialled);
    };
    let mut stream = connector.connect(dialled);
    stream.handshake().await?;
    Ok(stream)
}

impl Connection {
    /// Whether TLS is spoken on either side: then bytes pass through this program.
    pub(super) fn speaks_tls(&self) -> bool {
        self.shared.tls.client.is_some() || self.shared.tls.server.is_some()
    }

    /// Whether the server may be dialled, as far as the client's handshake goes.
    pub(super) fn may_dial(&self) -> bool {
        self.handshake_until.is_none()
    }

    /// Tells of the client's handshake when it is done, and ends it when it is late.
    pub(super) fn note_handshake(&mut self, now: Moment) {
        let Some(until) = self.handshake_until else {
            return;
        };
        if self.toward_client.stream.is_none() {
            self.handshake_until = None;
        } else if !self.toward_client.is_handshaking() {
            self.handshake_until = None;
            self.tell_handshake(Peer::Client);
        } else if now >= until {
            self.handshake_until = None;
            let limit = HANDSHAKE.as_secs();
            let reason = format!(
                "no handshake within {limit} s; {}",
                advice(Peer::Client, None)
            );
            self.tell(EventKind::TlsFailed {
                peer: Peer::Client,
                reason,
            });
            self.leave_client();
        }
    }

    /// Tells what a handshake came to, where one was made and has succeeded.
    pub(super) fn tell_handshake(&mut self, peer: Peer) {
        let stream = self.side(peer).stream.as_ref();
        if let Some(Status::Established(made)) = stream.and_then(Stream::tls_status) {
            self.tell(EventKind::TlsEstablished {
                peer,
                version: made.version.to_owned(),
                server_name: made.server_name,
                alpn: made.alpn,
            });
        }
    }

    /// Tells what TLS has to say about the end of this peer's side, if anything.
    pub(super) fn tell_tls_end(&mut self, peer: Peer) {
        let stream = self.side(peer).stream.as_ref();
        if let Some(Status::Failed(problem)) = stream.and_then(Stream::tls_status) {
            self.tell_tls_problem(peer, &problem);
        }
    }

    /// Tells why a handshake has failed, if it was TLS that did.
    pub(super) fn tell_tls_failure(&self, peer: Peer, error: &io::Error) {
        if let Some(problem) = Problem::of(error) {
            self.tell_tls_problem(peer, problem);
        }
    }

    fn tell_tls_problem(&self, peer: Peer, problem: &Problem) {
        if *problem == Problem::Truncated {
            return self.tell(EventKind::TlsTruncated { peer });
        }
        let mut reason = problem.to_string();
        let advice = advice(peer, Some(problem));
        if !advice.is_empty() {
            reason = format!("{reason}; {advice}");
        }
        tracing::warn!(client = %self.machine.client(), "TLS with the {}: {reason}", name(peer));
        self.tell(EventKind::TlsFailed { peer, reason });
    }
}

fn name(peer: Peer) -> &'static str {
    match peer {
        Peer::Client => "client",
        Peer::Server => "upstream",
    }
}

/// What would help.
fn advice(peer: Peer, problem: Option<&Problem>) -> &'static str {
    match (peer, problem) {
        (Peer::Client, None | Some(Problem::NoTls)) => {
            "clients of this port must speak TLS, as of wss:// and https://"
        }
        (Peer::Client, Some(problem)) if problem.is_distrust() => {
            "the client does not trust the authority: `chaos ca` says how it is made to"
        }
        (Peer::Server, Some(Problem::NoTls)) => "an upstream without TLS is given as HOST:PORT",
        (Peer::Server, Some(Problem::Certificate(_))) => {
            "an authority is trusted by --upstream-ca FILE, anybody by --upstream-insecure"
        }
        _ => "",
    }
}
