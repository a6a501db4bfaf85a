//! The command line: as typed, then checked.

use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chaos_proxy::{Faults, Start, UnderWay, read_faults};
use clap::builder::FalseyValueParser;
use clap::{Parser, ValueEnum};
use environment::Seed;
use environment::text::{ByteSize, Document, Source};

use crate::expand::{Limit, expand};
use crate::tls_args::TlsArgs;

/// A TCP proxy that drops, delays and resets connections on a seeded schedule.
///
/// With --upstream it is one proxy; with --api, as many as its callers create; with
/// --config, those of a file; or all of them at once. Each flag has an environment
/// variable, such as CHAOS_PROXY_UPSTREAM.
///
/// Exit codes: 0 stopped by a signal, 2 usage, scenario or configuration error, 3
/// failed.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where clients connect; port 0 takes a free one and prints it [default:
    /// 127.0.0.1:9000].
    #[arg(
        long,
        env = "CHAOS_PROXY_LISTEN",
        value_name = "HOST:PORT",
        requires = "upstream"
    )]
    pub(crate) listen: Option<String>,
    /// Your server; tls://HOST:PORT if it speaks TLS. Needed unless there is --api or
    /// --config.
    #[arg(long, env = "CHAOS_PROXY_UPSTREAM", value_name = "HOST:PORT", required_unless_present_any = ["api", "config"])]
    pub(crate) upstream: Option<String>,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Apply the [[fault]] entries of this scenario file [default: pass through
    /// unchanged].
    #[arg(
        long,
        env = "CHAOS_PROXY_SCENARIO",
        value_name = "FILE",
        requires = "upstream"
    )]
    pub(crate) scenario: Option<PathBuf>,
    /// Repeat the scenario indefinitely.
    #[arg(long = "loop", env = "CHAOS_PROXY_LOOP", value_parser = FalseyValueParser::new(), requires = "scenario")]
    pub(crate) repeat: bool,
    /// The seed [default: CHAOS_SEED, the file's, or 1].
    #[arg(long, env = "CHAOS_PROXY_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// When t = 0 is.
    #[arg(long, env = "CHAOS_PROXY_START", value_enum, default_value_t = StartArg::First)]
    pub(crate) start: StartArg,
    /// Serve the control API: Toxiproxy's, for its clients, and our own under /chaos/v1
    /// (docs/reference/api.md). On other addresses than loopback, anyone who can reach
    /// the port can make this program connect anywhere.
    #[arg(long, env = "CHAOS_PROXY_API", value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = DEFAULT_API)]
    pub(crate) api: Option<String>,
    /// Host name by which requests may call this API, besides addresses and names
    /// without a dot.
    #[arg(
        long,
        env = "CHAOS_PROXY_API_HOST",
        value_delimiter = ',',
        value_name = "NAME",
        requires = "api"
    )]
    pub(crate) api_host: Vec<String>,
    /// Origin of web pages that may use the API, besides those of this port.
    #[arg(
        long,
        env = "CHAOS_PROXY_API_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN",
        requires = "api"
    )]
    pub(crate) api_origin: Vec<String>,
    /// Serve /metrics with Toxiproxy's names; /chaos/v1/metrics is always there.
    #[arg(long, env = "CHAOS_PROXY_PROXY_METRICS", value_parser = FalseyValueParser::new(), requires = "api")]
    pub(crate) proxy_metrics: bool,
    /// Watch WebSocket frames in every proxy from the start, so that the API can add
    /// faults on messages at any time.
    #[arg(long, env = "CHAOS_PROXY_FRAMES", value_parser = FalseyValueParser::new(), requires = "api")]
    pub(crate) frames: bool,
    /// Start with the proxies of this file, in Toxiproxy's JSON, toxics included; `-`
    /// is stdin. ${NAME} is replaced from the environment. If there is an error in it,
    /// nothing starts.
    #[arg(long, env = "CHAOS_PROXY_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How much may be under way in the delays of one direction of a connection; beyond
    /// that the sender waits. At least 256KiB, which is also what a stall, a rate or a
    /// peer that reads nothing holds back.
    #[arg(long, env = "CHAOS_PROXY_DELAY_BUFFER", value_name = "SIZE", default_value_t = ByteSize(UnderWay::LINK as u64))]
    pub(crate) delay_buffer: ByteSize,
    /// The same for all connections of all proxies together; 256KiB of each direction
    /// do not count.
    #[arg(long, env = "CHAOS_PROXY_DELAY_BUFFER_TOTAL", value_name = "SIZE", default_value_t = ByteSize(UnderWay::ALL as u64))]
    pub(crate) delay_buffer_total: ByteSize,
    /// Write all events to this file, one JSON object a line.
    #[arg(long, env = "CHAOS_PROXY_JOURNAL", value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Log more, such as each fault and the connection it hit; twice for even more.
    #[arg(short, long, env = "CHAOS_PROXY_VERBOSE", action = clap::ArgAction::Count)]
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
    /// A file that cannot be read, or every error in it.
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
            let mistakes = if count == 1 { "error" } else { "errors" };
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
        // A variable that is set to nothing is as the flag alone.
        let api = self.api.as_deref();
        let api = api.map(|text| if text.is_empty() { DEFAULT_API } else { text });
        api.map(|text| address("--api", text)).transpose()
    }

    /// The seed that was asked for.
    ///
    /// # Errors
    /// `CHAOS_SEED` that is none.
    pub(crate) fn seed(&self) -> anyhow::Result<Option<Seed>> {
        match (self.seed, std::env::var_os("CHAOS_SEED")) {
            (Some(seed), _) => Ok(Some(seed)),
            (None, None) => Ok(None),
            (None, Some(text)) => {
                let text = text.to_string_lossy();
                let seed = text
                    .parse()
                    .map_err(|error| anyhow::anyhow!("CHAOS_SEED={text}: {error}"))?;
                Ok(Some(seed))
            }
        }
    }

    /// The configuration's name and text, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read or is none, or a variable that is not set.
    pub(crate) fn configuration(&self) -> anyhow::Result<Option<(String, String)>> {
        let Some(path) = &self.config else {
            return Ok(None);
        };
        let (shown, text) = if path.as_os_str() == "-" {
            let stdin = std::io::stdin();
            (
                "of stdin".to_owned(),
                text_of("configuration", "of stdin", stdin)?,
            )
        } else {
            ensure_file("configuration", path)?;
            (
                path.display().to_string(),
                read_text("configuration", path)?,
            )
        };
        let text = expand(&text, Limit(Document::MAX_BYTES), |name| {
            std::env::var(name)
        });
        let text = text.map_err(|problem| anyhow::anyhow!("configuration {shown}: {problem}"))?;
        Ok(Some((shown, text)))
    }

    /// How much may be under way in delays.
    pub(crate) fn under_way(&self) -> UnderWay {
        let bytes = |ByteSize(size)| usize::try_from(size).unwrap_or(usize::MAX);
        UnderWay::new(bytes(self.delay_buffer), bytes(self.delay_buffer_total))
    }

    /// The upstream, with a port, if there is one.
    ///
    /// # Errors
    /// What is neither HOST:PORT nor tls://HOST:PORT, such as another URL; a name need not resolve yet.
    pub(crate) fn upstream(&self) -> anyhow::Result<Option<String>> {
        let Some(upstream) = &self.upstream else {
            return Ok(None);
        };
        if let Err(mistake) = chaos_proxy::upstream::read(upstream) {
            bail!("--upstream {upstream}: {mistake}");
        }
        Ok(Some(upstream.clone()))
    }
}

