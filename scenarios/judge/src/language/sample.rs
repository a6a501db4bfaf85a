//! Scenarios for tests, from the part that matters.

use environment::text::Source;

use super::{Scenario, read};
use crate::journal::Header;

/// Two clients for ten seconds, and this; where something is wanted and not
/// there, a fault that need not act and never does, and a pause at the end.
pub fn scenario(rest: &str) -> Scenario {
    const IDLE: &str = "[[fault]]\nname = 'idle'\non = { attempt = 1000000 }\nmust_fire = false\ninject.reset = {}\n";
    let unless = |part: &str, stand_in: &'static str| {
        if rest.contains(part) { "" } else { stand_in }
    };
    let clients = unless("[clients]", "[clients]\ncount = 2\n");
    let faults = match unless("[[fault]]", IDLE) {
        IDLE if rest.contains("[[server_event]]") => "",
        faults => faults,
    };
    let is_still = rest.contains("state_equal") && !rest.contains("[[action]]");
    let action = if is_still {
        "[[action]]\nat = '9999ms'\ndo = 'pause'\n"
    } else {
        ""
    };
    let text =
        format!("id = 'x'\nduration = '10s'\nsettle = '5s'\n{rest}\n{clients}{action}{faults}");
    match read(&Source::new("x.toml", text)) {
        Ok(scenario) => scenario,
        Err(mistakes) => panic!("{}", mistakes.rendered),
    }
}

/// A file's text with a fault, if it has none: at the end, so that no place
/// changes.
fn with_harm(text: &str) -> String {
    if text.contains("[[fault]]") || text.contains("[[server_event]]") {
        return text.to_owned();
    }
    format!("{text}\n[[fault]]\nat = '1s'\ninject.reset = {{}}\n")
}

/// A file that is sound, but for a fault, which it gets.
#[track_caller]
pub fn sound(text: &str) -> Scenario {
    match read(&Source::new("x.toml", with_harm(text))) {
        Ok(scenario) => scenario,
        Err(mistakes) => panic!("{}", mistakes.rendered),
    }
}

/// Everything that is said of a file, which gets a fault if it has none.
pub fn mistakes(text: &str) -> String {
    match read(&Source::new("x.toml", with_harm(text))) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes.rendered,
    }
}

/// Exactly one error, which begins so.
#[track_caller]
pub fn wrong(text: &str, begins: &str) {
    let rendered = mistakes(text);
    assert!(rendered.starts_with(begins), "not {begins:?}:\n{rendered}");
    assert_eq!(rendered.matches("x.toml:").count(), 1, "{rendered}");
}

/// The header of a run of it under seed 1.
pub fn header(scenario: &Scenario) -> Header {
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
        retried: 0,
        subject: None,
    }
}
