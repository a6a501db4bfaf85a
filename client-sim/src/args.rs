//! The command line, as typed, and the clients that it asks for.
//!
//! Whatever is wrong is told with what would have been right, before anything
//! is dialled. Used by `main`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{bail, ensure};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, value_parser};
use client_sim::fleet::Fleet;
use client_sim::{
    Behaviour, Beyond, ClientsConfig, Delivery, Flaw, Header, Policy, Sending, Shape, Sources,
    Upgrade, Url, check_header, check_host, check_subprotocol, check_text,
};
use environment::Seed;
use environment::shard::{self, Shard, ShardError};
use environment::tls::{Connector, Trust};

/// On all machines together.
const MAX_CLIENTS: u32 = 1_000_000;

/// Simulated WebSocket clients that reconnect.
///
/// Exit codes: 0 every client is connected at the end, 1 some client is not or has
/// given up, 2 usage error, 130 interrupted.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Option<Args>,
}

/// What is done with what other runs left.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the percentiles of all recoveries in files written by --histogram.
    Merge(MergeArgs),
}

/// `client-sim merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeArgs {
    /// The files of all shards.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write all of them to this file, as one run would have.
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to connect: ws://HOST:PORT/PATH, or wss://….
    pub(crate) url: Url,

    /// Trust the certificate of a wss:// URL if an authority in this PEM file has
    /// signed it, instead of the system's authorities.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// How many clients, on all machines together.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u32).range(1..=i64::from(MAX_CLIENTS)))]
    pub(crate) clients: u32,

    /// Only part I of N of the clients, for N machines; `auto` reads what GitLab,
    /// CircleCI, Buildkite, Slurm or Kubernetes set.
    #[arg(long, value_name = "I/N|auto", value_parser = shard)]
    pub(crate) shard: Option<Shard>,

    /// Begin at this time, such as 2026-11-28T07:00:00Z; the same on all machines.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) start_at: Option<SystemTime>,

    /// Connect from these addresses of this machine, in turn, such as
    /// 127.0.0.2-127.0.0.9; each has some 28,000 ports.
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) source: Option<Sources>,

    /// Write the recovery times to this file, as an HDR histogram (V2, in
    /// microseconds); `client-sim merge` combines those of several machines.
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,

    /// How long to run, such as 30s or 5m.
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = positive)]
    pub(crate) duration: Duration,

    /// Spread the starts of the clients over this time.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    ramp: Duration,

    /// Backoff policy: the delays between attempts.
    #[arg(long, value_name = "POLICY", default_value = "full_jitter", value_parser = shapes())]
    reconnect: Shape,

    /// The policy's first ceiling [default: 1s; rfc6455: 5s].
    #[arg(long, value_name = "TIME", value_parser = positive)]
    base: Option<Duration>,

    /// The policy's longest delay [default: 30s].
    #[arg(long, value_name = "TIME", value_parser = positive)]
    cap: Option<Duration>,

    /// How fast the delays grow [default: 2; decorrelated_jitter: 3].
    #[arg(long, value_name = "NUMBER", value_parser = factor)]
    factor: Option<f64>,

    /// Timeout of one attempt to connect, opening handshake included.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = positive)]
    connect_timeout: Duration,

    /// Double the timeout after each attempt that timed out, up to this, until one
    /// opens.
    #[arg(long, value_name = "TIME", value_parser = positive)]
    connect_timeout_cap: Option<Duration>,

    /// Idle timeout: a connection silent for so long is dead.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = positive)]
    liveness: Duration,

    /// Flag data as stale after so long a silence [default: half of --liveness].
    #[arg(long, value_name = "TIME", value_parser = positive)]
    stale_after: Option<Duration>,

    /// How long a connection must stay up before the backoff is reset.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    min_uptime: Duration,

    /// Give up after so many failed attempts in a row.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,

    /// Do not resume the session on a new connection.
    #[arg(long)]
    no_resume: bool,

    /// Send a numbered message this often, to a server that acknowledges it as
    /// ticker-server does.
    #[arg(long, value_name = "TIME", value_parser = positive)]
    send_every: Option<Duration>,

    /// Delivery of messages: held until acknowledged, or sent once and forgotten
    /// [default: at_least_once].
    #[arg(long, value_name = "HOW", value_parser = deliveries(), requires = "send_every")]
    delivery: Option<Delivery>,

    /// The most messages that a client holds while it cannot send them [default: 100].
    #[arg(long, value_name = "N", requires = "send_every",
          value_parser = value_parser!(u32).range(0..=i64::from(Sending::MOST)))]
    queue_at_most: Option<u32>,

    /// What is lost beyond that: the oldest message, or the new one [default: drop].
    #[arg(long, value_name = "WHAT", value_parser = beyonds(), requires = "send_every")]
    queue_beyond: Option<Beyond>,

    /// Header of every handshake, as NAME: VALUE; {client} and {attempt} are filled in.
    /// Repeatable.
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<Header>,

    /// Header of the first attempt only; given again, of the second, and so on: the
    /// last applies to all that follow.
    #[arg(long, value_name = "HEADER", value_parser = header)]
    header_by_attempt: Vec<Header>,

    /// The Host header, instead of the URL's host.
    #[arg(long, value_name = "HOST", value_parser = host)]
    host: Option<String>,

    /// Offer this subprotocol; repeatable, the preferred one first.
    #[arg(long = "subprotocol", value_name = "NAME", value_parser = subprotocol)]
    subprotocols: Vec<String>,

    /// Add this to the URL's query, as NAME=VALUE; {client} and {attempt} are filled
    /// in. Repeatable.
    #[arg(long, value_name = "PAIR", value_parser = pair)]
    query: Vec<(String, String)>,

    /// Enable a flaw (a known client bug) in the clients; repeatable.
    #[arg(long = "flaw", value_name = "NAME", value_parser = flaws())]
    flaws: Vec<Flaw>,

    /// The seed of all random delays.
    #[arg(long, env = "CHAOS_SEED", default_value = "1")]
    pub(crate) seed: Seed,

    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    /// Log what the clients do to stderr.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

