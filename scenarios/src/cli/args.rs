//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use client_sim::Flaw;
use environment::Seed;
use scenarios::language::{ClientOptions, check_variable};
use scenarios::results::Seeds;
use scenarios::runner;
use scenarios::shard::{self, Shard, ShardError};
use scenarios::subjects::Subject;

use super::{ca, explore, files, judge, merge, play, profile, reference, run, shells};

/// Find reconnect bugs in WebSocket clients: run scenarios of network faults against
/// them, and check that they recover.
#[derive(Debug, Parser)]
#[command(name = "chaos", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// More output on stderr; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all passed, 1 a check failed, \
2 usage or scenario error, 3 inconclusive, nothing applicable, or the harness itself failed, \
130 interrupted. Precedence: 2, then 1, then 3.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios, and check that the clients recover.
    Run(RunArgs),
    /// Report errors in scenario files and client folders; run nothing.
    Check(PathArgs),
    /// Print when a scenario's faults will be applied, and to which clients; run
    /// nothing.
    Plan(PlanArgs),
    /// Interactive demo: server, proxy with mild faults, keyboard shortcuts; for your
    /// browser.
    Play(PlayArgs),
    /// Re-check recorded runs.
    Judge(JudgeArgs),
    /// Combine the output of all shards into that of one run.
    Merge(MergeArgs),
    /// Measure a client (delays, timeouts, reaction to each kind of loss), and compare
    /// with what it declares.
    Profile(ProfileArgs),
    /// Search for a schedule of faults that breaks a client, and reduce it to a small
    /// scenario.
    Explore(ExploreArgs),
    /// List the scenarios, each with the flaw that it catches.
    List(PathArgs),
    /// List the faults, or show one.
    Faults(NameArgs),
    /// List the checks, or show one.
    Checks(NameArgs),
    /// Print the JSON Schema of scenario files, for editors.
    Schema,
    /// Show the certificate authority of TLS proxies, and how to make each kind of
    /// client trust it.
    Ca(CaArgs),
    /// Print shell completions; the first lines say where to put them.
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command.
    Man {
        /// The folder for them.
        #[arg(long, value_name = "DIR", default_value = "target/man")]
        out: PathBuf,
    },
}

/// The name of one of several.
#[derive(Debug, clap::Args)]
pub(crate) struct NameArgs {
    /// The one to show; without it, all are listed.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Files or folders.
#[derive(Debug, clap::Args)]
pub(crate) struct PathArgs {
    /// Scenario files, or folders of them [default: scenarios/catalogue, or the
    /// built-in scenarios].
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// `chaos ca`.
#[derive(Debug, clap::Args)]
pub(crate) struct CaArgs {
    /// Folder of the certificate authority; created if it does not exist [default:
    /// chaos-proxy/ca in XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "DIR")]
    pub(crate) ca: Option<PathBuf>,
}

/// `chaos run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) what: PathArgs,
    /// The clock.
    #[arg(long, value_enum, default_value_t = Time::Real)]
    pub(crate) time: Time,
    /// With --time virtual: run everything twice, and verify that journals and
    /// decisions are byte-identical.
    #[arg(long)]
    pub(crate) check_determinism: bool,
    /// Seed of every scenario; overrides each file's own [default: the file's, or 1].
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// Run every scenario with each of these seeds, both ends included.
    #[arg(long, value_name = "A..B")]
    pub(crate) seeds: Option<Seeds>,
    /// Parallel runs [default: 6 per core, fewer while the machine is busy; virtual
    /// time: 1 per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// How often a run that was spoiled by a busy machine is repeated, alone, after all
    /// others; at most ten runs are. Virtual time needs none.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) retry: u8,
    /// Client(s) under test, comma-separated: `sim`, a name in scenarios/clients, or a
    /// folder with a client.toml.
    #[arg(long, value_name = "NAME[,NAME…]", value_delimiter = ',', default_value = Subject::SIM)]
    pub(crate) client: Vec<String>,
    /// Page under test, without a client.toml: each client is a browser of its own that
    /// opens it, such as http://localhost:5173/.
    #[arg(long, value_name = "URL", conflicts_with = "client")]
    pub(crate) page: Option<String>,
    /// Where the page's WebSocket connects; the proxy is put in front of what listens
    /// there.
    #[arg(long, value_name = "HOST:PORT", requires = "page")]
    pub(crate) socket: Option<String>,
    /// Argument to append to the command of client programs; repeatable.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) client_arg: Vec<String>,
    /// Environment variable for client programs and their setup, as NAME=VALUE;
    /// repeatable.
    #[arg(long, value_name = "PAIR")]
    pub(crate) client_env: Vec<String>,
    /// Enable a flaw (a known client bug) in the simulated clients, besides the file's
    /// own; repeatable. See `chaos list`.
    #[arg(long, value_name = "NAME")]
    pub(crate) flaw: Vec<Flaw>,
    /// Negative control: schedule every fault and apply none; nothing may pass.
    #[arg(long, value_enum)]
    pub(crate) control: Option<Control>,
    /// Make all clients connect by TLS (wss://, https://), as `[clients] tls` does for
    /// one file; programs learn by variables what to trust.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Folder of the certificate authority for --tls; created if it does not exist
    /// [default: chaos-proxy/ca in XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "DIR")]
    pub(crate) ca: Option<PathBuf>,
    /// Only scenarios whose id matches, such as 'R23*'.
    #[arg(long, value_name = "GLOB")]
    pub(crate) filter: Option<String>,
    /// Only part I of N, for N machines; `auto` reads what GitLab, CircleCI, Buildkite,
    /// Slurm or Kubernetes set. `chaos merge` combines the folders.
    #[arg(long, value_name = "I/N|auto")]
    pub(crate) shard: Option<ShardArg>,
    /// Fail only on differences from `known.toml` beside the client, for better or
    /// worse.
    #[arg(long)]
    pub(crate) known: bool,
    /// Write a badge for shields.io's endpoint to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) badge: Option<PathBuf>,
    /// Folder for results and journals.
    #[arg(long, value_name = "DIR", default_value = "target/chaos")]
    pub(crate) out: PathBuf,
}

/// `--shard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardArg {
    /// As an engine's variables have it.
    Auto,
    /// This one.
    One(Shard),
}

