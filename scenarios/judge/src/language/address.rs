//! Where a custom server is: `ws://host:port/path?query`,
//! `http://host:port/path?query` or `tcp://host:port/path?query`; `wss`, `https` and
//! `tls` are the same over TLS.

use core::net::IpAddr;
use std::str::FromStr;

use client_sim::Url;

/// A server's URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether a WebSocket is spoken.
    pub scheme: Scheme,
    /// Whether it is spoken over TLS.
    pub is_tls: bool,
    /// `host:port`, what is dialled.
    pub authority: String,
    /// Path and query as they were given; they may be empty.
    path: String,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `ws`.
    WebSocket,
    /// `http`: answers, or a stream of events.
    Http,
    /// `tcp`: any bytes.
    Tcp,
}

impl Scheme {
    /// The word before `://`, with TLS or without.
    pub fn word(self, is_tls: bool) -> &'static str {
        match (self, is_tls) {
            (Self::WebSocket, false) => "ws",
            (Self::WebSocket, true) => "wss",
            (Self::Http, false) => "http",
            (Self::Http, true) => "https",
            (Self::Tcp, false) => "tcp",
            (Self::Tcp, true) => "tls",
        }
    }
}

impl Address {
    /// The URL of somebody who stands between, and speaks TLS or not, whatever the
    /// server does: path and query are kept.
    pub fn through(&self, authority: &str, is_tls: bool) -> String {
        format!("{}://{authority}{}", self.scheme.word(is_tls), self.path)
    }

    /// Its host, without brackets.
    pub fn host(&self) -> &str {
        let (host, _) = self.authority.rsplit_once(':').unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is on this machine without asking anybody.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "ws://host:port/path, http://host:port/path or tcp://host:port is what is needed, or wss, https or tls";
        let quoted = text.escape_debug();
        let (scheme, is_tls, rest) = match text.split_once("://") {
            Some(("ws", rest)) => (Scheme::WebSocket, false, rest),
            Some(("wss", rest)) => (Scheme::WebSocket, true, rest),
            Some(("http", rest)) => (Scheme::Http, false, rest),
            Some(("https", rest)) => (Scheme::Http, true, rest),
            Some(("tcp", rest)) => (Scheme::Tcp, false, rest),
            Some(("tls", rest)) => (Scheme::Tcp, true, rest),
            _ => return Err(format!("`{quoted}` is no URL of a server; {FORM}")),
        };
        // What a client may dial is known there.
        let dialled = if is_tls { "wss" } else { "ws" };
        let url: Url = format!("{dialled}://{rest}")
            .parse()
            .map_err(|_| format!("`{quoted}` cannot be read; {FORM}"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(format!(
                "`{quoted}` names a user, and chaos does not log in"
            ));
        }
        let has_port = authority.rsplit(':').next().is_some_and(is_number);
        match scheme {
            Scheme::Tcp if !has_port => Err(format!("`{quoted}` has no port")),
            _ => Ok(Self {
                scheme,
                is_tls,
                authority: url.authority(),
                path: path.to_owned(),
            }),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_host_and_port_is_kept() {
        let check = |text: &str, authority: &str, through: &str, is_loopback: bool| {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.authority, authority);
            assert_eq!(address.through("p:1", false), through);
            assert_eq!(address.is_loopback(), is_loopback, "{text}");
        };
        check(
            "ws://localhost/a/b?c=d",
            "localhost:80",
            "ws://p:1/a/b?c=d",
            true,
        );
        check("ws://127.9.0.1:8080", "127.9.0.1:8080", "ws://p:1", true);
        check("ws://[::1]:8080?x", "[::1]:8080", "ws://p:1?x", true);
        check("http://[::1]/a?b", "[::1]:80", "http://p:1/a?b", true);
        check("tcp://example.org:7", "example.org:7", "tcp://p:1", false);
        // Plain TCP knows nothing of paths, but a client may.
        check("tcp://[::1]:7/a?b", "[::1]:7", "tcp://p:1/a?b", true);
        check("ws://10.0.0.1:1/", "10.0.0.1:1", "ws://p:1/", false);
    }

    #[test]
    fn tls_of_the_server_is_not_that_of_its_clients() {
        let address: Address = "wss://[::1]/a?b".parse().unwrap();
        assert!(address.is_tls);
        assert_eq!(
            (address.authority.as_str(), address.host()),
            ("[::1]:443", "::1")
        );
        assert_eq!(address.through("p:1", false), "ws://p:1/a?b");
        assert_eq!(address.through("p:1", true), "wss://p:1/a?b");
        let address: Address = "https://a/x".parse().unwrap();
        assert_eq!(address.through("p:1", true), "https://p:1/x");
    }

    #[test]
    fn what_is_no_server_is_told() {
        for (text, part) in [
            ("", "is no URL"),
            ("ftp://a:1", "is no URL"),
            ("ws://", "cannot be read"),
            ("ws://a:99999", "cannot be read"),
            ("ws://a:1/#x", "cannot be read"),
            ("ws://me@a:1", "names a user"),
            ("tcp://a", "has no port"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
