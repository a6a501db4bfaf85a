//! Rules that cannot be, though each part of them could: asked of what was read
//! from a file, and of what was made in Rust.

use std::time::Duration;

use super::Rule;
use super::target::Target;
use super::when::{Condition, When};
use crate::fault::{Fault, FaultKind};

/// What is wrong with a rule.
#[derive(Debug)]
pub(super) struct Impossible {
    /// The key whose value it is about.
    pub(super) key: &'static str,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Impossible {
    fn at(key: &'static str, message: String) -> Self {
        Self {
            key,
            message,
            help: None,
        }
    }

    fn with_help(self, help: &'static str) -> Self {
        Self {
            help: Some(help),
            ..self
        }
    }
}

/// What cannot be about this rule, if anything. `is_shared`: all clients dial one
/// listener.
pub(super) fn impossible(rule: &Rule, is_shared: bool) -> Option<Impossible> {
    wrong_condition(rule)
        .or_else(|| wrong_repetition(rule))
        .or_else(|| wrong_end(rule))
        .or_else(|| wrong_target(rule).filter(|_| is_shared))
}

fn wrong_condition(rule: &Rule) -> Option<Impossible> {
    let When::On {
        condition, after, ..
    } = &rule.when
    else {
        return None;
    };
    let word = rule.fault.word();
    match rule.fault.phase() {
        FaultKind::Listener => Some(Impossible::at("on", format!("`{word}` cannot wait for an attempt: its connections are never accepted, so they have no number"))
            .with_help("use `at` with `for`; or `reject`, which resets the attempts of your choice")),
        FaultKind::Accept if is_late(condition, *after) => Some(Impossible::at("on", format!("`{word}` acts as a connection is accepted; later is too late for it"))
            .with_help("leave out `phase`, `bytes`, `frame`, `message` and `after`, or use `reset` or `stall`")),
        FaultKind::Accept | FaultKind::Strike | FaultKind::Hold => None,
    }
}

fn is_late(condition: &Condition, after: Duration) -> bool {
    !condition.is_about_accept() || !after.is_zero()
}

fn wrong_repetition(rule: &Rule) -> Option<Impossible> {
    let is_endless = matches!(
        rule.when,
        When::Timed {
            every: Some(_),
            lasting: None,
            ..
        }
    );
    let is_wrong = is_endless && rule.fault.phase() != FaultKind::Strike;
    is_wrong.then(|| {
        let word = rule.fault.word();
        Impossible::at("every", format!("`every` needs `for` here: without it each `{word}` would stay until the end, on top of the others"))
            .with_help("for example `for = \"1s\"`")
    })
}

fn wrong_end(rule: &Rule) -> Option<Impossible> {
    let is_wrong = rule.fault.phase() == FaultKind::Listener && rule.until_on.is_some();
    is_wrong.then(|| {
        let word = rule.fault.word();
        Impossible::at(
            "until_on",
            format!("`{word}` lets no connection in that could end it; give it a `for`"),
        )
    })
}

fn wrong_target(rule: &Rule) -> Option<Impossible> {
    names_nobody_yet(&rule.fault, &rule.target).then(|| {
        let word = rule.fault.word();
        Impossible::at("target", format!("`{word}` cannot choose clients here: on a shared listener a new connection has no name yet"))
            .with_help("without `target` it is about all clients; under `chaos run` each client has a listener of its own")
    })
}

/// On a shared listener a dial is known by its ordinal at most.
fn names_nobody_yet(fault: &Fault, target: &Target) -> bool {
    match (fault.phase(), target) {
        (FaultKind::Listener, Target::Clients(_) | Target::Share(_))
        | (FaultKind::Accept, Target::Clients(_)) => true,
        (FaultKind::Accept | FaultKind::Hold | FaultKind::Strike, _)
        | (FaultKind::Listener, Target::All | Target::Connection(_)) => false,
    }
}

/// What is wrong with the name of a rule, if anything.
pub(super) fn name_mistake(name: &str) -> Option<&'static str> {
    let is_wrong = name.trim().is_empty() || name.chars().any(char::is_control) || name.len() > 100;
    is_wrong.then_some("a name is one line of 1 to 100 characters")
}

impl Rule {
    /// What is wrong with a rule that no reader has seen, for one shared listener.
    pub(crate) fn mistake(&self) -> Option<String> {
        let own = name_mistake(&self.name)
            .map(str::to_owned)
            .or_else(|| self.wrong_number())
            .or_else(|| self.fault.mistake())
            .or_else(|| impossible(self, true).map(|found| found.message));
        own.map(|mistake| format!("rule `{}`: {mistake}", self.name.escape_debug()))
    }

    fn wrong_number(&self) -> Option<String> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let probability = self.probability.unwrap_or(1.0);
        match self.target {
            _ if !is_share(probability) => {
                Some(format!("a probability of {probability} is not possible"))
            }
            Target::Share(share) if !is_share(share) => {
                Some(format!("a share of {share} is not possible"))
            }
            _ => None,
        }
    }
}
