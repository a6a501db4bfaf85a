//! A run in virtual time: everybody in one thread, on a network in this process.
//!
//! Invariant: [`simulate`] touches no socket, no file, no other thread and no
//! clock of the system, so it gives the same [`Trace`] to the byte every time, on
//! every machine. Files are made before and after.

use std::fmt;

use environment::{Observer, Passed, Simulation};
use tokio_util::sync::CancellationToken;

use super::context::RunContext;
use super::decisions::Decisions;
use super::error::HarnessError;
use super::recorder::Recorder;
use super::writer::Writer;
use super::{Record, RunPhase, Settings, conduct, header, stalled};
use crate::journal::{Entry, Header, MAX_ENTRIES, Mark, encode_header, encode_line};
use crate::language::Scenario;

/// What a run in virtual time made.
#[derive(Debug)]
pub struct Trace {
    /// What was run, and how.
    pub header: Header,
    /// All that was observed.
    pub entries: Vec<Entry>,
    /// All that was decided.
    pub decisions: Decisions,
    /// What went wrong with the harness itself, if so.
    pub problem: Option<HarnessError>,
}

/// Runs one scenario to its end in virtual time, on this thread, or until
/// `interrupt`: then nobody is put away first, since that takes as long as there
/// is to put away, and nobody has anything outside this thread. Not from within another runtime.
pub fn simulate(
    scenario: &Scenario,
    settings: &Settings,
    progress: &Observer<RunPhase>,
    interrupt: &CancellationToken,
) -> Trace {
    match Simulation::new() {
        Ok(simulation) => simulate_in(simulation, scenario, settings, progress, interrupt),
        Err(error) => Trace {
            header: header(scenario, settings),
            entries: Vec::new(),
            decisions: Decisions::default(),
            problem: Some(HarnessError::Simulation(error)),
        },
    }
}

/// As [`simulate`], with whatever passes at the ends of connections told to `tap`.
///
/// # Errors
/// As [`Simulation::new`].
pub fn simulate_tapped(
    scenario: &Scenario,
    settings: &Settings,
    tap: Observer<Passed>,
) -> std::io::Result<Trace> {
    let simulation = Simulation::new()?.tapped(tap);
    let (progress, never) = (Observer::none(), CancellationToken::new());
    Ok(simulate_in(
        simulation, scenario, settings, &progress, &never,
    ))
}

fn simulate_in(
    simulation: Simulation,
    scenario: &Scenario,
    settings: &Settings,
    progress: &Observer<RunPhase>,
    interrupt: &CancellationToken,
) -> Trace {
    let decisions = Decisions::default();
    let environment = simulation.environment();
    let recorder = Recorder::new(environment.clock.clone(), MAX_ENTRIES);
    let context = RunContext {
        environment: &environment,
        scenario,
        settings,
        recorder: &recorder,
        progress,
    };
    let ended = simulation.run(async {
        tokio::select! {
            biased;
            () = interrupt.cancelled() => {
                recorder.mark(Mark::Interrupted);
                None
            }
            problem = conduct(&context, &decisions, interrupt) => problem,
        }
    });
    let problem = ended.unwrap_or_else(|stall| Some(stalled(&recorder, stall)));
    recorder.close();
    // Every task goes with it, before what they told is taken.
    drop(simulation);
    Trace {
        header: header(scenario, settings),
        entries: recorder.take(),
        decisions,
        problem,
    }
}

/// As [`super::run`]. In a thread of its own for as long as it takes.
pub(super) async fn run(
    scenario: &Scenario,
    settings: &Settings,
    progress: Observer<RunPhase>,
    interrupt: CancellationToken,
) -> Record {
    let place = settings.folder.prepare(&scenario.text);
    let (scenario, asked) = (scenario.clone(), settings.clone());
    let work = tokio::task::spawn_blocking(move || {
        let once = || simulate(&scenario, &asked, &progress, &interrupt);
        let mut trace = once();
        if asked.must_repeat && trace.problem.is_none() && !interrupt.is_cancelled() {
            let again = once();
            trace.problem = difference(&trace, &again).map(HarnessError::NotRepeated);
        }
        trace
    });
    let trace = match work.await {
        Ok(trace) => trace,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    };
    let written = place.and_then(|path| {
        let writer = Writer::create(&path, &trace.header)?;
        writer.append(&trace.entries).map(drop)
    });
    let unwritten = written.err().map(HarnessError::Journal);
    let undecided = settings.folder.write_decisions(&trace.decisions).err();
    let undecided = undecided.map(HarnessError::Folder);
    Record {
        header: trace.header,
        entries: trace.entries,
        problem: trace.problem.or(unwritten).or(undecided),
    }
}

/// The first place where two traces are not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which record: its name as a file.
    record: &'static str,
    /// The line in it, from 1.
    line: usize,
    /// What stood there in either; `None`: nothing any more.
    lines: [Option<String>; 2],
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, line, .. } = self;
        let [one, other] = self
            .lines
            .each_ref()
            .map(|line| line.as_deref().unwrap_or("nothing"));
        write!(
            f,
            "not the same twice: line {line} of {record} was {one} and then {other}"
        )
    }
}

