//! The user's own authority: made once, kept in a folder, trusted by whom the user
//! tells to.
//!
//! Invariant: a folder has both files or neither, whoever else makes one there at
//! the same time; and the key is the user's alone to read.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use time::Duration;

use super::acceptor::Acceptor;
use super::connector::{Trust, roots_in, trusting};
use super::leaf::{Leaves, Signer, key_pair, sign, today};
use super::{Alpn, Leaf};

/// The authority's certificate, in its folder.
pub const CERTIFICATE: &str = "ca.pem";
/// The authorities that the system trusts, and it.
pub const BUNDLE: &str = "bundle.pem";
/// Its key.
pub const KEY: &str = "ca-key.pem";

/// Signs certificates for hosts.
#[derive(Debug, Clone)]
pub struct Authority {
    folder: PathBuf,
    signer: Arc<Signer>,
    certificate: String,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Nobody says where the user's data is.
    #[error(
        "no folder for the authority: neither XDG_DATA_HOME nor HOME is set; give one by --ca DIR"
    )]
    NoFolder,
    /// A file of it cannot be read.
    #[error(
        "{file}: {error}; give another folder by --ca DIR, or remove this one and have a new authority made"
    )]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        error: String,
    },
    /// It cannot be made.
    #[error(
        "failed to make an authority in {folder}: {error}; give a folder by --ca DIR that is empty or not there yet"
    )]
    Unwritable {
        /// Where.
        folder: String,
        /// Why.
        error: String,
    },
    /// The bundle cannot be written.
    #[error("failed to write {file}: {error}; give a folder by --ca DIR that can be written")]
    Bundle {
        /// Which file.
        file: String,
        /// Why.
        error: String,
    },
    /// Certificate and key are not of one authority made here, or it is over.
    #[error(
        "the authority in {folder} cannot be used: {error}; remove the folder and have a new one made, or give another by --ca DIR"
    )]
    Unusable {
        /// Where.
        folder: String,
        /// Why.
        error: String,
    },
}

/// Where the user's authority is unless told otherwise: `chaos-proxy/ca` in the
/// folder of the user's data, as `variable` gives the environment's variables.
///
/// # Errors
/// Nobody says where that is.
pub fn default_folder(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, AuthorityError> {
    let folder = |name| variable(name).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").filter(|folder| folder.is_absolute());
    let home = || folder("HOME").filter(|home| !home.as_os_str().is_empty());
    let data = data.or_else(|| Some(home()?.join(".local/share")));
    Ok(data.ok_or(AuthorityError::NoFolder)?.join("chaos-proxy/ca"))
}

impl Authority {
    /// The authority in `folder`; it is made where there is none.
    ///
    /// # Errors
    /// A folder that has something else, cannot be read or cannot be written.
    pub fn open_or_make(folder: &Path) -> Result<Self, AuthorityError> {
        if !folder.join(KEY).exists() && !folder.join(CERTIFICATE).exists() {
            make(folder).map_err(|error| AuthorityError::Unwritable {
                folder: folder.display().to_string(),
                error,
            })?;
        }
        Self::open(folder)
    }

    /// The user's: in `folder` if that is given, else in [`default_folder`].
    ///
    /// # Errors
    /// As [`Authority::open_or_make`], and where nobody says where that is.
    pub fn of_user(folder: Option<&Path>) -> Result<Self, AuthorityError> {
        match folder {
            Some(folder) => Self::open_or_make(folder),
            None => Self::open_or_make(&default_folder(|name| std::env::var_os(name))?),
        }
    }

    /// One in memory alone, for those who meet within this program.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn ephemeral() -> Result<Self, AuthorityError> {
        let unusable = |error: rcgen::Error| AuthorityError::Unusable {
            folder: "memory".to_owned(),
            error: error.to_string(),
        };
        let (certificate, key) = new_authority().map_err(unusable)?;
        let params = params(&key).map_err(unusable)?;
        Ok(Self {
            folder: PathBuf::new(),
            signer: Arc::new(Issuer::new(params, key)),
            certificate,
        })
    }

    fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let read = |name| {
            let file = folder.join(name);
            fs::read_to_string(&file).map_err(|error| AuthorityError::Unreadable {
                file: file.display().to_string(),
                error: error.to_string(),
            })
        };
        let (certificate, key) = (read(CERTIFICATE)?, read(KEY)?);
        let key = KeyPair::from_pem(&key).map_err(|error| AuthorityError::Unreadable {
            file: folder.join(KEY).display().to_string(),
            error: format!("no private key that could be used ({error})"),
        })?;
        let unusable = |error: String| AuthorityError::Unusable {
            folder: folder.display().to_string(),
            error,
        };
        let params = params(&key).map_err(|error| unusable(error.to_string()))?;
        let signer = Arc::new(Issuer::new(params, key));
        check(&signer, &certificate).map_err(unusable)?;
        Ok(Self {
            folder: folder.to_owned(),
            signer,
            certificate,
        })
    }

    /// Where it is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of its certificate.
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// Its certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The file of the authorities that the system trusts and of this one, for whoever
    /// can be given one file alone. It is written anew where it is not up to date.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn bundle_file(&self) -> Result<PathBuf, AuthorityError> {
        let file = self.folder.join(BUNDLE);
        let text = system_certificates() + &self.certificate;
        if fs::read_to_string(&file).is_ok_and(|known| known == text) {
            return Ok(file);
        }
        self.write_bundle(&file, &text)
            .map_err(|error| AuthorityError::Bundle {
                file: file.display().to_string(),
                error: error.to_string(),
            })?;
        Ok(file)
    }

    /// Whoever reads it meanwhile reads a whole one.
    fn write_bundle(&self, file: &Path, text: &str) -> io::Result<()> {
        let everyones = Permissions::from_mode(0o644);
        let mut draft = tempfile::Builder::new()
            .permissions(everyones)
            .tempfile_in(&self.folder)?;
        draft.write_all(text.as_bytes())?;
        draft.persist(file)?;
        Ok(())
    }

    /// To trust it and nobody else.
    pub fn trust(&self) -> Trust {
        Trust::Pem(self.certificate.clone())
    }

    /// Whoever accepts TLS as any host, with certificates of this kind.
    pub fn acceptor(&self, kind: Leaf, alpn: Alpn) -> Acceptor {
        let leaves = Leaves::new(Arc::clone(&self.signer), kind);
        Acceptor::new(Arc::new(leaves), alpn).signed_by(self.clone())
    }
}