impl FromStr for ShardArg {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        match text {
            "auto" => Ok(Self::Auto),
            text => text.parse().map(Self::One),
        }
    }
}

impl ShardArg {
    /// Which it is.
    ///
    /// # Errors
    /// No engine says so.
    pub(crate) fn shard(self) -> anyhow::Result<Shard> {
        match self {
            Self::One(shard) => Ok(shard),
            Self::Auto => shard::auto(|name| std::env::var(name).ok()).context("--shard"),
        }
    }
}

/// `chaos merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeArgs {
    /// The folders of all shards, in any order.
    #[arg(value_name = "DIR", required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// Folder for the combined output.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

impl RunArgs {
    /// What client programs are told besides.
    ///
    /// # Errors
    /// A variable that nobody can be given.
    pub(crate) fn options(&self) -> anyhow::Result<ClientOptions> {
        let variable = |pair: &String| {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                let shown = pair.escape_debug();
                anyhow::anyhow!("--client-env {shown}: NAME=VALUE is what is needed")
            })?;
            check_variable(name, value)
                .map_err(|wrong| anyhow::anyhow!("--client-env: {wrong}"))?;
            Ok((name.to_owned(), value.to_owned()))
        };
        let env = self.client_env.iter().map(variable);
        Ok(ClientOptions {
            args: self.client_arg.clone(),
            env: env.collect::<anyhow::Result<_>>()?,
        })
    }
}

/// `chaos plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The scenario file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The seed [default: the file's, or 1].
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// Print one JSON object a line, as in decisions.jsonl.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `chaos play`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlayArgs {
    /// Where the built-in server and its page listen; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) server: SocketAddr,
    /// Where the proxy listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// Faults to repeat [default: a minute of mild ones].
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// No faults but those of your keys.
    #[arg(long, conflicts_with = "scenario")]
    pub(crate) quiet: bool,
    /// Your own page in place of the demo page, in a browser window of its own; without
    /// a display, the command that opens it is printed.
    #[arg(
        long,
        value_name = "URL",
        requires = "socket",
        conflicts_with = "server"
    )]
    pub(crate) page: Option<String>,
    /// Where the page's WebSocket connects; each outage is reported in a line.
    #[arg(long, value_name = "HOST:PORT", requires = "page")]
    pub(crate) socket: Option<String>,
    /// The seed [default: the file's, or 1].
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
}

/// `chaos profile`.
#[derive(Debug, clap::Args)]
#[command(after_help = PROFILE_HELP)]
pub(crate) struct ProfileArgs {
    /// Client to measure.
    #[arg(long, value_name = "NAME", default_value = Subject::SIM)]
    pub(crate) client: String,
    /// The clock.
    #[arg(long, value_enum, default_value_t = Time::Real)]
    pub(crate) time: Time,
    /// How long to wait for a reaction, at least; longer where a declared time needs
    /// it.
    #[arg(long = "for", value_name = "TIME", default_value = "1m")]
    pub(crate) watch: humantime::Duration,
    /// Clients in each probe.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) count: u32,
    /// Seed of the probes [default: 1].
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// Parallel probes [default: as with `chaos run`].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Enable a flaw (a known client bug) in the simulated clients; repeatable.
    #[arg(long, value_name = "NAME")]
    pub(crate) flaw: Vec<Flaw>,
    /// Folder for profile.json and the probes' journals.
    #[arg(long, value_name = "DIR", default_value = "target/profile")]
    pub(crate) out: PathBuf,
}

