//! `client-sim merge`: the recoveries of several machines together.
//!
//! Used by `main`.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use client_sim::{Recoveries, Recovery};

use crate::args::MergeArgs;

/// A histogram of ours takes less, whatever is in it.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// All that the files hold.
pub(crate) fn merge(args: &MergeArgs) -> anyhow::Result<Recoveries> {
    let mut seen = BTreeSet::new();
    let mut merged = Recoveries::new();
    for path in &args.files {
        let known = path.canonicalize();
        let known = known.with_context(|| path.display().to_string())?;
        ensure!(seen.insert(known), "{}: given twice", path.display());
        let bytes = read(path).with_context(|| path.display().to_string())?;
        let one = Recoveries::from_bytes(&bytes);
        merged.add(&one.with_context(|| path.display().to_string())?);
    }
    if let Some(path) = &args.histogram {
        write(path, &merged)?;
    }
    Ok(merged)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    // A pipe or a device might never end.
    ensure!(path.metadata()?.is_file(), "this is no file");
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// That a file cannot be written is better known before a run than after it. What
/// is in it stays until then.
pub(crate) fn ensure_writable(path: &Path) -> anyhow::Result<()> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.with_context(|| format!("--histogram {}", path.display()))?;
    Ok(())
}

/// Writes a histogram in place of what is there.
pub(crate) fn write(path: &Path, recoveries: &Recoveries) -> anyhow::Result<()> {
    let written = File::create(path).and_then(|mut file| file.write_all(&recoveries.to_bytes()));
    written.with_context(|| format!("--histogram {}", path.display()))
}

/// The result as JSON, or as a sentence.
pub(crate) fn text(recovery: Option<Recovery>, as_json: bool) -> String {
    if as_json {
        let json = serde_json::json!({ "version": 1, "recovery": recovery });
        return format!("{json}\n");
    }
    let Some(Recovery {
        count,
        p50_ms,
        p99_ms,
        max_ms,
    }) = recovery
    else {
        return "no recoveries\n".to_owned();
    };
    format!("{count} recoveries: p50 {p50_ms:.0} ms, p99 {p99_ms:.0} ms, max {max_ms:.0} ms\n")
}
