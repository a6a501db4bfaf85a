//! The `chaos` program: reads its command line and does what it says.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::{Args, EXIT_USAGE};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(answer) => return cli::answer(&answer),
    };
    cli::start_logging(args.verbose);
    match args.perform() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            cli::complain(&format!("chaos: {}", cli::told(&error)));
            ExitCode::from(EXIT_USAGE)
        }
    }
}
