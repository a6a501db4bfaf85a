//! `chaos check`, and how every command reads its scenarios.

use std::path::PathBuf;

use scenarios::files::gather;
use scenarios::language::{Given, Scenario, read_all};

use super::args::PathArgs;
use super::terminal::print;
use super::{EXIT_PASSED, EXIT_USAGE, complain};

/// Scenarios that are sound, or `None` after every complaint has been made.
pub(super) fn read(paths: &[PathBuf]) -> Option<Vec<(Given, Scenario)>> {
    let given = match gather(paths) {
        Ok(given) => given,
        Err(errors) => {
            for error in &errors {
                complain(&format!("chaos: {error}"));
            }
            return None;
        }
    };
    match read_all(given) {
        Ok(scenarios) => Some(scenarios),
        Err(mistakes) => {
            complain(&mistakes.rendered);
            let noun = if mistakes.count == 1 {
                "mistake"
            } else {
                "mistakes"
            };
            complain(&format!(
                "\nchaos: {} {noun}; nothing was run",
                mistakes.count
            ));
            None
        }
    }
}

/// Says of each file that it is sound.
pub(super) fn check(args: &PathArgs) -> anyhow::Result<u8> {
    let Some(scenarios) = read(&args.paths) else {
        return Ok(EXIT_USAGE);
    };
    for (given, scenario) in &scenarios {
        print(format_args!(
            "ok  {}  {}\n",
            scenario.id,
            given.source.name()
        ));
    }
    Ok(EXIT_PASSED)
}
