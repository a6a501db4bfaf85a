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
mod bounds;
mod clients;
mod context;
mod custom_client;
mod decisions;
mod error;
mod folder;
mod machine;
mod participants;
mod readiness;
mod recorder;
mod reporter;
mod secured;
mod server;
mod server_process;
mod simulated;
mod timeline;
mod writer;

pub use arrivals::{Hint, NotConnected};
pub use custom_client::ClientError;
pub use decisions::{Decisions, decision_line};
pub use error::HarnessError;
pub use folder::{Folder, FolderError, JOURNAL, SCENARIO};
pub(crate) use machine::watch_lateness;
pub use recorder::Recorder;
pub use reporter::{Reporter, TooMuch};
pub use server::ServerError;
pub use server_process::{ProcessProblem, ensure_server_startable};
pub use simulated::{Difference, Trace, difference, simulate, simulate_tapped};
pub use writer::{JournalError, Writer};

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use client_sim::Flaw;
use environment::{Environment, Observer, Seed, Stall};
use tokio_util::sync::CancellationToken;

use crate::journal::{Entry, Header, MAX_ENTRIES, Mark, encode_line};
use crate::language::Scenario;
use crate::subjects::Subject;
use crate::trust::Security;
use context::RunContext;
use error::{BrokenOff, FirstError};
use participants::Participants;

/// How long a proxy's dial to the server may take.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The clock that a run goes by, and the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Time {
    /// The system's, and real sockets on loopback.
    #[default]
    Real,
    /// A virtual clock, and a network in this process.
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
    /// Who is under test.
    pub subject: Subject,
    /// The clock and the network.
    pub time: Time,
    /// Whether it is run twice, and both must be the same to the byte. In virtual
    /// time only.
    pub must_repeat: bool,
    /// The seed of server, proxy and clients.
    pub seed: Seed,
    /// Flaws besides the file's own.
    pub flaws: BTreeSet<Flaw>,
    /// Whether every fault is planned and none applied.
    pub is_wire: bool,
    /// Who dials by TLS, and who signs for it.
    pub tls: Security,
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
    pub problem: Option<HarnessError>,
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
        let context = RunContext {
            environment: &environment,
            scenario,
            settings,
            recorder: &recorder,
            progress: &progress,
        };
        // Boxed: it is large.
        Box::pin(conduct(&context, &decisions, &interrupt)).await
    });
    let problem = match written.await {
        Ok(problem) => problem,
        Err(error) => Some(error.into()),
    };
    let unwritten = || settings.folder.write_decisions(&decisions).err();
    let problem = problem.or_else(|| unwritten().map(HarnessError::Folder));
    Record {
        header,
        entries: recorder.take(),
        problem,
    }
}

/// The record of a run that would say nothing about this client, as is known
/// beforehand: nobody is started, and the journal has its header alone.
pub(crate) fn not_applicable(scenario: &Scenario, settings: &Settings) -> Record {
    let header = header(scenario, settings);
    let path = settings.folder.prepare(&scenario.text);
    let written = path.and_then(|path| Writer::create(&path, &header));
    Record {
        header,
        entries: Vec::new(),
        problem: written.err().map(HarnessError::Journal),
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
        retried: settings.folder.retried(),
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

/// Starts everybody, goes through the run, and ends everybody again.
async fn conduct(
    context: &RunContext<'_>,
    decisions: &Decisions,
    interrupt: &CancellationToken,
) -> Option<HarnessError> {
    let recorder = context.recorder;
    context.progress.tell(RunPhase::Starting);
    let first_error = FirstError::default();
    let started = tokio::select! {
        biased;
        () = interrupt.cancelled() => Err(BrokenOff::Interrupted),
        started = Participants::start(context, decisions, &first_error) => {
            started.map_err(BrokenOff::Failed)
        }
    };
    let mut participants = match started {
        Ok(participants) => participants,
        Err(broken_off) => {
            let (mark, problem) = broken_off.into_mark();
            recorder.mark(mark);
            return problem;
        }
    };
    let ended = tokio::select! {
        biased;
        () = interrupt.cancelled() => Err(BrokenOff::Interrupted),
        problem = recorder.broken() => Err(HarnessError::Incomplete(problem).into()),
        error = first_error.reported() => Err(error.into()),
        mark = recorder.exceeded() => Err(BrokenOff::Exceeded(mark)),
        stall = context.environment.clock.stalled() => Err(stalled(recorder, stall).into()),
        ended = context.go(&mut participants, &first_error) => ended,
        never = context.watch_machine() => match never {},
    };
    let (mark, problem) = ended.map_or_else(BrokenOff::into_mark, |()| (Mark::Ended, None));
    recorder.mark(mark);
    recorder.close();
    let left = stop(context, &mut participants, interrupt).await;
    let unwritten = write_output(context, &participants).err();
    problem
        .or_else(|| first_error.take())
        .or(left)
        .or_else(|| recorder.problem().map(HarnessError::Incomplete))
        .or_else(|| unwritten.map(HarnessError::Folder))
}

/// Why virtual time goes on no more, and what it was about where that is the
/// question.
fn stalled(recorder: &Recorder, stall: Stall) -> HarnessError {
    match (stall, recorder.last()) {
        (Stall::StandsStill { .. }, Some(last)) => HarnessError::StandsStill {
            stall,
            last: encode_line(&last),
        },
        _ => HarnessError::Stalled(stall),
    }
}

/// Ends everybody; soon, once somebody wants that.
async fn stop(
    context: &RunContext<'_>,
    participants: &mut Participants,
    interrupt: &CancellationToken,
) -> Option<HarnessError> {
    let clock = context.environment.clock.clone();
    tokio::select! {
        biased;
        () = interrupt.cancelled() => {}
        left = participants.stop(clock.clone()) => return left,
    }
    participants.stop_soon(clock).await;
    None
}

fn write_output(context: &RunContext<'_>, participants: &Participants) -> Result<(), FolderError> {
    match context.settings.time {
        Time::Real => context.settings.folder.write_output(&participants.notes()),
        // There is nobody who could have printed anything.
        Time::Virtual => Ok(()),
    }
}
