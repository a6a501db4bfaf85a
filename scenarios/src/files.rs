//! Scenario files: found, and read as text. What is no small UTF-8 file is
//! refused before it is parsed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chaos_judge::language::{Given, Origin};
use environment::text::Source;

use crate::catalogue;

/// The folder whose files are run when none is named, if it is there.
pub const CATALOGUE: &str = "scenarios/catalogue";

/// The largest scenario file, in bytes.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// A file that cannot be read as text.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("scenario {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no file, and the id of a scenario that is built in.
    #[error("no file or folder `{0}`; the built-in scenario of that id: chaos run --filter {0}")]
    BuiltIn(String),
    /// Neither a file nor a folder.
    #[error("scenario {}: this is neither a file nor a folder", .0.display())]
    Strange(PathBuf),
    /// Above [`MAX_BYTES`].
    #[error("scenario {}: larger than {MAX_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// Not text.
    #[error("scenario {}: not UTF-8 from byte {valid} on", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
        /// How many bytes are.
        valid: usize,
    },
    /// A folder without a single scenario.
    #[error("scenario folder {}: it holds no *.toml file", .0.display())]
    Empty(PathBuf),
}

/// Reads the files named, and all `*.toml` of the folders named in the order
/// of their names; of no names, the built-in scenarios.
///
/// # Errors
/// Every file that cannot be read.
pub fn gather(paths: &[PathBuf]) -> Result<Vec<Given>, Vec<FileError>> {
    let catalogue = PathBuf::from(CATALOGUE);
    let paths = match paths {
        [] if catalogue.is_dir() => &[catalogue],
        [] => return Ok(embedded()),
        named => named,
    };
    let (mut given, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match expand(path) {
            Ok(files) => {
                for file in files {
                    match load(&file) {
                        Ok(one) => given.push(one),
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(given)
    } else {
        Err(errors)
    }
}

fn embedded() -> Vec<Given> {
    let files = catalogue::FILES.iter();
    let given = files.map(|(name, text)| Given {
        origin: Origin::Embedded,
        source: Source::new(format!("{CATALOGUE}/{name}"), *text),
    });
    given.collect()
}

/// A folder's scenario files; anything else is itself.
/// The path, if it is the id of a scenario that is built in.
fn built_in(path: &Path) -> Option<&str> {
    let id = path.to_str()?;
    let mut files = catalogue::FILES.iter();
    files
        .any(|(name, _)| name.strip_suffix(".toml") == Some(id))
        .then_some(id)
}

fn expand(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source: io::Error| match built_in(path) {
        Some(id) if source.kind() == io::ErrorKind::NotFound => FileError::BuiltIn(id.to_owned()),
        _ => FileError::Io {
            path: path.to_owned(),
            source,
        },
    };
    if !path.metadata().map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(FileError::Empty(path.to_owned()));
    }
    files.sort();
    Ok(files)
}

fn load(path: &Path) -> Result<Given, FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    // A pipe or a device might never end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(FileError::Strange(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| FileError::NotText {
        path: path.to_owned(),
        valid: error.utf8_error().valid_up_to(),
    })?;
    Ok(Given {
        origin: Origin::File(path.to_owned()),
        source: Source::new(path.display().to_string(), text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_scenarios_are_told_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &[u8]| std::fs::write(path(name), bytes).unwrap();
        write("large.toml", &vec![b'#'; 1024 * 1024 + 1]);
        write("latin.toml", b"id = '\xe9'");
        std::fs::create_dir(path("empty")).unwrap();
        let names = ["large.toml", "latin.toml", "empty", "missing.toml"];
        let mut paths: Vec<_> = names.map(path).into();
        paths.push("/dev/null".into());
        let errors: Vec<String> = gather(&paths)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        let parts = [
            "large.toml: larger than 1048576 bytes",
            "latin.toml: not UTF-8 from byte 6 on",
            "empty: it holds no *.toml file",
            "missing.toml: ",
            "/dev/null: this is neither a file nor a folder",
        ];
        assert_eq!(errors.len(), parts.len());
        for (error, part) in errors.iter().zip(parts) {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_folder_is_its_toml_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", "notes.md"] {
            std::fs::write(folder.path().join(name), "id = 'x'\n").unwrap();
        }
        let given = gather(&[folder.path().to_owned()]).unwrap();
        let names: Vec<&str> = given
            .iter()
            .map(|one| one.source.name().rsplit('/').next().unwrap())
            .collect();
        assert_eq!(names, ["a.toml", "b.toml"]);
    }
}