/// Compares what two runs recorded, as it would stand in their files.
pub fn difference(one: &Trace, other: &Trace) -> Option<Difference> {
    let journal = |trace: &Trace| {
        let header = encode_header(&trace.header);
        let entries: Vec<String> = trace.entries.iter().map(encode_line).collect();
        [vec![header], entries].concat()
    };
    let decisions = |trace: &Trace| trace.decisions.lines();
    first_difference("journal.jsonl", &journal(one), &journal(other))
        .or_else(|| first_difference("decisions.jsonl", &decisions(one), &decisions(other)))
}

fn first_difference(record: &'static str, one: &[String], other: &[String]) -> Option<Difference> {
    (0..one.len().max(other.len()))
        .find(|&index| one.get(index) != other.get(index))
        .map(|index| Difference {
            record,
            line: index + 1,
            lines: [one, other].map(|lines| lines.get(index).cloned()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Body, Bound};
    use crate::language::sample::scenario;
    use crate::runner::{Folder, Time};
    use crate::subjects::Subject;
    use crate::verdict::{Verdict, judge};
    use client_sim::Flaw;
    use environment::Seed;

    /// It is broken off with everybody put away, and the journal says so, too.
    #[test]
    fn what_goes_on_for_ever_is_broken_off() {
        let scenario = scenario("[expect]\nmax_live = 1\n");
        let trace = simulate_in(
            Simulation::of(100).unwrap(),
            &scenario,
            &settings(&[]),
            &Observer::none(),
            &CancellationToken::new(),
        );
        let reason = "it may never end: more than 100 events \
            (wake-ups, reads and writes) in virtual time";
        let problem = trace.problem.map(|problem| problem.to_string());
        assert_eq!(problem.as_deref(), Some(reason));
        let last = &trace.entries.last().unwrap().body;
        let reason = reason.to_owned();
        assert_eq!(*last, Body::Harness(Mark::Failed { reason }));
    }

    fn settings(flaws: &[Flaw]) -> Settings {
        Settings {
            subject: Subject::Sim,
            time: Time::Virtual,
            must_repeat: false,
            seed: Seed(1),
            flaws: flaws.iter().copied().collect(),
            is_wire: false,
            tls: Default::default(),
            folder: Folder::new("".as_ref(), "x", Subject::SIM, Seed(1)),
        }
    }

    /// Every connection is held, and none is given up for good.
    #[test]
    fn a_client_that_takes_too_many_connections_ends_the_run() {
        let mut scenario = scenario(
            "start = 'first_dial'\n[server]\ntick = '50ms'\nheartbeat = '100ms'\n\
            [clients]\ncount = 1\nliveness = '110ms'\nmin_uptime = '10ms'\n\
            reconnect = { full_jitter = { base = '1ms', cap = '2ms' } }\n\
            [[fault]]\non = { attempt = '1..', phase = 'open' }\nafter = '5ms'\n\
            inject.stall = {}\n[expect]\nmax_live = 1\n",
        );
        scenario.duration = std::time::Duration::from_secs(60);
        let (nobody, never) = (Observer::none(), CancellationToken::new());
        let settings = settings(&[Flaw::LeaksOldSocket]);
        let trace = simulate(&scenario, &settings, &nobody, &never);
        assert!(trace.problem.is_none(), "{:?}", trace.problem);
        let last = &trace.entries.last().unwrap().body;
        let (client, bound, most) = ("c1".to_owned(), Bound::Connections, 100);
        let mark = Mark::Exceeded {
            client,
            bound,
            most,
        };
        assert_eq!(*last, Body::Harness(mark));
        let judgement = judge(&scenario, &trace.header, &trace.entries);
        assert_eq!(judgement.verdict, Verdict::Failed, "{judgement:?}");
    }

    /// Whoever is there is not put away first.
    #[test]
    fn an_interrupt_is_the_last_that_happens() {
        let scenario = scenario("[expect]\nmax_live = 1\n");
        let interrupt = CancellationToken::new();
        let cancel = interrupt.clone();
        let progress = Observer::new(move |phase| {
            if phase == RunPhase::Running {
                cancel.cancel();
            }
        });
        let trace = simulate(&scenario, &settings(&[]), &progress, &interrupt);
        let [.., before, last] = &trace.entries[..] else {
            panic!("{:?}", trace.entries);
        };
        assert_eq!(last.body, Body::Harness(Mark::Interrupted));
        assert_eq!(before.at, last.at);
        assert!(trace.problem.is_none(), "{:?}", trace.problem);
    }

    #[test]
    fn the_first_difference_is_named() {
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let compare = |one, other| first_difference("journal.jsonl", &lines(one), &lines(other));
        assert_eq!(compare("a\nb", "a\nb"), None);
        assert_eq!(
            compare("a\nb\nc", "a\nx\ny").unwrap().to_string(),
            "not the same twice: line 2 of journal.jsonl was b and then x"
        );
        assert_eq!(
            compare("a", "a\nb").unwrap().to_string(),
            "not the same twice: line 2 of journal.jsonl was nothing and then b"
        );
    }
}
