//! The program's life: prepare everything, run, stop on a signal.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use chaos_proxy::api::{self, ApiState};
use chaos_proxy::proxies::{Proxies, Script, UserAuthority};
use chaos_proxy::upstream;
use chaos_proxy::{Faults, How, Journal, Start, Tell, TlsSides};
use environment::{Environment, Listener, Observer, Seed, output};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::Args;

/// What the proxy of `--listen` and `--upstream` is called in the API.
const MAIN: &str = "main";

/// Everything that is to run, ready.
#[derive(Debug)]
pub(crate) struct Service {
    environment: Environment,
    state: ApiState,
    api: Option<(Listener, api::Config)>,
    journal: Option<(Journal, String)>,
    /// Cancelled when it is time to stop.
    shutdown: CancellationToken,
}

impl Service {
    /// Reads the files, binds the ports, creates the journal, and starts the
    /// proxies: those of the configuration, then that of the flags.
    ///
    /// # Errors
    /// Whatever stands in the way, named.
    pub(crate) async fn prepare(args: &Args) -> anyhow::Result<Self> {
        let faults = args.faults()?;
        let seed = args.seed()?.or(faults.seed).unwrap_or(Seed(1));
        let configuration = args.configuration()?;
        let environment = Environment::real();
        let api = match args.api_address()? {
            Some(address) => Some((listen(&environment, address)?, api_config(args))),
            None => None,
        };
        let main = main_proxy(args, &environment)?;
        let journal = journal(args, seed)?;
        let shutdown = CancellationToken::new();
        let mut service = Self {
            state: ApiState::new(proxies(
                args,
                &environment,
                seed,
                journal.as_ref(),
                &shutdown,
            )),
            environment,
            api,
            journal,
            shutdown,
        };
        let sides = service.sides(args)?;
        let made = match configuration {
            Some(text) => service.load(text).await?,
            None => Vec::new(),
        };
        service.announce_api();
        for (name, listen) in made {
            say(&format!("listening on {listen}, proxy {name}"));
        }
        if let Some((listener, upstream)) = main {
            service
                .start_main(args, listener, &upstream, seed, faults, sides)
                .await;
        }
        Ok(service)
    }

    /// On which sides the proxy of the flags speaks TLS.
    fn sides(&mut self, args: &Args) -> anyhow::Result<TlsSides> {
        let Some(upstream) = args.upstream()? else {
            return Ok(TlsSides::default());
        };
        let sides = self.state.tls_sides(&upstream, &args.tls.settings());
        let sides = sides.map_err(|error| anyhow!("--upstream {upstream}: {error}"))?;
        if args.tls.upstream_insecure {
            tracing::warn!("any certificate for {upstream} is accepted: none is verified");
        }
        Ok(sides)
    }

    /// The names of the proxies of a configuration, and where they listen.
    async fn load(
        &mut self,
        (shown, text): (String, String),
    ) -> anyhow::Result<Vec<(String, String)>> {
        let made = self.state.load(&self.environment, &text).await;
        made.with_context(|| format!("configuration {shown}"))
    }

    async fn start_main(
        &mut self,
        args: &Args,
        listener: Listener,
        upstream: &str,
        seed: Seed,
        faults: Faults,
        tls: TlsSides,
    ) {
        let (address, count) = (listener.local_addr(), faults.rules.len());
        if !address.ip().is_loopback() {
            tracing::warn!(
                "{address} is not loopback: anyone who can reach it is passed on to {upstream}"
            );
        }
        let script = Script {
            horizon: faults.duration,
            rules: faults.rules,
            start: Start::from(args.start),
            repeat: args.repeat,
            on_dial_failure: How::Reset,
            frames: self.journal.is_some(),
            tls,
        };
        let noun = if count == 1 { "fault" } else { "faults" };
        let with_tls = if args.tls.tls { " with TLS" } else { "" };
        self.state
            .add(MAIN, listener, upstream, script, args.tls.settings())
            .await;
        say(&format!(
            "listening on {address}{with_tls}, upstream {upstream}, seed {seed}, {count} {noun}"
        ));
    }

    fn announce_api(&self) {
        let Some((listener, _)) = &self.api else {
            return;
        };
        let address = listener.local_addr();
        if !address.ip().is_loopback() {
            tracing::warn!(
                "the API on {address} is not on loopback: anybody who can reach it can make \
                 this program listen and connect anywhere"
            );
        }
        say(&format!("API on http://{address}"));
    }

