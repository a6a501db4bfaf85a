//! The server of a run that is a command of the user's own: one process after the
//! other on one port, as the file's server events have it.
//!
//! Invariant: what it prints is always read, so it never waits for us, and its
//! whole group is gone when it is to be away, and when this is dropped.

use std::fmt;
use std::future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use environment::text::format_duration;
use environment::{Clock, Environment, Moment, Seed};
use tokio::io::AsyncRead;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::custom_client::LAST_OUTPUT;
use super::readiness;
use super::recorder::Recorder;
use super::reporter::Notes;
use super::server::{ServerChange, ServerError, down, killed, next_down, up, wait_for_up};
use crate::journal::Entry;
use crate::language::{
    Address, Cwd, OwnKind, Ready, Scenario, ServerCommand, ServerEnd, ServerEvent,
};
use crate::process::{Ended, Flood, Lines, Program, Running, StartError, Tail};
use crate::subjects::Subject;

/// How long it may take to end when the run is over: less than that waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is wrong with a server that was started.
#[derive(Debug)]
pub enum ProcessProblem {
    /// It ended before it was ready.
    EndedEarly(Ended),
    /// It did not become ready.
    NotReady {
        /// Within this time.
        within: Duration,
        /// What would have shown it.
        wanted: String,
    },
    /// It ended while it was to serve.
    Ended(Ended),
    /// It prints too much.
    Floods(Flood),
    /// The run was over before it was ready again.
    NotBack,
}

impl fmt::Display for ProcessProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndedEarly(how) => write!(f, "ended before it was ready ({how})"),
            Self::NotReady { within, wanted } => {
                let within = format_duration(*within);
                write!(f, "was not ready within {within} ({wanted})")
            }
            Self::Ended(how) => write!(f, "ended by itself ({how})"),
            Self::Floods(flood) => f.write_str(&flood.what()),
            Self::NotBack => f.write_str("was not ready again when the run ended"),
        }
    }
}

/// Keeps a process of the user's own, and lets it go and come back.
#[derive(Debug)]
pub(super) struct ServerProcess {
    pub(super) environment: Environment,
    pub(super) command: ServerCommand,
    pub(super) port: u16,
    /// By which `host:port` each client reaches it.
    pub(super) proxies: Vec<(Arc<str>, String)>,
    /// Where the command runs.
    pub(super) folder: PathBuf,
    /// What the file wants of a server, by the names of variables.
    pub(super) figures: Vec<(String, String)>,
    pub(super) seed: Seed,
    pub(super) recorder: Recorder,
    pub(super) notes: Notes,
}

/// A process that serves.
#[derive(Debug)]
pub(super) struct Serving {
    running: Running,
    /// It has nothing to read, but must not believe that nobody is there.
    _stdin: Option<ChildStdin>,
    /// Read what it prints, to the end.
    readers: JoinSet<Result<(), Flood>>,
    /// The line was printed that shows that it is ready.
    is_ready: CancellationToken,
}

impl Serving {
    /// Until all that it has printed has been read; whether that was a flood: a
    /// program whose pipe is closed for that may be gone before it is known.
    async fn read_out(&mut self, clock: Clock) -> Option<Flood> {
        let mut flood = None;
        let all = async {
            while let Some(read) = self.readers.join_next().await {
                flood = flood.or(read.ok().and_then(Result::err));
            }
        };
        // Whoever else holds its pipes has left the group on purpose.
        let _ = clock.timeout(LAST_OUTPUT, all).await;
        flood
    }
}

/// Until a pipe is a flood. Cancel safe.
async fn flooded(readers: &mut JoinSet<Result<(), Flood>>) -> Flood {
    while let Some(read) = readers.join_next().await {
        if let Ok(Err(flood)) = read {
            return flood;
        }
    }
    future::pending().await
}

impl ServerProcess {
    /// Where it is.
    pub(super) fn address(&self) -> Address {
        self.command.address(self.port)
    }

    /// Starts a process and waits until it is ready. Also since when its port
    /// may have answered.
    ///
    /// # Errors
    /// It could not be started, or did not become ready.
    pub(super) async fn serve(&self) -> Result<(Serving, Moment), ServerError> {
        let clock = self.environment.clock.clone();
        let mut serving = self.start()?;
        let within = self.command.within;
        let is_ready = serving.is_ready.clone();
        let ready = tokio::select! {
            biased;
            ended = serving.running.wait() => Err(ProcessProblem::EndedEarly(ended)),
            flood = flooded(&mut serving.readers) => Err(ProcessProblem::Floods(flood)),
            ready = clock.timeout(within, self.ready(&is_ready)) => ready.map_err(|_| {
                let wanted = self.command.ready.wanted();
                ProcessProblem::NotReady { within, wanted }
            }),
        };
        match ready {
            Ok(since) => Ok((serving, since)),
            Err(problem) => {
                let ended = serving.running.kill().await;
                let flood = serving.read_out(clock).await;
                let problem = flood.map_or(problem, ProcessProblem::Floods);
                self.notes.ended(&match &problem {
                    ProcessProblem::Floods(flood) => killed_for(flood),
                    _ => ended.to_string(),
                });
                Err(self.failed(problem))
            }
        }
    }

