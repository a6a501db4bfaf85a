//! The command line as typed, and the settings that it means.
//!
//! Invariant: what is not given is [`Config::default`]'s. Used by `main`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;
use environment::Seed;
use environment::tls::{Acceptor, Alpn, Authority, Identity, Leaf};
use ticker_server::Config;

/// A WebSocket ticker whose sessions survive lost connections.
///
/// A client of /ws receives a numbered random value every tick, may pause and resume,
/// and continues its session after a lost connection with /ws?session=ID&last_seq=N.
/// There are pages to look at it with.
#[derive(Debug, Parser)]
#[command(name = "ticker-server", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// Speak TLS, with this certificate in PEM and its key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Speak TLS, with certificates signed by the authority in this folder, as `chaos
    /// ca --ca DIR` creates one
    #[arg(long, value_name = "DIR", conflicts_with = "tls_cert")]
    tls_ca: Option<PathBuf>,

    /// Time from tick to tick, such as 1s or 100ms [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    tick: Option<Duration>,

    /// The longest silence toward a client [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    heartbeat: Option<Duration>,

    /// How many of a session's latest ticks can be replayed [default: 1024]
    #[arg(long, value_name = "COUNT")]
    buffer: Option<usize>,

    /// How long a session lives without a connection [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    session_expiry: Option<Duration>,

    /// Refuse clients that ask for an expired session (4401); by default they get a new
    /// one
    #[arg(long)]
    refuse_unknown: bool,

    /// The most sessions at a time [default: 10000]
    #[arg(long, value_name = "COUNT")]
    max_sessions: Option<usize>,

    /// The most connections at a time; more get 503 [default: 5000]
    #[arg(long, value_name = "COUNT")]
    max_connections: Option<usize>,

    /// Send a ping after a silence of this length [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ping_every: Option<Duration>,

    /// How long a client may take to answer a ping, and to read [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pong_within: Option<Duration>,

    /// How long the head of a request may take [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    header_timeout: Option<Duration>,

    /// Let pages of this origin connect, such as https://example.org; `*` lets all.
    /// Repeatable. Pages of this host and of loopback always may
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// How long connections may take to end when stopping [default: 3s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    drain: Option<Duration>,

    /// Make session ids and values repeat, for tests: ids can then be guessed. Without
    /// it, ids are random
    #[arg(long, value_name = "NUMBER", env = "CHAOS_SEED")]
    seed: Option<Seed>,

    /// More output on stderr: -v connections, -vv everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Args {
    /// How whoever dials is met, if they must speak TLS.
    pub(crate) fn tls(&self) -> anyhow::Result<Option<Acceptor>> {
        if let Some(folder) = &self.tls_ca {
            let authority = Authority::open_or_make(folder)?;
            return Ok(Some(authority.acceptor(Leaf::Valid, Alpn::Http1)));
        }
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        Ok(Some(Identity::read(certificate, key)?.acceptor()))
    }

    /// The settings, checked.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let default = Config::default();
        let config = Config {
            tick: self.tick.unwrap_or(default.tick),
            heartbeat: self.heartbeat.unwrap_or(default.heartbeat),
            buffer: self.buffer.unwrap_or(default.buffer),
            session_expiry: self.session_expiry.unwrap_or(default.session_expiry),
            refuse_unknown: self.refuse_unknown,
            max_sessions: self.max_sessions.unwrap_or(default.max_sessions),
            max_connections: self.max_connections.unwrap_or(default.max_connections),
            ping_every: self.ping_every.unwrap_or(default.ping_every),
            pong_within: self.pong_within.unwrap_or(default.pong_within),
            header_timeout: self.header_timeout.unwrap_or(default.header_timeout),
            allow_origins: self.allow_origin.clone(),
            seed: self.seed,
            drain: self.drain.unwrap_or(default.drain),
        };
        let mistakes = config.mistakes();
        if mistakes.is_empty() {
            return Ok(config);
        }
        let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        bail!("{}", texts.join("; "))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a time such as 250ms, 1s or 2m"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn config(line: &str) -> anyhow::Result<Config> {
        let words = std::iter::once("ticker-server").chain(line.split_whitespace());
        Args::try_parse_from(words)?.config()
    }

    #[test]
    fn the_command_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn nothing_given_is_the_default() {
        assert_eq!(config("").unwrap(), Config::default());
    }

    #[test]
    fn the_defaults_in_the_help_are_the_defaults() {
        let help = Args::command().render_long_help().to_string();
        let default = Config::default();
        let text = environment::text::format_duration;
        for (flag, value) in [
            ("--tick ", text(default.tick)),
            ("--heartbeat ", text(default.heartbeat)),
            ("--buffer ", default.buffer.to_string()),
            ("--session-expiry ", text(default.session_expiry)),
            ("--max-sessions ", default.max_sessions.to_string()),
            ("--max-connections ", default.max_connections.to_string()),
            ("--ping-every ", text(default.ping_every)),
            ("--pong-within ", text(default.pong_within)),
            ("--header-timeout ", text(default.header_timeout)),
            ("--drain ", text(default.drain)),
        ] {
            let (_, after) = help.split_once(flag).unwrap_or_else(|| panic!("no {flag}"));
            let (_, after) = after.split_once("[default: ").unwrap();
            let (said, _) = after.split_once(']').unwrap();
            assert_eq!(said, value, "{flag}");
        }
    }

    #[test]
    fn flags_are_read() {
        let line = "--tick 100ms --seed 7 --allow-origin http://a.example --allow-origin *";
        let config = config(line).unwrap();
        assert_eq!(config.tick, Duration::from_millis(100));
        assert_eq!(config.seed, Some(Seed(7)));
        assert_eq!(config.allow_origins, ["http://a.example", "*"]);
    }

    #[test]
    fn what_cannot_be_served_is_said() {
        let error = config("--tick 0s --max-sessions 0")
            .unwrap_err()
            .to_string();
        assert!(error.contains("`tick` is 0s: at least 1ms"), "{error}");
        assert!(error.contains("`max_sessions` is 0"), "{error}");
        let error = config("--tick soon").unwrap_err().to_string();
        assert!(error.contains("such as 250ms"), "{error}");
    }
}
