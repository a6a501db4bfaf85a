//! `chaos run`.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use environment::Observer;
use globset::{Glob, GlobSet};
use scenarios::collect::Collected;
use scenarios::console::Live;
use scenarios::invocation::Invocation;
use scenarios::known::Known;
use scenarios::language::{ClientOptions, Origin, Scenario};
use scenarios::out_folder::OutFolder;
use scenarios::results::Seeds;
use scenarios::runner::ensure_server_startable;
use scenarios::shard::Part;
use scenarios::subjects::{self, Ability, Hosts, SetupError, Subject};
use scenarios::suite::{Jobs, Suite};
use scenarios::trust::Security;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::args::{Control, RunArgs, ShardArg, Time};
use super::end::End;
use super::files;
use super::output::{complain, print};
use super::{EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_USAGE};

/// Scenarios at a time for each core. A built-in scenario takes about 2 % of
/// one, so even on a machine with other work every fault comes in time.
const JOBS_PER_CORE: usize = 6;

/// More than a machine gets through in days, and what is kept of so many fits
/// into its memory.
const MOST_RUNS: u64 = 100_000;

/// The longest `--filter`, in characters: many times what any id has.
const LONGEST_FILTER: usize = 1000;

/// Everybody that can be named.
const ALL: &str = "all";

/// Runs and judges; the last line of a run that is not 0 repeats it.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    ensure_available(args)?;
    let filter = args.filter.as_deref().map(matcher).transpose()?;
    let subjects = subjects(args)?;
    let invocation = Invocation {
        paths: args.what.paths.clone(),
        filter: args.filter.clone(),
        flaws: args.flaw.iter().copied().collect(),
        is_wire: args.control == Some(Control::Wire),
        clients: args.client.clone(),
        page: args.page.clone().map(|page| (page, args.socket.clone())),
        options: args.options()?,
        time: args.time.into(),
        must_repeat: args.check_determinism,
        is_tls: args.tls,
        ca: args.ca.clone(),
        seeds: args.seeds.or(args.seed.map(Seeds::one)),
        shard: args.shard.map(ShardArg::shard).transpose()?,
    };
    let known = known(args, &subjects)?;
    let suited = |scenarios: &Vec<_>| are_suited(scenarios, &subjects, args.time);
    let selected = select(args, filter.as_ref()).filter(suited);
    let Some(scenarios) = selected.and_then(|all| fitted(all, &subjects)) else {
        print(format_args!("{}\n", invocation.repeat_all()));
        return Ok(EXIT_USAGE);
    };
    let repeat_all = invocation.repeat_all();
    let suite = Suite {
        scenarios,
        invocation,
        out: args.out.clone(),
        jobs: jobs_for(&subjects, args),
        retry: args.retry.into(),
        tls: Security::new(args.tls, args.ca.clone()),
        subjects,
    };
    let runs = suite.count();
    ensure!(
        runs <= MOST_RUNS,
        "{runs} runs at once; the most is {MOST_RUNS}: fewer --seeds, or a --filter"
    );
    // Held until all is written.
    let out = OutFolder::claim(&args.out)?;
    Part::forget(out.path()).with_context(|| args.out.display().to_string())?;
    announce(&suite);
    let part = part(&suite);
    let interrupt = CancellationToken::new();
    let collected = match perform(suite, interrupt.clone())? {
        Ok(collected) => collected,
        Err(error) => return Ok(unready(&error, &repeat_all)),
    };
    let part = part.map(|part| part.with(&collected));
    let end = End {
        out: &args.out,
        badge: args.badge.as_deref(),
        repeat_all: &repeat_all,
        known,
        was_interrupted: interrupt.is_cancelled(),
    };
    Ok(match part {
        None => end.conclude(&collected.done()),
        Some(part) => end.conclude_part(&part, collected),
    })
}

/// What is known of each client, with `--known`.
fn known(args: &RunArgs, subjects: &[Subject]) -> anyhow::Result<Option<BTreeMap<String, Known>>> {
    if !args.known {
        return Ok(None);
    }
    let mut known = BTreeMap::new();
    for subject in subjects {
        if let Subject::Adapter(adapter) = subject {
            let own = Known::load(&adapter.folder).map_err(anyhow::Error::msg)?;
            known.insert(adapter.name.clone(), own);
        }
    }
    Ok(Some(known))
}

/// What will be told of this shard, if only one is run.
fn part(suite: &Suite) -> Option<Part> {
    let shard = suite.invocation.shard?;
    let command = suite.invocation.repeat_suite();
    let part = Part::new(shard, suite.fingerprint(), command, suite.count());
    Some(part)
}

