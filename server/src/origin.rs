//! Which web pages may open a WebSocket here.
//!
//! Pure. A browser sends `Origin` with every WebSocket handshake and lets any
//! page open one to anywhere, so the server must look (RFC 6455 §10.2). No
//! `Origin` means that no browser is asking. Used by [`crate::handshake`].

use core::net::Ipv4Addr;

use axum::http::Uri;
use axum::http::uri::Authority;

/// Whether a page of this origin may connect to a server called `host`.
///
/// Allowed are no origin at all, a page of the same host on any port (a proxy
/// in between has another port), a page on a loopback host, and what `allow`
/// names: an origin such as `https://example.org`, or `null`, or `*`.
pub(crate) fn is_allowed(origin: Option<&str>, host: Option<&str>, allow: &[String]) -> bool {
    let Some(origin) = origin else {
        return true;
    };
    let listed = |entry: &String| entry == "*" || entry.eq_ignore_ascii_case(origin);
    if allow.iter().any(listed) {
        return true;
    }
    let Some(page) = host_of_origin(origin) else {
        return false;
    };
    let own = host.and_then(host_of_authority);
    is_loopback(&page) || own.is_some_and(|own| own == page)
}

/// Whether an entry of the list of allowed origins can ever match.
pub(crate) fn is_origin(entry: &str) -> bool {
    entry == "*" || entry == "null" || host_of_origin(entry).is_some()
}

/// The lower-case host of `http(s)://host[:port]`; nothing else is an origin.
fn host_of_origin(origin: &str) -> Option<String> {
    let (scheme, authority) = origin.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    // The whole must be a URL too, so that `http://a/b` is not taken for `a`.
    let _: Uri = origin.parse().ok()?;
    is_web.then(|| host_of_authority(authority)).flatten()
}

fn host_of_authority(authority: &str) -> Option<String> {
    // A user part would make `http://localhost@example.org` look familiar.
    if authority.contains('@') {
        return None;
    }
    let parsed: Authority = authority.parse().ok()?;
    let host = parsed.host().to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

/// `localhost` and its subdomains (RFC 6761 §6.3), 127.0.0.0/8, `[::1]`.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: Option<&str>, host: &str, allow: &[&str], expected: bool) {
        let allow: Vec<String> = allow.iter().map(|entry| (*entry).to_owned()).collect();
        assert_eq!(
            is_allowed(origin, Some(host), &allow),
            expected,
            "{origin:?} at {host} with {allow:?}"
        );
    }

    #[test]
    fn no_origin_is_no_browser() {
        check(None, "example.org", &[], true);
    }

    #[test]
    fn own_host_is_allowed_on_any_port_and_in_any_case() {
        check(
            Some("http://example.org:8080"),
            "example.org:8080",
            &[],
            true,
        );
        check(
            Some("http://Example.ORG:8080"),
            "example.org:9000",
            &[],
            true,
        );
        check(Some("https://example.org"), "example.org", &[], true);
        check(Some("http://192.0.2.7:80"), "192.0.2.7:9000", &[], true);
    }

    #[test]
    fn loopback_pages_are_allowed() {
        for page in [
            "http://localhost:5173",
            "http://app.localhost",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080",
        ] {
            check(Some(page), "example.org", &[], true);
        }
    }

    #[test]
    fn foreign_pages_are_refused() {
        for page in [
            "http://example.com",
            "http://example.org.example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://localhost@example.com",
            "http://127.0.0.1.example.com",
            "http://0.0.0.0",
            "http://[::2]",
            "null",
            "",
            "localhost",
            "file://",
            "http://",
            "http://localhost/path",
            "chrome-extension://localhost",
            "http://localhost http://example.com",
        ] {
            check(Some(page), "example.org", &[], false);
        }
    }

    #[test]
    fn listed_pages_are_allowed() {
        let page = Some("https://example.com");
        check(page, "example.org", &["https://EXAMPLE.com"], true);
        check(page, "example.org", &["http://example.com"], false);
        check(page, "example.org", &["https://example.com:8443"], false);
        check(page, "example.org", &["*"], true);
        check(Some("null"), "example.org", &["null"], true);
    }

    #[test]
    fn a_missing_or_broken_host_is_nobodys_own() {
        assert!(!is_allowed(Some("http://example.org"), None, &[]));
        check(Some("http://example.org"), "example.org@x", &[], false);
    }

    #[test]
    fn entries_that_never_match_are_told_apart() {
        for good in ["*", "null", "https://example.org", "http://[::1]:1"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in ["", "example.org", "https://example.org/", "ftp://a"] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
