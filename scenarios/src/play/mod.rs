//! `chaos play`: the ticker and the proxy for a user at a browser, with keys
//! that cut the network.
//!
//! Nothing is judged here but the outages of somebody's own page, a line each. The
//! ticker's page is served by the ticker server itself; only
//! its WebSocket goes through the proxy, so the page stays reachable whatever
//! happens to the connection.

mod event_line;
mod keyboard;
mod outage;
mod play_key;
mod window;

pub use event_line::event_line;
pub use keyboard::{Keyboard, keys};
pub use outage::Outages;
pub use play_key::PlayKey;
pub use window::{Window, command};

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

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
    server: Upstream,
    proxy: Listener,
    faults: Faults,
    seed: Seed,
}

/// What is behind the proxy.
#[derive(Debug)]
enum Upstream {
    /// The ticker, which is to be run here.
    Ticker(Listener),
    /// Somebody's own server.
    Own(String),
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
            server: Upstream::Ticker(listen(server)?),
            proxy: listen(proxy)?,
            environment,
            faults,
            seed,
        })
    }

    /// Likewise before a server that runs already, at this `host:port`.
    ///
    /// # Errors
    /// The address that cannot be listened on, with why.
    pub fn before(
        server: String,
        proxy: SocketAddr,
        faults: Faults,
        seed: Seed,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let environment = Environment::real();
        let listener = environment.network.listen(proxy);
        Ok(Self {
            server: Upstream::Own(server),
            proxy: listener.map_err(|error| (proxy, error))?,
            environment,
            faults,
            seed,
        })
    }

    /// Where the server is, and the ticker's page.
    pub fn server(&self) -> String {
        match &self.server {
            Upstream::Ticker(listener) => listener.local_addr().to_string(),
            Upstream::Own(authority) => authority.clone(),
        }
    }

    /// Where the proxy is.
    pub fn proxy(&self) -> SocketAddr {
        self.proxy.local_addr()
    }

    /// Plays until `shutdown` or [`PlayKey::Quit`]; `say` gets a line for whatever
    /// happens on the connection.
    pub async fn play(
        self,
        mut keys: mpsc::Receiver<PlayKey>,
        say: Observer<String>,
        shutdown: CancellationToken,
    ) {
        let stop = shutdown.child_token();
        let tasks = TaskTracker::new();
        let (control, commands) = chaos_proxy::control();
        let upstream = self.server();
        let environment = self.environment;
        let config = proxy_config(upstream, self.proxy, self.faults, self.seed);
        let is_own = matches!(self.server, Upstream::Own(_));
        if let Upstream::Ticker(listener) = self.server {
            tasks.spawn(tick(
                environment.clone(),
                listener,
                say.clone(),
                stop.clone(),
            ));
        }
        let outages = Mutex::new(Outages::default());
        let events = move |event| {
            // Connections tell from several threads: whoever reads a line may act on it
            // before the event is counted, unless nobody else is let in between.
            let mut outages = outages.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(line) = event_line(&event) {
                say.tell(line);
            }
            // Of several pages at the ticker nobody knows whose a dial is.
            if let Some(line) = outages.fold(&event).filter(|_| is_own) {
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

/// Runs the ticker.
async fn tick(
    environment: Environment,
    listener: Listener,
    say: Observer<String>,
    stop: CancellationToken,
) {
    let config = ticker_server::Config::default();
    let ran = ticker_server::run(environment, listener, config, Observer::none(), stop);
    if let Err(error) = ran.await {
        say.tell(format!("the server failed: {error}"));
    }
}

fn proxy_config(
    upstream: String,
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
        upstream,
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
