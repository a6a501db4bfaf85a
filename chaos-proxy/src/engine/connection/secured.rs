//! TLS on either side of a connection: what it came to is told, and the client has a
//! limited time for its handshake.
//!
//! The handshake with the client is made by the connection's own reads, so whatever
//! strikes the connection strikes it as well; that with the server is a part of the
//! dial, which waits for the client's. Half a handshake costs the server nothing.

use std::io;
use std::time::Duration;

use environment::tls::{Alpn, Leaf, Misdeed, Problem, Status};
use environment::{Follower, Moment, Stream};

use super::Connection;
use crate::engine::rules::{ActiveRules, Strike};
use crate::engine::shared::Shared;
use crate::event::{EventKind, Peer};
use crate::fault::{Fault, Side, Stage, TlsFault};

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why a rule about TLS can do nothing.
const NO_TLS: &str = "its clients do not speak TLS with this proxy";
const NO_OFFER: &str = "the client has not offered h2";

/// A handshake with a client, before it is done.
#[derive(Debug)]
pub(super) struct Handshake {
    /// When it must be done; `None`: a rule keeps it from ever being.
    pub(super) until: Option<Moment>,
    /// What goes wrong with it.
    leaf: Leaf,
    misdeed: Option<Misdeed>,
    /// The rule by which `h2` is agreed upon where it was offered.
    alpn: Option<Strike>,
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
        self.handshake.is_none()
    }

    /// The handshake as it stands or is yet to begin.
    fn handshake(&mut self) -> &mut Handshake {
        let until = self.accepted_at + HANDSHAKE;
        self.handshake.get_or_insert_with(|| {
            Box::new(Handshake {
                until: Some(until),
                leaf: Leaf::Valid,
                misdeed: None,
                alpn: None,
            })
        })
    }

    /// Begins to speak TLS with the client, if that is spoken, as the rules want it that
    /// have struck.
    pub(super) fn meet(&mut self) {
        let Some(acceptor) = self.shared.tls.client.clone() else {
            return;
        };
        let (leaf, misdeed) = {
            let handshake = self.handshake();
            (handshake.leaf, handshake.misdeed.take())
        };
        let has_offer = self.handshake().alpn.is_some();
        let alpn = if has_offer { Alpn::Http2 } else { Alpn::Http1 };
        let acceptor = match (leaf, alpn) {
            (Leaf::Valid, Alpn::Http1) => acceptor,
            _ => acceptor.varied(leaf, alpn),
        };
        if let Some(stream) = self.toward_client.stream.take() {
            let mut stream = acceptor.accept(stream);
            if let Some(misdeed) = misdeed {
                stream.misbehave(misdeed);
            }
            self.toward_client.stream = Some(stream);
        }
    }

    /// Something goes wrong with TLS, if that is spoken with the client.
    pub(super) fn misbehave(&mut self, strike: Strike, in_force: &ActiveRules) {
        let Fault::Tls(fault) = strike.rule.fault else {
            return;
        };
        if self.shared.tls.client.is_none() {
            return self.tell_powerless(&strike, NO_TLS);
        }
        if fault == TlsFault::Alpn {
            self.handshake().alpn = Some(strike);
            return;
        }
        self.tell_struck(&strike, in_force);
        let handshake = match fault {
            TlsFault::Truncate => return self.truncate(),
            _ => self.handshake(),
        };
        match fault {
            TlsFault::Stall(stage) => {
                handshake.until = None;
                handshake.misdeed = Some(match stage {
                    Stage::BeforeServerHello => Misdeed::Silence,
                    Stage::AfterServerHello => Misdeed::HelloAlone,
                });
            }
            TlsFault::Certificate(leaf) => handshake.leaf = leaf,
            _ => handshake.misdeed = fault.answer().map(Misdeed::Answer),
        }
    }

    /// FIN to both, without close_notify.
    fn truncate(&mut self) {
        for side in [&mut self.toward_client, &mut self.toward_server] {
            if let Some(stream) = &mut side.stream {
                stream.cut_short();
            }
        }
        self.close(Side::Both);
    }

    fn tell_powerless(&self, strike: &Strike, why: &str) {
        self.tell(EventKind::Powerless {
            rule: strike.rule.name.clone(),
            reason: why.to_owned(),
        });
    }

    /// Tells of the client's handshake when it is done, and ends it when it is late.
    pub(super) fn note_handshake(&mut self, now: Moment, in_force: &Follower<ActiveRules>) {
        let Some(handshake) = &self.handshake else {
            return;
        };
        let is_late = handshake.until.is_some_and(|until| now >= until);
        if self.toward_client.stream.is_none() {
            self.handshake = None;
        } else if !self.toward_client.is_handshaking() {
            let alpn = self.handshake.take().and_then(|handshake| handshake.alpn);
            self.tell_handshake(Peer::Client);
            if let Some(strike) = alpn {
                self.tell_alpn(&strike, &in_force.borrow());
            }
        } else if is_late {
            let limit = HANDSHAKE.as_secs();
            let advice = advice(Peer::Client, None);
            self.tell(EventKind::TlsFailed {
                peer: Peer::Client,
                reason: format!("no handshake within {limit} s; {advice}"),
            });
            self.leave_client();
        }
    }

    /// A rule that wants `h2` has struck if that was offered.
    fn tell_alpn(&self, strike: &Strike, in_force: &ActiveRules) {
        let stream = self.toward_client.stream.as_ref();
        match stream.and_then(Stream::tls_status) {
            Some(Status::Established(made)) if made.alpn.as_deref() == Some("h2") => {
                self.tell_struck(strike, in_force);
            }
            _ => self.tell_powerless(strike, NO_OFFER),
        }
    }

    /// Whether this peer's hello was answered otherwise than by TLS.
    pub(super) fn has_answered(&mut self, peer: Peer) -> bool {
        let stream = self.side(peer).stream.as_ref();
        stream.and_then(Stream::tls_status) == Some(Status::Failed(Problem::Answered))
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
            "the client does not trust the authority: `chaos ca` shows how to make it"
        }
        (Peer::Server, Some(Problem::NoTls)) => "an upstream without TLS is given as HOST:PORT",
        (Peer::Server, Some(Problem::Certificate(_))) => {
            "an authority is trusted by --upstream-ca FILE, anybody by --upstream-insecure"
        }
        _ => "",
    }
}
