//! `state_equal`: when all has settled, the server holds each client's session
//! paused or not, as the user wants it.

use environment::Moment;

use super::check::{Check, Needs};
use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::limit::holds;
use super::measure::{Measure, counted};
use crate::definitions::Fact;
use crate::language::ClientAction;
use crate::subject::{Ability, Report};

pub(super) const CHECK: Check = Check {
    key: "state_equal",
    facts: &[Fact::Ticks],
    read: holds,
    objection: |setting| {
        let (why, help) = (
            "no client is ever paused",
            "add an [[action]] with `do = \"pause\"`; a session begins without a pause",
        );
        setting.never_told(ClientAction::Pause, why, help)
    },
    needs: |_| Needs {
        of_server: Some("its sessions"),
        abilities: &[Ability::Pause],
        reports: &[Report::Seq],
        ..Needs::default()
    },
    judge: |evidence, _| judge(evidence),
    ..Check::BASE
};

fn judge(evidence: &Evidence<'_>) -> Found {
    let observed = &evidence.observed;
    let Some(settled) = observed.marks.settled else {
        return Found::nothing("the run did not reach the end of settling");
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
        return Found::nothing("no client reported a session that it had at the end of settling");
    }
    let Some((client, wanted, held)) = unequal.first() else {
        let why = format!(
            "{} {}, each held by the server as its client wanted it",
            counted(judged.len(), "session"),
            evidence.at(settled)
        );
        return Found::ok(Measure::Holds(true), why);
    };
    let why = format!(
        "{client} wants its session {}, and the server held it {} {}; expected them equal{}",
        word(*wanted),
        word(*held),
        evidence.at(settled),
        and_more(unequal.len())
    );
    let clients = unequal.iter().map(|(client, ..)| client);
    Found::failed(Measure::Holds(false), why, clients)
}

/// The pause state that the user wants then: as a simulated
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
