//! What a client asks for when it upgrades: headers, host, subprotocols and
//! query; of each attempt its own, where a server checks that.
//!
//! The one invariant: what [`Upgrade::from_table`] returns without a diagnostic
//! can be sent. Used by the socket and by whoever configures a client.

use environment::text::{FromToml, Mismatch, Table, Value};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, uri::Authority};

/// What texts may name: `{client}` and `{attempt}`.
const NAMES: [&str; 2] = ["client", "attempt"];

/// Headers that the upgrade itself needs (RFC 6455 §4.1), and who says them here.
const OWN: [(&str, &str); 7] = [
    ("host", "use `host`"),
    ("sec-websocket-protocol", "use `subprotocols`"),
    ("connection", "the handshake needs it as it is"),
    ("upgrade", "the handshake needs it as it is"),
    ("sec-websocket-key", "it is drawn from the seed"),
    ("sec-websocket-version", "it is 13"),
    ("sec-websocket-extensions", "the simulated client has none"),
];

/// A header: its name, and its value, in which `{client}` and `{attempt}` stand
/// for the client's name and the number of its dial.
pub type Header = (String, String);

/// What is asked for beside a WebSocket; by default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// With every request.
    pub headers: Vec<Header>,
    /// The first are of the first dial, and so on, refused ones included; the last
    /// go on for all that follow. They stand in place of `headers` of their name.
    pub headers_by_attempt: Vec<Vec<Header>>,
    /// What the Host header says; by default what is dialled.
    pub host: Option<String>,
    /// In the order of preference (RFC 6455 §1.9).
    pub subprotocols: Vec<String>,
    /// Added to the URL's own; values may have names in them, as headers may.
    pub query: Vec<(String, String)>,
}

impl Upgrade {
    /// Reads the keys of the `[clients]` table that are about it. Every error is
    /// reported to the table's diagnostics, and left out of the result.
    pub(crate) fn from_table(table: &mut Table<'_>) -> Self {
        let headers = table.table("headers").map(headers);
        let by_attempt = table.tables("headers_by_attempt");
        if table.has("headers_by_attempt") && by_attempt.is_empty() {
            let span = table.span_of("headers_by_attempt");
            table.error(span, "headers_by_attempt has none; leave it out");
        }
        let query = table.table("query").map(query);
        let subprotocols = table.optional::<Vec<Subprotocol>>("subprotocols");
        Self {
            headers: headers.unwrap_or_default(),
            headers_by_attempt: by_attempt.into_iter().map(self::headers).collect(),
            host: table.optional::<Host>("host").map(|Host(host)| host),
            subprotocols: subprotocols
                .into_iter()
                .flatten()
                .map(|Subprotocol(name)| name)
                .collect(),
            query: query.unwrap_or_default(),
        }
    }

    /// The headers of this client's dial.
    pub(crate) fn headers_of(&self, client: &str, dial: u64) -> Vec<Header> {
        let index = usize::try_from(dial.saturating_sub(1)).unwrap_or(usize::MAX);
        let last = self.headers_by_attempt.len().saturating_sub(1);
        let own = self.headers_by_attempt.get(index.min(last));
        let own = own.map(Vec::as_slice).unwrap_or_default();
        let is_replaced = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let common = self.headers.iter().filter(|(name, _)| !is_replaced(name));
        let subprotocols = self.subprotocols.join(", ");
        let offer =
            (!subprotocols.is_empty()).then(|| ("Sec-WebSocket-Protocol".to_owned(), subprotocols));
        common
            .chain(own)
            .map(|(name, value)| (name.clone(), filled(value, client, dial)))
            .chain(offer)
            .collect()
    }

    /// The query of this client's dial.
    pub(crate) fn query_of(&self, client: &str, dial: u64) -> Vec<(String, String)> {
        let pairs = self.query.iter();
        pairs
            .map(|(name, value)| (name.clone(), filled(value, client, dial)))
            .collect()
    }
}

/// What is wrong with a header, if anything is; `Err` has what would be right.
///
/// # Errors
/// What is wrong, and what to do instead.
pub fn check_header(name: &str, value: &str) -> Result<(), (String, String)> {
    let wrong = |message: String, help: &str| Err((message, help.to_owned()));
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        let message = format!("`{}` is no name of a header", name.escape_debug());
        return wrong(message, "letters, digits and `-`, such as Authorization");
    }
    let own = OWN.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    if let Some((_, help)) = own {
        return wrong(format!("`{name}` is set by the handshake itself"), help);
    }
    if HeaderValue::from_str(value).is_err() {
        return wrong(
            format!("the value of `{name}` is no line of visible characters"),
            "a header ends with its line",
        );
    }
    check_text(value)
}

/// What is wrong with the names in a text, if anything is.
///
/// # Errors
/// What is wrong, and what may stand there.
pub fn check_text(text: &str) -> Result<(), (String, String)> {
    let unknown = named(text).find(|name| !NAMES.contains(name));
    unknown.map_or(Ok(()), |name| {
        Err((
            format!("nothing is known by the name of `{{{name}}}`"),
            "allowed here: {client}, {attempt}".to_owned(),
        ))
    })
}

/// What is wrong with the name of a host, if anything is.
///
/// # Errors
/// What is wrong.
pub fn check_host(host: &str) -> Result<(), String> {
    let is_host = host.parse::<Authority>().is_ok() && !host.contains('@');
    let message = || format!("{host:?} is no host, such as \"feed.test\" or \"feed.test:8080\"");
    is_host.then_some(()).ok_or_else(message)
}

