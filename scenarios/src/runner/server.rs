//! The server of a run: one incarnation after the other on one port, as the
//! file's server events have it: here the ticker, in this process.
//!
//! Invariant: the port is ours throughout, and nobody listens on it while the
//! server is away; session ids of an incarnation that is gone never come again.

use std::io;
use std::pin::pin;
use std::time::Duration;

use environment::{Environment, Key, Listener, Observer, Realm, Seed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::recorder::Recorder;
use super::server_process::ProcessProblem;
use crate::journal::Mark;
use crate::language::{ServerEnd, ServerEvent};
use crate::process::StartError;

/// Why there is no server though there should be.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// One that should run already does not answer.
    #[error(
        "nothing listens on {authority}, which is `external`: {source}; start your server first, or use `command = [\"./server\", \"{{port}}\"]`"
    )]
    External {
        /// Where it should be.
        authority: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else serves there.
    #[error(
        "port {0} is already in use; use `{port}` in `command` and `url`, or --jobs 1",
        port = crate::language::PORT
    )]
    Taken(String),
    /// The ticker failed.
    #[error("the server: {0}")]
    Ticker(#[source] ticker_server::ServeError),
    /// The ticker's port could not be opened again.
    #[error("the server's port, after `{event}`: {source}")]
    Port {
        /// After which event.
        event: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The command could not be started.
    #[error("the server: {0}")]
    Start(#[source] StartError),
    /// The command does not serve.
    #[error("the server `{command}` {problem}{last_output}")]
    Process {
        /// The command, in words.
        command: String,
        /// What is wrong with it.
        problem: ProcessProblem,
        /// The end of what it printed, for a sentence; or nothing.
        last_output: String,
    },
}

/// What befalls the server.
#[derive(Debug, Clone)]
pub(super) enum ServerChange {
    /// It goes.
    Down(ServerEvent),
    /// It is there again.
    Up(ServerEvent),
}

/// Keeps the ticker, and lets it go and come back.
#[derive(Debug)]
pub(super) struct TickerHost {
    pub(super) environment: Environment,
    pub(super) listener: Listener,
    pub(super) config: ticker_server::Config,
    pub(super) seed: Seed,
    pub(super) recorder: Recorder,
    pub(super) changes: mpsc::Receiver<ServerChange>,
    pub(super) shutdown: CancellationToken,
}

impl TickerHost {
    /// Serves until `shutdown`, with the pauses that it is told of.
    ///
    /// # Errors
    /// There is no server though there should be.
    pub(super) async fn run(mut self) -> Result<(), ServerError> {
        let mut incarnation = 0;
        while let Some(event) = self.serve(incarnation).await? {
            self.listener.refuse();
            incarnation += 1;
            if !self.wait_until_up(&event).await? {
                break;
            }
        }
        Ok(())
    }

    /// One incarnation, until it goes; `None` if for good.
    async fn serve(&mut self, incarnation: u64) -> Result<Option<ServerEvent>, ServerError> {
        let stop = self.shutdown.child_token();
        // The dead tell nothing, even if a task of theirs is not yet gone.
        let silence = CancellationToken::new();
        let config = ticker_server::Config {
            seed: Some(seed_of(self.seed, incarnation)),
            ..self.config.clone()
        };
        let served = ticker_server::serve(
            self.environment.clone(),
            &mut self.listener,
            config,
            unless(silence.clone(), self.recorder.observer()),
            stop.clone(),
        );
        let mut served = pin!(served);
        let event = tokio::select! {
            biased;
            ended = &mut served => return ended.map(|()| None).map_err(ServerError::Ticker),
            event = next_down(&mut self.changes) => event,
        };
        self.recorder.mark(down(&event));
        match event.end {
            ServerEnd::Kill => silence.cancel(),
            ServerEnd::Restart => {
                stop.cancel();
                served.await.map_err(ServerError::Ticker)?;
            }
        }
        Ok(Some(event))
    }

    /// Whether the server comes back at all.
    async fn wait_until_up(&mut self, event: &ServerEvent) -> Result<bool, ServerError> {
        if !wait_for_up(&mut self.changes, event, &self.shutdown).await {
            return Ok(false);
        }
        // First the mark: what is heard of the new server comes after it.
        self.recorder.mark(up(event));
        match self.listener.heal() {
            Ok(()) => Ok(true),
            Err(source) => Err(ServerError::Port {
                event: event.name.clone(),
                source,
            }),
        }
    }
}

/// Until the server is to be there again; whether it ever is.
pub(super) async fn wait_for_up(
    changes: &mut mpsc::Receiver<ServerChange>,
    event: &ServerEvent,
    shutdown: &CancellationToken,
) -> bool {
    loop {
        let change = tokio::select! {
            biased;
            () = shutdown.cancelled() => return false,
            change = changes.recv() => change,
        };
        match change {
            Some(ServerChange::Up(up)) if up == *event => return true,
            // Events of a file do not overlap.
            Some(_) => {}
            None => return false,
        }
    }
}

/// The next time that the server goes; never, once nobody can say so.
pub(super) async fn next_down(changes: &mut mpsc::Receiver<ServerChange>) -> ServerEvent {
    loop {
        match changes.recv().await {
            Some(ServerChange::Down(event)) => return event,
            Some(ServerChange::Up(_)) => {}
            None => return std::future::pending().await,
        }
    }
}

/// The mark of its end.
pub(super) fn down(event: &ServerEvent) -> Mark {
    Mark::ServerDown {
        name: event.name.clone(),
        end: event.end.word().to_owned(),
    }
}

/// The mark of its end by the harness, for it took too long to stop.
pub(super) fn killed(event: &ServerEvent, after: Duration) -> Mark {
    Mark::ServerKilled {
        name: event.name.clone(),
        after_us: u64::try_from(after.as_micros()).unwrap_or(u64::MAX),
    }
}

/// The mark of its return.
pub(super) fn up(event: &ServerEvent) -> Mark {
    Mark::ServerUp {
        name: event.name.clone(),
        end: event.end.word().to_owned(),
    }
}

/// The first incarnation has the run's seed.
fn seed_of(seed: Seed, incarnation: u64) -> Seed {
    match incarnation {
        0 => seed,
        later => {
            let key = Key::new(Realm::Server, "incarnation", "").index(later);
            Seed(seed.draw(&key).bits())
        }
    }
}

/// Tells until silenced.
fn unless<E: 'static>(silence: CancellationToken, observer: Observer<E>) -> Observer<E> {
    Observer::new(move |event| {
        if !silence.is_cancelled() {
            observer.tell(event);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_incarnations_have_one_seed_and_the_first_has_the_runs() {
        let seeds: Vec<Seed> = (0..4).map(|n| seed_of(Seed(7), n)).collect();
        assert_eq!(seeds[0], Seed(7));
        let distinct: std::collections::BTreeSet<&Seed> = seeds.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!(seeds[2], seed_of(Seed(7), 2));
    }
}
