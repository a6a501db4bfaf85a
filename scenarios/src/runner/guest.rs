//! Somebody else's client: a process in one of the seats.
//!
//! ```text
//! stdout ─▶ Lines ─▶ Told ─▶ Reporter ─▶ journal        stderr ─▶ Notes
//! deeds  ─▶ stdin, a JSON object a line                 the end ─▶ SIGTERM
//! ```
//!
//! Invariant: its pipes are always emptied, so it never waits for us; and when
//! [`Guest::sit`] returns or is dropped, its whole group is gone.

use std::convert::Infallible;
use std::future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use environment::{Clock, Seed};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::notes::Notes;
use super::recorder::Recorder;
use super::reporter::Reporter;
use crate::journal::Mark;
use crate::language::ClientAction;
use crate::process::{Lines, Program};
use crate::subjects::{Adapter, Interpreter, Told};

/// How long a client may take to end after SIGTERM.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the last words of a process that has ended may take to arrive.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

/// A client that is about to be started.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) adapter: Arc<Adapter>,
    pub(super) client: Arc<str>,
    pub(super) url: String,
    pub(super) seed: Seed,
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) deeds: mpsc::Receiver<ClientAction>,
    pub(super) notes: Notes,
}

impl Guest {
    /// Runs the client until `shutdown`, or until it ends by itself, which is
    /// marked in the journal.
    ///
    /// # Errors
    /// It could not be started, or says too much.
    pub(super) async fn sit(self, shutdown: CancellationToken) -> Result<(), String> {
        let client = Arc::clone(&self.client);
        let told = |reason| format!("client {client}: {reason}");
        self.run(shutdown).await.map_err(told)
    }

    async fn run(self, shutdown: CancellationToken) -> Result<(), String> {
        let mut running = self.program().start()?;
        let (stdin, stdout, stderr) = running.take_pipes();
        let mut ears = pin!(listen(stdout, stderr, self.reporter(), &self.notes));
        let mut has_heard_all = false;
        let mut hands = pin!(hand_on(self.deeds, stdin));
        let by_itself = loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break None,
                ended = running.wait() => break Some(ended),
                heard = &mut ears, if !has_heard_all => {
                    heard?;
                    has_heard_all = true;
                }
                never = &mut hands => match never {},
            }
        };
        let how = match &by_itself {
            Some(ended) => ended.told(),
            // While it ends it is listened to: it may have much to say.
            None => {
                let mut stopped = pin!(running.stop(self.clock.clone(), PATIENCE));
                loop {
                    tokio::select! {
                        biased;
                        ended = &mut stopped => break ended.told(),
                        _ = &mut ears, if !has_heard_all => has_heard_all = true,
                    }
                }
            }
        };
        if !has_heard_all {
            // Whoever else holds the pipe has left the group on purpose.
            let _ = self.clock.timeout(LAST_WORDS, ears).await;
        }
        self.notes.ended(&how);
        if by_itself.is_some() {
            let client = self.client.as_ref().to_owned();
            self.recorder.mark(Mark::ClientEnded { client, how });
        }
        Ok(())
    }

    fn program(&self) -> Program {
        Program {
            words: self.adapter.command.clone(),
            folder: self.adapter.folder.clone(),
            variables: vec![
                ("CHAOS_URL", self.url.clone()),
                ("CHAOS_CLIENT", self.client.as_ref().to_owned()),
                ("CHAOS_SEED", self.seed.to_string()),
            ],
        }
    }

    fn reporter(&self) -> Reporter {
        let interpreter = Interpreter::new(self.adapter.reports.clone());
        let client = Arc::clone(&self.client);
        Reporter::new(
            client,
            self.clock.clone(),
            self.recorder.clone(),
            interpreter,
        )
    }
}

/// Takes down what it tells, and keeps what it complains, to the end of both.
async fn listen(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    reporter: Reporter,
    notes: &Notes,
) -> Result<(), String> {
    let complaints = async {
        let followed = notes.tail.clone().follow(stderr).await;
        followed.map_err(|flood| flood.told("stderr"))
    };
    let reports = take_down(stdout, reporter, notes);
    tokio::try_join!(reports, complaints).map(|_| ())
}

async fn take_down(
    stdout: Option<ChildStdout>,
    mut reporter: Reporter,
    notes: &Notes,
) -> Result<(), String> {
    let Some(stdout) = stdout else {
        return Ok(());
    };
    let mut lines = Lines::new(stdout);
    loop {
        let line = lines.next().await.map_err(|flood| flood.told("stdout"))?;
        let Some(line) = line else {
            return Ok(());
        };
        let counts = match Told::parse(&line) {
            Some(told) => reporter.tell(told).map_err(|error| error.to_string())?,
            None => false,
        };
        if !counts {
            notes.passed_over();
        }
    }
}

/// Says every deed; holds the pipe open also when there is nothing more to say,
/// for its end tells the client that nobody is there any more.
async fn hand_on(
    mut deeds: mpsc::Receiver<ClientAction>,
    mut stdin: Option<ChildStdin>,
) -> Infallible {
    while let Some(deed) = deeds.recv().await {
        let line = format!("{{\"do\":\"{}\"}}\n", deed.word());
        if let Some(stdin) = &mut stdin {
            // Whoever does not listen is none the worse for it.
            let _ = stdin.write_all(line.as_bytes()).await;
        }
    }
    future::pending().await
}
