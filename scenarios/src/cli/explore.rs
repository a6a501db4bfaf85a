//! `chaos explore`: what breaks a client, looked for and made small.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use environment::text::format_duration;
use environment::{Observer, Seed};
use scenarios::explore::{
    Base, Budget, Corpus, ExploreError, Finding, Found, Guide, Runner, Search, SearchProgress,
    SearchRecord, Setting, Summary,
};
use scenarios::invocation::{Invocation, shell_line};
use scenarios::language::{Origin, Scenario};
use scenarios::out_folder::OutFolder;
use scenarios::report::{self, Gallery};
use scenarios::results::Results;
use scenarios::runner;
use scenarios::shard::{Part, RECORD, Shard};
use scenarios::subjects::{self, SetupError, Subject};
use scenarios::whole::write_whole;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::args::{ExploreArgs, Guide as GuideArg, ShardArg, Time};
use super::found::{FOUND, conclude};
use super::output::complain;
use super::run::{are_suited, jobs, watch_signals};
use super::{EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_USAGE, files};

/// How long a search goes on if nothing is said.
const USUAL: Duration = Duration::from_secs(60);

/// The longest search.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Between two lines of progress where they cannot take each other's place.
const PACE: Duration = Duration::from_secs(10);

/// Searches; 1 if something was found.
pub(super) fn explore(args: &ExploreArgs) -> anyhow::Result<u8> {
    let budget = budget(args)?;
    let shard = args.shard.map(ShardArg::shard).transpose()?;
    let subject = subject(args)?;
    let Some(bases) = bases(args, &subject)? else {
        return Ok(EXIT_USAGE);
    };
    let first = match &args.corpus {
        Some(folder) => Corpus::read(folder, &bases)?,
        None => Vec::new(),
    };
    let out = OutFolder::claim(&args.out)?;
    Part::forget(out.path()).with_context(|| args.out.display().to_string())?;
    clear(&args.out.join(FOUND)).with_context(|| format!("--out {}", args.out.display()))?;
    let runner = Runner {
        subject,
        flaws: args.flaw.iter().copied().collect(),
        out: args.out.join("runs"),
    };
    let search = Search {
        runner,
        bases,
        seed: args.seed.unwrap_or(Seed(1)),
        guide: match args.guide {
            GuideArg::Coverage => Guide::Coverage,
            GuideArg::Random => Guide::Random,
        },
        budget,
        jobs: jobs(args.jobs, args.time).most,
        batch: Search::BATCH,
        time: args.time.into(),
        first,
        confirms: !args.unconfirmed,
        shard: shard.unwrap_or(Shard::WHOLE),
    };
    let part = shard.map(|shard| {
        let cases = args.cases.unwrap_or_default();
        Part::new(shard, search.fingerprint(), command(args), cases)
    });
    let code = match perform(search)? {
        Ok((summary, results, gallery)) => {
            let report = report::write_search(&results, &gallery, &summary, &args.out);
            let code = conclude(&args.out, args.corpus.as_deref(), &summary, report);
            match part {
                Some(part) => leave(&args.out, part, args.time.into(), &summary, code),
                None => code,
            }
        }
        Err(Trouble::Setup(SetupError::Interrupted(_))) => EXIT_INTERRUPTED,
        Err(Trouble::Setup(error)) => {
            complain(&format!("chaos: {error}"));
            EXIT_INCONCLUSIVE
        }
        Err(Trouble::Search(error)) => {
            complain(&format!("chaos: {error}"));
            match error {
                ExploreError::FailsAlready { .. } | ExploreError::Empty(_) => EXIT_USAGE,
                ExploreError::Broken(_) => EXIT_INCONCLUSIVE,
            }
        }
    };
    drop(out);
    Ok(code)
}

/// Leaves the record by which a shard is put together with the others.
fn leave(out: &Path, part: Part, time: runner::Time, summary: &Summary, code: u8) -> u8 {
    let share = part.shard.share(part.runs);
    let not_run = match summary.was_interrupted {
        // Of a search for so long nobody knows how many there would have been.
        true => share.saturating_sub(summary.cases).max(1),
        false => 0,
    };
    let part = part.of_search(SearchRecord::new(time, summary), not_run);
    match write_whole(out, RECORD, &part.to_json()) {
        Ok(_) => code,
        Err(error) => {
            complain(&format!("chaos: {error}"));
            EXIT_INCONCLUSIVE
        }
    }
}

/// The search that this is a shard of, as a command.
fn command(args: &ExploreArgs) -> String {
    let mut words: Vec<OsString> = vec!["chaos".into(), "explore".into()];
    words.extend(args.paths.iter().map(OsString::from));
    let mut add = |flag: &str, value: String| words.push(format!("{flag}={value}").into());
    if args.client != Subject::SIM {
        add("--client", args.client.clone());
    }
    for flaw in &args.flaw {
        add("--flaw", flaw.to_string());
    }
    if let Some(time) = args.time_limit {
        add("--for", time.to_string());
    }
    if let Some(cases) = args.cases {
        add("--cases", cases.to_string());
    }
    add("--seed", args.seed.unwrap_or(Seed(1)).0.to_string());
    if args.time == Time::Real {
        add("--time", "real".to_owned());
    }
    if args.guide == GuideArg::Random {
        add("--guide", "random".to_owned());
    }
    add("--findings", args.findings.to_string());
    shell_line(&words)
}

enum Trouble {
    Setup(SetupError),
    Search(ExploreError),
}

