//! The dial and the upgrade, and what their failures are called.
//!
//! The request's key comes from the seed, not from tungstenite's randomness, so
//! that runs can be equal byte for byte. (Frame masks stay random inside
//! tungstenite; nothing ever looks at them.) Used by the socket set.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use environment::tls::{Connector, Problem};
use environment::{Key, Network, Realm, Seed, Stream};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::{self, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::wire::Wire;
use crate::session::{Ending, Refusal};
use crate::{CloseReason, Upgrade, Url};

/// No message is larger, whatever a server sends.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Room for a few commands and pongs while the peer reads nothing; more than
/// that ends the connection.
const WRITE_LIMIT: usize = 256 * 1024;

/// Which client dials, and for which time.
#[derive(Debug)]
pub(super) struct Dialler {
    pub(super) client: Arc<str>,
    pub(super) dial: u64,
    /// The request's key.
    pub(super) key: String,
    pub(super) upgrade: Arc<Upgrade>,
    pub(super) tls: Option<Connector>,
}

/// Dials `url` and upgrades. Waits as long as the peer does.
pub(super) async fn connect(
    network: &Network,
    url: &Url,
    dialler: &Dialler,
) -> Result<WebSocketStream<Wire>, Ending> {
    let request = request(url, dialler).map_err(|_| Ending::of(CloseReason::BadUpgrade))?;
    let dialled = network.dial(&url.authority()).await;
    let stream = dialled.map_err(|error| Ending::of(of_dial(&error)))?;
    let stream = agree(stream, url, dialler).await.map_err(Ending::of)?;
    let upgraded = client_async_with_config(request, Wire::new(stream), Some(limits())).await;
    let (socket, _) = upgraded.map_err(|error| of_upgrade(&error))?;
    Ok(socket)
}

/// The stream as the URL's scheme wants it.
async fn agree(stream: Stream, url: &Url, dialler: &Dialler) -> Result<Stream, CloseReason> {
    match &dialler.tls {
        _ if !url.is_tls() => Ok(stream),
        // To go on without what was asked for would be a lie.
        None => Err(CloseReason::Tls),
        Some(connector) => {
            let mut stream = connector.connect(stream);
            stream.handshake().await.map_err(|error| of_io(&error))?;
            Ok(stream)
        }
    }
}

/// The key of the client's dial: 16 drawn bytes in base64 (RFC 6455 §4.1).
pub(super) fn key(seed: Seed, client: &str, dial: u64) -> String {
    let key = Key::new(Realm::Client, "websocket-key", "").client(client);
    let mut draw = seed.draw(&key.attempt(dial));
    let bits = u128::from(draw.bits()) << 64 | u128::from(draw.bits());
    base64(bits.to_be_bytes())
}

fn base64(bytes: [u8; 16]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // 128 bits are 21 sextets and two bits more, which are padded.
    let bits = u128::from_be_bytes(bytes);
    let sextet = |index: u32| match index {
        21 => (bits << 4 & 63) as usize,
        _ => (bits >> (122 - 6 * index) & 63) as usize,
    };
    let mut text: String = (0..22).map(|i| char::from(ALPHABET[sextet(i)])).collect();
    text.push_str("==");
    text
}

fn request(url: &Url, dialler: &Dialler) -> http::Result<Request> {
    let Dialler {
        client,
        dial,
        key,
        upgrade,
        ..
    } = dialler;
    let url = url.asking(&upgrade.query_of(client, *dial));
    let host = upgrade.host.clone().unwrap_or_else(|| url.host());
    let request = Request::builder()
        .uri(url.to_string())
        .header(header::HOST, host)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, key);
    let headers = upgrade.headers_of(client, *dial).into_iter();
    headers
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
        .body(())
}

/// Small buffers, because there may be thousands of clients.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_LIMIT)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
}

fn of_dial(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => CloseReason::Refused,
        _ => of_io(error),
    }
}

fn of_io(error: &io::Error) -> CloseReason {
    match error.kind() {
        _ if matches!(Problem::of(error), Some(Problem::Ended)) => CloseReason::Ended,
        _ if Problem::of(error).is_some() => CloseReason::Tls,
        // A write after the peer's reset says broken pipe.
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => CloseReason::Reset,
        io::ErrorKind::UnexpectedEof => CloseReason::Ended,
        _ => CloseReason::Network,
    }
}

fn of_upgrade(error: &Error) -> Ending {
    match error {
        Error::Io(error) => Ending::of(of_io(error)),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => Ending::of(CloseReason::Ended),
        Error::Http(response) => Ending {
            refusal: Some(refusal(response)),
            ..Ending::of(CloseReason::BadUpgrade)
        },
        _ => Ending::of(CloseReason::BadUpgrade),
    }
}

fn refusal(response: &Response) -> Refusal {
    Refusal {
        status: response.status().as_u16(),
        retry_after: retry_after(response),
    }
}

/// RFC 9110 §10.2.3: seconds, or a date. That is counted from the answer's own
/// date: this end's wall clock may be wrong, and is not asked.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = |name| response.headers().get(name)?.to_str().ok().map(str::trim);
    let date = |text| httpdate::parse_http_date(text).ok();
    let asked = value(header::RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = date(value(header::DATE)?)?;
    // One that is over asks for nothing more.
    Some(date(asked)?.duration_since(now).unwrap_or_default())
}

/// Why an open connection has failed.
pub(super) fn of_connection(error: &Error) -> CloseReason {
    match error {
        Error::Io(error) => of_io(error),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => CloseReason::Ended, // FIN, at a frame's boundary or within one
        Error::WriteBufferFull(_) => CloseReason::Network,
        _ => CloseReason::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 6455 §1.3
        assert_eq!(base64(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(base64([0xff; 16]), "/////////////////////w==");
        assert_eq!(base64([0; 16]), "AAAAAAAAAAAAAAAAAAAAAA==");
    }

    #[test]
    fn keys_follow_from_seed_client_and_dial() {
        let one = key(Seed(1), "c1", 1);
        assert_eq!(one, key(Seed(1), "c1", 1));
        for other in [
            key(Seed(2), "c1", 1),
            key(Seed(1), "c2", 1),
            key(Seed(1), "c1", 2),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let check = |value: &str, date: Option<&str>, expected: Option<u64>| {
            let mut response = http::Response::builder()
                .status(503)
                .header("Retry-After", value);
            if let Some(date) = date {
                response = response.header("Date", date);
            }
            let refusal = refusal(&response.body(None).unwrap());
            assert_eq!(refusal.status, 503);
            let expected = expected.map(Duration::from_secs);
            assert_eq!(refusal.retry_after, expected, "{value} {date:?}");
        };
        check("5", None, Some(5));
        check("-5", None, None);
        let end = "Fri, 31 Dec 1999 23:59:59 GMT";
        check(end, None, None);
        check(end, Some("Fri, 31 Dec 1999 23:59:52 GMT"), Some(7));
        check(end, Some("Sat, 01 Jan 2000 00:00:00 GMT"), Some(0));
        check(end, Some("just now"), None);
        check("soon", Some(end), None);
    }
}