impl Args {
    /// Those of the clients asked for that are to run here.
    pub(crate) fn fleet(&self) -> anyhow::Result<Fleet> {
        let clients = self.clients()?;
        Ok(Fleet {
            tls: self.tls(&clients)?,
            clients,
            shard: self.shard.unwrap_or(Shard::WHOLE),
            url: self.url.clone(),
            sources: self.source,
            seed: self.seed,
        })
    }

    fn clients(&self) -> anyhow::Result<ClientsConfig> {
        let limit = self.connect_timeout_cap.unwrap_or(self.connect_timeout);
        ensure!(
            limit >= self.connect_timeout,
            "--connect-timeout-cap {limit:?} is below --connect-timeout {:?}",
            self.connect_timeout
        );
        let stale_after = self.stale_after.unwrap_or(self.liveness / 2);
        ensure!(
            stale_after < self.liveness,
            "--stale-after {stale_after:?} is not below --liveness {:?}",
            self.liveness
        );
        Ok(ClientsConfig {
            count: self.clients,
            ramp: self.ramp,
            behaviour: Behaviour {
                reconnect: self.policy()?,
                connect_timeout: self.connect_timeout,
                connect_timeout_cap: limit,
                liveness: self.liveness,
                stale_after,
                min_uptime: self.min_uptime,
                max_attempts: self.max_attempts,
                resume: !self.no_resume,
                say: None,
                sending: self.sending()?,
                upgrade: Arc::new(self.upgrade()),
                flaws: self.flaws.iter().copied().collect(),
            },
        })
    }

    /// How TLS is asked for, if it is.
    fn tls(&self, clients: &ClientsConfig) -> anyhow::Result<Option<Connector>> {
        let trust = match &self.ca {
            Some(_) if !self.url.is_tls() => bail!("--ca is for URLs of TLS; {} is none", self.url),
            Some(file) => Trust::File(file.clone()),
            None => Trust::System,
        };
        Ok(self.url.connector(&clients.behaviour.trust(trust))?)
    }

    fn upgrade(&self) -> Upgrade {
        let by_attempt = self.header_by_attempt.iter();
        Upgrade {
            headers: self.headers.clone(),
            headers_by_attempt: by_attempt.map(|header| vec![header.clone()]).collect(),
            host: self.host.clone(),
            subprotocols: self.subprotocols.clone(),
            query: self.query.clone(),
        }
    }

