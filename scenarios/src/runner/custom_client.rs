//! A client that is not the simulated one: a process, or a function of this
//! process.
//!
//! ```text
//! stdout ─▶ Lines ─▶ ClientReport ─▶ Reporter ─▶ journal     stderr ─▶ Notes
//! commands ─▶ stdin, a JSON object a line                 the end ─▶ SIGTERM
//! ```
//!
//! Invariant: the pipes of a process are always emptied, so it never waits for
//! us; and when `run` has returned or is dropped, its whole group is gone, and a
//! function runs no more.

use std::convert::Infallible;
use std::future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use environment::{Clock, Observer, Seed};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::error::HarnessError;
use super::recorder::Recorder;
use super::reporter::{Notes, Reporter, TooMuch};
use super::server_process::killed_for;
use crate::journal::Mark;
use crate::language::{ClientAction, ClientOptions};
use crate::process::{Ended, Flood, Lines, Program, Running, StartError};
use crate::subjects::{
    Adapter, Client, ClientContext, ClientReport, Commands, Interpreter, Report, Stop, Tell,
};

/// Why a client cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Its process could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It prints too much.
    #[error(transparent)]
    Flood(#[from] Flood),
    /// It reports too much.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
}

/// How long a process may take to end after SIGTERM.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the last output of a process that has ended may take to arrive.
pub(super) const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// A client that is a process, about to be started.
#[derive(Debug)]
pub(super) struct ClientProcess {
    pub(super) adapter: Arc<Adapter>,
    /// What the scenario adds.
    pub(super) options: ClientOptions,
    pub(super) client: Arc<str>,
    pub(super) url: String,
    /// `host:port` of what is behind the proxy.
    pub(super) server: String,
    /// The variables by which it is told whom to trust.
    pub(super) trust: Vec<(String, String)>,
    pub(super) seed: Seed,
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) commands: mpsc::Receiver<ClientAction>,
    pub(super) notes: Notes,
    /// Of a page.
    pub(super) gate: Option<Gate>,
}

/// Before which a browser waits with its page, which is held in its first dial; a
/// cheap handle.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate {
    /// The page is about to dial, or never will.
    pub(super) ready: CancellationToken,
    /// It is to be let dial.
    pub(super) open: CancellationToken,
}

/// What a browser's driver says when it waits at the gate.
const READY: &[u8] = br#"{"event":"ready"}"#;

/// And what it is told then.
const OPEN: &[u8] = b"{\"do\":\"open\"}\n";

impl ClientProcess {
    /// Runs the client until `shutdown`, or until it ends by itself, which is
    /// marked in the journal.
    ///
    /// # Errors
    /// It could not be started, or says too much.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<(), HarnessError> {
        let client = Arc::clone(&self.client);
        let gate = self.gate.clone();
        let ended = self.run_process(shutdown).await;
        // Nobody is to wait for it any more.
        gate.inspect(|gate| gate.ready.cancel());
        ended.map_err(|source| HarnessError::Client { client, source })
    }

    async fn run_process(self, shutdown: CancellationToken) -> Result<(), ClientError> {
        let mut running = self.program().start()?;
        self.notes.started();
        let (stdin, stdout, stderr) = running.take_pipes();
        let mut output = pin!(read(stdout, stderr, self.taker()));
        let mut is_read = false;
        let mut input = pin!(pass_on(self.commands, stdin, self.gate.clone()));
        let by_itself = loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break None,
                ended = running.wait() => break Some(ended),
                read = &mut output, if !is_read => {
                    if let Err(too_much) = read {
                        running.kill().await;
                        self.notes.ended(&killed_for(&too_much));
                        return Err(too_much);
                    }
                    is_read = true;
                }
                never = &mut input => match never {},
            }
        };
        let is_marked = by_itself.is_some();
        let how = match by_itself {
            Some(ended) => ended,
            None => stop(&mut running, &self.clock, &mut output, &mut is_read).await,
        };
        if !is_read {
            // Whoever else holds the pipe has left the group on purpose.
            let _ = self.clock.timeout(LAST_OUTPUT, output).await;
        }
        let how = how.to_string();
        self.notes.ended(&how);
        if is_marked {
            let client = self.client.as_ref().to_owned();
            self.recorder.mark(Mark::ClientEnded { client, how });
        }
        Ok(())
    }

    fn program(&self) -> Program {
        let mut program = self.adapter.program(&self.options);
        // Before those of the user, who may know better.
        program.variables.splice(0..0, self.trust.iter().cloned());
        program.variables.extend([
            ("CHAOS_URL".to_owned(), self.url.clone()),
            ("CHAOS_CLIENT".to_owned(), self.client.as_ref().to_owned()),
            ("CHAOS_SEED".to_owned(), self.seed.to_string()),
        ]);
        let page = self.adapter.page.iter();
        let told = page.flat_map(|page| page.variables(&self.url, &self.server));
        program.variables.extend(told);
        if self.adapter.reports.contains(&Report::Seq) {
            let own = ("CHAOS_PAGE_TELLS".to_owned(), "messages".to_owned());
            program.variables.push(own);
        }
        program
    }

    fn taker(&self) -> Taker {
        let interpreter = Interpreter::new(&self.client, self.adapter.reports.clone());
        let client = Arc::clone(&self.client);
        let (clock, recorder) = (self.clock.clone(), self.recorder.clone());
        Taker {
            reporter: Reporter::new(client, clock, recorder, interpreter),
            notes: self.notes.clone(),
            gate: self.gate.clone(),
        }
    }
}

