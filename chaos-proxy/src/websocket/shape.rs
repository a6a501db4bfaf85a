//! Whether bytes may be the beginning of an HTTP/1 head (RFC 9112 §2 to §5), told
//! byte by byte: what is none is known by its first byte that cannot stand there.

/// What every request's first line ends with, but for the last digit.
const VERSION: &[u8] = b"HTTP/1.";

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    /// More of the method, or of an answer's version.
    #[default]
    Method,
    /// The request-target's first byte.
    Target,
    /// More of it.
    TargetRest,
    /// This byte of the version.
    Version(usize),
    /// The rest of an answer's first line.
    Status,
    /// The end of a line.
    Feed,
    /// A header's first byte, or the last line.
    Header,
    /// More of its name.
    Name,
    Value,
    /// The last byte.
    LastFeed,
    /// Nothing: the head is whole.
    Whole,
    /// Nothing: this is no head.
    Broken,
}

impl Shape {
    pub(super) fn is_broken(self) -> bool {
        self == Self::Broken
    }

    /// The last byte of `head` has come.
    pub(super) fn take(&mut self, head: &[u8]) {
        let byte = head.last().copied().unwrap_or_default();
        *self = match (*self, byte) {
            (Self::Method, b'A'..=b'Z') => Self::Method,
            (Self::Method, b'-') if head.len() > 1 => Self::Method,
            (Self::Method, b' ') if head.len() > 1 => Self::Target,
            (Self::Method, b'/') if head == b"HTTP/" => Self::Status,
            (Self::Target | Self::TargetRest, 0x21..=0x7e | 0x80..) => Self::TargetRest,
            (Self::TargetRest, b' ') => Self::Version(0),
            (Self::Version(index), byte) => after_version(index, byte),
            (Self::Status | Self::Value, b'\r') => Self::Feed,
            (now @ (Self::Status | Self::Value), b'\t' | 0x20..=0x7e | 0x80..) => now,
            (Self::Feed, b'\n') => Self::Header,
            (Self::Header, b'\r') => Self::LastFeed,
            (Self::Header | Self::Name, byte) if is_token(byte) => Self::Name,
            (Self::Name, b':') => Self::Value,
            (Self::LastFeed, b'\n') => Self::Whole,
            _ => Self::Broken,
        };
    }
}

fn after_version(index: usize, byte: u8) -> Shape {
    match (VERSION.get(index), byte) {
        (Some(expected), byte) if *expected == byte => Shape::Version(index + 1),
        (None, b'0' | b'1') if index == VERSION.len() => Shape::Version(index + 1),
        (None, b'\r') if index > VERSION.len() => Shape::Feed,
        _ => Shape::Broken,
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many of these bytes may begin a head.
    fn length(bytes: &[u8]) -> usize {
        let mut shape = Shape::default();
        let may_be = |end: &usize| {
            shape.take(&bytes[..*end]);
            !shape.is_broken()
        };
        (1..=bytes.len()).take_while(may_be).count()
    }

    #[test]
    fn what_is_no_head_is_known_at_once() {
        let cases: [(&[u8], usize); 8] = [
            (b"HELO relay.invalid\r\n", 18),
            (b"GET / HTTP/2.0\r\n", 11),
            (b"GET /\r\n", 5),
            (b"hello", 0),
            (b"GET / HTTP/1.1\r\nHost x\r\n", 20),
            (b"GET / HTTP/1.1\r\n: x\r\n", 16),
            (b"\x16\x03", 0),
            (b"GET / HTTP/1.1\nHost: x", 14),
        ];
        for (bytes, expected) in cases {
            assert_eq!(length(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_head_is_never_taken_for_none(
            target in "/[a-z?=&%]{0,20}",
            headers in prop::collection::vec(("[A-Za-z-]{1,10}", "[ -~]{0,20}"), 0..5),
        ) {
            let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let request = format!("GET {target} HTTP/1.1\r\n{fields}\r\n");
            prop_assert_eq!(length(request.as_bytes()), request.len());
            let answer = format!("HTTP/1.1 101 \r\n{fields}\r\n");
            prop_assert_eq!(length(answer.as_bytes()), answer.len());
        }
    }
}