fn ensure_available(args: &RunArgs) -> anyhow::Result<()> {
    if args.check_determinism && args.time == Time::Real {
        bail!("--check-determinism: only --time virtual repeats its timing, too; add that");
    }
    if args.seeds.is_some() && args.seed.is_some() {
        bail!("--seeds and --seed (or CHAOS_SEED) exclude each other: both set the seeds");
    }
    Ok(())
}

/// Who is under test, each once.
fn subjects(args: &RunArgs) -> anyhow::Result<Vec<Subject>> {
    let options = args.options()?;
    let asked = || args.client.join(",").escape_debug().to_string();
    let mut subjects: Vec<Subject> = Vec::new();
    if let Some(page) = &args.page {
        let subject = subjects::of_page(page, args.socket.as_deref())?;
        return Ok(vec![subject.with_options(&options)]);
    }
    let everybody;
    let names = match &args.client[..] {
        [all] if all == ALL => {
            everybody = subjects::names();
            &everybody
        }
        names => names,
    };
    for name in names {
        ensure!(!name.is_empty(), "--client {}: a name is empty", asked());
        let subject = subjects::find(name)?.with_options(&options);
        // Results and folders go by the name.
        let is_there = subjects.iter().any(|one| one.name() == subject.name());
        ensure!(
            !is_there,
            "--client {}: `{}` is there twice",
            asked(),
            subject.name()
        );
        subjects.push(subject);
    }
    if options != ClientOptions::default() && subjects.iter().any(Subject::is_sim) {
        bail!(
            "--client-arg and --client-env are for programs; the simulated client is none, and has `[clients]`"
        );
    }
    let stranger = subjects.iter().find(|subject| !subject.is_sim());
    if let (Some(stranger), false) = (stranger, args.flaw.is_empty()) {
        let name = stranger.name();
        bail!("--flaw is for the simulated client alone; `{name}` has its own");
    }
    Ok(subjects)
}

/// Not [`Glob::compile_matcher`], which panics at what is nested too deep.
fn matcher(glob: &str) -> anyhow::Result<GlobSet> {
    let length = glob.chars().count();
    ensure!(
        length <= LONGEST_FILTER,
        "--filter: {length} characters; the most is {LONGEST_FILTER}"
    );
    let set = || GlobSet::builder().add(Glob::new(glob)?).build();
    set().with_context(|| format!("--filter {glob}: not a pattern"))
}