    fn sending(&self) -> anyhow::Result<Option<Sending>> {
        let Some(usual) = self.send_every.map(Sending::every) else {
            return Ok(None);
        };
        let sending = Sending {
            delivery: self.delivery.unwrap_or_default(),
            at_most: self.queue_at_most.unwrap_or(usual.at_most),
            beyond: self.queue_beyond.unwrap_or_default(),
            ..usual
        };
        match sending.objection() {
            Some(why) => bail!("--queue-at-most is 0: {why}; that is for --delivery at_most_once"),
            None => Ok(Some(sending)),
        }
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        let usual = Policy::new(self.reconnect);
        let base = self.base.unwrap_or(usual.base);
        let cap = self.cap.unwrap_or(usual.cap.max(base));
        ensure!(cap >= base, "--cap {cap:?} is below --base {base:?}");
        Ok(Policy {
            base,
            cap,
            factor: self.factor.unwrap_or(usual.factor),
            ..usual
        })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; times are written as 250ms, 30s or 5m"))
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    match duration < Duration::from_millis(1) {
        true => Err("must be at least 1ms".into()),
        false => Ok(duration),
    }
}

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| "a header is written as NAME: VALUE".to_owned())?;
    let value = value.trim();
    check_header(name, value).map_err(told)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn told((message, help): (String, String)) -> String {
    format!("{message}; {help}")
}

fn host(text: &str) -> Result<String, String> {
    check_host(text).map(|()| text.to_owned())
}

