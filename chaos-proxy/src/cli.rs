//! The command line: as typed, then checked.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chaos_proxy::{Faults, Start, UnderWay, read_faults};
use clap::{Parser, ValueEnum};
use environment::Seed;
use environment::text::{ByteSize, Document, Source};

/// A TCP proxy that drops, delays and resets connections on a seeded schedule.
///
/// With --upstream it is one proxy; with --api, as many as its callers make;
/// with --config, those of a file; or all of them at once.
///
/// Exit codes: 0 stopped by a signal, 2 usage, scenario or configuration error,
/// 3 failed.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where clients connect; port 0 takes a free one and says which. By default
    /// 127.0.0.1:9000.
    #[arg(long, value_name = "HOST:PORT", requires = "upstream")]
    pub(crate) listen: Option<String>,
    /// The server that connections are passed on to.
    #[arg(long, value_name = "HOST:PORT", required_unless_present_any = ["api", "config"])]
    pub(crate) upstream: Option<String>,
    /// Obey the [[fault]] rules of this scenario file; without, a plain wire.
    #[arg(long, value_name = "FILE", requires = "upstream")]
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
    /// Serve the control API here: Toxiproxy's, for its clients, and our own
    /// under /chaos/v1 (chaos-proxy/API.md). Not on loopback: anybody who can
    /// reach the port can make this program connect anywhere.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = DEFAULT_API)]
    pub(crate) api: Option<String>,
    /// A name, besides addresses and localhost, by which requests to /chaos/v1
    /// may call this host.
    #[arg(long, value_name = "NAME", requires = "api")]
    pub(crate) api_host: Vec<String>,
    /// The origin of web pages, besides those of this port, that may use
    /// /chaos/v1.
    #[arg(long, value_name = "ORIGIN", requires = "api")]
    pub(crate) api_origin: Vec<String>,
    /// Serve /metrics with Toxiproxy's names; /chaos/v1/metrics is there anyway.
    #[arg(long, requires = "api")]
    pub(crate) proxy_metrics: bool,
    /// Watch WebSocket frames in every proxy from the start, so that rules about
    /// them can be added by the API at any time.
    #[arg(long, requires = "api")]
    pub(crate) frames: bool,
    /// Begin with the proxies of this file, in Toxiproxy's JSON; their toxics are
    /// honoured. A mistake in it is told, and nothing is started.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How much may be under way in the delays of one direction of a connection;
    /// beyond that the sender waits. At least 256KiB, which is also what a stall, a
    /// rate or a peer that reads nothing holds back.
    #[arg(long, env = "CHAOS_PROXY_DELAY_BUFFER", value_name = "SIZE", default_value_t = ByteSize(UnderWay::LINK as u64))]
    pub(crate) delay_buffer: ByteSize,
    /// Likewise, of all connections of all proxies together; 256KiB of each
    /// direction do not count.
    #[arg(long, env = "CHAOS_PROXY_DELAY_BUFFER_TOTAL", value_name = "SIZE", default_value_t = ByteSize(UnderWay::ALL as u64))]
    pub(crate) delay_buffer_total: ByteSize,
    /// Write what happens to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Say more; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Where clients connect unless told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:9000";
/// Toxiproxy's port.
const DEFAULT_API: &str = "127.0.0.1:8474";

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
        address("--listen", self.listen.as_deref().unwrap_or(DEFAULT_LISTEN))
    }

    /// The address of the API, if there is to be one.
    ///
    /// # Errors
    /// One that does not resolve.
    pub(crate) fn api_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let api = self.api.as_deref();
        api.map(|text| address("--api", text)).transpose()
    }

    /// The configuration's path and text, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn configuration(&self) -> anyhow::Result<Option<(String, String)>> {
        let Some(path) = &self.config else {
            return Ok(None);
        };
        let text = read_text("configuration", path)?;
        Ok(Some((path.display().to_string(), text)))
    }

    /// How much may be under way in delays.
    pub(crate) fn under_way(&self) -> UnderWay {
        let bytes = |ByteSize(size)| usize::try_from(size).unwrap_or(usize::MAX);
        UnderWay::new(bytes(self.delay_buffer), bytes(self.delay_buffer_total))
    }

    /// The upstream, with a port, if there is one.
    ///
    /// # Errors
    /// One without a port; a name need not resolve yet.
    pub(crate) fn upstream(&self) -> anyhow::Result<Option<String>> {
        let Some(upstream) = &self.upstream else {
            return Ok(None);
        };
        let port = upstream
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|port| port == 0) {
            bail!("--upstream {upstream}: expected HOST:PORT, such as 127.0.0.1:8080");
        }
        Ok(Some(upstream.clone()))
    }
}

fn address(flag: &str, text: &str) -> anyhow::Result<SocketAddr> {
    let mut addresses = text.to_socket_addrs().with_context(|| {
        format!("{flag} {text}: not a HOST:PORT to listen on, such as {DEFAULT_LISTEN}")
    })?;
    addresses
        .next()
        .with_context(|| format!("{flag} {text}: no such address"))
}

fn read_source(path: &Path) -> anyhow::Result<Source> {
    let text = read_text("scenario", path)?;
    Ok(Source::new(path.display().to_string(), text))
}

/// Reads a file that somebody wrote by hand, and that is no larger than such.
fn read_text(what: &str, path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .with_context(|| format!("{what} {shown}"))?
        .len();
    if size > Document::MAX_BYTES as u64 {
        bail!(
            "{what} {shown}: {size} bytes; a {what} has at most {}",
            Document::MAX_BYTES
        );
    }
    let bytes = std::fs::read(path).with_context(|| format!("{what} {shown}"))?;
    String::from_utf8(bytes).with_context(|| format!("{what} {shown}: not UTF-8"))
}