const PROFILE_HELP: &str = "Exit codes: 0 all declarations are right, 1 one is wrong, \
2 usage error, 3 the harness itself failed, 130 interrupted.";

/// `chaos explore`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLORE_HELP)]
pub(crate) struct ExploreArgs {
    /// Scenario files whose server, clients, actions and `[expect]` are used; their
    /// faults are left out [default: three clients and a crowd of twelve, with what
    /// every correct client promises].
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Client under test.
    #[arg(long, value_name = "NAME", default_value = Subject::SIM)]
    pub(crate) client: String,
    /// Enable a flaw (a known client bug) in the simulated clients; repeatable.
    #[arg(long, value_name = "NAME")]
    pub(crate) flaw: Vec<Flaw>,
    /// How long to search [default: 1m, without --cases].
    #[arg(long = "for", value_name = "TIME", conflicts_with = "cases")]
    pub(crate) time_limit: Option<humantime::Duration>,
    /// How many schedules to run; with the same seed the result is the same, whatever
    /// --jobs is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) cases: Option<u64>,
    /// Seed of all schedules [default: 1].
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// Parallel schedules [default: 1 per core; real time: 6 per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// The clock.
    #[arg(long, value_enum, default_value_t = Time::Virtual)]
    pub(crate) time: Time,
    /// How schedules are generated.
    #[arg(long, value_enum, default_value_t = Guide::Coverage)]
    pub(crate) guide: Guide,
    /// Folder that keeps schedules with new coverage from one search to the next.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// Stop after so many findings, one for each check and kind of failure.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) findings: u16,
    /// Do not try findings on real sockets.
    #[arg(long)]
    pub(crate) unconfirmed: bool,
    /// Only every N-th schedule, for N machines; `auto` as for `chaos run`. `chaos
    /// merge` combines the folders.
    #[arg(long, value_name = "I/N|auto")]
    pub(crate) shard: Option<ShardArg>,
    /// Folder for findings: DIR/found.
    #[arg(long, value_name = "DIR", default_value = "target/explore")]
    pub(crate) out: PathBuf,
}

const EXPLORE_HELP: &str = "Exit codes: 0 nothing found, 1 found, 2 usage error, \
or a base file that fails without any fault, 3 the harness itself failed. An interrupted \
search keeps its findings, and ends with 0 or 1.";

/// By what schedules are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Guide {
    /// From those with new coverage.
    Coverage,
    /// At random.
    Random,
}

/// `chaos judge`.
#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// Journals, or folders with journal.jsonl files; each needs the scenario.toml of
    /// its run beside it.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Use the `[expect]` of this scenario file instead of each run's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// Folder for results.json, report.html, junit.xml and summary.md; nothing is
    /// written without it.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// The clock that a run goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Time {
    /// Real sockets on loopback.
    Real,
    /// Simulated network, and a clock that skips all waiting; byte-identical results in
    /// seconds.
    Virtual,
}

impl From<Time> for runner::Time {
    fn from(time: Time) -> Self {
        match time {
            Time::Real => Self::Real,
            Time::Virtual => Self::Virtual,
        }
    }
}

/// A control of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Control {
    /// No fault is applied.
    Wire,
}

impl Args {
    /// Does what was typed; the exit code.
    ///
    /// # Errors
    /// What is wrong with what was typed, or with a scenario.
    pub(crate) fn perform(&self) -> anyhow::Result<u8> {
        match &self.command {
            Command::Run(args) => run::run(args),
            Command::Check(args) => files::check(args),
            Command::Plan(args) => files::plan(args),
            Command::Play(args) => play::play(args),
            Command::Judge(args) => judge::judge(args),
            Command::Merge(args) => merge::merge(args),
            Command::Profile(args) => profile::profile(args),
            Command::Explore(args) => explore::explore(args),
            Command::List(args) => files::list(args),
            Command::Faults(args) => Ok(reference::faults(args)),
            Command::Checks(args) => Ok(reference::checks(args)),
            Command::Schema => Ok(files::schema()),
            Command::Completions { shell } => Ok(shells::completions(*shell)),
            Command::Man { out } => shells::man(out),
            Command::Ca(args) => ca::ca(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
