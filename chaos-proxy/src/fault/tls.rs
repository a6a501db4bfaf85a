//! `tls_…`: what goes wrong with TLS, as far as clients see it.

use environment::text::{FromToml, Mismatch, Table, Value, choice};
use environment::tls::Leaf;

/// What the handshake with the client comes to, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// It is never brought to its end; the connection stays.
    Stall(Stage),
    /// The client is shown a certificate that is not what it should be.
    Certificate(Leaf),
    /// The client's hello is answered by a fatal alert (RFC 8446 §6.2), and FIN.
    Alert(Alert),
    /// `h2` is agreed upon where the client has offered it, though what follows is not
    /// HTTP/2.
    Alpn,
    /// The client's hello is answered in plain HTTP, with 400, and FIN.
    Plain,
    /// FIN to both without the close_notify before it, as of a stream that was cut short.
    Truncate,
}

/// How far a handshake goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The client's hello is not answered.
    BeforeServerHello,
    /// The server's hello is all of the answer.
    AfterServerHello,
}

/// The alert that answers a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    /// Nothing could be agreed upon.
    HandshakeFailure,
    /// Not in this version.
    ProtocolVersion,
    /// The name that was asked for is nobody's here.
    UnrecognizedName,
    /// Something that has nothing to do with the client.
    InternalError,
}

impl Alert {
    /// RFC 8446 §6.
    fn code(self) -> u8 {
        match self {
            Self::HandshakeFailure => 40,
            Self::ProtocolVersion => 70,
            Self::InternalError => 80,
            Self::UnrecognizedName => 112,
        }
    }
}

impl TlsFault {
    pub(super) fn read_stall(table: &mut Table<'_>) -> Self {
        Self::Stall(table.or("server_hello", Stage::BeforeServerHello))
    }

    pub(super) fn read_certificate(table: &mut Table<'_>) -> Option<Self> {
        table
            .required::<Kind>("kind")
            .map(|Kind(kind)| Self::Certificate(kind))
    }

    pub(super) fn read_alert(table: &mut Table<'_>) -> Self {
        Self::Alert(table.or("alert", Alert::HandshakeFailure))
    }

    pub(super) fn read_alpn(table: &mut Table<'_>) -> Option<Self> {
        table.required::<Http2>("protocol").map(|Http2| Self::Alpn)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stall(_) => "tls_stall",
            Self::Certificate(_) => "tls_certificate",
            Self::Alert(_) => "tls_alert",
            Self::Alpn => "tls_alpn",
            Self::Plain => "tls_plain",
            Self::Truncate => "tls_truncate",
        }
    }

    /// What answers the client's hello in place of the server's, if anything does.
    pub(crate) fn answer(self) -> Option<Vec<u8>> {
        match self {
            // An alert (21) of TLS 1.2's record, two bytes long: fatal (2), and which.
            Self::Alert(alert) => Some(vec![21, 3, 3, 0, 2, 2, alert.code()]),
            Self::Plain => Some(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .to_vec(),
            ),
            _ => None,
        }
    }
}

/// Of a certificate.
struct Kind(Leaf);

impl FromToml for Kind {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let kinds = [
            ("expired", Leaf::Expired),
            ("not_yet", Leaf::NotYet),
            ("wrong_host", Leaf::WrongHost),
            ("self_signed", Leaf::SelfSigned),
            ("untrusted", Leaf::Untrusted),
            ("changed", Leaf::Changed),
        ];
        choice(value, &kinds).map(Self)
    }
}

impl FromToml for Stage {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let stages = [
            ("never", Self::BeforeServerHello),
            ("only", Self::AfterServerHello),
        ];
        choice(value, &stages)
    }
}

impl FromToml for Alert {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let alerts = [
            ("handshake_failure", Self::HandshakeFailure),
            ("protocol_version", Self::ProtocolVersion),
            ("unrecognized_name", Self::UnrecognizedName),
            ("internal_error", Self::InternalError),
        ];
        choice(value, &alerts)
    }
}

/// The one other protocol that clients of HTTP offer.
struct Http2;

impl FromToml for Http2 {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        choice(value, &[("h2", ())]).map(|()| Self)
    }
}
