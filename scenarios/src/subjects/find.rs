//! Where clients under test are found: `sim`, any folder with a `client.toml`, a folder of
//! `scenarios/clients`, or what is shipped within the program.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaos_judge::profile::Profile;
use environment::text::Source;

use super::adapter::{Adapter, CLIENT_FILE};
use super::{Subject, driver, shipped};

/// The folder of the adapters that come with the project.
pub const CLIENTS: &str = "scenarios/clients";

/// The largest `client.toml`, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// A client under test that is not there, or that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// Nobody is called that.
    #[error(
        "there is no client `{}`; there is {}, and any folder with a {CLIENT_FILE}, such as ./my-client",
        .name.escape_debug(), .known.join(", ")
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// Who there is.
        known: Vec<String>,
    },
    /// A file that the system does not give, or that is no small text.
    #[error("client {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is within this program and cannot be brought out.
    #[error("client {name}: it cannot be unpacked into the cache folder: {source}")]
    Unpack {
        /// Who.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What lies beside its file is no profile of it.
    #[error("profile {}: {why}", path.display())]
    Profile {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file has errors: each as `FILE:LINE:COLUMN: message`.
    #[error("{0}")]
    Mistakes(String),
}

/// The client under test of this name, or in this folder.
///
/// # Errors
/// Nobody is called that, or all that is wrong with its `client.toml`.
pub fn find(name: &str) -> Result<Subject, SubjectError> {
    if name == Subject::SIM {
        return Ok(Subject::Sim);
    }
    let folders = [PathBuf::from(name), Path::new(CLIENTS).join(name)];
    let is_given = |folder: &&PathBuf| !name.is_empty() && folder.join(CLIENT_FILE).is_file();
    if let Some(folder) = folders.iter().find(is_given) {
        return load(folder, name);
    }
    let unpacked = shipped::unpacked(name).map_err(|source| SubjectError::Unpack {
        name: name.to_owned(),
        source,
    })?;
    match unpacked {
        Some(folder) => load(&folder, name),
        None => Err(SubjectError::Unknown {
            name: name.to_owned(),
            known: names(),
        }),
    }
}

/// Everybody that [`find`] knows by name alone, in their order.
pub fn names() -> Vec<String> {
    let mut names: BTreeSet<String> = shipped::names().map(str::to_owned).collect();
    for entry in fs::read_dir(CLIENTS).into_iter().flatten().flatten() {
        if entry.path().join(CLIENT_FILE).is_file() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let sim = [Subject::SIM.to_owned()];
    sim.into_iter().chain(names).collect()
}

fn load(folder: &Path, name: &str) -> Result<Subject, SubjectError> {
    let path = folder.join(CLIENT_FILE);
    let failed = |source| SubjectError::Io {
        path: path.clone(),
        source,
    };
    let text = text(&path).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    let source = Source::new(path.display().to_string(), text);
    let mut adapter = Adapter::read(&source, &folder, name).map_err(SubjectError::Mistakes)?;
    adapter.profile = profile(&adapter)?;
    driven(adapter)
}

/// The page at this URL, of which there is no file, and which dials this
/// `host:port` by itself.
///
/// # Errors
/// What is wrong with one of them.
pub fn of_page(url: &str, socket: Option<&str>) -> Result<Subject, SubjectError> {
    driven(Adapter::of_page(url, socket).map_err(SubjectError::Mistakes)?)
}

/// With the program that drives a browser, if it is a page.
fn driven(mut adapter: Adapter) -> Result<Subject, SubjectError> {
    if adapter.page.is_some() {
        adapter.driver = driver::unpacked().map_err(|source| SubjectError::Unpack {
            name: adapter.name.clone(),
            source,
        })?;
    }
    Ok(Subject::Adapter(Arc::new(adapter)))
}

/// What lies beside its file; of another version of the client it says nothing.
fn profile(adapter: &Adapter) -> Result<Option<Profile>, SubjectError> {
    let path = adapter.folder.join(Profile::FILE);
    let wrong = |why: String| SubjectError::Profile {
        path: path.clone(),
        why,
    };
    let text = match text(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|source| wrong(source.to_string()))?,
    };
    let profile = Profile::read(&text).map_err(|error| wrong(error.to_string()))?;
    let Profile {
        client,
        client_version,
        ..
    } = &profile;
    if *client == adapter.name && client_version.as_ref() == Some(&adapter.version) {
        return Ok(Some(profile));
    }
    let version = client_version.as_deref().unwrap_or_default();
    Err(wrong(format!(
        "it is of `{}` {}; measure again with `chaos profile`, or take it away",
        client.escape_debug(),
        version.escape_debug()
    )))
}

/// A file of a client's folder; of at most 64 KiB.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("larger than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let message = format!("not UTF-8 from byte {valid} on");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_client_is_its_name_and_nobody_is_told_who_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().to_str().unwrap();
        let unknown = find(name).unwrap_err().to_string();
        assert!(unknown.contains("there is sim"), "{unknown}");
        let file = folder.path().join(CLIENT_FILE);
        fs::write(&file, "name = 'mine'\nversion = '1'\ncommand = ['x']\n").unwrap();
        let subject = find(name).unwrap();
        assert_eq!((subject.name(), subject.argument()), ("mine", name));
        ensure_profile_stands_in(folder.path(), name);
        fs::write(&file, [0xff]).unwrap();
        let wrong = find(name).unwrap_err().to_string();
        assert!(wrong.contains("not UTF-8 from byte 0 on"), "{wrong}");
        assert!(find("sim").unwrap().is_sim());
        assert!(find("").is_err());
    }

    /// For what the client does not declare, if it is of this client.
    fn ensure_profile_stands_in(folder: &Path, name: &str) {
        let file = folder.join(Profile::FILE);
        let text = include_str!("../../tests/profile.json");
        fs::write(&file, text).unwrap();
        let strange = find(name).unwrap_err().to_string();
        assert!(strange.contains("it is of `other` 1;"), "{strange}");
        fs::write(&file, text.replace("other", "mine")).unwrap();
        let client = "name = 'mine'\nversion = '1'\ncommand = ['x']\ndial_bound = '9s'\n";
        fs::write(folder.join(CLIENT_FILE), client).unwrap();
        let traits = find(name).unwrap().traits().unwrap();
        assert_eq!(traits.dial_bound_us, Some(9_000_000));
        assert_eq!(traits.first_delay_us, Some(300_000));
        // One of them never noticed.
        assert_eq!(traits.liveness_us, None);
        fs::write(&file, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
        let newer = find(name).unwrap_err().to_string();
        assert!(
            newer.contains("not of format `chaos-profile`, version 1"),
            "{newer}"
        );
        fs::remove_file(&file).unwrap();
    }
}