    /// Serves until `shutdown`, with the pauses that it is told of.
    ///
    /// # Errors
    /// There is no server though there should be.
    pub(super) async fn run(
        self,
        mut serving: Serving,
        mut changes: mpsc::Receiver<ServerChange>,
        shutdown: CancellationToken,
    ) -> Result<(), ServerError> {
        let clock = self.environment.clock.clone();
        loop {
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    let ended = serving.running.stop(clock, PATIENCE).await;
                    self.notes.ended(&ended.to_string());
                    return Ok(());
                }
                ended = serving.running.wait() => {
                    let flood = serving.read_out(clock).await;
                    self.notes.ended(&flood.as_ref().map_or(ended.to_string(), killed_for));
                    let problem = flood.map_or(ProcessProblem::Ended(ended), ProcessProblem::Floods);
                    return Err(self.failed(problem));
                }
                flood = flooded(&mut serving.readers) => {
                    serving.running.kill().await;
                    self.notes.ended(&killed_for(&flood));
                    return Err(self.failed(ProcessProblem::Floods(flood)));
                }
                event = next_down(&mut changes) => event,
            };
            self.end(serving, &event, &shutdown).await;
            if !wait_for_up(&mut changes, &event, &shutdown).await {
                return Ok(());
            }
            let (again, since) = tokio::select! {
                biased;
                // Dropped, it takes its process with it.
                () = shutdown.cancelled() => {
                    return Err(self.failed(ProcessProblem::NotBack));
                }
                served = self.serve() => served?,
            };
            serving = again;
            // Not when it was ready: data may have come since its port answered.
            self.recorder.record(Entry::mark(since, up(&event)));
        }
    }

    /// A run that is over waits for nobody who takes his time.
    async fn end(&self, mut serving: Serving, event: &ServerEvent, shutdown: &CancellationToken) {
        self.recorder.mark(down(event));
        if event.end == ServerEnd::Kill {
            serving.running.kill().await;
            return;
        }
        let clock = self.environment.clock.clone();
        let ended = tokio::select! {
            biased;
            ended = serving.running.stop(clock, self.command.stop_within) => Some(ended),
            () = shutdown.cancelled() => None,
        };
        match ended {
            Some(Ended::Killed(after)) => self.recorder.mark(killed(event, after)),
            Some(_) => {}
            None => {
                serving.running.kill().await;
            }
        }
    }

    fn start(&self) -> Result<Serving, ServerError> {
        let program = Program {
            words: self.words(),
            folder: self.folder.clone(),
            variables: self.variables(),
        };
        let mut running = program.start().map_err(ServerError::Start)?;
        self.notes.started();
        let (stdin, stdout, stderr) = running.take_pipes();
        let is_ready = CancellationToken::new();
        let mut readers = JoinSet::new();
        self.follow(stdout, "stdout", &is_ready, &mut readers);
        self.follow(stderr, "stderr", &is_ready, &mut readers);
        Ok(Serving {
            running,
            _stdin: stdin,
            readers,
            is_ready,
        })
    }

    fn words(&self) -> Vec<String> {
        self.command.words(self.port, &self.proxies)
    }

    /// What it finds in its environment: its port, and where its clients are, for
    /// servers that hand out addresses.
    fn variables(&self) -> Vec<(String, String)> {
        let own = [
            ("PORT".to_owned(), self.port.to_string()),
            ("CHAOS_SEED".to_owned(), self.seed.to_string()),
        ];
        let via = self.proxies.iter();
        let via = via.map(|(client, via)| {
            let name = client.to_ascii_uppercase();
            (format!("CHAOS_VIA_{name}"), via.clone())
        });
        let figures = self.figures.iter().cloned();
        own.into_iter().chain(via).chain(figures).collect()
    }

    /// Has a pipe read to its end; looks for the line, if there is to be one.
    fn follow(
        &self,
        from: Option<impl AsyncRead + Unpin + Send + 'static>,
        pipe: &'static str,
        is_ready: &CancellationToken,
        readers: &mut JoinSet<Result<(), Flood>>,
    ) {
        let tail = self.notes.tail.clone();
        match (from, &self.command.ready) {
            (Some(from), Ready::Line(part)) => {
                let lines = Lines::new(from, pipe);
                readers.spawn(look_for(part.clone(), lines, tail, is_ready.clone()));
            }
            (from, _) => {
                readers.spawn(tail.follow(from, pipe));
            }
        }
    }

    async fn ready(&self, is_ready: &CancellationToken) -> Moment {
        let address = self.address();
        let since = readiness::port(&self.environment, &address.authority).await;
        match &self.command.ready {
            Ready::Port => {}
            Ready::Line(_) => is_ready.cancelled().await,
            Ready::Http(path) => {
                readiness::http(&self.environment, &address.authority, path).await;
            }
        }
        since
    }

    fn failed(&self, problem: ProcessProblem) -> ServerError {
        ServerError::Process {
            command: self.words().join(" "),
            problem,
            last_output: self.notes.tail.last_lines(),
        }
    }
}

