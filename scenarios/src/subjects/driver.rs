//! The program that drives a browser, within this program: a page is a client by it,
//! as another client is by its own adapter.
//!
//! Invariant: equal to `scenarios/browser`, file by file (tested).

use std::io;
use std::path::PathBuf;

use super::shipped::unpack;

/// What it is called in the cache folder.
const NAME: &str = "browser";

/// What Node runs.
pub(super) const MAIN: &str = "driver.mjs";

macro_rules! driver {
    ($($name:literal)*) => {
        const FILES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../browser/", $name))),)*
            // Finds the browser for the project's own tests, too.
            ("chromium.sh", include_str!("../../../frontend/browser/chromium.sh")),
        ];
    };
}

driver! {
    "chromium.mjs"
    "devtools.mjs"
    "driver.mjs"
    "injected.js"
    "own_address.mjs"
    "sockets.mjs"
    "tab.mjs"
}

/// Its folder, made if it is not there yet.
///
/// # Errors
/// The cache folder cannot be written.
pub(super) fn unpacked() -> io::Result<PathBuf> {
    unpack(NAME, FILES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn all_that_is_in_the_folder_is_in_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let files = folder
            .read_dir()
            .unwrap()
            .map(|file| file.unwrap().file_name());
        let mut files: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
        files.insert("chromium.sh".into());
        let shipped = FILES.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(files, shipped.collect());
    }
}
