//! The upgrade's request and answer (RFC 6455 §4), as far as the proxy cares.

use httparse::{EMPTY_HEADER, Header, Request, Response, Status};

/// A head with more headers is not an upgrade that the proxy follows.
pub(super) const MOST_HEADERS: usize = 100;
/// What a client offers and a server takes of extensions (RFC 6455 §9.1).
const EXTENSIONS: &str = "sec-websocket-extensions";

/// A complete head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A request, with its target (`/ws?client=a`).
    Request {
        /// The request-target of RFC 9112 §3.2, at most as long as the head.
        target: String,
        /// Whether it asks for a WebSocket.
        is_upgrade: bool,
        /// Whether its answer has a head alone.
        is_head: bool,
    },
    /// An answer.
    Response {
        /// Three digits.
        status: u16,
        /// Whether messages may be compressed from now on (RFC 7692).
        is_compressed: bool,
        /// Whether its content is a stream of server-sent events.
        is_event_stream: bool,
    },
}

impl Head {
    /// Whether it answers an upgrade's request with yes.
    pub(super) fn is_switch(&self) -> bool {
        matches!(self, Self::Response { status: 101, .. })
    }

    /// Reads a head; `None` if it is not HTTP/1.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        if head.starts_with(b"HTTP/") {
            let mut response = Response::new(&mut headers);
            let parsed = response.parse(head).ok()?;
            return matches!(parsed, Status::Complete(_)).then_some(Self::Response {
                status: response.code?,
                is_compressed: says(response.headers, EXTENSIONS, "permessage-deflate"),
                is_event_stream: says(response.headers, "content-type", "text/event-stream"),
            });
        }
        let mut request = Request::new(&mut headers);
        let parsed = request.parse(head).ok()?;
        matches!(parsed, Status::Complete(_)).then_some(Self::Request {
            target: request.path?.to_owned(),
            is_upgrade: says(request.headers, "upgrade", "websocket"),
            is_head: request.method == Some("HEAD"),
        })
    }
}

/// Whether a header of this name lists this word.
fn says(headers: &[Header<'_>], name: &str, word: &str) -> bool {
    let mut values = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .flat_map(|value| value.split([',', ';']));
    values.any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// The head without what it offers of extensions, and what that was; `None` if
/// it offers nothing.
pub(super) fn without_extensions(head: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut kept = Vec::with_capacity(head.len());
    let mut offers: Vec<String> = Vec::new();
    let mut is_offer = false;
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        // A line that begins with a blank goes on with the one before it (RFC
        // 9112 §5.2).
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
            is_offer = name.eq_ignore_ascii_case(EXTENSIONS.as_bytes());
        }
        if is_offer {
            let text = String::from_utf8_lossy(line);
            let value = text.split_once(':').map_or(&*text, |(_, value)| value);
            offers.push(value.trim().to_owned());
        } else {
            kept.extend_from_slice(line);
        }
    }
    (!offers.is_empty()).then(|| (kept, offers.join(", ")))
}

/// The name in a request-target's `client=` parameter: 1 to 100 letters,
/// digits, `-`, `_` or `.`; anything else is not taken for a name.
pub(crate) fn client_name(target: &str) -> Option<&str> {
    let (_, query) = target.split_once('?')?;
    let name = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("client="))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = (1..=100).contains(&name.len()) && name.chars().all(is_plain);
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let request = Head::read(b"GET /ws?client=a HTTP/1.1\r\nHost: x\r\n\r\n");
        let plain = Head::Request {
            target: "/ws?client=a".to_owned(),
            is_upgrade: false,
            is_head: false,
        };
        assert_eq!(request, Some(plain));
        let request = Head::read(b"GET /ws HTTP/1.1\r\nupgrade: foo, WebSocket\r\n\r\n");
        let upgrade = Head::Request {
            target: "/ws".to_owned(),
            is_upgrade: true,
            is_head: false,
        };
        assert_eq!(request, Some(upgrade));
        let response = Head::read(
            b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate; x=1\r\n\r\n",
        );
        let compressed = Head::Response {
            status: 101,
            is_compressed: true,
            is_event_stream: false,
        };
        assert_eq!(response, Some(compressed));
        assert_eq!(Head::read(b"SSH-2.0-OpenSSH\r\n\r\n"), None);
        assert_eq!(Head::read(b"\xff\xfe\r\n\r\n"), None);
    }

    #[test]
    fn extensions_are_taken_out_and_nothing_else() {
        let head = b"GET / HTTP/1.1\r\nHost: x\r\nsec-websocket-extensions: a; b=1,\r\n c\r\nSec-WebSocket-Extensions: d\r\nUpgrade: websocket\r\n\r\n";
        let (kept, offer) = without_extensions(head).unwrap();
        let expect = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(kept, expect);
        assert_eq!(offer, "a; b=1,, c, d");
        assert_eq!(without_extensions(expect), None);
    }

    #[test]
    fn names_are_plain_words() {
        assert_eq!(client_name("/ws?session=1&client=c-1"), Some("c-1"));
        assert_eq!(client_name("/ws?client="), None);
        assert_eq!(client_name("/ws?client=a%20b"), None);
        assert_eq!(client_name("/ws?xclient=a"), None);
        assert_eq!(client_name("/ws"), None);
        assert_eq!(client_name(&format!("/?client={}", "a".repeat(101))), None);
    }
}
