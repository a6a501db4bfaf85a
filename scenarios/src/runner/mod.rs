//! One scenario, on real sockets or in virtual time: a server, a proxy with a listener for each
//! client, and the clients, all in this process, on ports of the system's
//! choice.
//!
//! ```text
//! client c1 ─▶ listener of c1 ─┐
//! client c2 ─▶ listener of c2 ─┴─ proxy ─▶ server        every event ─▶ Recorder
//! ```
//!
//! Invariant: whatever happens (an interrupt, a full disk, a client that never
//! connects), every task has ended when [`run`] returns, within seconds, and
//! what was written is a valid journal. Used by [`suite`](crate::suite).

mod arrivals;
mod boot;
mod course;
mod decisions;
mod folder;
mod guest;
mod host;
mod local;
mod notes;
mod own_host;
mod probe;
mod readiness;
mod recorder;
mod reporter;
mod score;
mod seats;
mod simulated;
mod stage;
mod triggers;
mod trouble;
mod writer;

pub use decisions::{Decisions, line};
pub use folder::{Folder, JOURNAL, SCENARIO};
pub use recorder::Recorder;
pub use reporter::{Reporter, TooMuch};
pub use simulated::{Difference, Trace, difference, simulate};
pub use writer::{JournalError, Writer};

use std::collections::BTreeSet;
use std::path::PathBuf;

use client_sim::Flaw;
use environment::{Environment, Moment, Observer, Seed};
use tokio_util::sync::CancellationToken;

use crate::journal::{Entry, Header, MAX_ENTRIES, Mark};
use crate::language::Scenario;
use crate::subjects::Subject;
use course::{BrokenOff, RunContext};
use stage::Participants;
use trouble::Trouble;

/// The clock that a run goes by, and the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Time {
    /// The system's, and real sockets on loopback.
    #[default]
    Real,
    /// A clock that leaps, and a network in this process.
    Virtual,
}

impl Time {
    /// What a journal's header names.
    pub fn of(word: &str) -> Self {
        if word == Self::Virtual.word() {
            Self::Virtual
        } else {
            Self::Real
        }
    }

    /// As it stands in files and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Virtual => "virtual",
        }
    }
}

/// How one scenario is to be run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who is put to the test.
    pub subject: Subject,
    /// The clock and the network.
    pub time: Time,
    /// Whether it is run twice, and both must be the same to the byte. In virtual
    /// time only.
    pub must_repeat: bool,
    /// The seed of server, proxy and clients.
    pub seed: Seed,
    /// Bad habits besides the file's own.
    pub flaws: BTreeSet<Flaw>,
    /// Whether every fault is planned and none applied.
    pub is_wire: bool,
    /// Where its records go.
    pub folder: Folder,
}

/// Which part of a run it is, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunPhase {
    /// Clients connect.
    Starting,
    /// Faults happen.
    Running,
    /// All is healed.
    Settling,
    /// What was made arrives; everybody ends.
    Ending,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Record {
    /// What was run, and how.
    pub header: Header,
    /// All that was observed.
    pub entries: Vec<Entry>,
    /// What went wrong with the harness itself, if so.
    pub problem: Option<String>,
}

/// Runs one scenario to its end, or until `interrupt`.
///
/// Never fails: what goes wrong is the record's problem.
pub async fn run(
    scenario: &Scenario,
    settings: &Settings,
    progress: Observer<RunPhase>,
    interrupt: CancellationToken,
) -> Record {
    match settings.time {
        Time::Real => run_on_the_system(scenario, settings, progress, interrupt).await,
        Time::Virtual => simulated::run(scenario, settings, progress, interrupt).await,
    }
}

