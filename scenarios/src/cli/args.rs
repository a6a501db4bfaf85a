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

/// Do reconnecting WebSocket clients come back as they should? Runs scenarios
/// of network faults against them and judges.
#[derive(Debug, Parser)]
#[command(name = "chaos", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Say more on stderr; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all passed, 1 some check failed, \
2 usage or scenario error, 3 inconclusive, nothing applicable, or the harness itself failed, \
130 interrupted; where several apply, 2 before 1 before 3.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios and judge them.
    Run(RunArgs),
    /// Say what is wrong with scenario files, and run nothing.
    Check(PathArgs),
    /// Print what a scenario's faults will do, before anything runs.
    Plan(PlanArgs),
    /// A server, the proxy with a little trouble, and keys to make more: for
    /// your own browser tab.
    Play(PlayArgs),
    /// Judge what earlier runs left, again, without running anything.
    Judge(JudgeArgs),
    /// Put the records of all shards together, as one run would have left them.
    Merge(MergeArgs),
    /// Measure a client: its delays, its bounds, and what it does on each kind of
    /// end; beside what it declares.
    Profile(ProfileArgs),
    /// Look for the schedule of faults that breaks a client, and make it small.
    Explore(ExploreArgs),
    /// List the scenarios, each with the flaw that it catches.
    List(PathArgs),
    /// List the faults, or say all of one.
    Faults(NameArgs),
    /// List the checks, or say all of one.
    Checks(NameArgs),
    /// Print the JSON Schema of scenario files, for editors.
    Schema,
    /// Where the authority is that signs for proxies of TLS, and how each kind of
    /// client is made to trust it.
    Ca(CaArgs),
    /// Print what completes this command line in a shell; its first lines say where
    /// that goes.
    Completions {
        /// For which shell.
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command.
    Man {
        /// Where they go.
        #[arg(long, value_name = "DIR", default_value = "target/man")]
        out: PathBuf,
    },
}

/// The name of one of several.
#[derive(Debug, clap::Args)]
pub(crate) struct NameArgs {
    /// Which; all by default.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Files or folders.
#[derive(Debug, clap::Args)]
pub(crate) struct PathArgs {
    /// Scenario files, or folders of them; by default scenarios/catalogue, or
    /// where that is not, the catalogue within this program.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// `chaos ca`.
#[derive(Debug, clap::Args)]
pub(crate) struct CaArgs {
    /// The folder of the authority; one is made where there is none. By default
    /// chaos-proxy/ca in XDG_DATA_HOME or ~/.local/share.
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
    /// With --time virtual: run everything twice, and compare journals and
    /// decisions to the byte.
    #[arg(long)]
    pub(crate) check_determinism: bool,
    /// The seed of every scenario; before each file's own, before 1.
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// Every scenario with each of these seeds, both ends included.
    #[arg(long, value_name = "A..B")]
    pub(crate) seeds: Option<Seeds>,
    /// How many runs there are at a time; by default six for each core, for they
    /// mostly wait, and fewer once the machine has no time for so many; in virtual
    /// time, where nobody waits, one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// How often a run that the machine has spoiled is tried again, alone, when all
    /// others have ended; at most ten runs are. In virtual time none is ever spoiled.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=9))]
    pub(crate) retry: u8,
    /// Who is put to the test; several, with commas between, side by side in the
    /// same scenarios.
    #[arg(long, value_name = "NAME[,NAME…]", value_delimiter = ',', default_value = Subject::SIM)]
    pub(crate) client: Vec<String>,
    /// The page that is put to the test, without a client.toml: each client is a
    /// browser of its own that opens it, such as http://localhost:5173/.
    #[arg(long, value_name = "URL", conflicts_with = "client")]
    pub(crate) page: Option<String>,
    /// What the page dials by itself; that goes through the proxy to what listens
    /// there.
    #[arg(long, value_name = "HOST:PORT", requires = "page")]
    pub(crate) socket: Option<String>,
    /// An argument for client programs, behind their own; may be given more than once.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) client_arg: Vec<String>,
    /// A variable for client programs and their setup, as NAME=VALUE; may be given
    /// more than once.
    #[arg(long, value_name = "PAIR")]
    pub(crate) client_env: Vec<String>,
    /// Give the simulated clients a bad habit, besides the file's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) flaw: Vec<Flaw>,
    /// Plan every fault and apply none: then nothing may pass.
    #[arg(long, value_enum)]
    pub(crate) control: Option<Control>,
    /// Let all clients dial by TLS (wss://, https://), as those of files with
    /// `[clients] tls` do anyway; programs are told by variables whom to trust.
    #[arg(long)]
    pub(crate) tls: bool,
    /// The folder of the authority that signs for that; one is made where there is
    /// none. By default chaos-proxy/ca in XDG_DATA_HOME or ~/.local/share.
    #[arg(long, value_name = "DIR")]
    pub(crate) ca: Option<PathBuf>,
    /// Only scenarios whose id matches, such as 'R23*'.
    #[arg(long, value_name = "GLOB")]
    pub(crate) filter: Option<String>,
    /// Only this one of several parts, counted from 1, for as many machines; `auto`
    /// takes what GitLab, CircleCI, Buildkite, Slurm or Kubernetes say. `chaos merge`
    /// puts their folders together.
    #[arg(long, value_name = "I/N|auto")]
    pub(crate) shard: Option<ShardArg>,
    /// Fail only on what is not as `known.toml` beside the client says, for better or
    /// worse.
    #[arg(long)]
    pub(crate) known: bool,
    /// Write what badge services read there.
    #[arg(long, value_name = "FILE")]
    pub(crate) badge: Option<PathBuf>,
    /// Where results and journals go.
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
    /// Where the records of all of them go.
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
    /// The seed; before the file's own, before 1.
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// One JSON object a line, as in decisions.jsonl.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `chaos play`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlayArgs {
    /// Where the ticker server and its page listen; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) server: SocketAddr,
    /// Where the proxy listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// The trouble, over and over; by default a little of it, a minute long.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// No trouble but what you make with the keys.
    #[arg(long, conflicts_with = "scenario")]
    pub(crate) quiet: bool,
    /// Your own page, in place of the ticker's, in a browser window of its own; where
    /// there is no display, the command that opens it is told.
    #[arg(
        long,
        value_name = "URL",
        requires = "socket",
        conflicts_with = "server"
    )]
    pub(crate) page: Option<String>,
    /// What that page dials by itself; its outages have a line each.
    #[arg(long, value_name = "HOST:PORT", requires = "page")]
    pub(crate) socket: Option<String>,
    /// The seed; before the file's own, before 1.
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
}