/// Ends it. Meanwhile it is read from: it may have much to say.
async fn stop<T>(
    running: &mut Running,
    clock: &Clock,
    mut output: &mut (impl Future<Output = T> + Unpin),
    is_read: &mut bool,
) -> Ended {
    let mut stopped = pin!(running.stop(clock.clone(), PATIENCE));
    loop {
        tokio::select! {
            biased;
            ended = &mut stopped => return ended,
            _ = &mut output, if !*is_read => *is_read = true,
        }
    }
}

/// Where what a client says goes.
struct Taker {
    reporter: Reporter,
    notes: Notes,
    gate: Option<Gate>,
}

/// Takes down what it reports, and keeps the rest, to the end of both pipes.
async fn read(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    taker: Taker,
) -> Result<(), ClientError> {
    let tail = taker.notes.tail.clone();
    let rest = async {
        tail.follow(stderr, "stderr")
            .await
            .map_err(ClientError::from)
    };
    tokio::try_join!(take_down(stdout, taker), rest).map(|_| ())
}

async fn take_down(stdout: Option<ChildStdout>, mut taker: Taker) -> Result<(), ClientError> {
    let Some(stdout) = stdout else {
        return Ok(());
    };
    let mut lines = Lines::new(stdout, "stdout");
    while let Some(line) = lines.next().await? {
        let counts = match ClientReport::parse(&line) {
            Some(report) => taker.reporter.tell(report)?,
            None => taker.gate.as_ref().is_some_and(|gate| {
                let is_ready = line == READY;
                is_ready.then(|| gate.ready.cancel()).is_some()
            }),
        };
        if !counts {
            taker.notes.passed_over();
        }
    }
    Ok(())
}

/// Writes every command; holds the pipe open also when there is none left, for
/// its end tells the client that nobody is there any more.
async fn pass_on(
    mut commands: mpsc::Receiver<ClientAction>,
    mut stdin: Option<ChildStdin>,
    gate: Option<Gate>,
) -> Infallible {
    if let (Some(gate), Some(stdin)) = (gate, &mut stdin) {
        gate.open.cancelled().await;
        let _ = stdin.write_all(OPEN).await;
    }
    while let Some(command) = commands.recv().await {
        let line = format!("{{\"do\":\"{}\"}}\n", command.word());
        if let Some(stdin) = &mut stdin {
            // Whoever does not listen is none the worse for it.
            let _ = stdin.write_all(line.as_bytes()).await;
        }
    }
    future::pending().await
}

/// How long a function may take to end when it is told to; then it is dropped,
/// which is a good end, too.
const FUNCTION_PATIENCE: Duration = Duration::from_secs(1);

/// A client that is a function, about to be started.
#[derive(Debug)]
pub(super) struct ClientTask {
    pub(super) client: Arc<Client>,
    pub(super) name: Arc<str>,
    pub(super) url: String,
    pub(super) ca: Option<PathBuf>,
    pub(super) seed: Seed,
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) commands: mpsc::Receiver<ClientAction>,
}

impl ClientTask {
    /// Runs the function until `shutdown`, or until it ends by itself, which is
    /// marked in the journal.
    ///
    /// # Errors
    /// It reports too much.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<(), HarnessError> {
        let (reports, mut too_much) = self.reports();
        let context = ClientContext {
            url: self.url,
            ca: self.ca,
            name: self.name.as_ref().to_owned(),
            seed: self.seed.0,
            tell: Tell::new(reports),
            commands: Commands::new(self.commands),
            stop: Stop::new(shutdown.clone()),
        };
        let mut task = JoinSet::new();
        task.spawn(self.client.start(context));
        let over = async {
            shutdown.cancelled().await;
            self.clock.sleep(FUNCTION_PATIENCE).await;
        };
        let mut over = pin!(over);
        let ended = tokio::select! {
            biased;
            ended = task.join_next() => ended,
            // Never closed before the task has ended.
            Some(error) = too_much.recv() => {
                let (client, source) = (self.name, ClientError::from(error));
                return Err(HarnessError::Client { client, source });
            }
            () = &mut over => None,
        };
        task.shutdown().await;
        if let Some(ended) = ended
            && !shutdown.is_cancelled()
        {
            let client = self.name.as_ref().to_owned();
            let how = how(ended);
            self.recorder.mark(Mark::ClientEnded { client, how });
        }
        Ok(())
    }

    /// Takes down what it reports, and says so if that is too much.
    fn reports(&self) -> (Observer<ClientReport>, mpsc::Receiver<TooMuch>) {
        let traits = &self.client.traits;
        let interpreter = Interpreter::new(&self.name, traits.reports.clone());
        let (name, recorder) = (Arc::clone(&self.name), self.recorder.clone());
        let reporter = Reporter::new(name, self.clock.clone(), recorder, interpreter);
        let reporter = Mutex::new(reporter);
        let (sender, too_much) = mpsc::channel(1);
        let observer = Observer::new(move |report| {
            let mut reporter = reporter.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = reporter.tell(report) {
                // The first is enough.
                let _ = sender.try_send(error);
            }
        });
        (observer, too_much)
    }
}

/// How a function ended before it was told to.
fn how(ended: Result<(), JoinError>) -> String {
    let Err(error) = ended else {
        return "its function returned".to_owned();
    };
    let panic = error.try_into_panic().unwrap_or_else(|_| Box::new(""));
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "its function panicked: {}",
        text.unwrap_or("without a word")
    )
}