async fn run_on_the_system(
    scenario: &Scenario,
    settings: &Settings,
    progress: Observer<RunPhase>,
    interrupt: CancellationToken,
) -> Record {
    let header = header(scenario, settings);
    let environment = Environment::real();
    let recorder = Recorder::new(environment.clock.clone(), MAX_ENTRIES);
    let decisions = Decisions::default();
    let place = settings.folder.prepare(&scenario.text);
    let written = write_while(&environment, place, &header, &recorder, async {
        let course = RunContext {
            environment: &environment,
            scenario,
            settings,
            recorder: &recorder,
            progress: &progress,
        };
        // Boxed: it is large.
        Box::pin(conduct(&course, &decisions, &interrupt)).await
    });
    let problem = match written.await {
        Ok(problem) => problem,
        Err(error) => Some(error.to_string()),
    };
    let problem = problem.or_else(|| settings.folder.write_decisions(&decisions).err());
    Record {
        header,
        entries: recorder.take(),
        problem,
    }
}

/// The record of a run that was interrupted before it began: nothing is run,
/// and nothing written.
pub(crate) fn not_begun(scenario: &Scenario, settings: &Settings) -> Record {
    Record {
        header: header(scenario, settings),
        entries: vec![Entry::mark(Moment::default(), Mark::Interrupted)],
        problem: None,
    }
}

fn header(scenario: &Scenario, settings: &Settings) -> Header {
    let flaws = scenario.flaws(&settings.flaws).into_iter();
    Header {
        format: Header::FORMAT.to_owned(),
        version: Header::VERSION,
        id: scenario.id.clone(),
        case: scenario.case.clone(),
        seed: settings.seed.0,
        time: settings.time.word().to_owned(),
        client: settings.subject.name().to_owned(),
        clients: scenario.client_names(),
        flaws: flaws.map(|flaw| flaw.word().to_owned()).collect(),
        control: settings.is_wire.then(|| Header::WIRE.to_owned()),
        subject: settings.subject.traits(),
    }
}

/// Does `work` while the journal is written beside it, and then the rest.
async fn write_while<T>(
    environment: &Environment,
    path: Result<PathBuf, JournalError>,
    header: &Header,
    recorder: &Recorder,
    work: impl Future<Output = T>,
) -> Result<T, JournalError> {
    let writer = Writer::create(&path?, header)?;
    let finish = CancellationToken::new();
    let follow = writer.follow(recorder.clone(), environment.clock.clone(), finish.clone());
    let work = async {
        let done = work.await;
        finish.cancel();
        done
    };
    let (written, done) = tokio::join!(follow, work);
    written.map(|()| done)
}

/// Sets up, goes through the course, and puts everything away again.
async fn conduct(
    course: &RunContext<'_>,
    decisions: &Decisions,
    interrupt: &CancellationToken,
) -> Option<String> {
    let recorder = course.recorder;
    course.progress.tell(RunPhase::Starting);
    let trouble = Trouble::default();
    let set = tokio::select! {
        biased;
        () = interrupt.cancelled() => Err(BrokenOff::Interrupted),
        set = Participants::set(course, decisions, &trouble) => {
            set.map_err(|error| BrokenOff::Failed(error.to_string()))
        }
    };
    let mut stage = match set {
        Ok(stage) => stage,
        Err(broken_off) => {
            let (mark, problem) = broken_off.told();
            recorder.mark(mark);
            return problem;
        }
    };
    let ended = tokio::select! {
        biased;
        () = interrupt.cancelled() => Err(BrokenOff::Interrupted),
        problem = recorder.broken() => Err(BrokenOff::Journal(problem)),
        reason = trouble.told() => Err(BrokenOff::Failed(reason)),
        stall = course.environment.clock.stalled() => Err(BrokenOff::Failed(stall.to_string())),
        ended = course.go(&mut stage, &trouble) => ended,
        never = course.watch_machine() => match never {},
    };
    let (mark, problem) = ended.map_or_else(BrokenOff::told, |()| (Mark::Ended, None));
    recorder.mark(mark);
    recorder.close();
    let left = stage.put_away(course.environment.clock.clone()).await;
    let unwritten = match course.settings.time {
        Time::Real => course.settings.folder.write_said(&stage.notes()).err(),
        // There is nobody who could have said anything.
        Time::Virtual => None,
    };
    let problem = problem.or(left).or_else(|| recorder.problem());
    problem.or(unwritten)
}
