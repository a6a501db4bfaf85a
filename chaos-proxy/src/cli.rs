//! The command line: as typed, then checked.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chaos_proxy::{Faults, Start, read_faults};
use clap::{Parser, ValueEnum};
use environment::Seed;
use environment::text::{Document, Source};

/// A TCP proxy that drops, delays and resets connections on a seeded schedule.
///
/// Exit codes: 0 stopped by a signal, 2 usage or scenario error, 3 failed.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where clients connect; port 0 takes a free one and says which.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000")]
    pub(crate) listen: String,
    /// The server that connections are passed on to.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) upstream: String,
    /// Obey the [[fault]] rules of this scenario file; without, a plain wire.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Begin the scenario again at its end, for ever.
    #[arg(long = "loop", requires = "scenario")]
    pub(crate) repeat: bool,
    /// The seed; before the file's, before 1.
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// When t = 0 is.
    #[arg(long, value_enum, default_value_t = StartArg::First)]
    pub(crate) start: StartArg,
    /// Write what happens to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Say more; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When t = 0 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StartArg {
    /// When the first connection is accepted.
    First,
    /// At once.
    Now,
}

impl From<StartArg> for Start {
    fn from(start: StartArg) -> Self {
        match start {
            StartArg::First => Self::FirstConnection,
            StartArg::Now => Self::OnCommand,
        }
    }
}

impl Args {
    /// The faults to obey.
    ///
    /// # Errors
    /// A file that cannot be read, or every mistake in it.
    pub(crate) fn faults(&self) -> anyhow::Result<Faults> {
        let Some(path) = &self.scenario else {
            return Ok(Faults {
                rules: Vec::new(),
                seed: None,
                duration: None,
            });
        };
        let source = read_source(path)?;
        let faults = read_faults(&source).map_err(|diagnostics| {
            let count = diagnostics.len();
            let mistakes = if count == 1 { "mistake" } else { "mistakes" };
            let rendered = diagnostics.render(&source);
            anyhow::anyhow!(
                "{}\n{count} {mistakes} in {}",
                rendered.trim_end(),
                path.display()
            )
        })?;
        if self.repeat && faults.duration.is_none() {
            bail!(
                "--loop: {} has no `duration` after which to begin again",
                path.display()
            );
        }
        Ok(faults)
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// One that does not resolve.
    pub(crate) fn listen_address(&self) -> anyhow::Result<SocketAddr> {
        let mut addresses = self.listen.to_socket_addrs().with_context(|| {
            format!(
                "--listen {}: not a HOST:PORT to listen on, such as 127.0.0.1:9000",
                self.listen
            )
        })?;
        addresses
            .next()
            .with_context(|| format!("--listen {}: no such address", self.listen))
    }

    /// The upstream, with a port.
    ///
    /// # Errors
    /// One without a port; a name need not resolve yet.
    pub(crate) fn upstream(&self) -> anyhow::Result<String> {
        let port = self
            .upstream
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|port| port == 0) {
            bail!(
                "--upstream {}: expected HOST:PORT, such as 127.0.0.1:8080",
                self.upstream
            );
        }
        Ok(self.upstream.clone())
    }
}

fn read_source(path: &Path) -> anyhow::Result<Source> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .with_context(|| format!("scenario {shown}"))?
        .len();
    if size > Document::MAX_BYTES as u64 {
        bail!(
            "scenario {shown}: {size} bytes; a scenario has at most {}",
            Document::MAX_BYTES
        );
    }
    let bytes = std::fs::read(path).with_context(|| format!("scenario {shown}"))?;
    let text = String::from_utf8(bytes).with_context(|| format!("scenario {shown}: not UTF-8"))?;
    Ok(Source::new(shown.to_string(), text))
}