fn budget(args: &ExploreArgs) -> anyhow::Result<Budget> {
    let asked = args.time_limit.map(Duration::from);
    if let (Some(time), Some(shown)) = (asked, args.time_limit) {
        ensure!(
            !time.is_zero(),
            "--for {shown}: nothing can be found in no time"
        );
        ensure!(time <= LONGEST, "--for {shown}: the most is 30days");
    }
    let time = asked.or_else(|| args.cases.is_none().then_some(USUAL));
    Ok(Budget {
        cases: args.cases,
        time,
        findings: args.findings.into(),
    })
}

fn subject(args: &ExploreArgs) -> anyhow::Result<Subject> {
    let subject = subjects::find(&args.client)?;
    if !subject.is_sim() {
        let name = subject.name();
        if !args.flaw.is_empty() {
            bail!("--flaw is for the simulated client alone; `{name}` has its own");
        }
        if args.time == Time::Virtual {
            bail!("--client {name}: client programs run in real time only; add `--time real`");
        }
    }
    Ok(subject)
}

/// `None` after it was told what is wrong with the files.
fn bases(args: &ExploreArgs, subject: &Subject) -> anyhow::Result<Option<Vec<Base>>> {
    if args.paths.is_empty() {
        let traits = subject.traits();
        return Ok(Some(match traits {
            None => Base::built_in(),
            Some(traits) => Base::for_traits(&traits),
        }));
    }
    let Some(scenarios) = files::read(&args.paths) else {
        return Ok(None);
    };
    let scenarios: Vec<(Origin, Arc<Scenario>)> = scenarios
        .into_iter()
        .map(|(given, scenario)| (given.origin, Arc::new(scenario)))
        .collect();
    if !are_suited(&scenarios, std::slice::from_ref(subject), args.time) {
        return Ok(None);
    }
    let traits = subject.traits();
    let settings = scenarios.iter().map(|(_, scenario)| {
        let mut setting = Setting::of(scenario);
        setting.limit(traits.as_ref());
        Base::File(Box::new(setting))
    });
    Ok(Some(settings.collect()))
}

/// Takes away what an earlier search left there, and nothing else.
fn clear(found: &Path) -> std::io::Result<()> {
    let entries = match found.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let is_file = path.extension().is_some_and(|end| end == "toml");
        if is_file && Found::is_text_of_one(&std::fs::read_to_string(&path).unwrap_or_default()) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn perform(search: Search) -> anyhow::Result<Result<Done, Trouble>> {
    let interrupt = CancellationToken::new();
    let mut watching =
        watch_signals(interrupt.clone(), complain).context("failed to watch for signals")?;
    // As long as the search goes on.
    let _hosts = match subjects::set_up(&search.runner.subject, &interrupt).await {
        Ok(hosts) => hosts,
        Err(error) => return Ok(Err(Trouble::Setup(error))),
    };
    let progress = progress(search.budget);
    let handle = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let summary = search.run(&progress, &interrupt, &handle)?;
        let (runner, time) = (&search.runner, search.time);
        let repeat = |finding: &Finding| repeat(runner, finding, time);
        let (results, gallery) = Search::shown(runner, time, &summary, &handle, &repeat);
        Ok((summary, results, gallery))
    });
    let summary = work
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    watching.abort_all();
    Ok(summary.map_err(Trouble::Search))
}

/// What a search came to, with the runs of what was found.
type Done = (Summary, Results, Gallery);

/// The command that runs a finding again, from within the folder of findings.
pub(super) fn repeat(runner: &Runner, finding: &Finding, time: runner::Time) -> String {
    let name = format!("{}.toml", finding.id());
    let invocation = Invocation {
        flaws: runner.flaws.clone(),
        time,
        clients: vec![runner.subject.argument().to_owned()],
        paths: vec![name.into()],
        ..Invocation::default()
    };
    invocation.repeat_all()
}

/// One line that is written over on a terminal, and now and then one elsewhere.
fn progress(budget: Budget) -> Observer<SearchProgress> {
    let is_terminal = std::io::stderr().is_terminal();
    let bar = is_terminal.then(indicatif::ProgressBar::new_spinner);
    let last = Mutex::new(Duration::ZERO);
    Observer::new(move |now: SearchProgress| {
        let line = line(now, budget);
        match &bar {
            Some(bar) => bar.set_message(line),
            None => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if now.elapsed >= *last + PACE {
                    *last = now.elapsed;
                    complain(&line);
                }
            }
        }
    })
}

fn line(now: SearchProgress, budget: Budget) -> String {
    let SearchProgress {
        cases,
        states,
        corpus,
        found,
        elapsed,
        doing,
    } = now;
    let seconds = elapsed.as_secs_f64();
    let rate = cases as f64 / seconds.max(0.001);
    let left = match (budget.time, budget.cases) {
        (Some(time), _) => Some(time.saturating_sub(elapsed)),
        (None, Some(most)) => {
            let left = most.saturating_sub(cases) as f64 / rate.max(0.001);
            Some(Duration::from_secs_f64(left.min(1e9)))
        }
        (None, None) => None,
    };
    let left = left.map_or(String::new(), |left| {
        let left = Duration::from_secs(left.as_secs());
        format!(", {} left", format_duration(left))
    });
    let doing = match doing {
        "" => String::new(),
        doing => format!(", {doing}"),
    };
    format!(
        "{cases} cases, {rate:.0} a second, {states} states, {corpus} kept, {found} found{left}{doing}"
    )
}
