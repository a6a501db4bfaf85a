//! `upgrade_reply` and `upgrade_delay`: the answer to the upgrade's request is
//! another one, or late.

use std::time::Duration;

use environment::Draw;
use environment::text::{FromToml, Mismatch, Table, Value, choice};

/// The longest garbage, and the shortest, in bytes.
const GARBAGE: (u64, u64) = (64, 512);
/// An answer that no upgrade's key has: 20 zero bytes in base64.
const WRONG_ACCEPT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What is said of a header's value that is not.
const ONE_LINE: &str = "a header's value is one line of visible characters";

/// What the client gets instead of the server's answer. The server never sees
/// the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpgradeReply {
    /// An answer of HTTP, and FIN.
    Answer(Answer),
    /// Random bytes, and FIN.
    Garbage,
    /// 101 with a wrong `Sec-WebSocket-Accept` (RFC 6455 §4.1), and silence.
    WrongAccept,
}

/// An answer of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status, never 101.
    pub status: u16,
    /// Its headers, besides `Content-Length` and `Connection: close`.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// The true answer, late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradeDelay {
    /// How late.
    pub delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Status,
    Garbage,
    WrongAccept,
}

impl UpgradeReply {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        const ANSWER: [&str; 3] = ["status", "headers", "body"];
        ANSWER.iter().for_each(|key| table.ignore(key));
        let kind = table.or("kind", Kind::Status);
        let given = ANSWER.into_iter().find(|key| table.has(key));
        if let Some(key) = given.filter(|_| kind != Kind::Status) {
            let message = format!("`{key}` is for `kind = \"status\"`: this answer has none");
            table.error(table.key_span(key), message);
            return None;
        }
        match kind {
            Kind::Status => Answer::read(table).map(Self::Answer),
            Kind::Garbage => Some(Self::Garbage),
            Kind::WrongAccept => Some(Self::WrongAccept),
        }
    }

    /// The status that the client reads, if it is HTTP at all.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(answer) => Some(answer.status),
            Self::Garbage => None,
            Self::WrongAccept => Some(101),
        }
    }

    /// What goes to the client.
    #[doc(hidden)]
    pub fn bytes(&self, draw: &mut Draw) -> Vec<u8> {
        match self {
            Self::Answer(answer) => answer.bytes(),
            Self::Garbage => garbage(draw),
            Self::WrongAccept => format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {WRONG_ACCEPT}\r\n\r\n"
            )
            .into_bytes(),
        }
    }
}

impl Answer {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let body = table.or("body", String::new());
        let headers = read_headers(table);
        let status = table.required::<u16>("status")?;
        if !is_final(status) {
            let help = "200 to 599; the server's own 101 is late with `upgrade_delay`, and wrong with `kind = \"wrong_accept\"`";
            table.error_with_help(
                table.span_of("status"),
                format!("{status} is no final answer"),
                help,
            );
            return None;
        }
        Some(Self {
            status,
            headers: headers?,
            body,
        })
    }

    /// What is wrong with its status or its headers, if anything is.
    pub(super) fn mistake(&self) -> Option<String> {
        if !is_final(self.status) {
            return Some(format!("{} is no final answer", self.status));
        }
        let wrong = |(name, value): &(String, String)| {
            if !is_header_name(name) {
                return Some(no_name(name));
            }
            http::HeaderValue::from_str(value)
                .err()
                .map(|_| ONE_LINE.to_owned())
        };
        self.headers.iter().find_map(wrong)
    }

    fn bytes(&self) -> Vec<u8> {
        let status = http::StatusCode::from_u16(self.status).ok();
        let phrase = status.and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, phrase.unwrap_or(""));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has = |name: &str| {
            let mut headers = self.headers.iter();
            headers.any(|(given, _)| given.eq_ignore_ascii_case(name))
        };
        if !has("content-length") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        if !has("connection") {
            head.push_str("Connection: close\r\n");
        }
        format!("{head}\r\n{}", self.body).into_bytes()
    }
}

/// Names and values that HTTP can carry; `None` if one cannot, and is reported.
fn read_headers(table: &mut Table<'_>) -> Option<Vec<(String, String)>> {
    let Some(mut given) = table.table("headers") else {
        return (!table.has("headers")).then(Vec::new);
    };
    let mut headers = Some(Vec::new());
    for (name, span, value) in given.entries() {
        let is_name = is_header_name(name);
        if !is_name {
            given.error(span, no_name(name));
        }
        let value = HeaderText::from_toml(value).map_err(|problem| {
            given.diagnostics().mismatch(problem);
        });
        match (value, &mut headers) {
            (Ok(HeaderText(value)), Some(headers)) if is_name => {
                headers.push((name.to_owned(), value));
            }
            _ => headers = None,
        }
    }
    headers
}

fn is_final(status: u16) -> bool {
    (200..=599).contains(&status)
}

fn is_header_name(name: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_ok()
}

fn no_name(name: &str) -> String {
    format!("`{}` is no name of a header", name.escape_debug())
}

/// A header's value: one line.
struct HeaderText(String);

impl FromToml for HeaderText {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let text = String::from_toml(value)?;
        match http::HeaderValue::from_str(&text) {
            Ok(_) => Ok(Self(text)),
            Err(_) => Err(Mismatch::new(value.span(), ONE_LINE)),
        }
    }
}

impl FromToml for Kind {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let kinds = [
            ("status", Self::Status),
            ("garbage", Self::Garbage),
            ("wrong_accept", Self::WrongAccept),
        ];
        choice(value, &kinds)
    }
}

impl UpgradeDelay {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let delay = table.required("delay")?;
        Some(Self { delay })
    }
}

/// Random bytes. The first is above every letter, so that nobody can take them
/// for HTTP.
fn garbage(draw: &mut Draw) -> Vec<u8> {
    let (least, most) = GARBAGE;
    let length = least + draw.below(most - least + 1);
    let mut bytes: Vec<u8> = (0..length).map(|_| draw.bits().to_le_bytes()[0]).collect();
    bytes[0] |= 0x80;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{Key, Realm, Seed};

    fn draw() -> Draw {
        Seed(1).draw(&Key::new(Realm::Proxy, "garbage", "r"))
    }

    #[test]
    fn an_answer_says_what_it_was_told_and_how_it_ends() {
        let answer = Answer {
            status: 503,
            headers: vec![("Retry-After".to_owned(), "5".to_owned())],
            body: "busy".to_owned(),
        };
        let text = String::from_utf8(UpgradeReply::Answer(answer).bytes(&mut draw())).unwrap();
        let expect = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
                      Content-Length: 4\r\nConnection: close\r\n\r\nbusy";
        assert_eq!(text, expect);
    }

    #[test]
    fn garbage_is_the_same_for_the_same_draw_and_no_http() {
        let bytes = UpgradeReply::Garbage.bytes(&mut draw());
        assert_eq!(bytes, UpgradeReply::Garbage.bytes(&mut draw()));
        assert!(bytes.len() >= 64 && !bytes[0].is_ascii());
    }
}
