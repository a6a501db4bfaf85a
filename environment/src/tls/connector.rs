//! The dialling end of TLS, and whom it trusts.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};

use crate::Stream;

/// The one protocol that is offered: an upgrade to a WebSocket is made on it.
pub(super) const HTTP_1_1: &[u8] = b"http/1.1";

pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let ring = || Arc::new(rustls::crypto::ring::default_provider());
    Arc::clone(PROVIDER.get_or_init(ring))
}

/// Whose certificates are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts; `SSL_CERT_FILE` says others.
    System,
    /// Those that the authorities in this file of PEM have signed, and no others.
    File(PathBuf),
    /// Likewise, of the authorities in this PEM.
    Pem(String),
    /// Everybody's, whoever signed them, for whom and when.
    Anybody,
}

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file that cannot be read.
    #[error("{file}: {error}; a file of certificates in PEM is what is needed")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        error: String,
    },
    /// A file without one certificate.
    #[error(
        "{0}: no certificate in it; it must have a block that begins with -----BEGIN CERTIFICATE-----"
    )]
    Empty(String),
    /// The system trusts nobody.
    #[error("the system has no authorities that it trusts ({0}); give them in a file")]
    System(String),
    /// The name of a host that cannot be in a certificate.
    #[error(
        "{0:?} is no name of a host that a certificate could have; it has at most 253 letters, digits, hyphens and dots, or is an address"
    )]
    Host(String),
}

/// Asks for TLS on streams to one host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    host: ServerName<'static>,
}

impl PartialEq for Connector {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config) && self.host == other.host
    }
}

impl Connector {
    /// To `host`, a name or an address; an address of IPv6 may be in brackets.
    ///
    /// # Errors
    /// A host that is none, and what `trust` stands on and is not there.
    pub fn new(host: &str, trust: &Trust) -> Result<Self, TrustError> {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let name = ServerName::try_from(bare.unwrap_or(host).to_owned());
        let host = name.map_err(|_| TrustError::Host(host.to_owned()))?;
        let builder = ClientConfig::builder_with_provider(provider());
        let mut config = builder
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier(trust)?)
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        // Each handshake is a whole one: what its server shows is looked at.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            host,
        })
    }

    /// The same, but HTTP/2 is offered, before HTTP/1.1, as browsers and fetching
    /// libraries do.
    #[must_use]
    pub fn offering_h2(&self) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols.insert(0, b"h2".to_vec());
        Self {
            config: Arc::new(config),
            host: self.host.clone(),
        }
    }

    /// The stream as one that speaks TLS from here on, as the client. The handshake
    /// is still to be made.
    pub fn connect(&self, stream: Stream) -> Stream {
        let session = ClientConnection::new(Arc::clone(&self.config), self.host.clone());
        let session = session.expect("nothing in the configuration is for QUIC");
        Stream::tls(stream, Connection::Client(session))
    }
}

fn verifier(trust: &Trust) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
    let roots = match trust {
        Trust::Anybody => return Ok(Arc::new(Anybody(provider()))),
        Trust::System => system_roots()?,
        Trust::Pem(text) => roots_in(text.as_bytes(), "the authority".to_owned())?,
        Trust::File(file) => {
            let shown = file.display().to_string();
            let text = std::fs::read(file).map_err(|error| TrustError::Unreadable {
                file: shown.clone(),
                error: error.to_string(),
            })?;
            roots_in(&text, shown)?
        }
    };
    Ok(trusting(roots))
}

/// Whoever shows what one of `roots` has signed.
pub(super) fn trusting(roots: RootCertStore) -> Arc<WebPkiServerVerifier> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .expect("there are roots, and no lists of revocations")
}

pub(super) fn roots_in(pem: &[u8], file: String) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|found| roots.add(found).map_err(|error| error.to_string()));
        added.map_err(|error| TrustError::Unreadable {
            file: file.clone(),
            error,
        })?;
    }
    match roots.is_empty() {
        true => Err(TrustError::Empty(file)),
        false => Ok(roots),
    }
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some that rustls cannot use are no reason to do without the others.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let errors = match errors.is_empty() {
            true => "none found".to_owned(),
            false => errors.join("; "),
        };
        return Err(TrustError::System(errors));
    }
    Ok(roots)
}

/// Accepts whatever is shown, as long as its holder has signed the handshake.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
