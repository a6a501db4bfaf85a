//! Why TLS came to nothing.

use std::{fmt, io};

/// Why a handshake or a connection of TLS came to nothing, as seen from this end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The peer speaks something else.
    NoTls,
    /// The peer ended before the handshake was done.
    Ended,
    /// The peer ended a connection without close_notify: what it sent may be cut short.
    Truncated,
    /// This end has answered otherwise than by TLS, as it was told to.
    Answered,
    /// The peer's certificate was not accepted, for this reason.
    Certificate(String),
    /// The peer sent this alert.
    Alert(String),
    /// The peer broke the protocol, or nothing could be agreed upon.
    Protocol(String),
}

impl Problem {
    /// What of `error`, if it came from a stream that speaks TLS.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Whether the peer said that it does not accept this end's certificate.
    pub fn is_distrust(&self) -> bool {
        let words = ["ca", "certificate"];
        matches!(self, Self::Alert(alert) if words.iter().any(|word| alert.contains(word)))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTls => f.write_str("what it speaks is no TLS"),
            Self::Ended => f.write_str("it ended in the middle of the handshake"),
            Self::Answered => f.write_str("the answer was not TLS"),
            Self::Truncated => f.write_str("it sent FIN without close_notify"),
            Self::Certificate(reason) => write!(f, "its certificate is not accepted: {reason}"),
            Self::Alert(alert) => write!(f, "it sent the alert {alert}"),
            Self::Protocol(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        let kind = match problem {
            Problem::Ended | Problem::Truncated => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, problem)
    }
}

#[cfg(feature = "tls")]
impl From<rustls::Error> for Problem {
    fn from(error: rustls::Error) -> Self {
        use rustls::{Error, InvalidMessage};
        match error {
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NoTls,
            Error::InvalidCertificate(reason) => Self::Certificate(spelt(&reason.to_string())),
            Error::AlertReceived(alert) => Self::Alert(snake(&format!("{alert:?}"))),
            other => Self::Protocol(spelt(&other.to_string())),
        }
    }
}

/// rustls shows some of its reasons as Rust spells them.
#[cfg(feature = "tls")]
fn spelt(reason: &str) -> String {
    match reason {
        "UnknownIssuer" => "no trusted authority has signed it".to_owned(),
        other => other.to_owned(),
    }
}

/// `UnknownCA` as RFC 8446 spells it: `unknown_ca`.
#[cfg(feature = "tls")]
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && was_lower {
            snake.push('_');
        }
        was_lower = letter.is_ascii_lowercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_spelt_as_the_rfc_does() {
        for (rust, rfc) in [
            ("UnknownCA", "unknown_ca"),
            ("BadCertificate", "bad_certificate"),
            ("NoApplicationProtocol", "no_application_protocol"),
        ] {
            assert_eq!(snake(rust), rfc);
        }
    }

    #[test]
    fn distrust_is_told_from_other_alerts() {
        let is_distrust = |alert: &str| Problem::Alert(alert.to_owned()).is_distrust();
        assert!(is_distrust("unknown_ca") && is_distrust("certificate_expired"));
        assert!(!is_distrust("handshake_failure") && !Problem::NoTls.is_distrust());
    }

    #[test]
    fn a_problem_survives_being_an_error_of_io() {
        let error = io::Error::from(Problem::NoTls);
        assert_eq!(Problem::of(&error), Some(&Problem::NoTls));
        assert_eq!(Problem::of(&io::ErrorKind::BrokenPipe.into()), None);
    }
}
