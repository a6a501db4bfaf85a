//! Where a test is: which folder its records go to, and what runs it again.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use environment::Seed;

use super::run::SEED;
use crate::invocation::shell_quoted;

/// What cargo lays into every target folder.
const TAG: &str = "CACHEDIR.TAG";

/// What is known of where a test runs.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// `CARGO_TARGET_DIR`.
    pub(super) target: Option<OsString>,
    /// The program of the tests.
    pub(super) program: Option<PathBuf>,
    /// Where the process runs: under cargo, the package's folder.
    pub(super) here: PathBuf,
}

impl Place {
    pub(super) fn of_this_process() -> Self {
        Self {
            target: env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()),
            program: env::current_exe().ok(),
            here: env::current_dir().unwrap_or_default(),
        }
    }

    /// The folder for all records: `chaos` in the target folder of the workspace, or
    /// in a `target` of this folder, where there is no such.
    pub(super) fn records(&self) -> PathBuf {
        self.target_folder().join("chaos")
    }

    fn target_folder(&self) -> PathBuf {
        if let Some(given) = self.target.as_deref().map(Path::new) {
            // Cargo takes it from where cargo was called: from here, or from above.
            return self.above(given).unwrap_or_else(|| self.here.join(given));
        }
        let program = self.program.as_deref();
        let of_program =
            program.and_then(|program| program.ancestors().find(|path| is_target(path)));
        of_program
            .map(Path::to_owned)
            .or_else(|| self.above(Path::new("target")))
            .unwrap_or_else(|| self.here.join("target"))
    }

    /// The nearest target folder of that name in this folder or above.
    fn above(&self, name: &Path) -> Option<PathBuf> {
        let folders = self.here.ancestors().map(|folder| folder.join(name));
        folders.into_iter().find(|folder| is_target(folder))
    }
}

fn is_target(folder: &Path) -> bool {
    folder.join(TAG).is_file()
}

/// What runs the same test again.
pub(super) fn repeat(seed: Seed) -> String {
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let package = env::var("CARGO_PKG_NAME").ok();
    let thread = std::thread::current();
    let test = of_thread(thread.name()).or_else(|| of_arguments(&arguments));
    line(seed, package.as_deref(), test)
}

/// The threads of tests have their names.
fn of_thread(name: Option<&str>) -> Option<&str> {
    name.filter(|name| *name != "main" && !name.starts_with("tokio-"))
}

/// Where one test alone is run, it may be on the main thread; then it was named.
fn of_arguments(arguments: &[String]) -> Option<&str> {
    let is_alone = arguments.iter().any(|argument| argument == "--exact");
    let mut names = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'));
    names.next().map(String::as_str).filter(|_| is_alone)
}

fn line(seed: Seed, package: Option<&str>, test: Option<&str>) -> String {
    let package = package.map(|package| format!(" -p {}", shell_quoted(package.as_ref())));
    let test = test.map(|test| format!(" {}", shell_quoted(test.as_ref())));
    format!(
        "{SEED}={seed} cargo test{}{}",
        package.unwrap_or_default(),
        test.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with the target folder of that name, and a package in it.
    fn workspace(target: &str) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let package = root.path().join("crates/mine");
        for folder in [&package, &root.path().join(target)] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(root.path().join(target).join(TAG), "").unwrap();
        (root, package)
    }

    #[test]
    fn records_go_to_the_target_folder_of_the_workspace() {
        let (root, here) = workspace("target");
        let records = root.path().join("target/chaos");
        let program = Some(root.path().join("target/debug/deps/it-0"));
        let place = Place {
            program,
            here,
            ..Place::default()
        };
        assert_eq!(place.records(), records);
        let place = Place {
            program: Some("/tmp/doctest".into()),
            ..place
        };
        assert_eq!(place.records(), records);
    }

    #[test]
    fn the_target_folder_that_was_asked_for_is_heeded() {
        let (root, here) = workspace("built/here");
        let place = Place {
            here,
            target: Some("built/here".into()),
            ..Place::default()
        };
        assert_eq!(place.records(), root.path().join("built/here/chaos"));
        let place = Place {
            target: Some("/elsewhere".into()),
            ..place
        };
        assert_eq!(place.records(), Path::new("/elsewhere/chaos"));
        // Cargo's configuration says it without the variable: the program lies there.
        let program = Some(root.path().join("built/here/debug/deps/it-0"));
        let place = Place {
            target: None,
            program,
            ..place
        };
        assert_eq!(place.records(), root.path().join("built/here/chaos"));
    }

    #[test]
    fn without_a_target_folder_records_stay_here() {
        let place = Place {
            here: "/nowhere/at/all".into(),
            ..Place::default()
        };
        assert_eq!(place.records(), Path::new("/nowhere/at/all/target/chaos"));
    }

    #[test]
    fn the_line_names_the_package_and_the_test() {
        assert_eq!(
            line(Seed(7), Some("mine"), Some("it::comes_back")),
            "CHAOS_SEED=7 cargo test -p mine it::comes_back"
        );
        assert_eq!(line(Seed(7), None, None), "CHAOS_SEED=7 cargo test");
    }

    #[test]
    fn a_test_is_called_by_its_thread_or_by_its_arguments() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of_thread(Some("a::b")), Some("a::b"));
        assert_eq!(of_thread(Some("main")), None);
        assert_eq!(of_thread(Some("tokio-runtime-worker")), None);
        assert_eq!(
            of_arguments(&words("--exact a::b --nocapture")),
            Some("a::b")
        );
        assert_eq!(of_arguments(&words("a:: --nocapture")), None);
    }
}
