//! The URL that a client dials: `ws://host[:port]/path?query`, or `wss://…`.
//!
//! Its own path and query are kept as they are; a resume is appended. The host
//! stays a name, so that every dial asks again where it leads. Used by the
//! socket and by whoever configures a client.

use std::fmt;
use std::str::FromStr;

use tokio_tungstenite::tungstenite::http::Uri;

use environment::tls::{Connector, Trust, TrustError};

use crate::session::Resume;

/// A checked `ws://` or `wss://` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    is_tls: bool,
    host: String,
    port: u16,
    path_and_query: String,
}

/// Why a text is no URL for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Any other scheme, or none.
    #[error("{0:?} is not of the form ws://host:port/path or wss://host:port/path")]
    Scheme(String),
    /// No host, a port that is none, or characters that may not be there.
    #[error("{0:?} cannot be read: ws://host:port/path?query is what is needed")]
    Malformed(String),
    /// RFC 6455 §3.
    #[error("{0:?} has a fragment, which a WebSocket URL may not have; drop it from `#` on")]
    Fragment(String),
}

impl Url {
    /// `host:port`, what is dialled.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What the Host header says: without the port if it is the usual one.
    pub fn host(&self) -> String {
        match self.port == usual_port(self.is_tls) {
            true => self.host.clone(),
            false => self.authority(),
        }
    }

    /// How TLS is asked for, if it is spoken there.
    ///
    /// # Errors
    /// What `trust` stands on and cannot be had.
    pub fn connector(&self, trust: &Trust) -> Result<Option<Connector>, TrustError> {
        match self.is_tls {
            true => Connector::new(&self.host, trust).map(Some),
            false => Ok(None),
        }
    }

    /// Whether TLS is spoken there.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The same URL with `session` and `last_seq` in its query.
    pub fn resuming(&self, resume: &Resume) -> Self {
        let last_seq = resume.last_seq.to_string();
        self.asking(&[
            ("session", resume.session.as_str()),
            ("last_seq", &last_seq),
        ])
    }

    /// The same URL with these in its query, behind what is there.
    pub fn asking<T: AsRef<str>>(&self, pairs: &[(T, T)]) -> Self {
        let mut url = self.clone();
        for (name, value) in pairs {
            let has_query = url.path_and_query.contains('?');
            url.path_and_query.push(if has_query { '&' } else { '?' });
            url.path_and_query.push_str(&escaped(name.as_ref()));
            url.path_and_query.push('=');
            url.path_and_query.push_str(&escaped(value.as_ref()));
        }
        url
    }
}

/// RFC 6455 §3.
fn usual_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

/// RFC 3986 §2.1: whatever is not unreserved is escaped.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.host(), self.path_and_query)
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_tls = reads_tls(text)?;
        if text.contains('#') {
            return Err(UrlError::Fragment(text.into()));
        }
        let malformed = || UrlError::Malformed(text.into());
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let authority = uri.authority().ok_or_else(malformed)?;
        let host = authority.host();
        // `host:` and `host:99999` have a host and no port that could be read.
        let rest = authority.as_str().rsplit('@').next().unwrap_or_default();
        let has_port = rest.len() > host.len();
        let port = match authority.port_u16() {
            Some(port) if port > 0 => port,
            None if !has_port => usual_port(is_tls),
            _ => return Err(malformed()),
        };
        if host.is_empty() {
            return Err(malformed());
        }
        let path_and_query = uri.path_and_query().map_or("", |path| path.as_str());
        // `ws://host?query` has an empty path, which a request may not have.
        let slash = if path_and_query.starts_with('/') {
            ""
        } else {
            "/"
        };
        Ok(Self {
            is_tls,
            host: host.into(),
            port,
            path_and_query: format!("{slash}{path_and_query}"),
        })
    }
}

/// Whether the scheme is that of TLS.
fn reads_tls(text: &str) -> Result<bool, UrlError> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("ws") => Ok(false),
        Some("wss") => Ok(true),
        _ => Err(UrlError::Scheme(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn reads_host_port_path_and_query() {
        let check = |text, authority: &str, shown: &str| {
            assert_eq!(url(text).authority(), authority, "{text}");
            assert_eq!(url(text).to_string(), shown, "{text}");
        };
        check("ws://a:9000/ws", "a:9000", "ws://a:9000/ws");
        check("ws://a", "a:80", "ws://a/");
        check("WS://a:80/x?y=1", "a:80", "ws://a/x?y=1");
        check("ws://a?y=1", "a:80", "ws://a/?y=1");
        check("ws://user:secret@a:1/", "a:1", "ws://a:1/");
        check("wss://a/x", "a:443", "wss://a/x");
        check("WSS://a:443", "a:443", "wss://a/");
        check("wss://a:80/", "a:80", "wss://a:80/");
        check("ws://[::1]:9000/ws", "[::1]:9000", "ws://[::1]:9000/ws");
    }

    #[test]
    fn refuses_what_it_cannot_dial_and_says_what_would_be_right() {
        let check = |text: &str, part| {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("https://a/", "or wss://host");
        check("http://a/", "not of the form ws://");
        check("a:9000", "not of the form ws://");
        check("ws://", "cannot be read");
        check("ws://a:x/", "cannot be read");
        check("ws://a:99999/", "cannot be read");
        check("ws://a:/", "cannot be read");
        check("ws://a b/", "cannot be read");
        check("ws://a/#top", "fragment");
    }

    #[test]
    fn a_resume_is_appended_to_the_urls_own_query() {
        let resume = Resume {
            session: "a&b=ü".into(),
            last_seq: 41,
        };
        let check = |text, expected: &str| {
            assert_eq!(url(text).resuming(&resume).to_string(), expected);
        };
        check(
            "ws://a:1/ws",
            "ws://a:1/ws?session=a%26b%3D%C3%BC&last_seq=41",
        );
        check(
            "ws://a:1/ws?client=c1",
            "ws://a:1/ws?client=c1&session=a%26b%3D%C3%BC&last_seq=41",
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "ws://.{0,40}") {
            let _ = text.parse::<Url>();
        }

        #[test]
        fn any_session_gives_a_url_again(session: String, last_seq: u64) {
            let resumed = url("ws://a:1/ws?x=1").resuming(&Resume { session, last_seq });
            prop_assert_eq!(url(&resumed.to_string()), resumed);
        }
    }
}
