//! One client, awake: the session machine joined to sockets, clock and commands.
//!
//! All that is decided is decided by the machine; here is only the loop that
//! feeds it and does what it says. What a connection has to tell is taken
//! before the time is looked at, so a client that was kept waiting by its own
//! machine does not take a live server for a silent one. Used by scenarios and
//! by the [fleet](crate::fleet).

use std::sync::Arc;

use environment::{Clock, Environment, Observer};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::session::{Output, Phase, Session};
use crate::socket::Sockets;
use crate::{ClientConfig, Command, Event, EventKind};

/// Runs one client until it is stopped or `shutdown` is cancelled, or until it
/// has given up and nobody is left who could tell it to [`Command::Reconnect`].
///
/// Events reach `observer` in the order in which they happen. At the end an
/// open connection gets a close frame, 1000 after [`Command::Stop`] and 1001
/// after `shutdown`, and up to a second to answer it. Dropping the future drops
/// the sockets at once.
pub async fn run(
    environment: Environment,
    config: ClientConfig,
    mut commands: mpsc::Receiver<Command>,
    observer: Observer<Event>,
    shutdown: CancellationToken,
) {
    let clock = environment.clock.clone();
    let mut client = Client {
        sockets: Sockets::new(environment, &config),
        teller: Teller {
            clock: clock.clone(),
            name: Arc::clone(&config.name),
            observer,
        },
    };
    let mut session = Session::new(config.name, config.seed, config.behaviour);
    session.start(clock.now());
    let mut is_told = true;
    loop {
        while let Some(output) = session.poll_output() {
            client.perform(output);
        }
        match session.phase() {
            Phase::Closed => break,
            Phase::GaveUp if !is_told => break,
            _ => {}
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => session.shutdown(),
            command = commands.recv(), if is_told => match command {
                Some(command) => session.command(clock.now(), command),
                None => is_told = false,
            },
            (dial, input) = client.sockets.next() => session.handle(clock.now(), dial, input),
            () = clock.sleep_until_some(session.deadline()) => session.timer(clock.now()),
        }
    }
    client.sockets.drain().await;
}

struct Client {
    sockets: Sockets,
    teller: Teller,
}

struct Teller {
    clock: Clock,
    name: Arc<str>,
    observer: Observer<Event>,
}

impl Client {
    /// Never waits: what takes time goes on in [`Sockets::next`].
    fn perform(&mut self, output: Output) {
        match output {
            Output::Dial { dial, resume } => self.sockets.dial(dial, resume.as_ref()),
            Output::Send { dial, message } => self.sockets.send(dial, message),
            Output::Say { dial, text } => self.sockets.say(dial, &text),
            Output::Ping { dial } => self.sockets.ping(dial),
            Output::Close {
                dial,
                code,
                patience,
            } => self.sockets.close(dial, code, patience),
            Output::Abandon { dial } => self.sockets.abandon(dial),
            Output::Tell(what) => self.teller.tell(what),
        }
    }
}

impl Teller {
    fn tell(&self, what: EventKind) {
        self.observer.tell(Event {
            at: self.clock.now(),
            client: Arc::clone(&self.name),
            what,
        });
    }
}
