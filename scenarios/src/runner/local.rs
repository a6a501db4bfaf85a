//! A client that is a function of this process: a task in one of the seats.
//!
//! Invariant: when [`Local::sit`] returns or is dropped, the function runs no
//! more.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use environment::{Clock, Observer, Seed};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::recorder::Recorder;
use super::reporter::Reporter;
use crate::journal::Mark;
use crate::language::ClientAction;
use crate::subjects::{Client, Deeds, Interpreter, Seat, Stop, Tell, Told};

/// How long a function may take to end when it is told to; then it is dropped,
/// which is a good end, too.
const PATIENCE: Duration = Duration::from_secs(1);

/// A client that is about to be started.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) client: Arc<Client>,
    pub(super) name: Arc<str>,
    pub(super) url: String,
    pub(super) seed: Seed,
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    pub(super) deeds: mpsc::Receiver<ClientAction>,
}

impl Local {
    /// Runs the function until `shutdown`, or until it ends by itself, which is
    /// marked in the journal.
    ///
    /// # Errors
    /// It tells too much.
    pub(super) async fn sit(self, shutdown: CancellationToken) -> Result<(), String> {
        let (observer, mut flood) = self.ear();
        let seat = Seat {
            url: self.url,
            name: self.name.as_ref().to_owned(),
            seed: self.seed.0,
            tell: Tell::new(observer),
            deeds: Deeds::new(self.deeds),
            stop: Stop::new(shutdown.clone()),
        };
        let mut task = JoinSet::new();
        task.spawn(self.client.start(seat));
        let over = async {
            shutdown.cancelled().await;
            self.clock.sleep(PATIENCE).await;
        };
        let mut over = pin!(over);
        let ended = tokio::select! {
            biased;
            ended = task.join_next() => ended,
            // Never closed before the task has ended.
            Some(reason) = flood.recv() => {
                return Err(format!("client {}: {reason}", self.name));
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

    /// Takes down what it tells, and says so if that is too much.
    fn ear(&self) -> (Observer<Told>, mpsc::Receiver<String>) {
        let traits = &self.client.traits;
        let interpreter = Interpreter::new(traits.reports.clone());
        let (name, recorder) = (Arc::clone(&self.name), self.recorder.clone());
        let reporter = Reporter::new(name, self.clock.clone(), recorder, interpreter);
        let reporter = Mutex::new(reporter);
        let (flooded, flood) = mpsc::channel(1);
        let observer = Observer::new(move |told| {
            let mut reporter = reporter.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = reporter.tell(told) {
                // The first is enough.
                let _ = flooded.try_send(error.to_string());
            }
        });
        (observer, flood)
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