    /// Runs until SIGINT or SIGTERM, then lets the proxies and the API end.
    ///
    /// # Errors
    /// A journal that can no longer be written.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let state = Arc::new(Mutex::new(self.state));
        let tasks = TaskTracker::new();
        if let Some((listener, config)) = self.api {
            let (environment, shutdown) = (self.environment.clone(), self.shutdown.clone());
            let state = Arc::clone(&state);
            tasks.spawn(api::serve(environment, listener, state, config, shutdown));
        }
        tasks.close();
        let stopped = tokio::select! {
            biased;
            stopped = stop_signal() => stopped,
            () = self.shutdown.cancelled() => Ok(()),
        };
        self.shutdown.cancel();
        state.lock().await.close().await;
        tasks.wait().await;
        stopped?;
        let failure = self
            .journal
            .and_then(|(journal, path)| Some((journal.take_failure()?, path)));
        match failure {
            Some((failure, path)) => {
                Err(failure).with_context(|| format!("failed to write the journal {path}"))
            }
            None => Ok(()),
        }
    }
}

fn listen(environment: &Environment, address: SocketAddr) -> anyhow::Result<Listener> {
    let listener = environment.network.listen(address);
    listener.with_context(|| format!("failed to listen on {address}"))
}

fn main_proxy(
    args: &Args,
    environment: &Environment,
) -> anyhow::Result<Option<(Listener, String)>> {
    let Some(upstream) = args.upstream()? else {
        return Ok(None);
    };
    let listener = listen(environment, args.listen_address()?)?;
    let (dialled, _) = upstream::read(&upstream).map_err(anyhow::Error::msg)?;
    if leads_to(dialled, listener.local_addr()) {
        bail!("--upstream {upstream}: this proxy itself listens there; give its server");
    }
    Ok(Some((listener, upstream)))
}

/// Whether the upstream is this very address, as far as that can be seen.
fn leads_to(upstream: &str, address: SocketAddr) -> bool {
    let numeric = upstream.replacen("localhost", "127.0.0.1", 1);
    let upstream = numeric.parse::<SocketAddr>().ok();
    upstream.is_some_and(|upstream| {
        let is_any = address.ip().is_unspecified() && upstream.ip().is_loopback();
        upstream == address || is_any && upstream.port() == address.port()
    })
}

fn api_config(args: &Args) -> api::Config {
    api::Config {
        hosts: args.api_host.clone(),
        origins: args.api_origin.clone(),
        metrics: args.proxy_metrics,
    }
}

fn journal(args: &Args, seed: Seed) -> anyhow::Result<Option<(Journal, String)>> {
    let Some(path) = &args.journal else {
        return Ok(None);
    };
    let shown = path.display().to_string();
    let journal = Journal::create(path, seed)
        .with_context(|| format!("failed to write the journal {shown}"))?;
    Ok(Some((journal, shown)))
}

/// Proxies that write into the journal, each under its name; that of the
/// flags under none, so that alone it writes what it always has.
fn proxies(
    args: &Args,
    environment: &Environment,
    seed: Seed,
    journal: Option<&(Journal, String)>,
    shutdown: &CancellationToken,
) -> Proxies {
    let (journal, shutdown) = (
        journal.map(|(journal, _)| journal.clone()),
        shutdown.clone(),
    );
    let main = args.upstream.as_ref().map(|_| MAIN);
    let proxies = Proxies::new(environment.clone(), seed, move |name| {
        let events = journal.as_ref().map_or_else(Observer::none, |journal| {
            let name = (main != Some(name)).then_some(name);
            journal.observer_of(name, shutdown.clone())
        });
        Tell {
            events,
            decisions: Observer::none(),
        }
    });
    let proxies = proxies
        .bounded(args.under_way())
        .signed_by(UserAuthority::new(args.tls.ca.clone()));
    match (args.api.is_some(), args.frames) {
        (true, true) => proxies.watching_frames(),
        (true, false) => proxies,
        (false, _) => proxies.unasked(),
    }
}

/// Says something on stdout, for people and for scripts that gave port 0. Where
/// it cannot be written, that is no reason not to serve.
fn say(line: &str) {
    if let Err(error) = output::print(format_args!("{line}\n")) {
        output::complain(format_args!("chaos-proxy: stdout: {error}; {line}"));
    }
}

/// Waits for SIGINT or SIGTERM.
async fn stop_signal() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to watch for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to watch for SIGTERM")?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
