//! `chaos play`: the specimen and the proxy for a person at a browser, with keys
//! that pull the wire.
//!
//! Nothing is judged here. The page is served by the ticker server itself; only
//! its WebSocket goes through the proxy, so the page stays reachable whatever
//! happens to the wire.

mod deed;
mod keyboard;
mod told;

pub use deed::PlayKey;
pub use keyboard::{Keyboard, keys};
pub use told::line;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use chaos_proxy::{Apply, Control, Faults, Plan, Route, Start, Tell};
use environment::{Environment, Listener, Observer, Seed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the proxy tries to reach the server.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The trouble of a default game.
pub const MILD: &str = include_str!("../../play.toml");

/// What a game needs.
#[derive(Debug)]
pub struct Game {
    environment: Environment,
    server: Listener,
    proxy: Listener,
    faults: Faults,
    seed: Seed,
}

impl Game {
    /// Takes the ports.
    ///
    /// # Errors
    /// The address that cannot be listened on, with why.
    pub fn new(
        server: SocketAddr,
        proxy: SocketAddr,
        faults: Faults,
        seed: Seed,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let environment = Environment::real();
        let listen = |address| {
            environment
                .network
                .listen(address)
                .map_err(|error| (address, error))
        };
        Ok(Self {
            server: listen(server)?,
            proxy: listen(proxy)?,
            environment,
            faults,
            seed,
        })
    }

    /// Where the page and its server are.
    pub fn server(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Where the proxy is.
    pub fn proxy(&self) -> SocketAddr {
        self.proxy.local_addr()
    }

    /// Plays until `shutdown` or [`PlayKey::Quit`]; `say` gets a line for whatever
    /// happens on the wire.
    pub async fn play(
        self,
        mut deeds: mpsc::Receiver<PlayKey>,
        say: Observer<String>,
        shutdown: CancellationToken,
    ) {
        let stop = shutdown.child_token();
        let tasks = TaskTracker::new();
        let (control, commands) = chaos_proxy::control();
        let upstream = self.server.local_addr().to_string();
        let server = ticker_server::run(
            self.environment.clone(),
            self.server,
            ticker_server::Config::default(),
            Observer::none(),
            stop.clone(),
        );
        let told = say.clone();
        tasks.spawn(async move {
            if let Err(error) = server.await {
                told.tell(format!("the server failed: {error}"));
            }
        });
        let horizon = self.faults.horizon();
        let repeat = self.faults.duration.is_some();
        let config = chaos_proxy::Config {
            routes: vec![Route {
                listener: self.proxy,
                client: None,
            }],
            upstream,
            dial_timeout: DIAL_TIMEOUT,
            plan: Plan::new(self.faults.rules, None, self.seed, horizon),
            apply: Apply::Faults,
            frames: true,
            lists: false,
            start: Start::FirstConnection,
            repeat,
        };
        let events = {
            let say = say.clone();
            Observer::new(move |event| line(&event).into_iter().for_each(|line| say.tell(line)))
        };
        let tell = Tell {
            events,
            decisions: Observer::none(),
        };
        tasks.spawn(chaos_proxy::run(
            self.environment,
            config,
            commands,
            tell,
            stop.clone(),
        ));
        tasks.close();
        obey(&mut deeds, &control, &stop).await;
        stop.cancel();
        tasks.wait().await;
    }
}

/// Does what is asked for, until asked to quit.
async fn obey(deeds: &mut mpsc::Receiver<PlayKey>, control: &Control, stop: &CancellationToken) {
    loop {
        let deed = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(deed) = deeds.recv() => deed,
        };
        if deed == PlayKey::Quit {
            return;
        }
        deed.perform(control).await;
    }
}
