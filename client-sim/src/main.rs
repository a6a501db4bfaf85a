//! `client-sim ws://…`: simulated clients from the command line.

mod args;
mod exit;
mod report;
mod run;
mod show;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => return show::answer(&answer),
    };
    show::init_logs(args.verbose);
    let clients = match args.clients() {
        Ok(clients) => clients,
        Err(error) => return failed(&error, exit::USAGE),
    };
    let tls = match args.tls(&clients) {
        Ok(tls) => tls,
        Err(error) => return failed(&error, exit::USAGE),
    };
    match run::run(&args, &clients, tls) {
        Ok((report, was_interrupted)) => {
            show::report(&report, args.json);
            exit::code(&report.summary, clients.count, was_interrupted)
        }
        Err(error) => failed(&error, exit::NOT_CONNECTED),
    }
}

fn failed(error: &anyhow::Error, code: u8) -> ExitCode {
    show::error(error);
    ExitCode::from(code)
}
