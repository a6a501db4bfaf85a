//! `chaos merge`.

use std::cell::Cell;
use std::io::{IsTerminal, stderr};
use std::path::Path;

use anyhow::{Context, ensure};
use scenarios::collect::Collected;
use scenarios::console::{Screen, report as told};
use scenarios::explore::{Finding, Runner, Search, SearchRecord, Summary};
use scenarios::out_folder::OutFolder;
use scenarios::report::{self, Gallery};
use scenarios::results::Results;
use scenarios::runner;
use scenarios::subjects::Subject;
use scenarios::{records, shard};

use super::EXIT_PASSED;
use super::args::MergeArgs;
use super::end::{code, wanting};
use super::explore::repeat;
use super::found::conclude;
use super::output::{complain, places, print};

/// Where the schedules of a search's corpus go, within the folder.
const CORPUS: &str = "corpus";

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
    if let Some((records, _)) = whole.search() {
        return merge_search(out.path(), &records);
    }
    let merged = whole.merge(out.path(), judged)?;
    let (results, gallery) = merged.collected.done();
    let written = records::write(&results, &gallery, out.path());
    let mut text = told(&results, Screen::stdout());
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

/// Likewise of a search; what was found in virtual time is run again for the report.
fn merge_search(out: &Path, records: &[SearchRecord]) -> anyhow::Result<u8> {
    let summary = SearchRecord::merged(records);
    let is_virtual = records
        .iter()
        .all(|one| one.time() == runner::Time::Virtual);
    let (results, gallery) = match is_virtual {
        true => shown(&summary)?,
        false => Collected::default().done(),
    };
    let report = report::write_search(&results, &gallery, &summary, out);
    let corpus = out.join(CORPUS);
    Ok(conclude(out, Some(&corpus), &summary, report))
}

fn shown(summary: &Summary) -> anyhow::Result<(Results, Gallery)> {
    let flaws = summary.found.first().map(|found| &found.finding.flaws);
    let runner = Runner {
        subject: Subject::Sim,
        flaws: flaws.into_iter().flatten().copied().collect(),
        out: "".into(),
    };
    let runtime = tokio::runtime::Runtime::new().context("failed to start")?;
    let repeat = |finding: &Finding| repeat(&runner, finding, runner::Time::Virtual);
    Ok(Search::shown(
        &runner,
        runner::Time::Virtual,
        summary,
        runtime.handle(),
        &repeat,
    ))
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
