//! A certificate and its key from files.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Alpn;
use super::acceptor::Acceptor;
use super::connector::provider;

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity(Arc<CertifiedKey>);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file of certificates that cannot be used.
    #[error(
        "certificate {file}: {error}; certificates in PEM are what is needed, the server's own first"
    )]
    Certificate {
        /// Which.
        file: String,
        /// Why.
        error: String,
    },
    /// A key that cannot be used.
    #[error("key {file}: {error}; a private key in PEM, not encrypted, is what is needed")]
    Key {
        /// Which.
        file: String,
        /// Why.
        error: String,
    },
    /// Certificate and key of two different pairs.
    #[error("certificate {certificate} is for another key than {key}: {error}")]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's.
        key: String,
        /// In rustls' words.
        error: String,
    },
}

impl Identity {
    /// Reads both files.
    ///
    /// # Errors
    /// Which of them is no good, and why.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let (certificate_file, key_file) = (shown(certificate), shown(key));
        let chain = chain(certificate).map_err(|error| IdentityError::Certificate {
            file: certificate_file.clone(),
            error,
        })?;
        let bad_key = |error: String| IdentityError::Key {
            file: key_file.clone(),
            error,
        };
        let text = std::fs::read(key).map_err(|error| bad_key(error.to_string()))?;
        let found = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|error| bad_key(format!("no private key in it ({error})")))?;
        let pair = CertifiedKey::from_der(chain, found, &provider());
        let pair = pair.map_err(|error| IdentityError::Mismatch {
            certificate: certificate_file,
            key: key_file.clone(),
            error: error.to_string(),
        })?;
        Ok(Self(Arc::new(pair)))
    }

    /// Whoever accepts TLS as this one.
    pub fn acceptor(&self) -> Acceptor {
        Acceptor::new(Arc::new(Always(Arc::clone(&self.0))), Alpn::Http1)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| error.to_string())?;
    match chain.is_empty() {
        true => Err("no certificate in it".to_owned()),
        false => Ok(chain),
    }
}

/// The same, whoever asks.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
