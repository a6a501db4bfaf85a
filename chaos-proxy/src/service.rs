//! The program's life: prepare everything, run, stop on a signal.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use chaos_proxy::{Apply, Config, Journal, Plan, Route, Start, Tell, control, run};
use environment::{Environment, Observer, Seed};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::Args;

/// How long a dial to the upstream may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// A proxy that is ready to run.
#[derive(Debug)]
pub(crate) struct Service {
    environment: Environment,
    config: Config,
    journal: Option<(Journal, String)>,
    address: SocketAddr,
}

impl Service {
    /// Reads the scenario, binds the port and creates the journal.
    ///
    /// # Errors
    /// Whatever stands in the way, named.
    pub(crate) fn prepare(args: &Args) -> anyhow::Result<Self> {
        let faults = args.faults()?;
        let upstream = args.upstream()?;
        let horizon = faults.horizon();
        let seed = args.seed.or(faults.seed).unwrap_or(Seed(1));
        let plan = Plan::new(faults.rules, None, seed, horizon);
        let environment = Environment::real();
        let listen = args.listen_address()?;
        let listener = environment
            .network
            .listen(listen)
            .with_context(|| format!("failed to listen on {listen}"))?;
        let address = listener.local_addr();
        let journal = args.journal.as_ref().map(|path| {
            let shown = path.display().to_string();
            let journal = Journal::create(path, seed)
                .with_context(|| format!("failed to write the journal {shown}"));
            journal.map(|journal| (journal, shown))
        });
        let journal = journal.transpose()?;
        let frames = journal.is_some() || plan.needs_frames();
        let config = Config {
            routes: vec![Route {
                listener,
                client: None,
            }],
            upstream,
            dial_timeout: DIAL_TIMEOUT,
            plan,
            apply: Apply::Faults,
            frames,
            lists: false,
            start: Start::from(args.start),
            repeat: args.repeat,
        };
        Ok(Self {
            environment,
            config,
            journal,
            address,
        })
    }

    /// Runs until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// A journal that can no longer be written.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        let (control, commands) = control();
        let events = self
            .journal
            .as_ref()
            .map_or_else(Observer::none, |(journal, _)| {
                journal.observer(shutdown.clone())
            });
        let tell = Tell {
            events,
            decisions: Observer::none(),
        };
        self.announce()?;
        let (environment, start) = (self.environment, self.config.start);
        let proxy = run(
            environment.clone(),
            self.config,
            commands,
            tell,
            shutdown.clone(),
        );
        let beginning = async {
            if start == Start::OnCommand {
                control.begin(environment.clock.now()).await;
            }
            stop_signal().await
        };
        let stopped = async {
            tokio::select! {
                biased;
                stopped = beginning => stopped,
                () = shutdown.cancelled() => Ok(()),
            }
            .inspect(|()| shutdown.cancel())
        };
        let ((), stopped) = tokio::join!(biased; proxy, stopped);
        stopped?;
        match self
            .journal
            .and_then(|(journal, path)| Some((journal.take_failure()?, path)))
        {
            Some((failure, path)) => {
                Err(failure).with_context(|| format!("failed to write the journal {path}"))
            }
            None => Ok(()),
        }
    }

    /// Says where it listens: on stdout, for people and for scripts that gave
    /// port 0.
    fn announce(&self) -> anyhow::Result<()> {
        let Self {
            address, config, ..
        } = self;
        if !address.ip().is_loopback() {
            tracing::warn!(
                "{address} is not loopback: anybody who can reach it is passed on to {}",
                config.upstream
            );
        }
        let (seed, rules) = (config.plan.seed(), config.plan.rules().len());
        let mut stdout = std::io::stdout().lock();
        writeln!(
            stdout,
            "listening on {address}, upstream {}, seed {seed}, {rules} rules",
            config.upstream
        )
        .and_then(|()| stdout.flush())
        .context("failed to write to stdout")
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
