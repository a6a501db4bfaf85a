//! Who signs for runs over TLS, and how the user's authority is made trusted: by each
//! kind of client in its own way.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use environment::tls::{Authority, AuthorityError};

use crate::invocation::shell_quoted;
use crate::language::{Scenario, Scheme};

/// Who dials by TLS, and who signs for it. The user's authority is opened when the
/// first run needs it, once for all of them.
#[derive(Debug, Clone, Default)]
pub struct Security {
    is_for_all: bool,
    folder: Option<PathBuf>,
    opened: Arc<OnceLock<Result<Trusted, String>>>,
}

impl Security {
    /// Of all clients, or of those alone whose files say so; with the authority in this
    /// folder if one is given.
    pub fn new(is_for_all: bool, folder: Option<PathBuf>) -> Self {
        Self {
            is_for_all,
            folder,
            opened: Arc::default(),
        }
    }

    /// Whether the clients of this scenario dial by TLS. Those of plain TCP may dial in
    /// any way, so they do as they always have.
    pub fn is_for(&self, scenario: &Scenario) -> bool {
        let own = scenario.own_server.as_ref();
        let is_tcp = own.is_some_and(|own| own.address().scheme == Scheme::Tcp);
        scenario.clients_tls || self.is_for_all && !is_tcp
    }

    /// The user's authority.
    ///
    /// # Errors
    /// There is none, and none can be made: a sentence.
    pub fn trusted(&self) -> Result<Trusted, String> {
        let open = || Trusted::of_user(self.folder.as_deref());
        let opened = self
            .opened
            .get_or_init(|| open().map_err(|error| error.to_string()));
        opened.clone()
    }
}

/// The authority, and the files by which clients are told of it.
#[derive(Debug, Clone)]
pub struct Trusted {
    authority: Authority,
    bundle: PathBuf,
}

/// A kind of client, and the line that makes it trust the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Who it is for.
    pub who: &'static str,
    /// What is typed into a shell.
    pub line: String,
}

impl Trusted {
    /// The user's authority, in this folder if one is given; it is made where there is
    /// none.
    ///
    /// # Errors
    /// As [`Authority::of_user`], and a bundle that cannot be written.
    pub fn of_user(folder: Option<&Path>) -> Result<Self, AuthorityError> {
        let authority = Authority::of_user(folder)?;
        // Clients run elsewhere than this program.
        let bundle = std::path::absolute(authority.bundle_file()?);
        let bundle = bundle.unwrap_or_else(|_| authority.folder().to_owned());
        Ok(Self { authority, bundle })
    }

    /// The authority itself.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Its certificate.
    pub fn certificate(&self) -> PathBuf {
        self.bundle.with_file_name(environment::tls::CERTIFICATE)
    }

    /// The authorities that the system trusts, and this one.
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The variables by which programs are made to trust it. Node's adds to what it
    /// trusts anyway, the others replace that.
    pub fn variables(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("NODE_EXTRA_CA_CERTS", self.certificate()),
            ("SSL_CERT_FILE", self.bundle.clone()),
            ("REQUESTS_CA_BUNDLE", self.bundle.clone()),
            ("WEBSOCKET_CLIENT_CA_BUNDLE", self.bundle.clone()),
        ]
    }

    /// One line for each kind of client.
    pub fn ways(&self) -> Vec<Way> {
        let certificate = shell_quoted(self.certificate().as_os_str());
        let export = |name: &str, file: &OsStr| format!("export {name}={}", shell_quoted(file));
        let variables = self
            .variables()
            .map(|(name, file)| export(name, file.as_os_str()));
        let kinds = [
            "Node.js (ws, undici, socket.io)",
            "Python (websockets, aiohttp, httpx), Go, Ruby, curl, OpenSSL",
            "Python requests",
            "Python websocket-client",
        ];
        let mut ways: Vec<Way> = kinds
            .into_iter()
            .zip(variables)
            .map(|(who, line)| Way { who, line })
            .collect();
        ways.push(Way {
            who: "Chromium and Chrome on Linux (certutil is in libnss3-tools)",
            line: format!(
                "mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n chaos-proxy -i {certificate}"
            ),
        });
        ways.push(Way {
            who: "Java",
            line: format!(
                "keytool -importcert -cacerts -noprompt -storepass changeit -alias chaos-proxy -file {certificate}"
            ),
        });
        ways.push(Way {
            who: "client-sim",
            line: format!("client-sim wss://localhost:9000/ws --ca {certificate}"),
        });
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_replaces_the_systems_trust_is_given_the_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let trusted = Trusted::of_user(Some(&folder.path().join("ca"))).unwrap();
        for (name, file) in trusted.variables() {
            let expected = match name {
                "NODE_EXTRA_CA_CERTS" => "ca.pem",
                _ => "bundle.pem",
            };
            assert!(file.is_absolute() && file.ends_with(expected), "{name}");
            assert!(file.exists(), "{name}");
        }
    }

    #[test]
    fn a_folder_with_a_space_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let trusted = Trusted::of_user(Some(&folder.path().join("my ca"))).unwrap();
        for way in trusted.ways() {
            assert!(
                way.line.contains("my ca/") && way.line.contains('\''),
                "{}",
                way.line
            );
        }
    }
}
