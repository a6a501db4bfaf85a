//! What the proxies are asked for of TLS, and the user's authority, which is opened
//! when the first of them needs it.

use std::path::PathBuf;

use environment::tls::{Alpn, Authority, Connector, Leaf, Trust};

use serde::Serialize;

use crate::engine::TlsSides;
use crate::upstream;

/// What one proxy is asked for of TLS, beside what its upstream says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TlsSettings {
    /// Whether clients speak it.
    #[serde(skip_serializing_if = "is_false")]
    pub tls: bool,
    /// Whose certificates are accepted of the upstream; else those that the system
    /// trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_ca: Option<PathBuf>,
    /// Whether any certificate is.
    #[serde(skip_serializing_if = "is_false")]
    pub upstream_insecure: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The user's authority.
#[derive(Debug, Default)]
pub struct UserAuthority {
    folder: Option<PathBuf>,
    opened: Option<Authority>,
}

impl UserAuthority {
    /// The one in this folder, else in the one of the user's data.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            opened: None,
        }
    }

    /// The authority; it is made where there is none.
    fn open(&mut self) -> Result<&Authority, String> {
        if self.opened.is_none() {
            let opened = Authority::of_user(self.folder.as_deref());
            self.opened = Some(opened.map_err(|error| error.to_string())?);
        }
        self.opened.as_ref().ok_or_else(String::new)
    }

    /// How TLS is spoken on the two sides of a proxy with this upstream.
    ///
    /// # Errors
    /// An upstream that is none, settings that contradict it, and what of
    /// authorities cannot be had: a sentence.
    pub fn sides(&mut self, upstream: &str, settings: &TlsSettings) -> Result<TlsSides, String> {
        let server = connector(upstream, settings)?;
        let client = match settings.tls {
            true => Some(self.open()?.acceptor(Leaf::Valid, Alpn::Http1)),
            false => None,
        };
        Ok(TlsSides { client, server })
    }
}

fn connector(upstream: &str, settings: &TlsSettings) -> Result<Option<Connector>, String> {
    let asked = match (&settings.upstream_ca, settings.upstream_insecure) {
        (Some(_), true) => {
            return Err("upstream_ca and upstream_insecure exclude each other".into());
        }
        (Some(_), false) => Some("upstream_ca"),
        (None, true) => Some("upstream_insecure"),
        (None, false) => None,
    };
    let is_tls = upstream.starts_with("tls://");
    match asked {
        Some(key) if !is_tls => Err(format!("{key} is for an upstream of TLS: tls://{upstream}")),
        _ if !is_tls => Ok(None),
        _ => {
            let (address, _) = upstream::read(upstream)?;
            let trust = match (&settings.upstream_ca, settings.upstream_insecure) {
                (_, true) => Trust::Anybody,
                (Some(file), _) => Trust::File(file.clone()),
                (None, _) => Trust::System,
            };
            let connector = Connector::new(upstream::host(address), &trust);
            connector.map(Some).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_the_upstream_is_told() {
        let check = |upstream: &str, settings: TlsSettings, expected: &str| {
            let sides = UserAuthority::default().sides(upstream, &settings);
            let mistake = sides.unwrap_err();
            assert!(mistake.contains(expected), "{mistake}");
        };
        let insecure = || TlsSettings {
            upstream_insecure: true,
            ..TlsSettings::default()
        };
        check(
            "a:1",
            insecure(),
            "upstream_insecure is for an upstream of TLS: tls://a:1",
        );
        let both = TlsSettings {
            upstream_ca: Some(PathBuf::from("ca.pem")),
            ..insecure()
        };
        check("tls://a:1", both, "exclude each other");
        let host = format!("tls://{}:1", "a".repeat(300));
        check(&host, insecure(), "at most 253");
    }

    #[test]
    fn a_plain_proxy_needs_no_authority() {
        let sides = UserAuthority::new(Some(PathBuf::from("/dev/null/none")))
            .sides("a:1", &TlsSettings::default())
            .unwrap();
        assert!(sides.client.is_none() && sides.server.is_none());
    }
}
