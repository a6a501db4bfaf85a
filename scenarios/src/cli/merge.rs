//! `chaos merge`.

use std::cell::Cell;
use std::io::{IsTerminal, stderr};
use std::path::Path;

use anyhow::{Context, ensure};
use scenarios::console::{Screen, report};
use scenarios::out_folder::OutFolder;
use scenarios::records;
use scenarios::shard;

use super::EXIT_PASSED;
use super::args::MergeArgs;
use super::end::{code, wanting};
use super::output::{complain, places, print};

/// Between two signs of life.
const TOLD_EVERY: u64 = 10_000;

/// Puts shards together; the exit code is that of one run.
pub(super) fn merge(args: &MergeArgs) -> anyhow::Result<u8> {
    ensure_apart(args)?;
    let count = Cell::new(0_u64);
    let judged = |id: &str| {
        count.set(count.get() + 1);
        if count.get().is_multiple_of(TOLD_EVERY) && stderr().is_terminal() {
            complain(&format!("chaos: {} runs checked, at {id}", count.get()));
        }
    };
    let whole = shard::read(&args.folders)?;
    let out = OutFolder::claim(&args.out)?;
    let merged = whole.merge(out.path(), judged)?;
    let (results, gallery) = merged.collected.done();
    let written = records::write(&results, &gallery, out.path());
    let mut text = report(&results, Screen::stdout());
    let (places, is_written) = places(&written);
    text += &places;
    let code = code(&results, is_written, false);
    if code != EXIT_PASSED {
        text += &match wanting(&results) {
            lines if results.has_many_seeds() || lines.is_empty() => {
                format!("{}\n", merged.command)
            }
            lines => lines,
        };
    }
    print(text);
    Ok(code)
}

/// What is merged is not written over.
fn ensure_apart(args: &MergeArgs) -> anyhow::Result<()> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let out = real(&args.out);
    let same = args.folders.iter().find(|folder| real(folder) == out);
    ensure!(
        same.is_none(),
        "--out {}: that is one of the shards; name another folder",
        args.out.display()
    );
    let is_empty = match args.out.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("--out {}", args.out.display())),
    };
    ensure!(
        is_empty,
        "--out {}: there is something in it already; name another folder, or take it away",
        args.out.display()
    );
    Ok(())
}
