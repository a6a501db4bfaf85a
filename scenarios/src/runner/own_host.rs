//! A server of the user's own that a run has started: one process after the
//! other on one port, as the file's server events have it.
//!
//! Invariant: what it prints is always read, so it never waits for us, and its
//! whole group is gone when it is to be away, and when this is dropped.

use std::path::PathBuf;
use std::time::Duration;

use environment::{Clock, Environment, Moment, Seed};
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::guest::LAST_WORDS;
use super::host::{ServerChange, next_down, wait_for_up};
use super::notes::Notes;
use super::readiness;
use super::recorder::Recorder;
use crate::journal::{Entry, Mark};
use crate::language::{Address, Ready, ServerCommand, ServerEnd, ServerEvent};
use crate::process::{Ended, Lines, Program, Running};

/// How long it may take to end after SIGTERM: less than a run waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps the process, and lets it go and come back.
#[derive(Debug)]
pub(super) struct OwnHost {
    pub(super) environment: Environment,
    pub(super) command: ServerCommand,
    pub(super) port: u16,
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
    ears: JoinSet<()>,
    /// The line was printed that shows that it is ready.
    said: CancellationToken,
}

impl Serving {
    /// Until all that it has said has been read.
    async fn hear_out(&mut self, clock: Clock) {
        let all = async { while self.ears.join_next().await.is_some() {} };
        // Whoever else holds its pipes has left the group on purpose.
        let _ = clock.timeout(LAST_WORDS, all).await;
    }
}

impl OwnHost {
    /// Where it is.
    pub(super) fn address(&self) -> Address {
        self.command.address(self.port)
    }

    /// Starts a process and waits until it is ready. Also since when its port
    /// may have answered.
    ///
    /// # Errors
    /// It could not be started, or did not become ready, in words.
    pub(super) async fn serve(&self) -> Result<(Serving, Moment), String> {
        let clock = self.environment.clock.clone();
        let mut serving = self.start()?;
        let within = self.command.within;
        let said = serving.said.clone();
        let ready = tokio::select! {
            biased;
            ended = serving.running.wait() => Err(format!(
                "ended before it was ready ({})", ended.told()
            )),
            ready = clock.timeout(within, self.ready(&said)) => ready.map_err(|_| {
                let within = environment::text::format_duration(within);
                format!("was not ready within {within} ({})", self.command.ready.wanted())
            }),
        };
        match ready {
            Ok(since) => Ok((serving, since)),
            Err(reason) => {
                serving.running.kill().await;
                serving.hear_out(clock).await;
                Err(self.complaint(&reason))
            }
        }
    }

    /// Serves until `shutdown`, with the pauses that it is told of.
    ///
    /// # Errors
    /// Why there is no server though there should be, in words.
    pub(super) async fn run(
        self,
        mut serving: Serving,
        mut fates: mpsc::Receiver<ServerChange>,
        shutdown: CancellationToken,
    ) -> Result<(), String> {
        let clock = self.environment.clock.clone();
        loop {
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    let ended = serving.running.stop(clock, PATIENCE).await;
                    self.notes.ended(&ended.told());
                    return Ok(());
                }
                ended = serving.running.wait() => {
                    serving.hear_out(clock).await;
                    self.notes.ended(&ended.told());
                    return Err(self.complaint(&format!("ended by itself ({})", ended.told())));
                }
                event = next_down(&mut fates) => event,
            };
            self.end(serving, &event).await;
            if !wait_for_up(&mut fates, &event, &shutdown).await {
                return Ok(());
            }
            let (again, since) = tokio::select! {
                biased;
                // Dropped, it takes its process with it.
                () = shutdown.cancelled() => {
                    return Err(self.complaint("was not ready again when the run ended"));
                }
                served = self.serve() => served?,
            };
            serving = again;
            // Not when it was ready: data may have come since its port answered.
            self.recorder.record(Entry::mark(
                since,
                Mark::ServerUp {
                    name: event.name.clone(),
                    end: event.end.word().to_owned(),
                },
            ));
        }
    }

    async fn end(&self, mut serving: Serving, event: &ServerEvent) -> Ended {
        self.recorder.mark(Mark::ServerDown {
            name: event.name.clone(),
            end: event.end.word().to_owned(),
        });
        match event.end {
            ServerEnd::Kill => serving.running.kill().await,
            ServerEnd::Restart => {
                let clock = self.environment.clock.clone();
                serving.running.stop(clock, PATIENCE).await
            }
        }
    }

    fn start(&self) -> Result<Serving, String> {
        let program = Program {
            words: self.command.words(self.port),
            // Where the command was typed: a record of the run is elsewhere.
            folder: PathBuf::from("."),
            variables: vec![
                ("PORT", self.port.to_string()),
                ("CHAOS_SEED", self.seed.to_string()),
            ],
        };
        let started = program.start();
        let mut running = started.map_err(|reason| format!("the server: {reason}"))?;
        let (stdin, stdout, stderr) = running.take_pipes();
        let said = CancellationToken::new();
        let mut ears = JoinSet::new();
        let ear = || (self.notes.clone(), self.command.ready.clone(), said.clone());
        if let Some(stdout) = stdout {
            ears.spawn(listen(stdout, ear()));
        }
        if let Some(stderr) = stderr {
            ears.spawn(listen(stderr, ear()));
        }
        Ok(Serving {
            running,
            _stdin: stdin,
            ears,
            said,
        })
    }

    async fn ready(&self, said: &CancellationToken) -> Moment {
        let address = self.address();
        let since = readiness::port(&self.environment, &address.authority).await;
        match &self.command.ready {
            Ready::Port => {}
            Ready::Line(_) => said.cancelled().await,
            Ready::Http(path) => {
                readiness::http(&self.environment, &address.authority, path).await;
            }
        }
        since
    }

    fn complaint(&self, what: &str) -> String {
        let words = self.command.words(self.port).join(" ");
        let last = self.notes.tail.last_words();
        format!("the server `{words}` {what}{last}")
    }
}

/// Reads to the end, keeps what came last, and looks for the line.
async fn listen(
    from: impl tokio::io::AsyncRead + Unpin,
    (notes, ready, said): (Notes, Ready, CancellationToken),
) {
    let mut lines = Lines::endless(from);
    while let Ok(Some(line)) = lines.next().await {
        notes.tail.keep(&line);
        notes.tail.keep(b"\n");
        if let Ready::Line(part) = &ready
            && String::from_utf8_lossy(&line).contains(part)
        {
            said.cancel();
        }
    }
}
