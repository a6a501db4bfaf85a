//! Makes a client under test ready, once for all its processes.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use environment::Clock;
use environment::text::format_duration;
use rustix::fs::{FlockOperation, flock};
use tokio_util::sync::CancellationToken;

use super::hosts::HostProblem;
use super::{Adapter, Hosts, Subject};
use crate::process::{Ended, Flood, Program, StartError, Tail};

/// How long its last output may take to arrive.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether somebody else has done with the same folder.
const LOOK: Duration = Duration::from_millis(50);

/// Why a client under test is not ready.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Somebody wanted it.
    #[error("interrupted while client {0} was set up")]
    Interrupted(String),
    /// A program of it is not there, or is none.
    #[error("client {client}: {source}")]
    Unstartable {
        /// Whose.
        client: String,
        /// Why.
        #[source]
        source: StartError,
    },
    /// Somebody is not there whom a page needs.
    #[error("client {client}: {problem}")]
    Host {
        /// Whose.
        client: String,
        /// Who, and why not.
        #[source]
        problem: HostProblem,
    },
    /// The command failed; with the end of what it printed.
    #[error("the setup of client {client} failed: {reason}{output}")]
    Failed {
        /// Whose.
        client: String,
        /// Why.
        #[source]
        reason: SetupFailure,
        /// What it printed last, on lines of its own; or nothing.
        output: String,
    },
}

/// What a setup failed for.
#[derive(Debug, thiserror::Error)]
pub enum SetupFailure {
    /// It takes too long.
    #[error("it did not end within {} (`setup_within`)", format_duration(*.0))]
    Late(Duration),
    /// It prints too much.
    #[error(transparent)]
    Flood(#[from] Flood),
    /// Its folder cannot be locked.
    #[error("{}: {source}", path.display())]
    Lock {
        /// The file that stands for the folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its command does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its command ended, and not well.
    #[error("{0}")]
    Ended(Ended),
}

/// Runs the client's setup, if it has one, no two at once in one folder; looks
/// whether it can be started then; and starts whom it needs, who end with what this
/// gives.
///
/// # Errors
/// It failed, or took too long, or was interrupted.
pub async fn set_up(subject: &Subject, interrupt: &CancellationToken) -> Result<Hosts, SetupError> {
    let Subject::Adapter(adapter) = subject else {
        return Ok(Hosts::default());
    };
    let unstartable = |source| SetupError::Unstartable {
        client: adapter.name.clone(),
        source,
    };
    if let Some((program, lock)) = adapter.setup_program() {
        program.ensure_startable().map_err(unstartable)?;
        make_ready(adapter, &program, lock, interrupt).await?;
    }
    // Before a browser is looked for: whoever forgot to start his server need not wait.
    let hosts = tokio::select! {
        biased;
        () = interrupt.cancelled() => return Err(SetupError::Interrupted(adapter.name.clone())),
        hosts = Hosts::start(adapter) => hosts?,
    };
    adapter.ensure_startable().map_err(unstartable)?;
    if let Some((program, lock)) = adapter.browser_setup() {
        make_ready(adapter, &program, lock, interrupt).await?;
    }
    Ok(hosts)
}

async fn make_ready(
    adapter: &Adapter,
    program: &Program,
    lock: PathBuf,
    interrupt: &CancellationToken,
) -> Result<(), SetupError> {
    let tail = Tail::default();
    let done = tokio::select! {
        biased;
        () = interrupt.cancelled() => {
            return Err(SetupError::Interrupted(adapter.name.clone()));
        }
        done = perform(program, lock, adapter.setup_within, &tail) => done,
    };
    done.map_err(|reason| {
        let output = tail.text();
        let output = output.trim_end();
        SetupError::Failed {
            client: adapter.name.clone(),
            reason,
            output: match output {
                "" => String::new(),
                output => format!("\n{output}"),
            },
        }
    })
}

async fn perform(
    program: &Program,
    lock: PathBuf,
    within: Duration,
    tail: &Tail,
) -> Result<(), SetupFailure> {
    let clock = Clock::precise();
    let late = |_| Err(SetupFailure::Late(within));
    let work = async {
        // Held until this is over.
        let _lock = locked(lock, clock.clone()).await?;
        run(program, tail, clock.clone()).await
    };
    // Dropped, it takes its process group with it.
    clock.timeout(within, work).await.unwrap_or_else(late)
}

/// Another `chaos run` may be setting up the same folder.
async fn locked(path: PathBuf, clock: Clock) -> Result<File, SetupFailure> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(source) => return Err(SetupFailure::Lock { path, source }),
    };
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        clock.sleep(LOOK).await;
    }
    Ok(file)
}

async fn run(program: &Program, tail: &Tail, clock: Clock) -> Result<(), SetupFailure> {
    let mut running = program.start()?;
    let (stdin, stdout, stderr) = running.take_pipes();
    // There is nothing to be read.
    drop(stdin);
    let mut printed = pin!(async {
        let out = tail.clone().follow(stdout, "stdout");
        let err = tail.clone().follow(stderr, "stderr");
        tokio::try_join!(out, err)
    });
    let mut is_printed = false;
    let ended = loop {
        tokio::select! {
            biased;
            ended = running.wait() => break ended,
            flood = &mut printed, if !is_printed => {
                flood?;
                is_printed = true;
            }
        }
    };
    if !is_printed {
        // Whoever else holds the pipes has left the group on purpose.
        let _ = clock.timeout(PATIENCE, printed).await;
    }
    match ended {
        Ended::With(status) if status.success() => Ok(()),
        other => Err(SetupFailure::Ended(other)),
    }
}
