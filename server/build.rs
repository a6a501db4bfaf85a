//! Puts the built page (`frontend/dist`) into the program, if there is one.
//!
//! Writes `$OUT_DIR/page.rs`, the list that `src/page.rs` includes; without a
//! built page it is empty, so that Rust alone builds. Sets `cfg(page_is_built)`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// From the folder of this crate, which is where build scripts run.
const DIST: &str = "../frontend/dist";

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(page_is_built)");
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo takes a missing folder for a changed one and would build the server
    // anew each time; an empty one it can watch. If it cannot be made, then so
    // be it.
    let _ = fs::create_dir(DIST);
    println!("cargo::rerun-if-changed={DIST}");
    let mut files = Vec::new();
    if Path::new(DIST).join("index.html").is_file() {
        println!("cargo::rustc-cfg=page_is_built");
        collect(&fs::canonicalize(DIST)?, "", &mut files)?;
    }
    files.sort();
    let files = paired(files);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to write"));
    fs::write(out.join("page.rs"), list(&files))
}

/// Adds every file of `folder`: its address below `prefix`, and where it is.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            let text = format!("{}: {name:?} is not UTF-8", folder.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        let address = format!("{prefix}/{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &address, files)?;
        } else {
            files.push((address, entry.path()));
        }
    }
    Ok(())
}

/// A file of the page, and its gzip where the page's build made one.
struct File {
    address: String,
    path: PathBuf,
    gzip: Option<PathBuf>,
}

/// Puts `x.gz` with `x`; it has no address of its own.
fn paired(files: Vec<(String, PathBuf)>) -> Vec<File> {
    let (packed, plain): (Vec<_>, Vec<_>) =
        (files.into_iter()).partition(|(address, _)| address.ends_with(".gz"));
    let with_gzip = |(address, path): (String, PathBuf)| {
        let name = format!("{address}.gz");
        let gzip = packed.iter().find(|(packed, _)| *packed == name);
        let gzip = gzip.map(|(_, path)| path.clone());
        File {
            address,
            path,
            gzip,
        }
    };
    plain.into_iter().map(with_gzip).collect()
}

/// The files as a Rust expression.
fn list(files: &[File]) -> String {
    let mut text = String::from("&[\n");
    for File {
        address,
        path,
        gzip,
    } in files
    {
        let gzip = match gzip {
            Some(gzip) => format!("Some(include_bytes!({gzip:?}))"),
            None => "None".into(),
        };
        writeln!(
            text,
            "    Asset {{ address: {address:?}, bytes: include_bytes!({path:?}), gzip: {gzip} }},"
        )
        .expect("a String takes everything");
    }
    text + "]\n"
}