/// As the API reads it: `localhost` is 127.0.0.1, whatever else the system calls
/// so, and of several addresses the first one of IPv4 counts.
fn address(flag: &str, text: &str) -> anyhow::Result<SocketAddr> {
    let numeric = text
        .to_ascii_lowercase()
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    let numeric = numeric.as_deref().unwrap_or(text);
    let addresses = numeric.to_socket_addrs().with_context(|| {
        format!("{flag} {text}: not a HOST:PORT to listen on, such as {DEFAULT_LISTEN}")
    })?;
    addresses
        .min_by_key(SocketAddr::is_ipv6)
        .with_context(|| format!("{flag} {text}: no such address"))
}

fn read_source(path: &Path) -> anyhow::Result<Source> {
    let text = read_text("scenario", path)?;
    Ok(Source::new(path.display().to_string(), text))
}

/// Reads a file that a person wrote, and that is no larger than such.
fn read_text(what: &str, path: &Path) -> anyhow::Result<String> {
    let shown = path.display().to_string();
    let file = File::open(path).with_context(|| format!("{what} {shown}"))?;
    text_of(what, &shown, file)
}

/// Reads no more than such a file has, whatever it is.
fn text_of(what: &str, shown: &str, from: impl Read) -> anyhow::Result<String> {
    const LIMIT: usize = Document::MAX_BYTES;
    let mut bytes = Vec::new();
    from.take(LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{what} {shown}"))?;
    if bytes.len() > LIMIT {
        bail!("{what} {shown}: too large; a {what} has at most {LIMIT} bytes");
    }
    String::from_utf8(bytes).with_context(|| format!("{what} {shown}: not UTF-8"))
}

/// What is no file may never be there, or never end.
fn ensure_file(what: &str, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).with_context(|| format!("{what} {shown}"))?;
    if !metadata.is_file() {
        bail!("{what} {shown}: not a file; `-` reads stdin");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_flag_has_its_variable() {
        for flag in Args::command().get_arguments() {
            let long = flag.get_long().unwrap();
            let variable = format!("CHAOS_PROXY_{}", long.to_uppercase().replace('-', "_"));
            let known = flag.get_env().map(|known| known.to_str().unwrap());
            assert_eq!(known, Some(variable.as_str()), "--{long}");
        }
    }

    #[test]
    fn localhost_is_what_the_api_takes_it_for() {
        for text in ["localhost:80", "LocalHost:80", "127.0.0.1:80"] {
            let read = address("--listen", text).unwrap();
            assert_eq!(read.to_string(), "127.0.0.1:80", "{text}");
        }
        assert_eq!(
            address("--listen", "[::1]:80").unwrap().to_string(),
            "[::1]:80"
        );
    }
}
