//! `client-sim ws://…`: simulated clients from the command line; and
//! `client-sim merge`, for what those of several machines came to.

mod args;
mod exit;
mod merge;
mod report;
mod run;
mod show;
mod start;

use std::process::ExitCode;

use clap::Parser;
use environment::output;

use args::{Args, Cli, Command, MergeArgs};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return show::answer(&answer),
    };
    match (cli.command, cli.run) {
        (Some(Command::Merge(args)), _) => merge(&args),
        (None, Some(args)) => run(&args),
        // clap asks for one of them.
        (None, None) => ExitCode::from(exit::USAGE),
    }
}

fn run(args: &Args) -> ExitCode {
    show::init_logs(args.verbose);
    let fleet = match args
        .fleet()
        .and_then(|fleet| run::ensure_possible(args, fleet))
    {
        Ok(fleet) => fleet,
        Err(error) => return failed(&error, exit::USAGE),
    };
    match run::run(args, &fleet) {
        Ok((report, was_interrupted)) => {
            show::report(&report, args.json);
            exit::code(&report.summary, fleet.count(), was_interrupted)
        }
        Err(error) => failed(&error, exit::NOT_CONNECTED),
    }
}

fn merge(args: &MergeArgs) -> ExitCode {
    match merge::merge(args) {
        Ok(merged) => {
            let said = output::print(merge::text(merged.summary(), args.json));
            output::ended("client-sim", said, 0, exit::USAGE)
        }
        Err(error) => failed(&error, exit::USAGE),
    }
}

fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    show::error(error);
    ExitCode::from(code)
}
