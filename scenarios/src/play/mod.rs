//! `chaos play`: the specimen and the proxy for a person at a browser, with keys
//! that pull the wire.
//!
//! Nothing is judged here. The page is served by the ticker server itself; only
//! its WebSocket goes through the proxy, so the page stays reachable whatever
//! happens to the wire.

mod event_line;
mod keyboard;
mod play_key;

pub use event_line::event_line;
pub use keyboard::{Keyboard, keys};
pub use play_key::PlayKey;

use std::io;
use std::net::SocketAddr;

use chaos_proxy::{Apply, Control, Data, Faults, Plan, Route, Start, Tell, UnderWay};
use environment::{Environment, Listener, Observer, Seed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::runner::DIAL_TIMEOUT;

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
        mut keys: mpsc::Receiver<PlayKey>,
        say: Observer<String>,
        shutdown: CancellationToken,
    ) {
        let stop = shutdown.child_token();
        let tasks = TaskTracker::new();
        let (control, commands) = chaos_proxy::control();
        let environment = self.environment;
        let config = proxy_config(&self.server, self.proxy, self.faults, self.seed);
        let server = ticker_server::run(
            environment.clone(),
            self.server,
            ticker_server::Config::default(),
            Observer::none(),
            stop.clone(),
        );
        let failed = say.clone();
        tasks.spawn(async move {
            if let Err(error) = server.await {
                failed.tell(format!("the server failed: {error}"));
            }
        });
        let events = move |event| {
            if let Some(line) = event_line(&event) {
                say.tell(line);
            }
        };
        let tell = Tell {
            events: Observer::new(events),
            decisions: Observer::none(),
        };
        let shutdown = stop.clone();
        tasks.spawn(chaos_proxy::run(
            environment,
            config,
            commands,
            tell,
            shutdown,
        ));
        tasks.close();
        obey(&mut keys, &control, &stop).await;
        stop.cancel();
        tasks.wait().await;
    }
}

fn proxy_config(
    server: &Listener,
    proxy: Listener,
    faults: Faults,
    seed: Seed,
) -> chaos_proxy::Config {
    let horizon = faults.horizon();
    let repeat = faults.duration.is_some();
    chaos_proxy::Config {
        routes: vec![Route {
            listener: proxy,
            client: None,
        }],
        upstream: server.local_addr().to_string(),
        tls: Default::default(),
        dial_timeout: DIAL_TIMEOUT,
        under_way: UnderWay::default(),
        on_dial_failure: chaos_proxy::How::Reset,
        plan: Plan::new(faults.rules, None, seed, horizon),
        apply: Apply::Faults,
        frames: true,
        data: Data::default(),
        lists: false,
        start: Start::FirstConnection,
        repeat,
    }
}

/// Does what is asked for, until asked to quit.
async fn obey(keys: &mut mpsc::Receiver<PlayKey>, control: &Control, stop: &CancellationToken) {
    loop {
        let key = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(key) = keys.recv() => key,
        };
        if key == PlayKey::Quit {
            return;
        }
        key.perform(control).await;
    }
}
