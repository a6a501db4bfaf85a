//! Addresses to listen on, as Go reads them.
//!
//! Pure: names other than `localhost` are looked up by somebody else.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::call::Refusal;

/// An address as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// No more than an address.
    Known(SocketAddr),
    /// A name, which may mean any address.
    Named {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// Reads `HOST:PORT`; nothing at all is any address and a free port, and so
    /// is each part that is left out.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Ok(Self::Known(SocketAddr::new(ANY, 0)));
        }
        let (host, port) = split(text).map_err(|problem| wrong(text, problem))?;
        let port = match port {
            "" => 0,
            digits => digits.parse().map_err(|_| wrong(digits, "invalid port"))?,
        };
        let known = |ip| Ok(Self::Known(SocketAddr::new(ip, port)));
        if host.is_empty() {
            return known(ANY);
        }
        if host.eq_ignore_ascii_case("localhost") {
            return known(Ipv4Addr::LOCALHOST.into());
        }
        match host.parse::<IpAddr>() {
            Ok(ip) => known(ip),
            Err(_) => Ok(Self::Named {
                host: host.to_owned(),
                port,
            }),
        }
    }
}

/// All addresses of both families, where the system has both.
const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

fn split(text: &str) -> Result<(&str, &str), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("missing ']' in address")?;
        let port = rest.strip_prefix(':').ok_or("missing port in address")?;
        return Ok((host, port));
    }
    let (host, port) = text.rsplit_once(':').ok_or("missing port in address")?;
    if host.contains(':') {
        return Err("too many colons in address");
    }
    Ok((host, port))
}

fn wrong(text: &str, problem: &str) -> Refusal {
    Refusal::Listen(format!("listen tcp: address {text}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        let check = |text: &str, expect: &str| {
            let expect = Address::Known(expect.parse().unwrap());
            assert_eq!(Address::read(text), Ok(expect), "{text}");
        };
        check("127.0.0.1:29001", "127.0.0.1:29001");
        check("localhost:80", "127.0.0.1:80");
        check("", "[::]:0");
        check(":8080", "[::]:8080");
        check("127.0.0.1:", "127.0.0.1:0");
        check("[::1]:7", "[::1]:7");
        let named = Address::Named {
            host: "db.example".to_owned(),
            port: 5,
        };
        assert_eq!(Address::read("db.example:5"), Ok(named));
    }

    #[test]
    fn what_is_no_address_is_said_so() {
        let check = |text: &str, words: &str| {
            let refusal = Address::read(text).unwrap_err().to_string();
            assert!(refusal.contains(words), "{text}: {refusal}");
        };
        check("nowhere", "address nowhere: missing port in address");
        check("::1:80", "too many colons in address");
        check("a:99999", "address 99999: invalid port");
        check("a:http", "invalid port");
        check("[::1", "missing ']'");
    }
}