/// What is wrong with the name of a subprotocol, if anything is.
///
/// # Errors
/// What is wrong.
pub fn check_subprotocol(name: &str) -> Result<(), String> {
    // A token, as the name of a header is (RFC 6455 §4.1, RFC 9110 §5.6.2).
    let is_token = HeaderName::from_bytes(name.as_bytes()).is_ok();
    let message =
        || format!("{name:?} is no subprotocol: one word, such as \"graphql-transport-ws\"");
    is_token.then_some(()).ok_or_else(message)
}

/// Every `{name}` in a text. Braces around anything else are braces.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('{').skip(1);
    parts.filter_map(|part| {
        let (name, _) = part.split_once('}')?;
        let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (is_name && !name.is_empty()).then_some(name)
    })
}

fn filled(text: &str, client: &str, dial: u64) -> String {
    let text = text.replace("{client}", client);
    text.replace("{attempt}", &dial.to_string())
}

fn headers(mut table: Table<'_>) -> Vec<Header> {
    let entries: Vec<_> = table.entries().collect();
    let read = entries.into_iter().filter_map(|(name, span, value)| {
        let place = value.span();
        let value = match String::from_toml(value) {
            Ok(value) => value,
            Err(problem) => {
                table.diagnostics().mismatch(problem);
                return None;
            }
        };
        if let Err((message, help)) = check_header(name, &value) {
            let is_about_value = check_header(name, "").is_ok();
            let span = if is_about_value { place } else { span };
            table.error_with_help(span, message, help);
            return None;
        }
        Some((name.to_owned(), value))
    });
    read.collect()
}

fn query(mut table: Table<'_>) -> Vec<(String, String)> {
    let entries: Vec<_> = table.entries().collect();
    let read = entries.into_iter().filter_map(|(name, _, value)| {
        let place = value.span();
        let value = String::from_toml(value).map_err(|problem| {
            table.diagnostics().mismatch(problem);
        });
        let value = value.ok()?;
        if let Err((message, help)) = check_text(&value) {
            table.error_with_help(place, message, help);
            return None;
        }
        Some((name.to_owned(), value))
    });
    read.collect()
}

struct Host(String);

impl FromToml for Host {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let host = String::from_toml(value)?;
        let checked = check_host(&host).map_err(|wrong| Mismatch::new(value.span(), wrong));
        checked.map(|()| Self(host))
    }
}

struct Subprotocol(String);

impl FromToml for Subprotocol {
    fn from_toml(value: Value<'_>) -> Result<Self, Mismatch> {
        let name = String::from_toml(value)?;
        let checked = check_subprotocol(&name).map_err(|wrong| Mismatch::new(value.span(), wrong));
        checked.map(|()| Self(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::text::{Diagnostics, Document, Source};

    fn read(text: &str) -> Result<Upgrade, String> {
        let source = Source::new("x.toml", text);
        let diagnostics = Diagnostics::new();
        let upgrade = {
            let document = Document::parse(&source, &diagnostics);
            Upgrade::from_table(&mut document.root(&diagnostics))
        };
        let is_sound = diagnostics.is_empty();
        is_sound
            .then_some(upgrade)
            .ok_or_else(|| diagnostics.render(&source))
    }

    #[test]
    fn each_dial_has_its_own_headers_and_the_last_go_on() {
        let upgrade = read(
            "headers = { Authorization = 'none', Cookie = 'id={client}' }\n\
             headers_by_attempt = [{ authorization = 'one' }, {}, { Authorization = 'n{attempt}' }]\n\
             subprotocols = ['a', 'b']\n",
        )
        .unwrap();
        let of = |dial| {
            let headers = upgrade.headers_of("c1", dial).into_iter();
            headers
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        let offer = "Sec-WebSocket-Protocol: a, b";
        assert_eq!(of(1), ["Cookie: id=c1", "authorization: one", offer]);
        assert_eq!(of(2), ["Authorization: none", "Cookie: id=c1", offer]);
        assert_eq!(of(3), ["Cookie: id=c1", "Authorization: n3", offer]);
        assert_eq!(of(9)[1], "Authorization: n9");
    }

    #[test]
    fn what_cannot_be_sent_is_told_at_its_place() {
        for (text, begins) in [
            ("headers = { 'a b' = 'x' }", "x.toml:1:13: `a b` is no name"),
            (
                "headers = { Host = 'x' }",
                "x.toml:1:13: `Host` is set by the handshake itself",
            ),
            (
                "headers = { A = \"x\\ny\" }",
                "x.toml:1:17: the value of `A` is no line",
            ),
            (
                "headers = { A = '{clint}' }",
                "x.toml:1:17: nothing is known by the name of `{clint}`",
            ),
            ("headers = { A = 1 }", "x.toml:1:17: expected a string"),
            (
                "headers_by_attempt = []",
                "x.toml:1:22: headers_by_attempt has none",
            ),
            (
                "headers_by_attempt = [{ Upgrade = 'x' }]",
                "x.toml:1:25: `Upgrade` is set by the handshake itself",
            ),
            ("host = 'a b'", "x.toml:1:8: \"a b\" is no host"),
            ("host = 'u@h'", "x.toml:1:8: \"u@h\" is no host"),
            (
                "subprotocols = ['a b']",
                "x.toml:1:17: \"a b\" is no subprotocol",
            ),
            ("query = { a = '{x}' }", "x.toml:1:15: nothing is known"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(begins), "{text}: {error}");
        }
        // Braces that name nothing are braces.
        read("headers = { A = '{\"a\":{}}' }").unwrap();
    }
}
