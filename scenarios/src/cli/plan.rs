//! `chaos plan`: every decision of a scenario that can be known beforehand.
//!
//! Each line's form depends on no other line, so that plans can be compared.

use anyhow::ensure;
use scenarios::runner::line;
use scenarios::suite::Suite;

use super::args::PlanArgs;
use super::check;
use super::terminal::print;
use super::{EXIT_PASSED, EXIT_USAGE};

/// For so many connections of each client.
const ATTEMPTS: u64 = 20;

/// One line a decision.
pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<u8> {
    let shown = args.file.display();
    ensure!(
        !args.file.is_dir(),
        "plan {shown}: a folder; name one scenario file"
    );
    let Some(mut scenarios) = check::read(std::slice::from_ref(&args.file)) else {
        return Ok(EXIT_USAGE);
    };
    let Some((_, scenario)) = scenarios.pop() else {
        return Ok(EXIT_USAGE);
    };
    let plan = scenario.plan(Suite::seed(&scenario, args.seed));
    let mut text = String::new();
    for decision in plan.decisions(&scenario.client_names(), ATTEMPTS) {
        text += &if args.json {
            line(&decision)
        } else {
            decision.to_string()
        };
        text.push('\n');
    }
    print(text);
    Ok(EXIT_PASSED)
}
