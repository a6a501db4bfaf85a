//! Scenarios for tests, from the part that matters.

use environment::text::Source;

use super::{Scenario, read};
use crate::journal::Header;

/// Two clients for ten seconds, and this.
pub(crate) fn scenario(rest: &str) -> Scenario {
    let text = format!(
        "id = 'x'\nduration = '10s'\nsettle = '5s'\n{rest}\n{}",
        if rest.contains("[clients]") {
            ""
        } else {
            "[clients]\ncount = 2\n"
        }
    );
    match read(&Source::new("x.toml", text)) {
        Ok(scenario) => scenario,
        Err(mistakes) => panic!("{}", mistakes.rendered),
    }
}

/// The header of a run of it under seed 1.
pub(crate) fn header(scenario: &Scenario) -> Header {
    Header {
        format: Header::FORMAT.into(),
        version: Header::VERSION,
        id: scenario.id.clone(),
        case: scenario.case.clone(),
        seed: 1,
        time: "real".into(),
        client: "sim".into(),
        clients: scenario.client_names(),
        flaws: Vec::new(),
        control: None,
    }
}
