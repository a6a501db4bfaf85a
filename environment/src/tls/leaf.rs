//! Certificates for hosts, made as they are asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::Leaf;
use super::connector::provider;

/// What each certificate is for, whatever name was asked for.
const ALWAYS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// A host that nobody asks for (RFC 6761 §6.4).
const NOBODY: &str = "wrong-host.invalid";
/// Of how many names certificates are kept; each can be made anew.
const KEPT: usize = 64;

/// Who signs.
pub(super) type Signer = Issuer<'static, KeyPair>;

/// Makes leaves of one kind, by the name that is asked for.
pub(super) struct Leaves {
    signer: Arc<Signer>,
    kind: Leaf,
    made: Mutex<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl Leaves {
    pub(super) fn new(signer: Arc<Signer>, kind: Leaf) -> Self {
        Self {
            signer,
            kind,
            made: Mutex::default(),
        }
    }

    fn find_or_make(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        // What is in it was whole before it was put there.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = name.unwrap_or_default().to_ascii_lowercase();
        if let Some(found) = made.get(&key) {
            return Some(Arc::clone(found));
        }
        // Without one the client gets an alert, and the stream says so.
        let leaf = Arc::new(make(&self.signer, self.kind, name)?);
        if self.kind != Leaf::Changed {
            if made.len() == KEPT {
                made.clear();
            }
            made.insert(key, Arc::clone(&leaf));
        }
        Some(leaf)
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find_or_make(hello.server_name())
    }
}

impl fmt::Debug for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaves")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The present, as certificates count it.
pub(super) fn today() -> OffsetDateTime {
    let seconds = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

pub(super) fn key_pair() -> Result<KeyPair, rcgen::Error> {
    // Browsers refuse Ed25519.
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn make(signer: &Signer, kind: Leaf, name: Option<&str>) -> Option<CertifiedKey> {
    let key = key_pair().ok()?;
    let certificate = sign(signer, kind, name, &key).ok()?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(vec![certificate], key, &provider()).ok()
}

/// A certificate of this kind for whoever holds `key`.
pub(super) fn sign(
    signer: &Signer,
    kind: Leaf,
    name: Option<&str>,
    key: &KeyPair,
) -> Result<CertificateDer<'static>, rcgen::Error> {
    let params = params(kind, name, key)?;
    let certificate = match kind {
        Leaf::SelfSigned => params.self_signed(key)?,
        Leaf::Untrusted => {
            let stranger = key_pair()?;
            let signer = Issuer::new(super::authority::params(&stranger)?, stranger);
            params.signed_by(key, &signer)?
        }
        _ => params.signed_by(key, signer)?,
    };
    Ok(certificate.der().clone())
}

fn params(
    kind: Leaf,
    name: Option<&str>,
    key: &KeyPair,
) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = match kind {
        Leaf::WrongHost => vec![NOBODY.to_owned()],
        _ => {
            let asked = name.filter(|name| !ALWAYS.contains(name));
            ALWAYS.into_iter().chain(asked).map(str::to_owned).collect()
        }
    };
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "chaos-proxy");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = validity(kind);
    // Two certificates of one authority never have one number.
    let number = Sha256::digest(key.public_key_raw());
    params.serial_number = Some(SerialNumber::from_slice(&number[..16]));
    Ok(params)
}

/// Wide enough that clocks may differ by hours.
fn validity(kind: Leaf) -> (OffsetDateTime, OffsetDateTime) {
    let now = today();
    match kind {
        Leaf::Expired => (now - Duration::days(30), now - Duration::days(1)),
        Leaf::NotYet => (now + Duration::days(1), now + Duration::days(30)),
        _ => (now - Duration::days(1), now + Duration::days(90)),
    }
}
