//! Where clients dial from: addresses of this machine, in turn.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

/// One address, or all from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    first: IpAddr,
    count: u32,
}

/// What names no addresses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// Not one or two addresses.
    #[error("`{0}` is no IP address; sources are written as 127.0.0.2 or 127.0.0.2-127.0.0.9")]
    Strange(String),
    /// An IPv4 and an IPv6 address.
    #[error("{0} and {1} are addresses of different kinds")]
    Mixed(IpAddr, IpAddr),
    /// The last comes before the first.
    #[error("{1} comes before {0}")]
    Backwards(IpAddr, IpAddr),
    /// More than anybody needs.
    #[error("from {0} to {1} are more than {most} addresses", most = Sources::MOST)]
    TooMany(IpAddr, IpAddr),
}

impl Sources {
    /// With 28,000 ports each, more than a machine has descriptors for.
    pub const MOST: u32 = 256;

    fn between(first: IpAddr, last: IpAddr) -> Result<Self, SourcesError> {
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        if first.is_ipv4() != last.is_ipv4() {
            return Err(SourcesError::Mixed(first, last));
        }
        let between = number(last).checked_sub(number(first));
        let between = between.ok_or(SourcesError::Backwards(first, last))?;
        let count = u32::try_from(between).ok().and_then(|n| n.checked_add(1));
        let count = count.filter(|count| *count <= Self::MOST);
        let count = count.ok_or(SourcesError::TooMany(first, last))?;
        Ok(Self { first, count })
    }

    /// The address whose turn it is, counted from 0 and round again.
    pub fn turn(self, turn: usize) -> IpAddr {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let beyond = u32::try_from(turn % count).unwrap_or(0);
        // No overflow: the last of them was an address.
        match self.first {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits().wrapping_add(beyond)).into(),
            IpAddr::V6(first) => {
                Ipv6Addr::from_bits(first.to_bits().wrapping_add(beyond.into())).into()
            }
        }
    }

    /// Each of them once.
    pub fn all(self) -> impl Iterator<Item = IpAddr> {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        (0..count).map(move |turn| self.turn(turn))
    }
}

impl FromStr for Sources {
    type Err = SourcesError;

    fn from_str(text: &str) -> Result<Self, SourcesError> {
        let strange = |_| SourcesError::Strange(text.escape_debug().to_string());
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Self::between(
            first.parse().map_err(strange)?,
            last.parse().map_err(strange)?,
        )
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        match self.all().last() {
            Some(last) if last != self.first => write!(f, "-{last}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sources, String> {
        text.parse()
            .map_err(|error: SourcesError| error.to_string())
    }

    #[test]
    fn addresses_come_in_turn_and_round_again() {
        let sources = read("127.0.0.254-127.0.1.1").unwrap();
        let turns: Vec<String> = (0..5).map(|turn| sources.turn(turn).to_string()).collect();
        let expected = [
            "127.0.0.254",
            "127.0.0.255",
            "127.0.1.0",
            "127.0.1.1",
            "127.0.0.254",
        ];
        assert_eq!(turns, expected);
        assert_eq!(sources.all().count(), 4);
        assert_eq!(read("::1").unwrap().turn(7).to_string(), "::1");
        for text in ["127.0.0.2-127.0.0.9", "127.0.0.2", "::1"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        let last = read("255.255.255.254-255.255.255.255").unwrap();
        assert_eq!(last.turn(1).to_string(), "255.255.255.255");
    }

    #[test]
    fn what_names_no_addresses_is_told() {
        let told = |text: &str| read(text).unwrap_err();
        let right = "sources are written as 127.0.0.2 or 127.0.0.2-127.0.0.9";
        for strange in ["", "localhost", "127.0.0.2-", "127.0.0.2-9", "127.0.0.2:80"] {
            assert_eq!(
                told(strange),
                format!("`{strange}` is no IP address; {right}")
            );
        }
        assert_eq!(
            told("127.0.0.9-127.0.0.2"),
            "127.0.0.2 comes before 127.0.0.9"
        );
        assert!(told("127.0.0.1-::1").contains("of different kinds"));
        assert!(told("127.0.0.0-127.0.1.0").contains("are more than 256 addresses"));
        assert!(read("127.0.0.0-127.0.0.255").is_ok());
        assert!(told("::1-ff::").contains("are more than 256"));
    }
}
