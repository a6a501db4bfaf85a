//! The URL that a client dials: `ws://host[:port]/path?query`.
//!
//! Its own path and query are kept as they are; a resume is appended. The host
//! stays a name, so that every dial asks again where it leads. Used by the
//! socket and by whoever configures a client.

use std::fmt;
use std::str::FromStr;

use tokio_tungstenite::tungstenite::http::Uri;

use crate::session::Resume;

/// A checked `ws://` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    host: String,
    port: u16,
    path_and_query: String,
}

/// Why a text is no URL for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// `wss://` or `https://`.
    #[error("TLS is not spoken; use ws://… instead of {0:?}")]
    Tls(String),
    /// Any other scheme, or none.
    #[error("{0:?} is not of the form ws://host:port/path")]
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

    /// What the Host header says: without the port if it is 80.
    pub fn host(&self) -> String {
        match self.port {
            80 => self.host.clone(),
            _ => self.authority(),
        }
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
        write!(f, "ws://{}{}", self.host(), self.path_and_query)
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_scheme(text)?;
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
            None if !has_port => 80,
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
            host: host.into(),
            port,
            path_and_query: format!("{slash}{path_and_query}"),
        })
    }
}

fn check_scheme(text: &str) -> Result<(), UrlError> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("ws") => Ok(()),
        Some("wss" | "https") => Err(UrlError::Tls(text.into())),
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
        check("ws://[::1]:9000/ws", "[::1]:9000", "ws://[::1]:9000/ws");
    }

    #[test]
    fn refuses_what_it_cannot_dial_and_says_what_would_be_right() {
        let check = |text: &str, part| {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("wss://a/", "TLS is not spoken; use ws://");
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
