//! Scenario files: found, read and checked together.
//!
//! Nothing is run unless every file given is sound, so all mistakes of all
//! files are told at once. What is no small UTF-8 file is refused before it is
//! parsed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use environment::text::{Diagnostics, Source};

use super::read::{Mistakes, read};
use super::scenario::Scenario;
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

/// Where a scenario's text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The catalogue within the program.
    Embedded,
}

/// One scenario's text.
#[derive(Debug, Clone)]
pub struct Given {
    /// Where it comes from.
    pub origin: Origin,
    /// The text, under the name that its mistakes are told with.
    pub source: Source,
}

/// Reads the files named, and all `*.toml` of the folders named in the order
/// of their names; of no names, the catalogue.
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
fn expand(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
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

/// Reads every scenario. Two with one id are a mistake of the second.
///
/// # Errors
/// All mistakes of all files, in the files' order.
pub fn read_all(given: Vec<Given>) -> Result<Vec<(Given, Scenario)>, Mistakes> {
    let mut mistakes = Mistakes {
        count: 0,
        rendered: String::new(),
    };
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut sound = Vec::new();
    for one in given {
        let twice = |scenario: &Scenario, ids: &BTreeMap<String, String>| {
            ids.get(&scenario.id)
                .map(|first| second_id(&one.source, scenario, first))
        };
        match read(&one.source) {
            Ok(scenario) => match twice(&scenario, &ids) {
                Some(wrong) => mistakes.add(&wrong),
                None => {
                    ids.insert(scenario.id.clone(), one.source.name().to_owned());
                    sound.push((one, scenario));
                }
            },
            Err(wrong) => mistakes.add(&wrong),
        }
    }
    if mistakes.count == 0 {
        Ok(sound)
    } else {
        Err(mistakes)
    }
}

fn second_id(source: &Source, scenario: &Scenario, first: &str) -> Mistakes {
    let diagnostics = Diagnostics::new();
    let message = format!("the id `{}` is taken by {first}", scenario.id);
    let help = "an id names a folder of results and must be unique in a run";
    diagnostics.error_with_help(scenario.id_span.clone(), message, help);
    Mistakes {
        count: 1,
        rendered: diagnostics.render(source),
    }
}

impl Mistakes {
    fn add(&mut self, more: &Self) {
        self.count += more.count;
        if !self.rendered.is_empty() {
            self.rendered.push('\n');
        }
        self.rendered.push_str(&more.rendered);
    }
}