/// As PEM; none where there are none.
fn system_certificates() -> String {
    let found = rustls_native_certs::load_native_certs().certs;
    let block =
        |certificate: &CertificateDer<'_>| pem::Pem::new("CERTIFICATE", certificate.as_ref());
    pem::encode_many(&found.iter().map(block).collect::<Vec<_>>())
}

/// Makes it beside `folder` and moves it there whole. Whoever was first keeps it.
fn make(folder: &Path) -> Result<(), String> {
    let (certificate, key) = new_authority().map_err(|error| error.to_string())?;
    let key = key.serialize_pem();
    let told = |error: io::Error| error.to_string();
    // A folder that is there may be named by `.`, from which nothing is beside it.
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let (parent, name) = (folder.parent(), folder.file_name());
    let (Some(parent), Some(name)) = (parent, name) else {
        return Err("it has no name".to_owned());
    };
    fs::create_dir_all(parent).map_err(told)?;
    match write(parent, name, &certificate, &key) {
        Err(_) if folder.join(KEY).exists() => Ok(()),
        written => written.map_err(told),
    }
}

/// Written beside its place under a name that nobody else has, and moved there whole.
fn write(parent: &Path, name: &OsStr, certificate: &str, key: &str) -> io::Result<()> {
    let mine = Permissions::from_mode(0o700);
    let draft = tempfile::Builder::new()
        .permissions(mine)
        .tempdir_in(parent)?;
    let file = |name, mode| {
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(draft.path().join(name))
    };
    file(KEY, 0o600)?.write_all(key.as_bytes())?;
    file(CERTIFICATE, 0o644)?.write_all(certificate.as_bytes())?;
    fs::rename(draft.path(), parent.join(name))?;
    // It has moved, and there is nothing left to remove.
    let _ = draft.keep();
    Ok(())
}

/// Its certificate, and its key.
fn new_authority() -> Result<(String, KeyPair), rcgen::Error> {
    let key = key_pair()?;
    let mut params = params(&key)?;
    let now = today();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key))
}

/// What an authority of this key is called and may do. Its name follows from the
/// key, so that two of them are never taken for each other.
pub(super) fn params(key: &KeyPair) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    let digest = Sha256::digest(key.der_bytes());
    let name: String = digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    params.distinguished_name = DistinguishedName::new();
    let name = format!("chaos-proxy, for tests alone, {name}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Whether somebody who trusts `certificate` accepts what `signer` signs.
fn check(signer: &Signer, certificate: &str) -> Result<(), String> {
    let roots = roots_in(certificate.as_bytes(), CERTIFICATE.to_owned());
    let roots = roots.map_err(|error| error.to_string())?;
    let key = key_pair().map_err(|error| error.to_string())?;
    let leaf = sign(signer, Leaf::Valid, None, &key).map_err(|error| error.to_string())?;
    let localhost = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    let now = UnixTime::now();
    let verified = trusting(roots).verify_server_cert(&leaf, &[], &localhost, &[], now);
    verified.map(drop).map_err(|error| match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            format!("{CERTIFICATE} is not the certificate of {KEY}, or was made by another program")
        }
        other => format!("{CERTIFICATE}: {other}"),
    })
}