fn subprotocol(text: &str) -> Result<String, String> {
    check_subprotocol(text).map(|()| text.to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| "a part of a query is written as NAME=VALUE".to_owned())?;
    check_text(value).map_err(told)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn shard(text: &str) -> Result<Shard, String> {
    if text == "auto" {
        let found = shard::auto(|name| std::env::var(name).ok());
        return found.map_err(|error| error.to_string());
    }
    text.parse().map_err(|error: ShardError| error.to_string())
}

fn instant(text: &str) -> Result<SystemTime, String> {
    let right = "such as 2026-11-28T07:00:00Z, which is UTC";
    humantime::parse_rfc3339(text)
        .map_err(|error| format!("{error}; times are RFC 3339's, {right}"))
}

fn factor(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let allowed = number.filter(|number| (1.0..=1000.0).contains(number));
    allowed.ok_or_else(|| "must be a number from 1 to 1000".into())
}

fn deliveries() -> impl TypedValueParser<Value = Delivery> {
    words(Delivery::ALL)
}

fn beyonds() -> impl TypedValueParser<Value = Beyond> {
    words(Beyond::ALL)
}

/// One of these words, for what it means.
fn words<T, const N: usize>(all: [(&'static str, T); N]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Default + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(|(word, _)| word)).map(move |word| {
        let found = all.iter().find(|(known, _)| *known == word);
        found.map_or_else(T::default, |(_, meaning)| *meaning)
    })
}

fn shapes() -> impl TypedValueParser<Value = Shape> {
    PossibleValuesParser::new(Shape::ALL.map(|(word, _)| word)).map(|word| {
        let found = Shape::ALL.into_iter().find(|(known, _)| *known == word);
        found.map_or(Shape::FullJitter, |(_, shape)| shape)
    })
}

fn flaws() -> impl TypedValueParser<Value = Flaw> {
    let known = Flaw::ALL.map(|flaw| PossibleValue::new(flaw.word()).help(flaw.description()));
    PossibleValuesParser::new(known).try_map(|word| word.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &str) -> anyhow::Result<ClientsConfig> {
        let line = format!("client-sim ws://a/ {flags}");
        run(&line)?.clients()
    }

    fn run(line: &str) -> anyhow::Result<Args> {
        let cli = Cli::try_parse_from(line.split_whitespace())?;
        Ok(cli.run.expect("no subcommand is given"))
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn without_flags_there_is_one_sound_client() {
        assert_eq!(parse("").unwrap(), ClientsConfig::default());
    }

    #[test]
    fn every_policy_is_a_flag() {
        let clients = parse(
            "--clients 7 --ramp 2s --reconnect rfc6455 --base 2s --cap 9s --factor 1.5 \
             --connect-timeout 3s --connect-timeout-cap 9s --liveness 4s --stale-after 1s --min-uptime 0s \
             --max-attempts 3 --no-resume --flaw no_jitter --flaw no_liveness",
        )
        .unwrap();
        let expected = Behaviour {
            reconnect: Policy {
                shape: Shape::Rfc6455,
                base: Duration::from_secs(2),
                cap: Duration::from_secs(9),
                factor: 1.5,
            },
            connect_timeout: Duration::from_secs(3),
            connect_timeout_cap: Duration::from_secs(9),
            liveness: Duration::from_secs(4),
            stale_after: Duration::from_secs(1),
            min_uptime: Duration::ZERO,
            max_attempts: Some(3),
            resume: false,
            say: None,
            sending: None,
            upgrade: Arc::default(),
            flaws: [Flaw::NoLiveness, Flaw::NoJitter].into(),
        };
        assert_eq!(clients.behaviour, expected);
        assert_eq!((clients.count, clients.ramp), (7, Duration::from_secs(2)));
    }

    #[test]
    fn what_an_upgrade_asks_for_are_flags() {
        let clients = parse(
            "--header A:b --header-by-attempt T:1 --header-by-attempt T:{attempt} \
             --host feed.test --subprotocol x --subprotocol y --query k=v=w",
        )
        .unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = Upgrade {
            headers: vec![pair("A", "b")],
            headers_by_attempt: vec![vec![pair("T", "1")], vec![pair("T", "{attempt}")]],
            host: Some("feed.test".to_owned()),
            subprotocols: vec!["x".to_owned(), "y".to_owned()],
            query: vec![pair("k", "v=w")],
        };
        assert_eq!(*clients.behaviour.upgrade, expected);
    }

    #[test]
    fn what_is_sent_and_held_are_flags() {
        let sending = |flags: &str| parse(flags).unwrap().behaviour.sending;
        assert_eq!(
            sending("--send-every 2s"),
            Some(Sending::every(Duration::from_secs(2)))
        );
        let all = "--send-every 2s --delivery at_most_once --queue-at-most 0 --queue-beyond reject";
        let expected = Sending {
            every: Duration::from_secs(2),
            delivery: Delivery::AtMostOnce,
            at_most: 0,
            beyond: Beyond::Reject,
        };
        assert_eq!(sending(all), Some(expected));
    }

    #[test]
    fn mistakes_are_told_with_what_would_be_right() {
        let check = |flags, part| {
            let error = parse(flags).unwrap_err().to_string();
            assert!(error.contains(part), "{flags}: {error}");
        };
        check("--flaw no_jiter", "no_jitter");
        check("--reconnect sometimes", "decorrelated_jitter");
        check("--base 5", "250ms, 30s or 5m");
        check("--liveness 0s", "at least 1ms");
        check("--factor 0.5", "from 1 to 1000");
        check("--base 10s --cap 5s", "--cap 5s is below --base 10s");
        check("--connect-timeout-cap 1s", "below --connect-timeout 5s");
        check("--stale-after 10s", "not below --liveness 10s");
        check("--clients 0", "1..=1000000");
        check("--shard 0/3", "there is no shard 0 of 3");
        check("--shard 4/3", "they count from 1/3 to 3/3");
        check("--shard x", "such as 1/3, or `auto`");
        check("--source here", "127.0.0.2-127.0.0.9");
        check("--start-at 7:00", "2026-11-28T07:00:00Z, which is UTC");
        check("--header X", "NAME: VALUE");
        check("--header Host:x", "use `host`");
        check("--header A:{clint}", "{client}, {attempt}");
        check("--host a/b", "is no host");
        check("--subprotocol a/b", "is no subprotocol");
        check("--query token", "NAME=VALUE");
        check("--send-every 0s", "at least 1ms");
        check("--queue-at-most 5", "--send-every");
        check("--send-every 1s --queue-at-most 5000", "0..=4096");
        check(
            "--send-every 1s --queue-at-most 0",
            "--delivery at_most_once",
        );
        check("--send-every 1s --queue-beyond block", "drop, reject");
        check("--send-every 1s --delivery once", "at_least_once");
    }
}
