//! `chaos list`.

use scenarios::language::Scenario;

use super::args::PathArgs;
use super::check;
use super::terminal::print;
use super::{EXIT_PASSED, EXIT_USAGE};

/// One line a scenario.
pub(super) fn list(args: &PathArgs) -> anyhow::Result<u8> {
    let Some(scenarios) = check::read(&args.paths) else {
        return Ok(EXIT_USAGE);
    };
    let scenarios: Vec<Scenario> = scenarios
        .into_iter()
        .map(|(_, scenario)| scenario)
        .collect();
    let ids = scenarios.iter().map(|scenario| scenario.id.len());
    let width = ids.max().unwrap_or_default();
    for scenario in &scenarios {
        print(format_args!(
            "{:<width$}  {}\n",
            scenario.id, scenario.title
        ));
        if let Some(proof) = &scenario.proof {
            let (flaw, fails) = (proof.flaw, proof.fails);
            print(format_args!("{:<width$}  catches {flaw} by {fails}\n", ""));
        }
    }
    Ok(EXIT_PASSED)
}
