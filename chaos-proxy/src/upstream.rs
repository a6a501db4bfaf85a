//! Where a server is, as people write it.

/// What is wrong with this as `host:port`, if anything is; the host need not
/// resolve yet.
pub fn mistake(upstream: &str) -> Option<String> {
    if let Some((scheme, rest)) = upstream.split_once("://") {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = &rest[..end];
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let port = usual_port(scheme).map_or("PORT", |port| port);
        let has_port = split(authority).is_some();
        let server = if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:{port}")
        };
        return Some(format!("expected HOST:PORT, not a URL; try {server}"));
    }
    let is_address = split(upstream).is_some_and(|(host, port)| is_host(host) && port > 0);
    (!is_address).then(|| "expected HOST:PORT, such as 127.0.0.1:8080".to_owned())
}

/// Where a server is, and whether TLS is spoken with it: `HOST:PORT`, or
/// `tls://HOST:PORT`.
///
/// # Errors
/// What is wrong with it as either.
#[cfg(feature = "tls")]
pub fn read(upstream: &str) -> Result<(&str, bool), String> {
    let (address, is_tls) = match upstream.strip_prefix("tls://") {
        Some(address) => (address, true),
        None => (upstream, false),
    };
    match mistake(address) {
        None => Ok((address, is_tls)),
        Some(_) if is_tls => Err("expected tls://HOST:PORT, such as tls://example.com:443".into()),
        Some(mistake) => Err(match upstream.split_once("://") {
            Some(("wss" | "https", _)) => mistake.replacen("; try ", "; try tls://", 1),
            _ => mistake,
        }),
    }
}

/// The host of a right `HOST:PORT`.
#[cfg(feature = "tls")]
pub(crate) fn host(address: &str) -> &str {
    split(address).map_or(address, |(host, _)| host)
}

fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// A name or an IPv4 address, or an IPv6 one in brackets.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inner
            .split('%')
            .next()
            .is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let is_part = |c: char| !c.is_whitespace() && !c.is_control() && !":/?#@[]".contains(c);
    !host.is_empty() && host.chars().all(is_part)
}

fn usual_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "ws" | "http" => Some("80"),
        "wss" | "https" => Some("443"),
        "redis" => Some("6379"),
        "mqtt" => Some("1883"),
        "postgres" | "postgresql" => Some("5432"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_a_port_is_right() {
        for right in [
            "127.0.0.1:1",
            "localhost:80",
            "[::1]:65535",
            "[fe80::1%2]:80",
            "my_host.example:8080",
        ] {
            assert_eq!(mistake(right), None, "{right}");
        }
    }

    #[test]
    fn everything_else_is_wrong() {
        for wrong in [
            "", "nonsense", ":80", "a:0", "a:65536", "a:", "::1:80", "a b:80", "a/b:80", "[]:80",
            "[a]:1",
        ] {
            assert!(mistake(wrong).is_some(), "{wrong}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_is_asked_for_by_its_scheme() {
        assert_eq!(read("a:443"), Ok(("a:443", false)));
        assert_eq!(read("tls://a:443"), Ok(("a:443", true)));
        assert_eq!(host("[::1]:443"), "[::1]");
        let check = |upstream: &str, expected: &str| {
            let mistake = read(upstream).unwrap_err();
            assert!(mistake.contains(expected), "{upstream}: {mistake}");
        };
        check("tls://a", "expected tls://HOST:PORT");
        check("tls://a:443/path", "expected tls://HOST:PORT");
        check("wss://a/path", "try tls://a:443");
        check("ws://a/path", "try a:80");
    }

    #[test]
    fn a_url_is_told_what_it_should_have_been() {
        let check = |url: &str, address: &str| {
            let mistake = mistake(url).unwrap_or_default();
            assert_eq!(
                mistake,
                format!("expected HOST:PORT, not a URL; try {address}")
            );
        };
        check("ws://127.0.0.1:8080/ws?x=1", "127.0.0.1:8080");
        check("wss://example.com/feed", "example.com:443");
        check("redis://me:secret@db", "db:6379");
        check("tcp://[::1]:9", "[::1]:9");
        check("foo://bar", "bar:PORT");
    }
}