/// The scenarios to run, or `None` after the reason why not has been told.
fn select(args: &RunArgs, filter: Option<&GlobSet>) -> Option<Vec<(Origin, Arc<Scenario>)>> {
    let scenarios = files::read(&args.what.paths)?;
    let matching: Vec<_> = scenarios
        .into_iter()
        .filter(|(_, scenario)| filter.is_none_or(|filter| filter.is_match(&scenario.id)))
        .map(|(given, scenario)| (given.origin, Arc::new(scenario)))
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

/// Whether every client under test can be run against every file's server; else it is
/// told why not.
pub(super) fn are_suited(
    scenarios: &[(Origin, Arc<Scenario>)],
    subjects: &[Subject],
    time: Time,
) -> bool {
    let mut objections: Vec<String> = Vec::new();
    for subject in subjects {
        for (_, scenario) in scenarios {
            objections.extend(subject.unsuited(scenario));
            objections.extend(ensure_server_startable(scenario).err());
            let unsimulated = subject.only_in_real_time(scenario);
            objections.extend(unsimulated.filter(|_| time == Time::Virtual));
        }
    }
    // Some are about a client under test alone, or a scenario.
    objections.sort();
    objections.dedup();
    objections.iter().for_each(|objection| complain(objection));
    objections.is_empty()
}

/// Each scenario as it is for each of the clients under test, or `None` after every error
/// that is one under a client's figures has been told.
fn fitted(
    scenarios: Vec<(Origin, Arc<Scenario>)>,
    subjects: &[Subject],
) -> Option<Vec<(Origin, Vec<Arc<Scenario>>)>> {
    let mut is_sound = true;
    let mut fit = |scenario: &Arc<Scenario>, subject: &Subject| match subject.fitted(scenario) {
        Ok(fitted) => Some(fitted),
        Err(mistakes) => {
            is_sound = false;
            let name = subject.name();
            complain(&format!(
                "{}\nchaos: by the figures of `{name}`; nothing was run",
                mistakes.rendered
            ));
            None
        }
    };
    let scenarios = scenarios.into_iter().map(|(origin, scenario)| {
        let all = subjects
            .iter()
            .filter_map(|subject| fit(&scenario, subject));
        (origin, all.collect())
    });
    let scenarios = scenarios.collect();
    is_sound.then_some(scenarios)
}

pub(super) fn jobs(asked: Option<u16>, time: Time) -> Jobs {
    if let Some(stated) = asked {
        return Jobs::stated(stated.into());
    }
    let per_core = match time {
        Time::Real => JOBS_PER_CORE,
        // Nobody waits there.
        Time::Virtual => 1,
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Jobs {
        most: cores.saturating_mul(per_core),
        adapts: true,
    }
}

/// Of pages fewer: each case is several browsers.
fn jobs_for(subjects: &[Subject], args: &RunArgs) -> Jobs {
    let is_page = |subject: &Subject| subject.can(Ability::Page);
    if args.jobs.is_none() && subjects.iter().any(is_page) {
        return Jobs::of_browsers();
    }
    jobs(args.jobs, args.time)
}

/// "chaos: 62 scenarios × 2 clients × 200 seeds, 12 at a time".
fn announce(suite: &Suite) {
    let counted = |count: u64, noun: &str| match count {
        1 => format!("1 {noun}"),
        many => format!("{many} {noun}s"),
    };
    let seeds = suite.invocation.seeds.map_or(1, Seeds::count);
    let mut what = counted(suite.scenarios.len() as u64, "scenario");
    for (count, noun) in [(suite.subjects.len() as u64, "client"), (seeds, "seed")] {
        if count > 1 {
            what += &format!(" × {}", counted(count, noun));
        }
    }
    let own = suite.own_count();
    if let Some(shard) = suite.invocation.shard {
        what += &format!("; {} in shard {shard}", counted(own, "run"));
    }
    let jobs = own.min(suite.jobs.most as u64);
    complain(&format!("chaos: {what}, {jobs} at a time"));
}

#[tokio::main]
async fn perform(
    mut suite: Suite,
    interrupt: CancellationToken,
) -> anyhow::Result<Result<Collected, SetupError>> {
    let live = Arc::new(Live::new(suite.own_count()));
    let say = {
        let live = Arc::clone(&live);
        move |text: &str| live.say(text)
    };
    let mut watching =
        watch_signals(interrupt.clone(), say.clone()).context("failed to watch for signals")?;
    let progress = {
        let live = Arc::clone(&live);
        Observer::new(move |progress| live.tell(progress))
    };
    // Until all has been run.
    let _hosts = match set_up(&mut suite, &interrupt, say).await {
        Ok(hosts) => hosts,
        Err(error) => {
            live.finish();
            return Ok(Err(error));
        }
    };
    let collected = suite.run(progress, interrupt).await;
    live.finish();
    watching.abort_all();
    Ok(Ok(collected))
}

/// Watches for Ctrl-C and SIGTERM: the first breaks the runs off and keeps what
/// was written, the second ends the program at once. The task ends with the set.
pub(super) fn watch_signals(
    interrupt: CancellationToken,
    say: impl Fn(&str) + Send + 'static,
) -> io::Result<JoinSet<()>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        either(&mut interrupted, &mut terminated).await;
        say("chaos: interrupted; what was written stays. Once more ends it at once");
        interrupt.cancel();
        either(&mut interrupted, &mut terminated).await;
        exit_at_once();
    });
    Ok(tasks)
}

async fn either(interrupted: &mut Signal, terminated: &mut Signal) {
    tokio::select! {
        biased;
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}

#[expect(
    clippy::exit,
    reason = "whoever asks twice does not want to wait for anything"
)]
fn exit_at_once() {
    std::process::exit(EXIT_INTERRUPTED.into());
}

/// Makes every client under test ready, with whom it needs. Of everybody, who cannot be made
/// ready is named and left out.
async fn set_up(
    suite: &mut Suite,
    interrupt: &CancellationToken,
    say: impl Fn(&str),
) -> Result<Vec<Hosts>, SetupError> {
    let is_everybody = suite.invocation.clients == [ALL];
    let mut hosts = Vec::new();
    let mut index = 0;
    while let Some(subject) = suite.subjects.get(index) {
        match subjects::set_up(subject, interrupt).await {
            Ok(own) => {
                hosts.push(own);
                index += 1;
            }
            Err(error @ (SetupError::Unstartable { .. } | SetupError::Failed { .. }))
                if is_everybody =>
            {
                say(&format!("chaos: left out: {error}"));
                suite.leave_out(index);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(hosts)
}

/// Nothing was run: the harness could not make the client under test ready.
fn unready(error: &SetupError, repeat_all: &str) -> u8 {
    complain(&format!("chaos: {error}"));
    print(format_args!("{repeat_all}\n"));
    match error {
        SetupError::Interrupted(_) => EXIT_INTERRUPTED,
        SetupError::Unstartable { .. } => EXIT_USAGE,
        SetupError::Host { problem, .. } if problem.is_usage() => EXIT_USAGE,
        SetupError::Host { .. } | SetupError::Failed { .. } => EXIT_INCONCLUSIVE,
    }
}
