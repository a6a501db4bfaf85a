//! Who may use the API: programs, and pages of this port.
//!
//! Pure. A browser lets any page send requests to any address, and a page whose
//! name was bound anew to this one reads the answers too (DNS rebinding). So a
//! request must call this host by an address, by a name without a dot, such as
//! `localhost` or that of a container, or by a listed name; and where a browser
//! says on whose behalf it asks (`Origin`, `Sec-Fetch-Site`), that must be a page
//! of this port or a listed one. Nobody can register a name without a dot.

use core::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::uri::Authority;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// No host, or one that nobody listed.
    #[error(
        "this host is not known by that name; use an address, localhost or a name without a dot, \
         or list it (--api-host)"
    )]
    Host,
    /// A page of somebody else's.
    #[error("pages of that origin may not use this; list it (--api-origin)")]
    Origin,
    /// A browser says that somebody else's page asks.
    #[error("pages of other sites may not use this")]
    Site,
}

/// The names and origins that were listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) hosts: &'a [String],
    pub(crate) origins: &'a [String],
}

/// Whether a request with these headers may be obeyed; the origin that is to be
/// told so, if it is a listed one.
pub(crate) fn check<'h>(
    headers: &'h HeaderMap,
    listed: Listed<'_>,
) -> Result<Option<&'h str>, Refused> {
    let own = host(headers).ok_or(Refused::Host)?;
    if !is_known(own.host(), listed.hosts) {
        return Err(Refused::Host);
    }
    let origin = match headers.get(ORIGIN) {
        Some(origin) => Some(origin.to_str().map_err(|_| Refused::Origin)?),
        None => None,
    };
    let is_listed = |origin: &str| {
        let is_it = |entry: &String| entry.eq_ignore_ascii_case(origin);
        listed.origins.iter().any(is_it)
    };
    if let Some(origin) = origin.filter(|origin| is_listed(origin)) {
        return Ok(Some(origin));
    }
    if origin.is_some_and(|origin| !is_own(origin, &own)) {
        return Err(Refused::Origin);
    }
    match headers.get(SITE).map(|site| site.as_bytes()) {
        // Typed manually, or no browser.
        None | Some(b"none" | b"same-origin") => Ok(None),
        Some(_) => Err(Refused::Site),
    }
}

/// The one host that is asked for; two of them are one too many.
fn host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, other) = (hosts.next()?, hosts.next());
    let text = host.to_str().ok().filter(|text| !text.contains('@'))?;
    text.parse().ok().filter(|_| other.is_none())
}

fn is_known(host: &str, listed: &[String]) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || has_no_dot(host)
        || listed.iter().any(|entry| entry.eq_ignore_ascii_case(host))
}

/// Of letters that no browser makes a dot of.
fn has_no_dot(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !host.is_empty() && host.bytes().all(is_plain)
}

/// A page that came from this very port.
fn is_own(origin: &str, own: &Authority) -> bool {
    let authority = origin.strip_prefix("http://");
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(own.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn check_with(headers: &[(&'static str, &str)], expect: Result<Option<&str>, Refused>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let (hosts, origins) = (["proxy.test".to_owned()], ["https://panel.test".to_owned()]);
        let listed = Listed {
            hosts: &hosts,
            origins: &origins,
        };
        assert_eq!(check(&map, listed), expect, "{headers:?}");
    }

    #[test]
    fn programs_are_let_in_by_address_and_by_listed_names() {
        for host in [
            "127.0.0.1:8474",
            "192.0.2.7",
            "[::1]:8474",
            "localhost:8474",
            "LOCALHOST",
            "toxiproxy:8474",
            "chaos_proxy-1",
            "proxy.test:1",
        ] {
            check_with(&[("host", host)], Ok(None));
        }
    }

    #[test]
    fn names_that_anybody_can_bind_are_refused() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "evil.example@localhost",
            "1.2.3",
            "evil%2Eexample",
            "localhost.",
            "",
        ] {
            check_with(&[("host", host)], Err(Refused::Host));
        }
        check_with(&[], Err(Refused::Host));
        check_with(
            &[("host", "localhost"), ("host", "localhost")],
            Err(Refused::Host),
        );
    }

    #[test]
    fn own_pages_are_let_in() {
        let own = [
            ("host", "localhost:8474"),
            ("origin", "http://localhost:8474"),
        ];
        check_with(&own, Ok(None));
        check_with(
            &[own[0], own[1], ("sec-fetch-site", "same-origin")],
            Ok(None),
        );
        check_with(&[own[0], ("sec-fetch-site", "same-origin")], Ok(None));
        check_with(&[own[0], ("sec-fetch-site", "none")], Ok(None));
    }

    #[test]
    fn pages_of_others_are_refused() {
        let host = ("host", "127.0.0.1:8474");
        for origin in [
            "null",
            "http://evil.example",
            "http://127.0.0.1:8475",
            "http://localhost:8474",
            "https://127.0.0.1:8474",
            "http://127.0.0.1:8474.evil.example",
            "",
        ] {
            check_with(&[host, ("origin", origin)], Err(Refused::Origin));
        }
        for site in ["cross-site", "same-site", "anything"] {
            check_with(&[host, ("sec-fetch-site", site)], Err(Refused::Site));
        }
    }

    #[test]
    fn listed_pages_are_let_in_and_told_so() {
        let headers = [
            ("host", "127.0.0.1:8474"),
            ("origin", "https://panel.test"),
            ("sec-fetch-site", "cross-site"),
        ];
        check_with(&headers, Ok(Some("https://panel.test")));
        check_with(&[("host", "evil.example"), headers[1]], Err(Refused::Host));
    }

    /// What the browsers send from a page of `http://evil.test:8474`, a name that
    /// was bound anew to this host, and from one of another site.
    #[test]
    fn what_browsers_send_for_pages_of_others_is_refused() {
        let chromium = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
        let firefox = [("user-agent", "x"), ("accept-language", "en-US,en;q=0.5")];
        let bound = ("host", "evil.test:8474");
        let here = ("host", "127.0.0.1:8474");
        let (own, other) = ("http://evil.test:8474", "http://other.test");
        for (headers, expect) in [
            // Bound anew: to itself the page is of the same origin.
            (
                vec![bound, ("sec-fetch-site", "same-origin")],
                Refused::Host,
            ),
            (vec![bound, ("origin", own)], Refused::Host),
            // Chromium leaves `Sec-Fetch-*` out where the page is not secure.
            (vec![bound], Refused::Host),
            // Another site, by fetch, by a form, by an image.
            (vec![here, ("origin", other)], Refused::Origin),
            (vec![here, ("origin", "null")], Refused::Origin),
            (vec![here, ("sec-fetch-site", "cross-site")], Refused::Site),
        ] {
            for browser in [&chromium, &firefox] {
                let all: Vec<_> = headers.iter().chain(browser).copied().collect();
                check_with(&all, Err(expect));
            }
        }
    }
}
