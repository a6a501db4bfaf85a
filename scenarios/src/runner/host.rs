//! The server's side of a run: one incarnation after the other on one port, as
//! the file's server events have it.
//!
//! Invariant: the port is ours throughout, and nobody listens on it while the
//! server is away. No incarnation repeats what another drew: session ids of a
//! server that is gone never come again.

use std::pin::pin;

use environment::{Environment, Key, Listener, Observer, Realm, Seed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::recorder::Recorder;
use crate::journal::Mark;
use crate::language::{ServerEnd, ServerEvent};

/// What befalls the server.
#[derive(Debug, Clone)]
pub(super) enum ServerChange {
    /// It goes.
    Down(ServerEvent),
    /// It is there again.
    Up(ServerEvent),
}

/// Keeps the server, and lets it go and come back.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) environment: Environment,
    pub(super) listener: Listener,
    pub(super) config: ticker_server::Config,
    pub(super) seed: Seed,
    pub(super) recorder: Recorder,
    pub(super) fates: mpsc::Receiver<ServerChange>,
    pub(super) shutdown: CancellationToken,
}

impl Host {
    /// Serves until `shutdown`, with the pauses that it is told of.
    ///
    /// # Errors
    /// Why there is no server though there should be, in words.
    pub(super) async fn run(mut self) -> Result<(), String> {
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
    async fn serve(&mut self, incarnation: u64) -> Result<Option<ServerEvent>, String> {
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
        let told = |ended: Result<(), ticker_server::ServeError>| {
            ended.map_err(|error| format!("the server: {error}"))
        };
        let event = tokio::select! {
            biased;
            ended = &mut served => return told(ended).map(|()| None),
            event = next_down(&mut self.fates) => event,
        };
        self.recorder.mark(Mark::ServerDown {
            name: event.name.clone(),
            end: event.end.word().to_owned(),
        });
        match event.end {
            ServerEnd::Kill => silence.cancel(),
            ServerEnd::Restart => {
                stop.cancel();
                told(served.await)?;
            }
        }
        Ok(Some(event))
    }

    /// Whether the server comes back at all.
    async fn wait_until_up(&mut self, event: &ServerEvent) -> Result<bool, String> {
        if !wait_for_up(&mut self.fates, event, &self.shutdown).await {
            return Ok(false);
        }
        // First the mark: what is heard of the new server comes after it.
        self.recorder.mark(Mark::ServerUp {
            name: event.name.clone(),
            end: event.end.word().to_owned(),
        });
        let healed = self.listener.heal();
        healed.map_err(|error| format!("the server's port, after `{}`: {error}", event.name))?;
        Ok(true)
    }
}

/// Until the server is to be there again; whether it ever is.
pub(super) async fn wait_for_up(
    fates: &mut mpsc::Receiver<ServerChange>,
    event: &ServerEvent,
    shutdown: &CancellationToken,
) -> bool {
    loop {
        let fate = tokio::select! {
            biased;
            () = shutdown.cancelled() => return false,
            fate = fates.recv() => fate,
        };
        match fate {
            Some(ServerChange::Up(up)) if up == *event => return true,
            // Events of a file do not overlap.
            Some(_) => {}
            None => return false,
        }
    }
}

/// The next time that the server goes; never, once nobody can say so.
pub(super) async fn next_down(fates: &mut mpsc::Receiver<ServerChange>) -> ServerEvent {
    loop {
        match fates.recv().await {
            Some(ServerChange::Down(event)) => return event,
            Some(ServerChange::Up(_)) => {}
            None => return std::future::pending().await,
        }
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
