//! `state_equal`: when all has settled, the server holds each client's session
//! paused or not, as the person at the client wants it.

use environment::Moment;

use super::evidence::{Evidence, Seen, and_more};
use super::measure::{Measure, counted};
use super::result::{CheckResult, Finding};
use crate::language::Expectation;

pub(super) fn check(evidence: &Evidence<'_>) -> CheckResult {
    let seen = judge(evidence);
    evidence.overall(Expectation::StateEqual, seen)
}

fn judge(evidence: &Evidence<'_>) -> Seen {
    let observed = &evidence.observed;
    let Some(settled) = observed.marks.settled else {
        return Seen::nothing("the run did not reach the end of settling");
    };
    let clients = observed.reports.welcomed();
    let mut judged = Vec::new();
    for client in &clients {
        let mut connections = observed.connections.of(client);
        // Somebody else's client may not tell that its connection is gone.
        let is_there = evidence.is_sim() || connections.any(|c| c.spans(settled, settled));
        let session = observed.reports.attached(client, settled);
        if let Some(session) = session.filter(|_| is_there) {
            let wanted = wanted(evidence, client, settled);
            let held = observed.sockets.paused(session, settled);
            judged.push((*client, wanted, held));
        }
    }
    let unequal: Vec<_> = judged
        .iter()
        .filter(|(_, wanted, held)| wanted != held)
        .collect();
    if judged.is_empty() {
        return Seen::nothing("no client told of a session that it had when all had settled");
    }
    match unequal.first() {
        Some((client, wanted, held)) => Seen {
            result: Finding::Failed,
            observed: Measure::Holds(false),
            why: format!(
                "{client} wants its session {}, and the server held it {} {}; expected them equal{}",
                word(*wanted),
                word(*held),
                evidence.at(settled),
                and_more(unequal.len())
            ),
        },
        None => Seen {
            result: Finding::Ok,
            observed: Measure::Holds(true),
            why: format!(
                "{} {}, each held by the server as its client wanted it",
                counted(judged.len(), "session"),
                evidence.at(settled)
            ),
        },
    }
}

/// The pause state that the person at the client wants then: as a simulated
/// client says it, and of anybody else's as it was told.
fn wanted(evidence: &Evidence<'_>, client: &str, at: Moment) -> bool {
    let observed = &evidence.observed;
    if evidence.is_sim() {
        return observed.reports.intended(client, at);
    }
    let last = |action| {
        observed
            .marks
            .told(client, action)
            .filter(|t| *t <= at)
            .last()
    };
    // Nothing is before something.
    last("pause") > last("resume")
}

fn word(paused: bool) -> &'static str {
    if paused { "paused" } else { "running" }
}