/// Whether the server of this file could be started, as far as that shows before.
///
/// # Errors
/// Why not, at its place in the file.
pub fn ensure_server_startable(scenario: &Scenario) -> Result<(), String> {
    let own = scenario.own_server.as_ref();
    let Some((OwnKind::Command(command), span)) = own.map(|own| (&own.kind, &own.span)) else {
        return Ok(());
    };
    let program = Program {
        words: command.words(1, &[]),
        folder: folder(command.cwd, &scenario.name, &Subject::Sim),
        variables: Vec::new(),
    };
    let help = match command.cwd {
        Cwd::Here => "it runs where `chaos` was typed; `cwd = \"file\"` runs it beside this file",
        Cwd::File => "it runs beside this file",
        Cwd::Client => "it runs in the folder of the client that brings it",
    };
    let wrong = |error: StartError| scenario.objection(span.clone(), &error.to_string(), help);
    program.ensure_startable().map_err(wrong)
}

/// Where a command of this file runs: where `chaos` was typed, for a record of the
/// run is elsewhere, or beside the file; or where the client is that brings it.
pub(super) fn folder(cwd: Cwd, file: &str, subject: &Subject) -> PathBuf {
    let here = || PathBuf::from(".");
    match cwd {
        Cwd::Here => here(),
        Cwd::File => Path::new(file)
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .map_or_else(here, Path::to_owned),
        Cwd::Client => subject
            .adapter()
            .map_or_else(here, |adapter| adapter.folder.clone()),
    }
}

/// What a file wants of the ticker, in milliseconds, for a server that takes its place.
pub(super) fn figures(ticker: &ticker_server::Config) -> Vec<(String, String)> {
    let figures = [
        ("CHAOS_TICK_MS", ticker.tick),
        ("CHAOS_HEARTBEAT_MS", ticker.heartbeat),
        ("CHAOS_PING_EVERY_MS", ticker.ping_every),
        ("CHAOS_PONG_WITHIN_MS", ticker.pong_within),
    ];
    figures
        .map(|(name, time)| (name.to_owned(), time.as_millis().to_string()))
        .into()
}

/// What is noted of a process that prints or tells too much.
pub(super) fn killed_for(what: &impl fmt::Display) -> String {
    format!("killed, for {what}")
}

/// Reads to the end, keeps what came last, and looks for a line with this part.
async fn look_for(
    part: String,
    mut lines: Lines<impl AsyncRead + Unpin>,
    tail: Tail,
    is_found: CancellationToken,
) -> Result<(), Flood> {
    while let Some(line) = lines.next().await? {
        tail.keep(&line);
        tail.keep(b"\n");
        if String::from_utf8_lossy(&line).contains(&part) {
            is_found.cancel();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Body, Mark};

    /// A run's text with this script for a server.
    fn scenario(script: &str) -> Scenario {
        let text = format!(
            "id = 'x'\nduration = '9s'\n[server]\ncommand = ['sh', '-c', \"{script}\"]\n\
             ready.line = 'ready'\n[[server_event]]\nat = '1s'\ndo = 'restart'\n\
             [expect]\nmax_live = 1\n"
        );
        let source = environment::text::Source::new("x.toml", text);
        crate::language::read(&source).unwrap()
    }

    /// What is marked when such a server is to stop.
    async fn marks_of(script: &str) -> Vec<Mark> {
        let scenario = scenario(script);
        let Some(OwnKind::Command(command)) = scenario.own_server.map(|own| own.kind) else {
            panic!("a command")
        };
        let environment = Environment::real();
        let recorder = Recorder::new(environment.clock.clone(), 10);
        let process = ServerProcess {
            environment,
            command,
            port: 1,
            proxies: Vec::new(),
            folder: folder(Cwd::Here, "x.toml", &Subject::Sim),
            figures: Vec::new(),
            seed: Seed(1),
            recorder: recorder.clone(),
            notes: Notes::default(),
        };
        let serving = process.start().unwrap();
        serving.is_ready.cancelled().await;
        let never = CancellationToken::new();
        process
            .end(serving, &scenario.server_events[0], &never)
            .await;
        let marks = recorder.take().into_iter().map(|entry| entry.body);
        marks
            .filter_map(|body| match body {
                Body::Harness(mark) => Some(mark),
                _ => None,
            })
            .collect()
    }

    #[tokio::test]
    async fn that_it_had_to_be_killed_stands_in_the_journal() {
        let down = Mark::ServerDown {
            name: "restart".into(),
            end: "restart".into(),
        };
        let obeys = marks_of("echo ready; while :; do sleep 0.1; done").await;
        assert_eq!(obeys, std::slice::from_ref(&down));
        let deaf = marks_of("trap '' TERM; echo ready; while :; do sleep 0.1; done").await;
        let killed = Mark::ServerKilled {
            name: "restart".into(),
            after_us: 3_000_000,
        };
        assert_eq!(deaf, [down, killed]);
    }
}
