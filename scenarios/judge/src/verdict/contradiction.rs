//! Contradictions in sentences, each with both sides.

use std::fmt;

use crate::checks::span;
use crate::definitions::Contradiction;

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the witnesses contradict each other: ")?;
        match self {
            Self::Messages {
                client,
                count,
                first,
            } => {
                let times = match count {
                    1 => "1 message".to_owned(),
                    many => format!("{many} messages"),
                };
                let first = span(*first);
                write!(
                    f,
                    "{client} reported {times}, first at {first}, and the proxy saw nothing pass to it then: \
                     what bypasses the proxy is not measured"
                )
            }
            Self::Opened {
                client,
                told,
                seen,
                at,
            } => write!(
                f,
                "{client} reported at {} its open connection number {told}, and the proxy had seen {seen} of its connections answered",
                span(*at)
            ),
            Self::Sockets { server, proxy, at } => write!(
                f,
                "the server reported at {} its socket number {server}, and the proxy had made {proxy} connections to it",
                span(*at)
            ),
            Self::Session {
                client,
                session,
                at,
            } => write!(
                f,
                "{client} reported at {} that it was welcomed to session {session}, and the server never created it",
                span(*at)
            ),
            Self::Tick {
                client,
                session,
                seq,
                at,
            } => write!(
                f,
                "{client} reported at {} that it applied tick {seq} of session {session}, and the server never sent it",
                span(*at)
            ),
        }
    }
}
