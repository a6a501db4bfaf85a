//! The upgrade's request and answer, as far as the proxy cares.

/// A complete head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A request, with its target (`/ws?client=a`).
    Request {
        /// The request-target of RFC 9112 §3.2, at most as long as the head.
        target: String,
    },
    /// An answer, with its status.
    Response {
        /// Three digits.
        status: u16,
    },
}

impl Head {
    /// Reads the first line of a head; `None` if it is not HTTP/1.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let line = head.split(|&byte| byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?.trim_end();
        let mut words = line.split(' ');
        let (first, second, third) = (words.next()?, words.next()?, words.next());
        if first.starts_with("HTTP/1.") {
            return Some(Self::Response {
                status: second.parse().ok()?,
            });
        }
        let is_request = third.is_some_and(|version| version.starts_with("HTTP/1."));
        is_request.then(|| Self::Request {
            target: second.to_owned(),
        })
    }
}

/// The name in a request-target's `client=` parameter: 1 to 100 letters,
/// digits, `-`, `_` or `.`; anything else is not taken for a name.
pub fn client_name(target: &str) -> Option<&str> {
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
    fn first_lines_are_read() {
        let request = Head::read(b"GET /ws?client=a HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(
            request,
            Some(Head::Request {
                target: "/ws?client=a".to_owned()
            })
        );
        let response = Head::read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        assert_eq!(response, Some(Head::Response { status: 101 }));
        assert_eq!(Head::read(b"SSH-2.0-OpenSSH\r\n\r\n"), None);
        assert_eq!(Head::read(b"\xff\xfe\r\n\r\n"), None);
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
