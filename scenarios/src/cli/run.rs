//! `chaos run`.

use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use environment::Observer;
use globset::{Glob, GlobMatcher};
use scenarios::console::{Live, Style, report};
use scenarios::language::{Origin, Scenario};
use scenarios::results::{Invocation, Results};
use scenarios::subjects::{self, SetupError, Subject};
use scenarios::suite::Suite;
use scenarios::verdict::Verdict;
use tokio_util::sync::CancellationToken;

use super::args::{Control, RunArgs, Time};
use super::terminal::print;
use super::{
    EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_PASSED, EXIT_USAGE, check, complain,
    said, signals,
};

/// Scenarios at a time for each core. A case of the catalogue takes about 2 % of
/// one, so even on a machine with other work every fault comes in time.
const JOBS_PER_CORE: usize = 6;

/// Runs and judges; the last line of a run that is not 0 repeats it.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    ensure_available(args)?;
    let subject = subjects::find(&args.client)?;
    let filter = args.filter.as_deref().map(matcher).transpose()?;
    let invocation = Invocation {
        paths: args.what.paths.clone(),
        filter: args.filter.clone(),
        flaws: args.flaw.iter().copied().collect(),
        is_wire: args.control == Some(Control::Wire),
        seed: args.seed,
        client: (!subject.is_sim()).then(|| subject.argument().to_owned()),
    };
    let suited = |scenarios: &Vec<(Origin, Scenario)>| are_suited(scenarios, &subject);
    let Some(scenarios) = select(args, filter.as_ref()).filter(suited) else {
        print(format_args!("{}\n", invocation.repeat_all()));
        return Ok(EXIT_USAGE);
    };
    let repeat_all = invocation.repeat_all();
    let suite = Suite {
        scenarios,
        subject,
        invocation,
        out: args.out.clone(),
        jobs: jobs(args),
    };
    announce(&suite);
    let interrupt = CancellationToken::new();
    let results = match perform(suite, interrupt.clone())? {
        Ok(results) => results,
        Err(error) => return Ok(unready(&error, &repeat_all)),
    };
    Ok(conclude(
        &results,
        &args.out,
        &repeat_all,
        interrupt.is_cancelled(),
    ))
}

fn ensure_available(args: &RunArgs) -> anyhow::Result<()> {
    if args.time == Time::Virtual {
        bail!("--time virtual is not available yet; --time real is");
    }
    Ok(())
}

fn matcher(glob: &str) -> anyhow::Result<GlobMatcher> {
    let glob = Glob::new(glob).with_context(|| format!("--filter {glob}: not a pattern"))?;
    Ok(glob.compile_matcher())
}

/// The scenarios to run, or `None` after the reason why not has been told.
fn select(args: &RunArgs, filter: Option<&GlobMatcher>) -> Option<Vec<(Origin, Scenario)>> {
    let scenarios = check::read(&args.what.paths)?;
    let matching: Vec<_> = scenarios
        .into_iter()
        .filter(|(_, scenario)| filter.is_none_or(|filter| filter.is_match(&scenario.id)))
        .map(|(given, scenario)| (given.origin, scenario))
        .collect();
    if matching.is_empty() {
        let glob = args.filter.as_deref().unwrap_or_default();
        complain(&format!(
            "chaos: --filter {glob}: no scenario has such an id; `chaos list` names them"
        ));
        return None;
    }
    Some(matching)
}

/// Whether the subject can be run against every file's server; else it is told
/// why not.
fn are_suited(scenarios: &[(Origin, Scenario)], subject: &Subject) -> bool {
    let objections = scenarios.iter().filter_map(|(_, s)| s.unsuited(subject));
    let objections: Vec<String> = objections.collect();
    objections.iter().for_each(|objection| complain(objection));
    objections.is_empty()
}

fn jobs(args: &RunArgs) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    args.jobs
        .map_or_else(|| cores().saturating_mul(JOBS_PER_CORE), usize::from)
}

fn announce(suite: &Suite) {
    let count = suite.scenarios.len();
    let noun = if count == 1 { "scenario" } else { "scenarios" };
    let jobs = suite.jobs.min(count);
    complain(&format!("chaos: {count} {noun}, {jobs} at a time"));
}

#[tokio::main]
async fn perform(
    suite: Suite,
    interrupt: CancellationToken,
) -> anyhow::Result<Result<Results, SetupError>> {
    let mut watching = signals::watch(interrupt.clone()).context("failed to watch for signals")?;
    let live = Arc::new(Live::new(suite.scenarios.len()));
    let progress = {
        let live = Arc::clone(&live);
        Observer::new(move |progress| live.tell(progress))
    };
    if let Err(error) = subjects::set_up(&suite.subject, &interrupt).await {
        live.finish();
        return Ok(Err(error));
    }
    let results = suite.run(progress, interrupt).await;
    live.finish();
    watching.abort_all();
    Ok(Ok(Results::new(results)))
}

/// Nothing was run: the harness could not make the subject ready.
fn unready(error: &SetupError, repeat_all: &str) -> u8 {
    complain(&format!("chaos: {error}"));
    print(format_args!("{repeat_all}\n"));
    match error {
        SetupError::Interrupted(_) => EXIT_INTERRUPTED,
        SetupError::Failed { .. } => EXIT_INCONCLUSIVE,
    }
}

/// Tells what it came to; the exit code.
fn conclude(results: &Results, out: &Path, repeat_all: &str, was_interrupted: bool) -> u8 {
    let written = results.write(out);
    said::show(results, out);
    print(report(results, Style::of(&io::stdout())));
    match &written {
        Ok(path) => print(format_args!("{}\n", path.display())),
        Err(error) => complain(&format!("chaos: {error}")),
    }
    let code = code(results, written.is_ok(), was_interrupted);
    if was_interrupted {
        print(format_args!("{repeat_all}\n"));
    } else if code != EXIT_PASSED {
        match wanting(results)[..] {
            [] => print(format_args!("{repeat_all}\n")),
            ref lines => print(format_args!("{}\n", lines.join("\n"))),
        }
    }
    code
}

/// The commands that repeat what did not pass.
pub(super) fn wanting(results: &Results) -> Vec<&str> {
    let not_passed = |verdict| verdict != Verdict::Passed;
    let wanting = results.scenarios.iter().filter(|s| not_passed(s.verdict));
    wanting.map(|scenario| scenario.repeat.as_str()).collect()
}

pub(super) fn code(results: &Results, is_written: bool, was_interrupted: bool) -> u8 {
    if was_interrupted {
        EXIT_INTERRUPTED
    } else if results.failed > 0 {
        EXIT_FAILED
    } else if results.inconclusive > 0 || !is_written {
        EXIT_INCONCLUSIVE
    } else {
        EXIT_PASSED
    }
}
