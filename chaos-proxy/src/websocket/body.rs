//! Where the content of a request or an answer ends (RFC 9112 §6).

use httparse::{EMPTY_HEADER, Header, Request, Response};

use super::head::MOST_HEADERS;

/// The line end behind a piece.
const END_OF_PIECE: u64 = 2;

/// The content behind a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// So many more bytes.
    Length(u64),
    /// Pieces, each with its length before it.
    Chunked(Chunked),
    /// Everything up to the end of the stream.
    UntilClose,
}

/// What comes next of a content in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    /// A piece's length, in hexadecimal digits.
    Size { size: u64, digits: u8 },
    /// The rest of its line.
    Extension(u64),
    /// So many bytes: the piece, and the end of its last line.
    Piece(u64),
    /// A line behind the last piece; an empty one is the end.
    Trailer { is_empty: bool },
}

impl Content {
    const NONE: Self = Self::Length(0);

    /// What follows this head. `is_bodiless`: it answers a request of HEAD.
    pub(super) fn behind(head: &[u8], is_bodiless: bool) -> Self {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        if !head.starts_with(b"HTTP/") {
            let mut request = Request::new(&mut headers);
            // The head was read before.
            let _ = request.parse(head);
            return Self::said(request.headers).unwrap_or(Self::NONE);
        }
        let mut response = Response::new(&mut headers);
        let _ = response.parse(head);
        if is_bodiless || matches!(response.code, Some(204 | 304)) {
            return Self::NONE;
        }
        Self::said(response.headers).unwrap_or(Self::UntilClose)
    }

    /// As the headers say it; `None` if they say nothing.
    fn said(headers: &[Header<'_>]) -> Option<Self> {
        let values = |name: &'static str| {
            let named = move |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
            let text =
                |header: &Header<'_>| String::from_utf8_lossy(header.value).trim().to_owned();
            headers.iter().filter(named).map(text)
        };
        if let Some(coding) = values("transfer-encoding").next_back() {
            let is_chunked = coding.to_ascii_lowercase().ends_with("chunked");
            let size = Chunked::Size { size: 0, digits: 0 };
            return Some(if is_chunked {
                Self::Chunked(size)
            } else {
                Self::UntilClose
            });
        }
        let length = values("content-length").next_back()?;
        Some(length.parse().map_or(Self::UntilClose, Self::Length))
    }

    /// Whether it is over.
    pub(super) fn is_over(self) -> bool {
        self == Self::NONE
    }

    /// Takes what of these bytes belongs to it, and says how much that was; `None`
    /// if it cannot be read on. `pass` gets what is said, without what only frames
    /// it, and how much was taken with it.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        pass: &mut impl FnMut(&[u8], usize),
    ) -> Option<usize> {
        match self {
            Self::Length(left) => {
                let used = take_some(left, bytes);
                pass(&bytes[..used], used);
                Some(used)
            }
            Self::UntilClose => {
                pass(bytes, bytes.len());
                Some(bytes.len())
            }
            Self::Chunked(_) => {
                let mut used = 0;
                while used < bytes.len() && !self.is_over() {
                    let before = used;
                    let pass = &mut |said: &[u8], more| pass(said, before + more);
                    used += self.take_piece(&bytes[used..], pass)?;
                }
                Some(used)
            }
        }
    }

    fn take_piece(&mut self, bytes: &[u8], pass: &mut impl FnMut(&[u8], usize)) -> Option<usize> {
        let Self::Chunked(next) = self else {
            return Some(0);
        };
        let byte = *bytes.first()?;
        if let Chunked::Piece(left) = next {
            let said = usize::try_from(left.saturating_sub(END_OF_PIECE)).unwrap_or(usize::MAX);
            let used = take_some(left, bytes);
            let said = used.min(said);
            pass(&bytes[..said], said);
            if *left == 0 {
                *next = Chunked::Size { size: 0, digits: 0 };
            }
            return Some(used);
        }
        match next.after(byte)? {
            Some(after) => *next = after,
            None => *self = Self::NONE,
        }
        Some(1)
    }
}

impl Chunked {
    /// What comes behind this byte of a line; `Some(None)` if nothing does.
    fn after(self, byte: u8) -> Option<Option<Self>> {
        Some(Some(match (self, byte) {
            (Self::Size { size, digits }, byte) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                Self::Size {
                    size: size * 16 + digit,
                    digits: digits + 1,
                }
            }
            (Self::Size { size, digits: 1.. }, b'\r' | b';' | b' ' | b'\t') => {
                Self::Extension(size)
            }
            (Self::Extension(0), b'\n') => Self::Trailer { is_empty: true },
            (Self::Extension(size), b'\n') => Self::Piece(size + END_OF_PIECE),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::Trailer { is_empty: true }, b'\n') => return Some(None),
            (Self::Trailer { .. }, b'\n') => Self::Trailer { is_empty: true },
            (Self::Trailer { is_empty }, b'\r') => Self::Trailer { is_empty },
            (Self::Trailer { .. }, _) => Self::Trailer { is_empty: false },
            (Self::Size { .. } | Self::Piece(_), _) => return None,
        }))
    }
}

/// Takes as many of `left` as there are bytes.
fn take_some(left: &mut u64, bytes: &[u8]) -> usize {
    let used = usize::try_from(*left)
        .unwrap_or(usize::MAX)
        .min(bytes.len());
    *left -= used as u64;
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of what follows the head is its content, read byte by byte.
    fn length(head: &str, is_bodiless: bool, rest: &str) -> Option<usize> {
        let mut content = Content::behind(head.as_bytes(), is_bodiless);
        let mut used = 0;
        for byte in rest.as_bytes() {
            if content.is_over() {
                break;
            }
            used += content.take(&[*byte], &mut |_, _| {})?;
        }
        Some(used)
    }

    #[test]
    fn contents_end_where_they_say() {
        let ok = "HTTP/1.1 200 OK\r\n";
        let pieces = "3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\nHTTP/1.1";
        let cases = [
            (
                format!("{ok}Content-Length: 3\r\n\r\n"),
                false,
                "abcdef",
                Some(3),
            ),
            (
                format!("{ok}Content-Length: 3\r\n\r\n"),
                true,
                "abcdef",
                Some(0),
            ),
            (
                format!("{ok}Transfer-Encoding: chunked\r\n\r\n"),
                false,
                pieces,
                Some(pieces.len() - 8),
            ),
            (
                format!("{ok}Transfer-Encoding: chunked\r\n\r\n"),
                false,
                "x\r\n",
                None,
            ),
            (format!("{ok}\r\n"), false, "abc", Some(3)),
            ("HTTP/1.1 204 No\r\n\r\n".to_owned(), false, "abc", Some(0)),
            (
                "HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n".to_owned(),
                false,
                "abc",
                Some(0),
            ),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), false, "abc", Some(0)),
            (
                "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n".to_owned(),
                false,
                "abc",
                Some(2),
            ),
        ];
        for (head, is_bodiless, rest, expected) in cases {
            assert_eq!(length(&head, is_bodiless, rest), expected, "{head}");
        }
    }
}
