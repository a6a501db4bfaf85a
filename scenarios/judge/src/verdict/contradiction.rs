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
                    "{client} told of {times}, first at {first}, and the proxy saw nothing pass to it then: \
                     what comes past the proxy is not observable"
                )
            }
            Self::Opened {
                client,
                told,
                seen,
                at,
            } => write!(
                f,
                "{client} told at {} of its open connection number {told}, and the proxy had seen {seen} of its connections answered",
                span(*at)
            ),
            Self::Sockets { server, proxy, at } => write!(
                f,
                "the server told at {} of its socket number {server}, and the proxy had made {proxy} connections to it",
                span(*at)
            ),
            Self::Session {
                client,
                session,
                at,
            } => write!(
                f,
                "{client} told at {} that it was welcomed to session {session}, and the server never gave that",
                span(*at)
            ),
            Self::Tick {
                client,
                session,
                seq,
                at,
            } => write!(
                f,
                "{client} told at {} that it applied tick {seq} of session {session}, and the server never made that",
                span(*at)
            ),
        }
    }
}
