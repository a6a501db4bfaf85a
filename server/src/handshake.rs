//! Whether a request may become a WebSocket, and the 101 that says so.
//!
//! Pure. Checks what RFC 6455 §4.2.1 demands and the page's origin (§10.2);
//! every refusal has its own status and says what would have been right. Used
//! by [`crate::routes`].

use axum::body::Body;
use axum::http::header::{
    CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::origin;

/// Why a request does not become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not ask for one.
    NotWebSocket,
    /// It asks for another version than 13.
    Version,
    /// Its key is missing, or not 16 bytes in base64.
    Key,
    /// It comes from a page that is not allowed.
    Origin(String),
}

/// Checks a GET request.
///
/// # Errors
/// The first reason against it.
pub(crate) fn check(
    version: Version,
    headers: &HeaderMap,
    allow_origins: &[String],
) -> Result<Accepted, Refusal> {
    let upgrades = has_token(headers, &CONNECTION, "upgrade");
    let to_websocket = has_token(headers, &UPGRADE, "websocket");
    if version != Version::HTTP_11 || !upgrades || !to_websocket {
        return Err(Refusal::NotWebSocket);
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(Refusal::Version);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let key = key.ok_or(Refusal::Key)?;
    let has_origin = headers.contains_key(ORIGIN);
    // Two of them, or one that is no text, are nobody's.
    let page = has_origin.then(|| only(headers, &ORIGIN).unwrap_or_default());
    if !origin::is_allowed(page, only(headers, &HOST), allow_origins) {
        return Err(Refusal::Origin(page.unwrap_or_default().to_owned()));
    }
    Ok(Accepted(derive_accept_key(key.as_bytes())))
}

/// A request that may become a WebSocket; holds the answer to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted(String);

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let headers = [
            (CONNECTION, "Upgrade"),
            (UPGRADE, "websocket"),
            (SEC_WEBSOCKET_ACCEPT, self.0.as_str()),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let upgrade = [(UPGRADE, "websocket"), (SEC_WEBSOCKET_VERSION, "13")];
        match self {
            Self::NotWebSocket => {
                let text = "this is a WebSocket: ask with `Upgrade: websocket` over HTTP/1.1\n";
                (StatusCode::UPGRADE_REQUIRED, upgrade, text).into_response()
            }
            Self::Version => {
                let text = "only version 13 of WebSocket is spoken (Sec-WebSocket-Version)\n";
                (StatusCode::UPGRADE_REQUIRED, upgrade, text).into_response()
            }
            Self::Key => {
                let text = "Sec-WebSocket-Key must be 16 bytes in base64\n";
                (StatusCode::BAD_REQUEST, text).into_response()
            }
            Self::Origin(page) => {
                let text = format!(
                    "a page of origin {page:?} may not connect: pages of this host and of \
                     loopback may, and those named with --allow-origin\n"
                );
                (StatusCode::FORBIDDEN, text).into_response()
            }
        }
    }
}

/// The header's value if it is there once and is text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    let alone = values.next().is_none();
    alone.then(|| value.to_str().ok()).flatten()
}

/// Whether a comma-separated header has this word, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value: &HeaderValue| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case(word))
}

/// 16 bytes are 22 digits of base64 and two signs of padding.
fn is_key(key: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with("==") && key.as_bytes().iter().take(22).all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455 §1.3.
    const GOOD: [(&str, &str); 5] = [
        ("host", "server.example.com"),
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];

    fn headers(change: &[(&'static str, Option<&'static str>)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in GOOD {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in change {
            match value {
                Some(value) => drop(headers.insert(*name, HeaderValue::from_static(value))),
                None => drop(headers.remove(*name)),
            }
        }
        headers
    }

    fn check_with(change: &[(&'static str, Option<&'static str>)]) -> Result<Accepted, Refusal> {
        check(Version::HTTP_11, &headers(change), &[])
    }

    #[test]
    fn the_example_of_the_standard_is_accepted() {
        let expected = Accepted("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned());
        assert_eq!(check_with(&[]), Ok(expected));
    }

    #[test]
    fn each_missing_part_has_its_refusal() {
        let refusal = |change| check_with(&[change]).unwrap_err();
        assert_eq!(refusal(("upgrade", None)), Refusal::NotWebSocket);
        assert_eq!(refusal(("upgrade", Some("h2c"))), Refusal::NotWebSocket);
        assert_eq!(
            refusal(("connection", Some("close"))),
            Refusal::NotWebSocket
        );
        assert_eq!(
            refusal(("sec-websocket-version", Some("8"))),
            Refusal::Version
        );
        assert_eq!(refusal(("sec-websocket-version", None)), Refusal::Version);
        for key in [
            None,
            Some(""),
            Some("AAAA"),
            Some("dGhlIHNhbXBsZSBub25jZQ=!"),
        ] {
            assert_eq!(refusal(("sec-websocket-key", key)), Refusal::Key, "{key:?}");
        }
        let http_10 = check(Version::HTTP_10, &headers(&[]), &[]);
        assert_eq!(http_10, Err(Refusal::NotWebSocket));
    }

    #[test]
    fn a_foreign_page_is_refused_and_two_origins_are_foreign() {
        let foreign = check_with(&[("origin", Some("http://example.net"))]);
        assert_eq!(
            foreign,
            Err(Refusal::Origin("http://example.net".to_owned()))
        );
        let mut twice = headers(&[("origin", Some("http://localhost"))]);
        twice.append("origin", HeaderValue::from_static("http://localhost"));
        let twice = check(Version::HTTP_11, &twice, &[]);
        assert_eq!(twice, Err(Refusal::Origin(String::new())));
    }
}