/// `chaos profile`.
#[derive(Debug, clap::Args)]
#[command(after_help = PROFILE_HELP)]
pub(crate) struct ProfileArgs {
    /// Who is measured.
    #[arg(long, value_name = "NAME", default_value = Subject::SIM)]
    pub(crate) client: String,
    /// The clock.
    #[arg(long, value_enum, default_value_t = Time::Real)]
    pub(crate) time: Time,
    /// How long a reaction is waited for, at least; longer where a declared time
    /// needs it.
    #[arg(long = "for", value_name = "TIME", default_value = "1m")]
    pub(crate) watch: humantime::Duration,
    /// How many clients there are in each probe.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) count: u32,
    /// What the seeds of the probes follow from; 1 by default.
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// How many probes there are at a time; by default as with `chaos run`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Give the simulated clients a bad habit.
    #[arg(long, value_name = "NAME")]
    pub(crate) flaw: Vec<Flaw>,
    /// Where profile.json and the probes' journals go.
    #[arg(long, value_name = "DIR", default_value = "target/profile")]
    pub(crate) out: PathBuf,
}

const PROFILE_HELP: &str = "Exit codes: 0 all declarations are true, 1 one is not, \
2 usage error, 3 the harness itself failed, 130 interrupted.";

/// `chaos explore`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLORE_HELP)]
pub(crate) struct ExploreArgs {
    /// Scenario files whose server, clients, actions and `[expect]` a search goes by;
    /// their faults are left out. By default three clients and a crowd of twelve,
    /// with what every sound client promises.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Who is put to the test.
    #[arg(long, value_name = "NAME", default_value = Subject::SIM)]
    pub(crate) client: String,
    /// Give the simulated clients a bad habit.
    #[arg(long, value_name = "NAME")]
    pub(crate) flaw: Vec<Flaw>,
    /// How long it goes on; a minute, if --cases says nothing either.
    #[arg(long = "for", value_name = "TIME", conflicts_with = "cases")]
    pub(crate) time_limit: Option<humantime::Duration>,
    /// How many schedules are run; with the same seed it finds the same, whatever
    /// --jobs says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) cases: Option<u64>,
    /// What all schedules follow from; 1 by default.
    #[arg(long, env = "CHAOS_SEED", value_name = "N")]
    pub(crate) seed: Option<Seed>,
    /// How many schedules are run at a time; by default one for each core, and on
    /// real sockets six.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// The clock.
    #[arg(long, value_enum, default_value_t = Time::Virtual)]
    pub(crate) time: Time,
    /// By what schedules are made.
    #[arg(long, value_enum, default_value_t = Guide::Coverage)]
    pub(crate) guide: Guide,
    /// A folder in which what showed something new is kept from one search to the next.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// It ends with so many findings, one for each check and kind of failure.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) findings: u16,
    /// Do not try what was found in virtual time on real sockets.
    #[arg(long)]
    pub(crate) unconfirmed: bool,
    /// Where what is found goes: DIR/found.
    #[arg(long, value_name = "DIR", default_value = "target/explore")]
    pub(crate) out: PathBuf,
}

const EXPLORE_HELP: &str = "Exit codes: 0 nothing found, 1 found, 2 usage error, \
or a base that fails without any fault, 3 the harness itself failed. After an interrupt \
what was found stays, and the code is 0 or 1 likewise.";

/// By what schedules are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Guide {
    /// Of those that showed something new.
    Coverage,
    /// By chance alone.
    Random,
}

/// `chaos judge`.
#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// Journals, or folders: all journal.jsonl beneath. Beside each stands the
    /// scenario.toml of its run.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Judge by what this scenario file expects instead of each run's own file.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// Write results.json, report.html, junit.xml and summary.md there; by default nowhere.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// The clock that a run goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Time {
    /// Real sockets on loopback.
    Real,
    /// A clock that leaps over all waiting, and a network in this process: the
    /// same to the byte every time.
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
